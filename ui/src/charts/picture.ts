// Charts as files, with the parts that only those need; loaded when the first is asked for.

import { LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

import type { FigureOption } from './figure';
import type { ChartOption } from './option';

echarts.use([LegendComponent, TitleComponent, CanvasRenderer, SVGRenderer]);

type Option = ChartOption | FigureOption;

export function toSvg(option: Option, width: number, height: number): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption(option);
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

export async function toPng(option: Option, width: number, height: number): Promise<Blob> {
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
