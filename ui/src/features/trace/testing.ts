// Traces for tests.

import type { TraceSpan, TraceSpans } from '@/api/types';

export const span = (depth: number, name: string, part: Partial<TraceSpan> = {}): TraceSpan => ({
  span_id: name,
  parent: null,
  name,
  kind: 'OTHER',
  status: 'OK',
  status_message: null,
  start_ms: 0,
  duration_ms: 1,
  self_ms: 1,
  depth,
  model: null,
  input_tokens: null,
  output_tokens: null,
  total_tokens: null,
  cost_usd: null,
  counted: false,
  energy_wh: null,
  ...part,
});

/** Rows, depth first, as columns; each hangs from the nearest one above that is less deep. */
export function columns(rows: TraceSpan[]): TraceSpans {
  const path: number[] = [];
  const hung = rows.map((row, index) => {
    path.length = row.depth;
    const parent = path.at(-1) ?? null;
    path.push(index);
    return { ...row, parent };
  });
  const keys = Object.keys(span(0, '')) as (keyof TraceSpan)[];
  return Object.fromEntries(keys.map((key) => [key, hung.map((row) => row[key])])) as TraceSpans;
}
