// From lines to what ECharts draws. Pure: colours come in as values, nothing is measured here.

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

import { axisTime, axisUnit, significant, type Dimension } from '@/lib/format';
import { ticks, valueRange, type Line, type Window } from '@/lib/timeseries';

export type ChartOption = ComposeOption<
  | BarSeriesOption
  | HeatmapSeriesOption
  | LineSeriesOption
  | RadarSeriesOption
  | ScatterSeriesOption
  | DataZoomComponentOption
  | GridComponentOption
  | LegendComponentOption
  | RadarComponentOption
  | TitleComponentOption
  | VisualMapComponentOption
>;

/** A line to draw. `tone` counts the categorical colours from 1; a limit is dashed. */
export type PlotLine = Line & { name: string; tone: number; limit?: boolean };

export type PlotSpec = {
  lines: readonly PlotLine[];
  dimension: Dimension;
  window: Window;
  /** Fixed ends of the value axis; otherwise the data decides, from 0 unless `floating`. */
  max?: number;
  floating?: boolean;
  /** Fills beneath the lines, for what accumulates. */
  area?: boolean;
};

export type Theme = {
  ink: string;
  quiet: string;
  line: string;
  surface: string;
  raised: string;
  accent: string;
  pass: string;
  fail: string;
  font: string;
  tones: readonly string[];
};

/** Space left of and right of the plot, px; whatever shares the time axis keeps the same. */
export const PLOT_LEFT = 60;
export const PLOT_RIGHT = 12;

/** The unit that the value axis is written in. */
export function unitOf({ lines, dimension, max }: PlotSpec): { unit: string; factor: number } {
  const top = Math.max(max ?? 0, valueRange(lines)?.max ?? 0);
  return axisUnit(dimension, top);
}

export const tone = (theme: Theme, number: number) =>
  theme.tones[(number - 1) % theme.tones.length] ?? theme.ink;

export function plotOption(spec: PlotSpec, theme: Theme, look: 'full' | 'strip'): ChartOption {
  const { factor } = unitOf(spec);
  const strip = look === 'strip';
  const { from, to } = spec.window;
  const span = to - from;
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: theme.font },
    grid: strip
      ? { left: 0, right: 0, top: 3, bottom: 2 }
      : { left: PLOT_LEFT, right: PLOT_RIGHT, top: 8, bottom: 22 },
    xAxis: {
      type: 'value',
      min: spec.window.from,
      max: spec.window.to,
      show: !strip,
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        color: theme.quiet,
        fontSize: 11,
        hideOverlap: true,
        // Round ones, wherever the window begins; at its ends there is no room for them.
        customValues: ticks(spec.window, 8).filter((ms) => ms > from && ms < to),
        formatter: (ms: number) => axisTime(ms, span),
      },
    },
    yAxis: {
      type: 'value',
      show: !strip,
      ...(spec.max === undefined ? {} : { max: spec.max / factor, interval: spec.max / factor / 4 }),
      ...(spec.floating ? { scale: true } : { min: 0 }),
      splitNumber: 3,
      splitLine: { lineStyle: { color: theme.line, width: 1 } },
      axisLabel: {
        color: theme.quiet,
        fontSize: 11,
        formatter: (value: number) => (value === 0 ? '0' : trimmed(value)),
      },
    },
    series: spec.lines.map((line) => series(line, spec, theme, factor, strip)),
  };
}

/** A mark of an axis: no zeros that say nothing. */
export const trimmed = (value: number) => {
  // Written out, it would push the axis away from those of the other charts.
  if (value !== 0 && Math.abs(value) < 1e-5) return Number(value.toPrecision(2)).toExponential();
  const text = significant(value);
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
};

function series(
  line: PlotLine,
  spec: PlotSpec,
  theme: Theme,
  factor: number,
  strip: boolean,
): LineSeriesOption {
  const colour = tone(theme, line.tone);
  // A point between two gaps has no line to be seen by.
  const few = line.t_ms.length <= 60;
  return {
    type: 'line',
    name: line.name,
    data: line.t_ms.map((ms, index) => {
      const value = line.value[index] ?? null;
      return [ms, value === null ? null : value / factor];
    }),
    connectNulls: false,
    showSymbol: !line.limit && (few || line.value.includes(null)),
    symbol: 'circle',
    symbolSize: strip ? 3 : few ? 5 : 2,
    silent: true,
    lineStyle: {
      color: colour,
      width: line.limit ? 1 : strip ? 1.25 : 1.75,
      type: line.limit ? [4, 4] : 'solid',
      opacity: line.limit ? 0.7 : 1,
    },
    itemStyle: { color: colour },
    ...(spec.area && !line.limit ? { areaStyle: { color: colour, opacity: 0.08 } } : {}),
    z: line.limit ? 1 : 2,
  };
}

/** Space around a plot with its axes' names. */
export const GRID = { left: 8, right: 20, top: 16, bottom: 8, containLabel: true } as const;

/** How the text of an axis, and its name, look. */
export function axisText(theme: Theme, name?: string) {
  return {
    ...(name === undefined ? {} : { name, nameLocation: 'middle' as const, nameGap: 30 }),
    nameTextStyle: { color: theme.quiet, fontSize: 12 },
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: theme.line } },
    axisLabel: { color: theme.quiet, fontSize: 11, hideOverlap: true },
  };
}

const TITLE_PX = 40;

/** A chart as a picture of its own: with its title and ground. */
export function framed(option: ChartOption, theme: Theme, title: string): ChartOption {
  const { grid, series } = option;
  const several = Array.isArray(series) && series.filter(({ name }) => name !== undefined).length > 1;
  return {
    textStyle: { fontFamily: theme.font },
    ...option,
    animation: false,
    backgroundColor: theme.surface,
    ...(grid && !Array.isArray(grid) ? { grid: { ...grid, top: Number(grid.top ?? 0) + TITLE_PX } } : {}),
    title: {
      text: title,
      left: 12,
      top: 10,
      textStyle: { color: theme.ink, fontSize: 14, fontWeight: 600 },
    },
    ...(several
      ? {
          legend: {
            right: 12,
            top: 10,
            icon: 'circle',
            itemWidth: 8,
            itemHeight: 8,
            textStyle: { color: theme.quiet, fontSize: 12 },
          },
        }
      : {}),
  };
}

/** Lines over time as a picture of its own. */
export function pictureOption(spec: PlotSpec, theme: Theme, title: string): ChartOption {
  return {
    ...framed(plotOption(spec, theme, 'full'), theme, `${title} (${unitOf(spec).unit})`),
    grid: { left: 68, right: 24, top: 48, bottom: 32 },
  };
}
