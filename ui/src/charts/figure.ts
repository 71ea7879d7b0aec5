// What the exploring charts (scatter, heatmap, radar, trends) have in common. Pure: colours come in as values.

import type {
  HeatmapSeriesOption,
  LineSeriesOption,
  RadarSeriesOption,
  ScatterSeriesOption,
} from 'echarts/charts';
import type {
  DataZoomComponentOption,
  GridComponentOption,
  LegendComponentOption,
  RadarComponentOption,
  TitleComponentOption,
  VisualMapComponentOption,
} from 'echarts/components';
import type { ComposeOption } from 'echarts/core';

import { written, type Quantity } from '@/lib/format';

import type { Theme } from './option';

export type FigureOption = ComposeOption<
  | LineSeriesOption
  | ScatterSeriesOption
  | HeatmapSeriesOption
  | RadarSeriesOption
  | GridComponentOption
  | RadarComponentOption
  | VisualMapComponentOption
  | DataZoomComponentOption
  | TitleComponentOption
  | LegendComponentOption
>;

/** A mark that can be read: which one it is in the option, and what it says. */
export type Mark = {
  series: number;
  data: number;
  title: string;
  facts: [name: string, value: string][];
  note?: string;
};

type AxisLook = { name: string; quantify: (value: number) => Quantity; log?: boolean };

/** The tick of an axis: the number in the unit that fits it, without a tail of zeros. */
export function tick(quantity: Quantity): string {
  const text = quantity.text.includes('.') ? quantity.text.replace(/\.?0+$/, '') : quantity.text;
  return written({ ...quantity, text });
}

/** A value axis: named, ticks in units that fit. */
export function valueAxis({ name, quantify, log = false }: AxisLook, theme: Theme, at: 'x' | 'y') {
  return {
    type: log ? ('log' as const) : ('value' as const),
    name: log ? `${name} (log)` : name,
    nameLocation: 'middle' as const,
    nameGap: at === 'x' ? 28 : 58,
    nameTextStyle: { color: theme.ink, fontSize: 12 },
    ...(log ? { logBase: 10 } : { scale: true }),
    splitNumber: 4,
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: theme.line, width: 1 } },
    axisLabel: {
      color: theme.quiet,
      fontSize: 11,
      hideOverlap: true,
      formatter: (value: number) => tick(quantify(value)),
    },
  };
}

/** Zoom by Ctrl and the wheel, pan by dragging; nothing is left out of the scale by it. */
export function insideZoom(axes: ('x' | 'y')[]): DataZoomComponentOption[] {
  return axes.map((axis) => ({
    type: 'inside' as const,
    ...(axis === 'x' ? { xAxisIndex: 0 } : { yAxisIndex: 0 }),
    filterMode: 'none' as const,
    zoomOnMouseWheel: 'ctrl' as const,
    moveOnMouseMove: true,
    moveOnMouseWheel: false,
    preventDefaultMouseMove: false,
  }));
}

/** The same figure as a picture of its own, with its title, its legend and a ground. */
export function figurePicture(
  option: FigureOption,
  theme: Theme,
  title: string,
  legend: boolean,
): FigureOption {
  const grid = option.grid as GridComponentOption | undefined;
  return {
    ...option,
    dataZoom: [],
    backgroundColor: theme.surface,
    title: { text: title, left: 16, top: 12, textStyle: { color: theme.ink, fontSize: 15, fontWeight: 600 } },
    ...(legend
      ? {
          legend: {
            type: 'plain' as const,
            left: 16,
            right: 16,
            top: 36,
            icon: 'circle',
            itemWidth: 8,
            itemHeight: 8,
            textStyle: { color: theme.quiet, fontSize: 12 },
          },
        }
      : {}),
    ...(grid ? { grid: { ...grid, top: legend ? 76 : 56 } } : {}),
  };
}

/** One of the categorical colours, counted from 0 and round again. */
export const toneAt = (theme: Theme, index: number) => theme.tones[index % theme.tones.length] ?? theme.ink;
