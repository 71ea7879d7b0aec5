// What a radar needs beside what all charts do.

import { RadarChart } from 'echarts/charts';
import { RadarComponent } from 'echarts/components';
import * as echarts from 'echarts/core';

echarts.use([RadarChart, RadarComponent]);
