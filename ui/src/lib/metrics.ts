// The metrics that runs are charted and compared by: name, unit, which way is better, how many runs make one.

import type { Run } from '@/api/types';

import * as format from './format';

export type Better = 'higher' | 'lower';

export type RunMetric = {
  /** Field of a run; also its name in addresses and in the comparison's answer. */
  id: string;
  name: string;
  better: Better | null;
  quantify: (value: number | null) => format.Quantity;
  of: (run: Run) => number | null;
  /** What several runs are together: their sum, the mean over tests, or one sum over another. */
  pool: Pool;
};

export type Pool =
  | { kind: 'sum' }
  /** Mean, each run weighed by `weight`. */
  | { kind: 'mean'; weight: (run: Run) => number | null }
  /** Sum of `over` per sum of passed tests. */
  | { kind: 'per success'; over: (run: Run) => number | null };

const byTests = (run: Run) => run.total_tests;
const scored = (run: Run) => run.successful_tests + run.failed_tests;
const one = () => 1;

type Key = { [K in keyof Run]: Run[K] extends number | null ? K : never }[keyof Run];

function metric(
  id: Key,
  name: string,
  better: Better | null,
  quantify: RunMetric['quantify'],
  pool: Pool = { kind: 'sum' },
): RunMetric {
  return { id, name, better, quantify, of: (run) => run[id], pool };
}

const perSuccess = (over: (run: Run) => number | null): Pool => ({ kind: 'per success', over });

const success = (run: Run, total: number | null) =>
  total === null || run.successful_tests === 0 ? null : total / run.successful_tests;

export const METRICS: readonly RunMetric[] = [
  metric('success_rate', 'Success', 'higher', format.percent, { kind: 'mean', weight: scored }),
  metric('total_tests', 'Tests', null, format.count),
  metric('avg_steps', 'Steps per test', 'lower', format.plain, { kind: 'mean', weight: byTests }),
  metric('total_duration_ms', 'Duration', 'lower', format.duration),
  metric('avg_duration_ms', 'Duration per test', 'lower', format.duration, {
    kind: 'mean',
    weight: byTests,
  }),
  metric('total_tokens', 'Tokens', 'lower', format.count),
  metric('total_cost_usd', 'Model cost', 'lower', format.usd),
  metric('energy_wh', 'Energy', 'lower', format.energy),
  metric('co2_emissions_g', 'CO₂', 'lower', format.co2),
  metric('power_cost_total_usd', 'Power cost', 'lower', format.usd),
  metric(
    'co2_per_success_g',
    'CO₂ per success',
    'lower',
    format.co2,
    perSuccess((run) => run.co2_emissions_g),
  ),
  metric(
    'energy_per_success_wh',
    'Energy per success',
    'lower',
    format.energy,
    perSuccess((run) => run.energy_wh),
  ),
  metric(
    'cost_per_success_usd',
    'Model cost per success',
    'lower',
    format.usd,
    perSuccess((run) => run.total_cost_usd),
  ),
  {
    id: 'tokens_per_success',
    name: 'Tokens per success',
    better: 'lower',
    quantify: format.count,
    of: (run) => success(run, run.total_tokens),
    pool: perSuccess((run) => run.total_tokens),
  },
  {
    id: 'seconds_per_success',
    name: 'Time per success',
    better: 'lower',
    quantify: (seconds) => format.duration(seconds === null ? null : seconds * 1000),
    of: (run) => success(run, run.total_duration_ms === null ? null : run.total_duration_ms / 1000),
    pool: perSuccess((run) => (run.total_duration_ms === null ? null : run.total_duration_ms / 1000)),
  },
  metric('gpu_utilization_avg', 'GPU use', null, format.percent, { kind: 'mean', weight: one }),
  metric('gpu_memory_avg_mib', 'GPU memory', 'lower', format.memory, { kind: 'mean', weight: one }),
  metric('gpu_temperature_avg', 'GPU temperature', 'lower', format.celsius, { kind: 'mean', weight: one }),
  metric('gpu_power_avg_w', 'GPU power', 'lower', format.power, { kind: 'mean', weight: one }),
];

export const metricOf = (id: string | undefined): RunMetric | undefined =>
  METRICS.find((candidate) => candidate.id === id);

/** Takes runs in one by one; tells what they are together so far, and how many of them know the metric. */
export function pool(metric: RunMetric) {
  let sum = 0;
  let weight = 0;
  let known = 0;
  const { pool: how } = metric;
  return {
    add: (run: Run) => {
      const value = how.kind === 'per success' ? how.over(run) : metric.of(run);
      if (value === null) return;
      known += 1;
      if (how.kind === 'per success') {
        sum += value;
        weight += run.successful_tests;
      } else {
        const share = how.kind === 'mean' ? (how.weight(run) ?? 0) : 1;
        sum += value * share;
        weight += share;
      }
    },
    value: (): number | null => {
      if (known === 0) return null;
      if (how.kind === 'sum') return sum;
      return weight > 0 ? sum / weight : null;
    },
    known: () => known,
  };
}

/** What the runs are together, as far as they know it; `known` of them do. */
export function pooled(metric: RunMetric, runs: readonly Run[]): { value: number | null; known: number } {
  const all = pool(metric);
  for (const run of runs) all.add(run);
  return { value: all.value(), known: all.known() };
}

/** When a run was recorded, ms since 1970; null when nothing says. */
export function runTime(run: Run): number | null {
  const written = run.timestamp;
  if (written) {
    const ms = Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(written) ? written : `${written}Z`);
    if (!Number.isNaN(ms)) return ms;
  }
  return format.dateFromNanos(run.start_time_unix_nano)?.getTime() ?? null;
}
