// The charts of the performance tab: which bars each has. Pure.

import type { Performance, Result, TraceLatency } from '@/api/types';
import type { ChartTable } from '@/charts/ChartFrame';
import { insideZoom, type FigureOption, type Marks } from '@/charts/figure';
import { axisText, GRID, tone, trimmed, type Theme } from '@/charts/option';
import { axisUnit, duration, significant, UNKNOWN, written, type Quantity } from '@/lib/format';
import { histogram, type Bin } from '@/lib/histogram';

import { outcomeOf, type Outcome } from './results';

export type Measure = {
  title: string;
  unit: string;
  /** One of the unit, in the field's own. */
  factor: number;
  of: (result: Result) => number | null;
  quantity: (value: number | null) => Quantity;
  why: string;
};

const OUTCOMES: readonly Outcome[] = ['passed', 'failed', 'unscored'];
const WANTED = 14;

/** The unit that durations up to `most` ms are drawn in: what a number of it is in ms. */
export const durationUnit = (most: number) => axisUnit('duration', most);

/** Bars of a measure, in its unit: how many tests of each outcome lie between two marks. */
export function spread(measure: Measure, results: readonly Result[]) {
  const values = results.map(measure.of).map((value) => (value === null ? null : value / measure.factor));
  const bins = histogram(values, WANTED);
  const outcomes = OUTCOMES.filter((outcome) => results.some((result) => outcomeOf(result) === outcome));
  const count = (bin: Bin, outcome: Outcome) =>
    bin.of.filter((index) => {
      const result = results[index];
      return result !== undefined && outcomeOf(result) === outcome;
    }).length;
  return { bins, outcomes, count };
}

type Spread = ReturnType<typeof spread>;

const between = ({ from, to }: Bin) => `${trimmed(from)} to ${trimmed(to)}`;

export function spreadOption({ bins, outcomes, count }: Spread, unit: string, theme: Theme): FigureOption {
  const colour = { passed: theme.pass, failed: theme.fail, unscored: theme.quiet };
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    grid: { ...GRID, top: 32, bottom: 26 },
    dataZoom: insideZoom(['x']),
    xAxis: {
      // The mark beneath a bar is where it begins.
      ...axisText(theme, `From, ${unit}`),
      nameGap: 26,
      type: 'category',
      data: bins.map(({ from }) => trimmed(from)),
      axisLabel: { color: theme.quiet, fontSize: 11, hideOverlap: true },
    },
    yAxis: { ...axisText(theme), name: 'tests', nameGap: 12, type: 'value', minInterval: 1 },
    series: outcomes.map((outcome) => ({
      type: 'bar' as const,
      name: outcome,
      stack: 'tests',
      barCategoryGap: '12%',
      itemStyle: { color: colour[outcome] },
      data: bins.map((bin) => count(bin, outcome)),
    })),
  };
}

/** What a bar says, all outcomes together. */
export const spreadMarks = ({ bins, outcomes, count }: Spread, unit: string): Marks => ({
  counts: [bins.length],
  read: ({ data }) => {
    const bin = bins[data];
    if (!bin) return { title: '', facts: [] };
    return {
      title: `${between(bin)} ${unit}`,
      facts: outcomes.map((outcome) => [outcome, String(count(bin, outcome))]),
    };
  },
});

export function spreadTable({ bins, outcomes, count }: Spread, unit: string): ChartTable {
  return {
    columns: [
      { header: `From, ${unit}` },
      { header: `To, ${unit}` },
      ...outcomes.map((header) => ({ header })),
    ],
    rows: bins.map((bin) => [bin.from, bin.to, ...outcomes.map((outcome) => count(bin, outcome))]),
  };
}

export const PARTS = [
  { key: 'llm_ms', name: 'model', tone: 6 },
  { key: 'tool_ms', name: 'tools', tone: 2 },
  { key: 'other_ms', name: 'other', tone: 8 },
] as const;

/** Bars of the chart of traces: more would be too thin to be told apart. */
export const MOST_BARS = 40;

export const traceName = ({ test_uid, attempt, trace_id }: TraceLatency): string =>
  test_uid === null
    ? trace_id.slice(0, 8)
    : attempt !== null && attempt > 1
      ? `${test_uid}#${attempt}`
      : test_uid;

/** The longest traces, longest first. */
export const longest = ({ traces }: Performance): TraceLatency[] =>
  [...traces].sort((a, b) => b.duration_ms - a.duration_ms).slice(0, MOST_BARS);

/** The unit of the chart of traces. */
export const unitOfLatency = (traces: readonly TraceLatency[]) =>
  durationUnit(Math.max(0, ...traces.map(({ duration_ms }) => duration_ms)));

export function latencyOption(traces: readonly TraceLatency[], theme: Theme): FigureOption {
  const { unit, factor } = unitOfLatency(traces);
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    grid: { ...GRID, bottom: 26 },
    dataZoom: insideZoom(['x']),
    xAxis: { ...axisText(theme, unit), nameGap: 26, type: 'value' },
    yAxis: {
      ...axisText(theme),
      type: 'category',
      inverse: true,
      data: traces.map(traceName),
      axisLabel: { color: theme.quiet, fontSize: 11, width: 150, overflow: 'truncate' },
    },
    series: PARTS.map(({ key, name, tone: number }) => ({
      type: 'bar' as const,
      name,
      stack: 'time',
      barMaxWidth: 18,
      itemStyle: { color: tone(theme, number) },
      data: traces.map((trace) => trace[key] / factor),
    })),
  };
}

/** What the bar of a trace says. */
export const latencyMarks = (traces: readonly TraceLatency[]): Marks => ({
  counts: [traces.length],
  read: ({ data }) => {
    const trace = traces[data];
    if (!trace) return { title: '', facts: [] };
    return {
      title: traceName(trace),
      facts: PARTS.map(({ key, name }) => [name, written(duration(trace[key]))]),
    };
  },
});

export function latencyTable(traces: readonly TraceLatency[]): ChartTable {
  const { unit, factor } = unitOfLatency(traces);
  const quantity = (value: number): Quantity => ({
    ...duration(value * factor),
    text: significant(value),
    unit: '',
  });
  return {
    columns: [
      { header: 'Test' },
      ...PARTS.map(({ name }) => ({ header: `${name}, ${unit}`, quantity })),
      { header: `Duration, ${unit}`, quantity },
    ],
    rows: traces.map((trace) => [
      traceName(trace),
      ...PARTS.map(({ key }) => trace[key] / factor),
      trace.duration_ms / factor,
    ]),
  };
}

/** A share of a whole as text; what is there is never 0. */
export function share(part: number, whole: number): string {
  if (!(whole > 0)) return UNKNOWN;
  const percent = (part / whole) * 100;
  return percent > 0 && percent < 1 ? '<1%' : `${significant(percent)}%`;
}
