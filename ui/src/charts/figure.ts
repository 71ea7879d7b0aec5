// What the exploring charts (scatter, heatmap, radar, trends) have in common. Pure: colours come in as values.

import type {
  BarSeriesOption,
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

import { percent, written, type Quantity } from '@/lib/format';

import type { Theme } from './option';

export type FigureOption = ComposeOption<
  | BarSeriesOption
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

/** A mark: which series of the option, and which of its data. */
export type Place = { series: number; data: number };

/** What a mark says. */
export type Reading = { title: string; facts: [name: string, value: string][]; note?: string };

/** The marks that can be read: how many each series has, and what one says. Asked one by one: there may be ten thousand. */
export type Marks = { counts: readonly number[]; read: (place: Place) => Reading };

export const countMarks = ({ counts }: Marks) => counts.reduce((sum, count) => sum + count, 0);

/** The mark that stands at `at` when all are counted through, series by series. */
export function placeOfMark({ counts }: Marks, at: number): Place | null {
  let data = at;
  for (const [series, count] of counts.entries()) {
    if (data < count) return data >= 0 ? { series, data } : null;
    data -= count;
  }
  return null;
}

/** Where a mark stands when all are counted through; -1 when there is no such mark. */
export function markAt({ counts }: Marks, { series, data }: Place): number {
  if (data >= (counts[series] ?? 0)) return -1;
  return counts.slice(0, series).reduce((sum, count) => sum + count, data);
}

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
    // Nothing is more than all of it.
    ...(quantify === percent && !log
      ? { max: ({ max }: { max: number }) => (max > 80 && max <= 100 ? 100 : null) }
      : {}),
    splitNumber: quantify === percent ? 5 : 4,
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

const all = <T>(items: T | T[] | undefined): T[] =>
  Array.isArray(items) ? items : items === undefined ? [] : [items];

/** Names that a picture's legend has room for. */
const MOST_NAMED = 8;

/** The same figure as a picture of its own, with its title, its legend and a ground. */
export function figurePicture(
  option: FigureOption,
  theme: Theme,
  title: string,
  legend: boolean,
): FigureOption {
  const grid = option.grid as GridComponentOption | undefined;
  const names = all(option.series).flatMap(({ name }) => (name === undefined ? [] : [String(name)]));
  // More would stand over the picture.
  const named = legend && names.length > MOST_NAMED ? names.slice(0, MOST_NAMED) : null;
  const text = named ? `${title} (the first ${MOST_NAMED} of ${names.length} colours named)` : title;
  return {
    ...option,
    // Whole at once: nobody waits for the frames of a file.
    series: all(option.series).map((series) => ({ ...series, progressive: 0 })) as typeof option.series,
    dataZoom: [],
    backgroundColor: theme.surface,
    title: { text, left: 16, top: 12, textStyle: { color: theme.ink, fontSize: 15, fontWeight: 600 } },
    ...(legend
      ? {
          legend: {
            type: 'plain' as const,
            ...(named ? { data: named } : {}),
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
