// Apache ECharts with only the parts that are used; loaded when the first chart is shown.

import { BarChart, HeatmapChart, LineChart, RadarChart, ScatterChart } from 'echarts/charts';
import {
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  RadarComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

import type { ChartOption } from './option';

echarts.use([
  BarChart,
  HeatmapChart,
  LineChart,
  RadarChart,
  ScatterChart,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  RadarComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
  CanvasRenderer,
  SVGRenderer,
]);

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

export function toSvg(option: ChartOption, width: number, height: number): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption(option);
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

export async function toPng(option: ChartOption, width: number, height: number): Promise<Blob> {
  const holder = document.createElement('div');
  const chart = echarts.init(holder, null, { renderer: 'canvas', width, height, devicePixelRatio: 2 });
  chart.setOption(option);
  const canvas = chart.renderToCanvas({ pixelRatio: 2 });
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  chart.dispose();
  if (!blob) throw new Error('The browser could not draw the picture.');
  return blob;
}
