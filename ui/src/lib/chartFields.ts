// The part of a run that charts over many runs need.

import type { Run } from '@/api/types';

/** Fields that every chart over many runs needs; a tenth of the bytes of whole rows. */
export const CHART_FIELDS = [
  'run_id',
  'model',
  'agent_type',
  'provider',
  'hardware',
  'dataset_used',
  'timestamp',
  'start_time_unix_nano',
  'simulated',
  'status',
  'total_tests',
  'successful_tests',
  'failed_tests',
  'success_rate',
  'avg_steps',
  'total_duration_ms',
  'avg_duration_ms',
  'total_tokens',
  'total_cost_usd',
  'energy_wh',
  'co2_emissions_g',
  'power_cost_total_usd',
  'co2_per_success_g',
  'energy_per_success_wh',
  'cost_per_success_usd',
  'gpu_utilization_avg',
  'gpu_memory_avg_mib',
  'gpu_temperature_avg',
  'gpu_power_avg_w',
] as const satisfies readonly (keyof Run)[];
