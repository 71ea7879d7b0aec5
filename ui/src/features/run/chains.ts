// The accounting of a run, read from the JSON that came with it. Pure.

import type { RunDetail, Source } from '@/api/types';

export type Step = {
  label: string;
  value: number | null;
  unit: string;
  source: Source;
  note: string | null;
};

/** Stored JSON: older rows may lack any of it. */
type Accounting = Readonly<Record<string, unknown>>;

type Field = RunDetail['fields'][number];

export type Chain = { field: Field; steps: Step[] };

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

/** The chains of numbers, in the order of the fields. */
export function chains(accounting: Accounting, fields: readonly Field[]): Chain[] {
  const all = isObject(accounting.chains) ? accounting.chains : {};
  return fields.flatMap((field) => {
    const steps = all[field.field];
    const read = (Array.isArray(steps) ? steps : []).flatMap((item) => step(item) ?? []);
    return read.length > 0 ? [{ field, steps: read }] : [];
  });
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
