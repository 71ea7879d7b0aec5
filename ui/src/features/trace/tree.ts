// The span tree as the server sends it: depth first, each span with its depth. Pure.

import type { TraceSpan, TraceSpans } from '@/api/types';

/** One span of the columns. */
export function spanAt(spans: TraceSpans, index: number): TraceSpan | undefined {
  if (index < 0 || index >= spans.span_id.length) return undefined;
  const entries = Object.entries(spans).map(([column, values]) => [column, values[index]]);
  return Object.fromEntries(entries) as TraceSpan;
}

/** For each span the index just after its last descendant. */
export function subtreeEnds({ parent }: Pick<TraceSpans, 'parent'>): Int32Array {
  const ends = new Int32Array(parent.length);
  for (let index = parent.length - 1; index >= 0; index -= 1) {
    const end = Math.max(ends[index] ?? 0, index + 1);
    ends[index] = end;
    const above = parent[index];
    if (typeof above === 'number') ends[above] = Math.max(ends[above] ?? 0, end);
  }
  return ends;
}

export const hasChildren = (ends: Int32Array, index: number) => (ends[index] ?? 0) > index + 1;

/** All ancestors of a span, the nearest first. */
export function ancestors({ parent }: Pick<TraceSpans, 'parent'>, index: number): number[] {
  const found: number[] = [];
  for (let above = parent[index]; typeof above === 'number'; above = parent[above]) found.push(above);
  return found;
}

export type Found = { matches: ReadonlySet<number>; shown: ReadonlySet<number> };

/** Spans that hold all words of the query, and what must be shown with them: their ancestors. */
export function findSpans(spans: TraceSpans, query: string): Found | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const searched = [spans.name, spans.kind, spans.status, spans.status_message, spans.model, spans.span_id];
  const matches = new Set<number>();
  const shown = new Set<number>();
  spans.span_id.forEach((_, index) => {
    const text = searched
      .map((column) => column[index] ?? '')
      .join('\n')
      .toLowerCase();
    if (!words.every((word) => text.includes(word))) return;
    matches.add(index);
    shown.add(index);
    for (
      let above = spans.parent[index];
      typeof above === 'number' && !shown.has(above);
      above = spans.parent[above]
    ) {
      shown.add(above);
    }
  });
  return { matches, shown };
}

/** The indexes of the spans to draw, top to bottom. */
export function visibleRows(ends: Int32Array, folded: ReadonlySet<number>, found: Found | null): number[] {
  const rows: number[] = [];
  for (let index = 0; index < ends.length;) {
    if (found && !found.shown.has(index)) {
      // Nothing beneath can be shown when the span itself is not.
      index = ends[index] ?? ends.length;
      continue;
    }
    rows.push(index);
    index = folded.has(index) ? (ends[index] ?? ends.length) : index + 1;
  }
  return rows;
}

/** The whole time that the spans cover, ms. */
export function spanExtent({ start_ms, duration_ms }: Pick<TraceSpans, 'start_ms' | 'duration_ms'>): {
  from: number;
  to: number;
} {
  let from = Infinity;
  let to = -Infinity;
  start_ms.forEach((start, index) => {
    from = Math.min(from, start);
    to = Math.max(to, start + (duration_ms[index] ?? 0));
  });
  if (!(from <= to)) return { from: 0, to: 1 };
  return to > from ? { from, to } : { from, to: from + 0.001 };
}
