// The accounting of a run, read from the JSON that came with it. Pure.

import type { Source } from '@/api/types';

export type Step = {
  label: string;
  value: number | null;
  unit: string;
  source: Source;
  note: string | null;
};

/** Stored JSON: older rows may lack any of it. */
type Accounting = Readonly<Record<string, unknown>>;

export type Chain = { field: string; steps: Step[] };

const FIELD_NAMES: Record<string, string> = {
  co2_emissions_g: 'CO₂',
  power_cost_total_usd: 'Power cost',
  energy_wh: 'Energy',
  total_tokens: 'Tokens',
  total_cost_usd: 'Model cost',
  total_duration_ms: 'Duration',
  success_rate: 'Success',
  avg_steps: 'Steps per test',
  avg_duration_ms: 'Duration per test',
  avg_tokens_per_test: 'Tokens per test',
  avg_cost_per_test_usd: 'Cost per test',
  total_tests: 'Tests',
  successful_tests: 'Passed',
  failed_tests: 'Failed',
  gpu_utilization_avg: 'GPU utilisation, mean',
  gpu_utilization_max: 'GPU utilisation, highest',
  gpu_memory_avg_mib: 'GPU memory, mean',
  gpu_memory_max_mib: 'GPU memory, highest',
  gpu_temperature_avg: 'GPU temperature, mean',
  gpu_temperature_max: 'GPU temperature, highest',
  gpu_power_avg_w: 'GPU power, mean',
};

/** A field of the run's row in words. */
export const fieldName = (field: string) => FIELD_NAMES[field] ?? field.replaceAll('_', ' ');

/** The unit that a field's name ends in. */
export function fieldUnit(field: string): string {
  if (field.endsWith('_usd')) return 'USD';
  if (field.endsWith('_ms')) return 'ms';
  if (field.endsWith('_g')) return 'g';
  if (field.endsWith('_wh')) return 'Wh';
  if (field.endsWith('_mib')) return 'MiB';
  if (field.endsWith('_w')) return 'W';
  if (field.includes('temperature')) return '°C';
  if (field.includes('utilization') || field.endsWith('_rate')) return '%';
  return '';
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function step(value: unknown): Step | null {
  if (!isObject(value) || typeof value.label !== 'string') return null;
  return {
    label: value.label,
    value: typeof value.value === 'number' ? value.value : null,
    unit: typeof value.unit === 'string' ? value.unit : '',
    source: (typeof value.source === 'string' ? value.source : 'none') as Source,
    note: typeof value.note === 'string' ? value.note : null,
  };
}

/** The chains of numbers, those that people ask for first at the top. */
export function chains(accounting: Accounting): Chain[] {
  const all = isObject(accounting.chains) ? accounting.chains : {};
  const order = Object.keys(FIELD_NAMES);
  const place = (field: string) => (order.includes(field) ? order.indexOf(field) : order.length);
  return Object.entries(all)
    .map(([field, steps]) => ({
      field,
      steps: (Array.isArray(steps) ? steps : []).flatMap((item) => step(item) ?? []),
    }))
    .filter(({ steps }) => steps.length > 0)
    .sort((a, b) => place(a.field) - place(b.field));
}

/** What was counted on the way, zeros left out. */
export function counts(accounting: Accounting): [string, number][] {
  if (!isObject(accounting.counts)) return [];
  return Object.entries(accounting.counts).flatMap(([name, value]) =>
    typeof value === 'number' && value !== 0 ? [[name.replaceAll('_', ' '), value] as [string, number]] : [],
  );
}

/** What a reader should know, one sentence each. */
export function notes(accounting: Accounting): string[] {
  const said = Array.isArray(accounting.notes) ? accounting.notes : [];
  const unpriced = Array.isArray(accounting.unpriced_models) ? accounting.unpriced_models : [];
  return [
    ...said.filter((note): note is string => typeof note === 'string'),
    ...unpriced.map((model) => `No price is known for the model ${String(model)}.`),
  ];
}
