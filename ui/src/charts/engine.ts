// Apache ECharts with the parts that lines and bars need; loaded when the first chart is shown. What other kinds of
// charts need comes with `figureEngine`, what files need with `picture`.

import { BarChart, LineChart } from 'echarts/charts';
import { DataZoomInsideComponent, GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

import type { ChartOption } from './option';

echarts.use([BarChart, LineChart, DataZoomInsideComponent, GridComponent, TooltipComponent, CanvasRenderer]);

/** What was clicked: the series and the place of the item in its data. */
export type Picked = { series: string; index: number };

/** The part of the axes that shows, percent of all. */
export type Zoom = { start: number; end: number };

export type Mounted = {
  update: (option: ChartOption) => void;
  resize: () => void;
  dispose: () => void;
  zoom: (part: Zoom) => void;
  onZoom: (changed: (part: Zoom) => void) => void;
  onPick: (picked: (item: Picked) => void) => void;
};

export function mount(element: HTMLElement): Mounted {
  const chart = echarts.init(element, null, { renderer: 'canvas' });
  return {
    update: (option) => {
      chart.setOption(option, { notMerge: true });
    },
    resize: () => {
      chart.resize();
    },
    dispose: () => {
      chart.dispose();
    },
    zoom: ({ start, end }) => {
      chart.dispatchAction({
        type: 'dataZoom',
        batch: [0, 1].map((dataZoomIndex) => ({ dataZoomIndex, start, end })),
      });
    },
    onZoom: (changed) => {
      chart.on('datazoom', () => {
        const [first] = (chart.getOption().dataZoom ?? []) as Partial<Zoom>[];
        changed({ start: first?.start ?? 0, end: first?.end ?? 100 });
      });
    },
    onPick: (picked) => {
      chart.on('click', ({ seriesName, dataIndex }) => {
        picked({ series: seriesName ?? '', index: dataIndex });
      });
    },
  };
}
