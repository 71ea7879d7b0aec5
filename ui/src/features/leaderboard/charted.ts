// What the charts over many runs draw, and which fields of the runs they read for it: ten thousand whole rows are 18 MB.

import type { Run } from '@/api/types';
import { metricOf, pool, type RunMetric } from '@/lib/metrics';

import type { LeaderboardSearch } from './search';

/** Offered as small charts under the large one of Trends. */
export const SMALL = [
  'co2_emissions_g',
  'power_cost_total_usd',
  'success_rate',
  'energy_wh',
  'total_tokens',
  'total_duration_ms',
];

/** Columns of the heatmap. */
export const MAPPED = [
  'success_rate',
  'avg_steps',
  'avg_duration_ms',
  'tokens_per_success',
  'cost_per_success_usd',
  'energy_per_success_wh',
  'co2_per_success_g',
  'gpu_utilization_avg',
  'gpu_power_avg_w',
];

/** Pairs with success that are asked for most. */
export const PRESETS = [
  ['co2_emissions_g', 'CO₂'],
  ['total_cost_usd', 'model cost'],
  ['total_duration_ms', 'time'],
  ['energy_wh', 'energy'],
] as const;

const DEFAULT = { metric: 'success_rate', x: 'co2_emissions_g', y: 'success_rate', size: 'total_tokens' };

/** The metric that the address names for a part of a chart; none where it says so. */
export function chosen(search: LeaderboardSearch, part: keyof typeof DEFAULT): RunMetric | undefined {
  return search[part] === 'none' ? undefined : (metricOf(search[part]) ?? metricOf(DEFAULT[part]));
}

/** Fields that a metric is read from, alone and for several runs together: found by reading it. */
function readBy(metric: RunMetric): string[] {
  const read = new Set<string>();
  const spy = new Proxy({} as Run, {
    get: (_, field) => {
      read.add(String(field));
      return 1;
    },
  });
  metric.of(spy);
  pool(metric).add(spy);
  return [...read];
}

const read = (ids: readonly string[]) => ids.flatMap((id) => metricOf(id) ?? []).flatMap(readBy);

/** The fields that the tab of the address draws. */
export function chartFields(search: LeaderboardSearch): string[] {
  const always = ['run_id', 'model', 'simulated'];
  if (search.tab === 'trends') {
    const metric = chosen(search, 'metric')?.id ?? '';
    return [...new Set([...always, 'timestamp', 'start_time_unix_nano', ...read([...SMALL, metric])])];
  }
  const axes = [chosen(search, 'x'), chosen(search, 'y'), chosen(search, 'size')].flatMap(
    (of) => of?.id ?? [],
  );
  const offered = [...MAPPED, ...PRESETS.map(([id]) => id), DEFAULT.size];
  return [...new Set([...always, search.colour ?? 'model', ...read([...offered, ...axes])])];
}
