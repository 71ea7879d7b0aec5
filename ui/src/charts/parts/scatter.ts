// What charts of bubbles need beside what all charts do.

import { ScatterChart } from 'echarts/charts';
import * as echarts from 'echarts/core';

echarts.use([ScatterChart]);
