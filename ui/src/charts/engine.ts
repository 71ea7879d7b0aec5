// Apache ECharts with what lines over time need; loaded when the first of them is shown. What charts to explore need
// comes with `figureEngine`, what files need with `picture`.

import { LineChart } from 'echarts/charts';
import { GridSimpleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

import { fit } from './fit';
import type { ChartOption } from './option';

echarts.use([LineChart, GridSimpleComponent, CanvasRenderer]);

export type Mounted = {
  update: (option: ChartOption) => void;
  resize: () => void;
  dispose: () => void;
};

export function mount(element: HTMLElement): Mounted {
  const chart = echarts.init(element, null, { renderer: 'canvas' });
  return {
    update: (option) => {
      chart.setOption(option, { notMerge: true });
    },
    resize: () => {
      fit(chart);
    },
    dispose: () => {
      chart.dispose();
    },
  };
}
