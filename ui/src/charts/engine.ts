// Apache ECharts with only the parts that are used; loaded when the first chart is shown.

import { LineChart } from 'echarts/charts';
import { GridComponent, TitleComponent, LegendComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

import type { ChartOption } from './option';

echarts.use([LineChart, GridComponent, TitleComponent, LegendComponent, CanvasRenderer, SVGRenderer]);

export type Mounted = { update: (option: ChartOption) => void; resize: () => void; dispose: () => void };

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
