// The span tree as the server sends it: depth first, each span with its depth. Pure.

import type { TraceSpan } from '@/api/types';

type Node = Pick<TraceSpan, 'depth'>;

/** For each span the index just after its last descendant. */
export function subtreeEnds(spans: readonly Node[]): Int32Array {
  const ends = new Int32Array(spans.length).fill(spans.length);
  const open: number[] = [];
  spans.forEach(({ depth }, index) => {
    for (let top = open.at(-1); top !== undefined && (spans[top]?.depth ?? 0) >= depth; top = open.at(-1)) {
      ends[top] = index;
      open.pop();
    }
    open.push(index);
  });
  return ends;
}

export const hasChildren = (ends: Int32Array, index: number) => (ends[index] ?? 0) > index + 1;

/** The index of the parent, -1 for a root. */
export function parentOf(spans: readonly Node[], index: number): number {
  const depth = spans[index]?.depth ?? 0;
  for (let before = index - 1; before >= 0; before -= 1) {
    if ((spans[before]?.depth ?? 0) < depth) return before;
  }
  return -1;
}

/** All ancestors of a span. */
export function ancestors(spans: readonly Node[], index: number): number[] {
  const found: number[] = [];
  for (let parent = parentOf(spans, index); parent >= 0; parent = parentOf(spans, parent)) found.push(parent);
  return found;
}

export type Found = { matches: ReadonlySet<number>; shown: ReadonlySet<number> };

/** Spans that hold all words of the query, and what must be shown with them: their ancestors. */
export function findSpans(spans: readonly TraceSpan[], query: string): Found | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const matches = new Set<number>();
  const shown = new Set<number>();
  const path: number[] = [];
  spans.forEach((span, index) => {
    path.length = Math.min(path.length, span.depth);
    path.push(index);
    const { name, kind, status, status_message, model, span_id } = span;
    const text =
      `${name}\n${kind}\n${status}\n${status_message ?? ''}\n${model ?? ''}\n${span_id}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return;
    matches.add(index);
    for (const item of path) shown.add(item);
  });
  return { matches, shown };
}

/** The indexes of the spans to draw, top to bottom. */
export function visibleRows(
  spans: readonly Node[],
  ends: Int32Array,
  folded: ReadonlySet<number>,
  found: Found | null,
): number[] {
  const rows: number[] = [];
  for (let index = 0; index < spans.length;) {
    if (found && !found.shown.has(index)) {
      // Nothing beneath can be shown when the span itself is not.
      index = ends[index] ?? spans.length;
      continue;
    }
    rows.push(index);
    index = folded.has(index) ? (ends[index] ?? spans.length) : index + 1;
  }
  return rows;
}

/** The whole time that the spans cover, ms. */
export function spanExtent(spans: readonly TraceSpan[]): { from: number; to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const { start_ms, duration_ms } of spans) {
    from = Math.min(from, start_ms);
    to = Math.max(to, start_ms + duration_ms);
  }
  if (!(from <= to)) return { from: 0, to: 1 };
  return to > from ? { from, to } : { from, to: from + 0.001 };
}
