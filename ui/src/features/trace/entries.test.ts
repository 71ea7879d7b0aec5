import { describe, expect, it } from 'vitest';

import type { SpanDetail } from '@/api/types';

import { conversation } from './entries';
import { columns, span } from './testing';

const messages = (side: 'input' | 'output', list: [role: string, text: string][]) =>
  Object.fromEntries(
    list.flatMap(([role, text], at) => [
      [`llm.${side}_messages.${at}.message.role`, role],
      [`llm.${side}_messages.${at}.message.content`, text],
    ]),
  );

const detail = (span_id: string, kind: SpanDetail['kind'], attributes: Record<string, unknown>): SpanDetail =>
  ({
    span_id,
    kind,
    name: span_id,
    attributes,
    events: [],
    duration_ms: 5,
    status: 'OK',
    status_message: null,
  }) as unknown as SpanDetail;

const at = (start_ms: number) => ({ start_ms, duration_ms: 5 });

describe('conversation', () => {
  const trace = columns([
    span(0, 'planner', { kind: 'AGENT', ...at(0) }),
    span(1, 'one', { kind: 'LLM', model: 'm', output_tokens: 3, ...at(1) }),
    span(2, 'inner', { kind: 'LLM', ...at(1) }),
    span(1, 'weather', { kind: 'TOOL', ...at(10) }),
    span(1, 'two', { kind: 'LLM', ...at(20) }),
    span(1, 'helper', { kind: 'AGENT', ...at(30) }),
    span(2, 'aside', { kind: 'LLM', ...at(31) }),
    span(1, 'three', { kind: 'LLM', status: 'ERROR', status_message: 'overloaded', ...at(40) }),
  ]);
  const said = (details: SpanDetail[]) =>
    conversation(trace, details).map(({ role, parts, thread, error }) => {
      const words = parts.map((part) => (part.type === 'text' ? part.text : part.type)).join('+');
      return [thread ? `[${thread}]` : '', role, words, error ?? ''].filter(Boolean).join(' ');
    });
  const ask: [string, string][] = [
    ['system', 'Be brief.'],
    ['user', 'Weather?'],
  ];
  const two: [string, string][] = [...ask, ['assistant', 'Let me look.'], ['user', 'Observation:\n20 C']];
  const details = [
    detail('one', 'LLM', {}),
    detail('inner', 'LLM', {
      ...messages('input', ask),
      ...messages('output', [['assistant', 'Let me look.']]),
    }),
    detail('weather', 'TOOL', { 'input.value': '{"at":"Paris"}', 'output.value': '20 C' }),
    detail('two', 'LLM', { ...messages('input', two), ...messages('output', [['assistant', 'Mild.']]) }),
    detail('aside', 'LLM', {
      ...messages('input', [['user', 'Check it.']]),
      ...messages('output', [['assistant', 'Fine.']]),
    }),
    detail('three', 'LLM', messages('input', [...two, ['assistant', 'Mild.'], ['user', 'And tomorrow?']])),
  ];
  it('says each message once, in order, whoever repeats it', () => {
    expect(said(details)).toEqual([
      '[planner] system Be brief.',
      'user Weather?',
      'assistant Let me look.',
      'tool call+result',
      'assistant Mild.',
      '[helper] user Check it.',
      'assistant Fine.',
      'user And tomorrow?',
      'assistant overloaded',
    ]);
  });
  it('does not depend on the order that the spans come in', () => {
    expect(said([...details].reverse())).toEqual(said(details));
  });
  it('names the span, the model and the tokens of an answer', () => {
    const [, , answer] = conversation(trace, details);
    expect(answer).toMatchObject({ span: 1, by: 'm', tokens: 3, duration_ms: 5, at_ms: 6 });
  });
  it('is empty without anything that speaks', () => {
    expect(conversation(columns([span(0, 'x')]), [])).toEqual([]);
  });
});
