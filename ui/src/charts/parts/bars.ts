// What charts of bars need beside what all charts do.

import { BarChart } from 'echarts/charts';
import * as echarts from 'echarts/core';

echarts.use([BarChart]);
