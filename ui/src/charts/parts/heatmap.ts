// What a heatmap needs beside what all charts do.

import { HeatmapChart } from 'echarts/charts';
import { VisualMapContinuousComponent } from 'echarts/components';
import * as echarts from 'echarts/core';

echarts.use([HeatmapChart, VisualMapContinuousComponent]);
