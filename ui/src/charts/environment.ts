// The seven environmental metrics as charts: which lines each has, and on which axis.

import type { Metrics, MetricSeries } from '@/api/types';
import type { Dimension } from '@/lib/format';
import { valueRange, type Window } from '@/lib/timeseries';

import type { PlotLine, PlotSpec } from './option';

type Chart = {
  title: string;
  short: string;
  dimension: Dimension;
  metric: string;
  /** A metric drawn as the limit of this one. */
  limit?: string;
  max?: number;
  floating?: boolean;
  area?: boolean;
};

export const CHARTS: readonly Chart[] = [
  {
    title: 'GPU utilisation',
    short: 'Utilisation',
    dimension: 'percent',
    metric: 'gen_ai.gpu.utilization',
    max: 100,
  },
  {
    title: 'GPU memory used',
    short: 'Memory',
    dimension: 'memory',
    metric: 'gen_ai.gpu.memory.used',
    limit: 'gen_ai.gpu.memory.total',
  },
  {
    title: 'GPU temperature',
    short: 'Temperature',
    dimension: 'celsius',
    metric: 'gen_ai.gpu.temperature',
    floating: true,
  },
  { title: 'GPU power', short: 'Power', dimension: 'power', metric: 'gen_ai.gpu.power' },
  {
    title: 'CO₂, accumulated',
    short: 'CO₂',
    dimension: 'co2',
    metric: 'gen_ai.co2.emissions',
    area: true,
  },
  {
    title: 'Power cost, accumulated',
    short: 'Power cost',
    dimension: 'usd',
    metric: 'gen_ai.power.cost',
    area: true,
  },
];

const byNumber = new Intl.Collator('en', { numeric: true });

/** The GPUs of all series, in order; null stands for the host. */
export function gpusOf(metrics: Metrics): (string | null)[] {
  const ids = new Set(metrics.series.map(({ gpu_id }) => gpu_id));
  const named = [...ids].filter((id): id is string => id !== null).sort((a, b) => byNumber.compare(a, b));
  return ids.has(null) ? [...named, null] : named;
}

export const gpuLabel = (id: string | null) => (id === null ? 'host' : `GPU ${id}`);

/** The chart of one metric over a window; a line for each GPU, its limit dashed. */
export function chartSpec(chart: Chart, metrics: Metrics, window: Window): PlotSpec {
  const gpus = gpusOf(metrics);
  const lineOf = (series: MetricSeries, limit: boolean): PlotLine => {
    const index = gpus.indexOf(series.gpu_id);
    const name = gpuLabel(series.gpu_id);
    return {
      name: limit ? `${name} total` : name,
      // The host's line is grey, the last of the categorical colours.
      tone: series.gpu_id === null ? 8 : (index % 7) + 1,
      t_ms: series.t_ms,
      value: series.value,
      ...(limit ? { limit } : {}),
    };
  };
  const ordered = [...metrics.series].sort((a, b) => gpus.indexOf(a.gpu_id) - gpus.indexOf(b.gpu_id));
  const lines = ordered
    .filter(({ metric }) => metric === chart.metric)
    .map((series) => lineOf(series, false));
  const limits = ordered
    .filter(({ metric }) => metric === chart.limit)
    .map((series) => lineOf(series, true))
    .filter((line, index, all) => all.findIndex((other) => sameLevel(other, line)) === index);
  // GPUs alike have one limit between them.
  const [only] = limits;
  if (only && limits.length === 1) limits[0] = { ...only, name: 'total', tone: 8 };
  return {
    lines: [...lines, ...limits],
    dimension: chart.dimension,
    window,
    ...(chart.max === undefined ? {} : { max: chart.max }),
    ...(chart.floating ? { floating: true } : {}),
    ...(chart.area ? { area: true } : {}),
  };
}

function sameLevel(a: PlotLine, b: PlotLine): boolean {
  const x = valueRange([a]);
  const y = valueRange([b]);
  return x?.min === y?.min && x?.max === y?.max;
}

/** The whole time that the metrics and the tests cover. */
export function extentOf(metrics: Metrics): Window {
  let from = Math.min(0, metrics.from_ms);
  let to = metrics.to_ms;
  for (const { t_ms } of metrics.series) {
    from = Math.min(from, t_ms[0] ?? from);
    to = Math.max(to, t_ms.at(-1) ?? to);
  }
  for (const { start_ms, end_ms } of metrics.tests) {
    from = Math.min(from, start_ms);
    to = Math.max(to, end_ms);
  }
  return to > from ? { from, to } : { from, to: from + 1 };
}
