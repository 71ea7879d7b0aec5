// What the end of a trace waited for: going back from its end, always through the child that ended last. Pure.

import type { TraceSpans } from '@/api/types';

export type Stretch = { from: number; to: number };

export type CriticalPath = {
  /** For each span on the path: when it itself was what everything waited for, ms. */
  stretches: ReadonlyMap<number, readonly Stretch[]>;
  /** Time on the path by what it was spent in; adds up to the root's duration. */
  llm_ms: number;
  tool_ms: number;
  other_ms: number;
};

const TOOLS: ReadonlySet<string> = new Set(['TOOL', 'RETRIEVER', 'EMBEDDING']);

/** The path through the longest root. */
export function criticalPath(spans: TraceSpans): CriticalPath {
  const start = (index: number) => spans.start_ms[index] ?? 0;
  const end = (index: number) => start(index) + (spans.duration_ms[index] ?? 0);
  const children = new Map<number, number[]>();
  let root = -1;
  spans.parent.forEach((parent, index) => {
    if (typeof parent !== 'number') {
      if (root < 0 || (spans.duration_ms[index] ?? 0) > (spans.duration_ms[root] ?? 0)) root = index;
      return;
    }
    const list = children.get(parent);
    if (list) list.push(index);
    else children.set(parent, [index]);
  });
  const stretches = new Map<number, Stretch[]>();
  const path = { llm_ms: 0, tool_ms: 0, other_ms: 0 };
  const spend = (index: number, from: number, to: number, part: keyof typeof path) => {
    if (to <= from) return;
    const known = stretches.get(index);
    if (known) known.push({ from, to });
    else stretches.set(index, [{ from, to }]);
    path[part] += to - from;
  };
  // A model called within a tool is the model's time; what a model's span holds is its own.
  const todo: { index: number; from: number; until: number; within: keyof typeof path }[] = [];
  if (root >= 0) todo.push({ index: root, from: start(root), until: end(root), within: 'other_ms' });
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { index, from, until } = next;
    const kind = spans.kind[index] ?? 'OTHER';
    const own =
      kind === 'LLM' ? 'llm_ms' : TOOLS.has(kind) && next.within !== 'llm_ms' ? 'tool_ms' : next.within;
    // A span is on the path even when its children take all of its time.
    if (!stretches.has(index)) stretches.set(index, []);
    let at = until;
    const below = (children.get(index) ?? []).sort((a, b) => end(b) - end(a));
    for (const child of below) {
      if (start(child) >= at || end(child) <= from) continue;
      const ended = Math.min(end(child), at);
      spend(index, ended, at, own);
      const began = Math.max(start(child), from);
      todo.push({ index: child, from: began, until: ended, within: own });
      at = began;
    }
    spend(index, from, at, own);
  }
  return { stretches, ...path };
}
