// From lines to what ECharts draws. Pure: colours come in as values, nothing is measured here.

import type { LineSeriesOption } from 'echarts/charts';
import type { GridComponentOption, LegendComponentOption, TitleComponentOption } from 'echarts/components';
import type { ComposeOption } from 'echarts/core';

import { axisTime, axisUnit, significant, type Dimension } from '@/lib/format';
import { timeStep, valueRange, type Line, type Window } from '@/lib/timeseries';

export type ChartOption = ComposeOption<
  LineSeriesOption | GridComponentOption | TitleComponentOption | LegendComponentOption
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

const tone = (theme: Theme, number: number) => theme.tones[(number - 1) % theme.tones.length] ?? theme.ink;

export function plotOption(spec: PlotSpec, theme: Theme, look: 'full' | 'strip'): ChartOption {
  const { factor } = unitOf(spec);
  const strip = look === 'strip';
  const span = spec.window.to - spec.window.from;
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
      interval: timeStep(span, 8),
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        color: theme.quiet,
        fontSize: 11,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
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

const trimmed = (value: number) => {
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

/** The same chart as a picture of its own: with title, legend and ground. */
export function pictureOption(spec: PlotSpec, theme: Theme, title: string): ChartOption {
  return {
    ...plotOption(spec, theme, 'full'),
    backgroundColor: theme.surface,
    title: {
      text: `${title} (${unitOf(spec).unit})`,
      left: 12,
      top: 10,
      textStyle: { color: theme.ink, fontSize: 14, fontWeight: 600 },
    },
    legend: {
      right: 12,
      top: 10,
      icon: 'circle',
      itemWidth: 8,
      itemHeight: 8,
      textStyle: { color: theme.quiet, fontSize: 12 },
    },
    grid: { left: 68, right: 24, top: 48, bottom: 32 },
  };
}
