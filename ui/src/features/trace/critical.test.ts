import { describe, expect, it } from 'vitest';

import { criticalPath } from './critical';
import { columns, span } from './testing';

describe('critical path', () => {
  // root 0..10 > (llm 1..4, tool 3..8 > llm 5..6, late 9..12)
  const spans = columns([
    span(0, 'root', { duration_ms: 10 }),
    span(1, 'llm', { kind: 'LLM', start_ms: 1, duration_ms: 3 }),
    span(1, 'tool', { kind: 'TOOL', start_ms: 3, duration_ms: 5 }),
    span(2, 'inner', { kind: 'LLM', start_ms: 5, duration_ms: 1 }),
    span(1, 'late', { start_ms: 9, duration_ms: 3 }),
    span(1, 'aside', { kind: 'TOOL', start_ms: 3, duration_ms: 1 }),
  ]);
  const path = criticalPath(spans);
  it('goes back from the end through what ended last', () => {
    expect(Object.fromEntries(path.stretches)).toEqual({
      0: [
        { from: 8, to: 9 },
        { from: 0, to: 1 },
      ],
      1: [{ from: 1, to: 3 }],
      2: [
        { from: 6, to: 8 },
        { from: 3, to: 5 },
      ],
      3: [{ from: 5, to: 6 }],
      4: [{ from: 9, to: 10 }],
    });
  });
  it('adds up to the duration of the root', () => {
    expect([path.llm_ms, path.tool_ms, path.other_ms]).toEqual([3, 4, 3]);
  });
  it('is nothing without spans, and quick with many', () => {
    expect(criticalPath(columns([])).stretches.size).toBe(0);
    const many = columns([
      span(0, 'root', { duration_ms: 50_000 }),
      ...Array.from({ length: 49_999 }, (_, at) => span(1, `span ${at}`, { start_ms: at, duration_ms: 1 })),
    ]);
    expect(criticalPath(many).stretches.size).toBe(50_000);
  });
});
