import { describe, expect, it } from 'vitest';

import { columns, span } from './testing';
import { ancestors, findSpans, hasChildren, spanAt, spanExtent, subtreeEnds, visibleRows } from './tree';

// root > (step1 > (llm, tool), step2 > llm2), other root
const spans = columns([
  span(0, 'root'),
  span(1, 'step1'),
  span(2, 'llm', { kind: 'LLM', model: 'gpt' }),
  span(2, 'tool', { status: 'ERROR', status_message: 'boom' }),
  span(1, 'step2'),
  span(2, 'llm2', { kind: 'LLM' }),
  span(0, 'orphan', { start_ms: 5, duration_ms: 20 }),
]);
const ends = subtreeEnds(spans);
const names = (rows: number[]) => rows.map((row) => spans.name[row]);

describe('tree', () => {
  it('knows where subtrees end', () => {
    expect([...ends]).toEqual([6, 4, 3, 4, 6, 6, 7]);
    expect(hasChildren(ends, 0)).toBe(true);
    expect(hasChildren(ends, 6)).toBe(false);
  });
  it('finds ancestors and rows', () => {
    expect(ancestors(spans, 3)).toEqual([1, 0]);
    expect(ancestors(spans, 6)).toEqual([]);
    expect(spanAt(spans, 3)).toMatchObject({ name: 'tool', status: 'ERROR', depth: 2, parent: 1 });
    expect(spanAt(spans, -1)).toBeUndefined();
    expect(spanAt(spans, 7)).toBeUndefined();
  });
  it.each([
    [[], ['root', 'step1', 'llm', 'tool', 'step2', 'llm2', 'orphan']],
    [[1], ['root', 'step1', 'step2', 'llm2', 'orphan']],
    [[0], ['root', 'orphan']],
    [[2], ['root', 'step1', 'llm', 'tool', 'step2', 'llm2', 'orphan']],
  ])('folded %j', (folded, rows) => {
    expect(names(visibleRows(ends, new Set(folded), null))).toEqual(rows);
  });
  it.each([
    ['llm', ['root', 'step1', 'llm', 'step2', 'llm2'], 2],
    ['LLM gpt', ['root', 'step1', 'llm'], 1],
    ['boom', ['root', 'step1', 'tool'], 1],
    ['nothing', [], 0],
  ])('search %s shows matches under their ancestors', (query, rows, matches) => {
    const found = findSpans(spans, query);
    expect(names(visibleRows(ends, new Set(), found))).toEqual(rows);
    expect(found?.matches.size).toBe(matches);
  });
  it('has no search without words', () => {
    expect(findSpans(spans, '  ')).toBeNull();
  });
  it('covers all spans, and never nothing', () => {
    expect(spanExtent(spans)).toEqual({ from: 0, to: 25 });
    expect(spanExtent(columns([]))).toEqual({ from: 0, to: 1 });
    expect(spanExtent(columns([span(0, 'x', { duration_ms: 0 })]))).toEqual({ from: 0, to: 0.001 });
  });
  it('is quick with 50,000 spans', () => {
    const many = columns(Array.from({ length: 50_000 }, (_, index) => span(index % 5, `span ${index}`)));
    const all = subtreeEnds(many);
    expect(visibleRows(all, new Set(), null)).toHaveLength(50_000);
    expect(findSpans(many, 'span 49999')?.matches.size).toBe(1);
  });
});
