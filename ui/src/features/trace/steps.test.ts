import { describe, expect, it } from 'vitest';

import { graphOf } from './steps';
import { columns, span } from './testing';

const at = (start_ms: number, duration_ms = 1) => ({ start_ms, duration_ms });

describe('graph', () => {
  const step = (from: number, tool = 'weather') => [
    span(2, `step ${from}`, { kind: 'CHAIN', ...at(from, 3) }),
    span(3, 'chat', { span_id: `chat${from}`, kind: 'LLM', model: 'm', total_tokens: 5, ...at(from) }),
    span(4, 'openai', { span_id: `inner${from}`, kind: 'LLM', ...at(from) }),
    span(3, tool, { span_id: `${tool}${from}`, kind: 'TOOL', ...at(from + 2) }),
  ];
  const spans = columns([
    span(0, 'test', at(0, 20)),
    span(1, 'agent', { kind: 'AGENT', ...at(0, 20) }),
    ...step(1),
    ...step(4),
    ...step(7),
    ...step(10, 'answer'),
  ]);
  const brief = (fold: boolean) => {
    const { nodes, edges, folded } = graphOf(spans, { fold });
    return {
      nodes: nodes.map(({ id, times }) => (times > 1 ? `${id} x${times}` : id)),
      edges: edges.map(({ from, to, into }) => `${from}${into ? ' > ' : ' - '}${to}`),
      folded,
    };
  };
  it('is the sequence of models and tools beneath their agent', () => {
    expect(brief(false)).toEqual({
      nodes: ['agent', 'chat1', 'weather1', 'chat4', 'weather4', 'chat7', 'weather7', 'chat10', 'answer10'],
      edges: [
        'agent > chat1',
        'chat1 - weather1',
        'weather1 - chat4',
        'chat4 - weather4',
        'weather4 - chat7',
        'chat7 - weather7',
        'weather7 - chat10',
        'chat10 - answer10',
      ],
      folded: 0,
    });
  });
  it('folds what repeats', () => {
    expect(brief(true)).toEqual({
      nodes: ['agent', 'chat1 x3', 'weather1 x3', 'chat10', 'answer10'],
      edges: ['agent > chat1', 'chat1 - weather1', 'weather1 - chat10', 'chat10 - answer10'],
      folded: 4,
    });
    const [, chat] = graphOf(spans, { fold: true }).nodes;
    expect(chat).toMatchObject({ duration_ms: 3, tokens: 15, note: 'm' });
  });
  it('forks and joins around what ran side by side', () => {
    const parallel = columns([
      span(0, 'plan', { kind: 'LLM', ...at(0) }),
      span(0, 'a', { kind: 'TOOL', ...at(2, 4) }),
      span(0, 'b', { kind: 'TOOL', status: 'ERROR', ...at(3, 4) }),
      span(0, 'sum', { kind: 'LLM', ...at(8) }),
    ]);
    const { nodes, edges } = graphOf(parallel, { fold: true });
    expect(edges.map(({ from, to }) => `${from}-${to}`)).toEqual(['plan-a', 'plan-b', 'a-sum', 'b-sum']);
    expect(nodes.filter(({ error }) => error).map(({ id }) => id)).toEqual(['b']);
  });
  it('shows an error that no step has', () => {
    const failing = columns([
      span(0, 'agent', { kind: 'AGENT', status: 'ERROR', ...at(0, 9) }),
      span(1, 'parse', { kind: 'CHAIN', status: 'ERROR', ...at(1) }),
      span(1, 'wrap', { kind: 'CHAIN', status: 'ERROR', ...at(2) }),
      span(2, 'tool', { kind: 'TOOL', status: 'ERROR', ...at(2) }),
    ]);
    expect(graphOf(failing, { fold: true }).nodes.map(({ id }) => id)).toEqual(['agent', 'parse', 'tool']);
  });
  it('goes as deep as agents call agents', () => {
    const deep = columns(
      Array.from({ length: 20_000 }, (_, n) => span(n, `a${n}`, { kind: 'AGENT', ...at(n, 40_000 - 2 * n) })),
    );
    expect(graphOf(deep, { fold: true, most: 50 }).nodes).toHaveLength(50);
  });
  it('draws no more than can be read', () => {
    const many = columns(
      Array.from({ length: 1000 }, (_, n) => span(0, `t${n}`, { kind: 'TOOL', ...at(n) })),
    );
    const { nodes, left_out } = graphOf(many, { fold: true, most: 100 });
    expect([nodes.length, left_out]).toEqual([100, 900]);
  });
});
