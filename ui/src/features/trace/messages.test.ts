import { describe, expect, it } from 'vitest';

import { exchangeOf, nested, pythonValue, toolUse, type Exchange, type Message } from './messages';

type Told = Parameters<typeof exchangeOf>[0];

const text = (role: string, said: string): Message => ({ role, parts: [{ type: 'text', text: said }] });
const call = (name: string, input: unknown, id: string | null = null): Message => ({
  role: 'assistant',
  parts: [{ type: 'call', id, name, input }],
});
const result = (value: unknown, id: string | null = null): Message => ({
  role: 'tool',
  parts: [{ type: 'result', id, value }],
});

const attributes = (of: Record<string, unknown>): Told => ({ attributes: of, events: [] });
const events = (...of: [string, Record<string, unknown>][]): Told => ({
  attributes: {},
  events: of.map(([name, told]) => ({ name, time_unix_nano: '1', attributes: told })),
});

const CASES: [string, Told, Exchange][] = [
  ['nothing', attributes({ other: 1 }), { input: [], output: [] }],
  [
    'GenAI attributes',
    attributes({
      'gen_ai.system_instructions': '[{"type":"text","content":"Be brief."}]',
      'gen_ai.input.messages': JSON.stringify([
        { role: 'user', parts: [{ type: 'text', content: 'Weather?' }] },
        {
          role: 'assistant',
          parts: [{ type: 'tool_call', id: 'c1', name: 'weather', arguments: { at: 'Paris' } }],
        },
        { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: '20 C' }] },
      ]),
      'gen_ai.output.messages': [
        { role: 'assistant', parts: [{ type: 'text', content: 'Mild.' }], finish_reason: 'stop' },
      ],
    }),
    {
      input: [
        text('system', 'Be brief.'),
        text('user', 'Weather?'),
        call('weather', { at: 'Paris' }, 'c1'),
        result('20 C', 'c1'),
      ],
      output: [text('assistant', 'Mild.')],
    },
  ],
  [
    'GenAI events',
    events(
      ['gen_ai.system.message', { content: 'Be brief.' }],
      ['gen_ai.user.message', { body: '{"content":"Weather?"}' }],
      ['gen_ai.tool.message', { id: 'c1', content: '20 C' }],
      [
        'gen_ai.choice',
        { index: 0, message: { role: 'assistant', content: 'Mild.' }, finish_reason: 'stop' },
      ],
      ['exception', { 'exception.message': 'no message' }],
    ),
    {
      input: [text('system', 'Be brief.'), text('user', 'Weather?'), result('20 C', 'c1')],
      output: [text('assistant', 'Mild.')],
    },
  ],
  [
    'the GenAI details event',
    events([
      'gen_ai.client.inference.operation.details',
      { 'gen_ai.input.messages': [{ role: 'user', parts: [{ type: 'text', content: 'Hi' }] }] },
    ]),
    { input: [text('user', 'Hi')], output: [] },
  ],
  [
    'OpenInference',
    attributes({
      'llm.input_messages.0.message.role': 'system',
      'llm.input_messages.0.message.contents.0.message_content.type': 'text',
      'llm.input_messages.0.message.contents.0.message_content.text': 'Be brief.',
      'llm.input_messages.1.message.role': 'user',
      'llm.input_messages.1.message.content': 'Weather?',
      'llm.input_messages.10.message.role': 'user',
      'llm.input_messages.10.message.content': 'last',
      'llm.input_messages.2.message.role': 'user',
      'llm.input_messages.2.message.content': 'then',
      'llm.output_messages.0.message.role': 'assistant',
      'llm.output_messages.0.message.tool_calls.0.tool_call.id': 'c0',
      'llm.output_messages.0.message.tool_calls.0.tool_call.function.name': 'weather',
      'llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments': '{"at": "Paris"}',
    }),
    {
      input: [
        text('system', 'Be brief.'),
        text('user', 'Weather?'),
        text('user', 'then'),
        text('user', 'last'),
      ],
      output: [call('weather', { at: 'Paris' }, 'c0')],
    },
  ],
  [
    'OpenLLMetry',
    attributes({
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': 'Weather?',
      'gen_ai.completion.0.role': 'assistant',
      'gen_ai.completion.0.tool_calls.0.name': 'weather',
      'gen_ai.completion.0.tool_calls.0.arguments': '{"at":"Paris"}',
    }),
    { input: [text('user', 'Weather?')], output: [call('weather', { at: 'Paris' })] },
  ],
  [
    'requests and answers whole',
    attributes({
      'input.value': '{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}',
      'output.value': '{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}',
    }),
    { input: [text('user', 'Hi')], output: [text('assistant', 'Hello')] },
  ],
  [
    'plain values',
    attributes({ 'traceloop.entity.input': 'Hi', 'output.value': '{"answer":42}' }),
    {
      input: [text('user', 'Hi')],
      output: [{ role: 'assistant', parts: [{ type: 'value', value: { answer: 42 } }] }],
    },
  ],
  [
    'smolagents',
    attributes({
      'llm.input_messages.0.message.role': 'assistant',
      'llm.input_messages.0.message.content':
        "Calling tools:\n[{'id': 'c0', 'type': 'function', 'function': {'name': 'weather', 'arguments': {'at': \"L'Aquila\", 'now': True}}}]",
      'llm.input_messages.1.message.role': 'user',
      'llm.input_messages.1.message.content': 'Observation:\n20 C',
      'llm.input_messages.2.message.role': 'user',
      'llm.input_messages.2.message.content': 'Calling tools: [not python',
    }),
    {
      input: [
        call('weather', { at: "L'Aquila", now: true }, 'c0'),
        result('20 C'),
        text('user', 'Calling tools: [not python'),
      ],
      output: [],
    },
  ],
];

describe('messages', () => {
  it.each(CASES)('of %s', (_, told, expected) => {
    expect(exchangeOf(told)).toEqual(expected);
  });
  it('takes hostile keys for names', () => {
    const tree = nested({ 'a.__proto__.polluted': 1, 'a.constructor.name': 2 }, 'a');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(JSON.stringify(tree)).toBe('{"__proto__":{"polluted":1},"constructor":{"name":2}}');
  });
  it.each([
    ["{'a': [1, 2.5, None]}", { a: [1, 2.5, null] }],
    ["['it\\'s', \"two\\nlines\"]", ["it's", 'two\nlines']],
    ["'True'", 'True'],
    ['{broken', undefined],
    ['__import__("os")', undefined],
    ["['open", undefined],
  ])('%s as Python', (literal, value) => {
    expect(pythonValue(literal)).toEqual(value);
  });
  it.each([
    [
      {
        'tool.name': 'weather',
        'input.value': '{"args": [], "kwargs": {"at": "Paris"}}',
        'output.value': '20 C',
      },
      'weather',
      { at: 'Paris' },
      '20 C',
    ],
    [{ 'input.value': '{"args": [1], "kwargs": {"b": 2}}' }, 'span', { args: [1], b: 2 }, undefined],
    [
      { 'gen_ai.tool.name': 't', 'gen_ai.tool.call.arguments': '{"x":1}', 'gen_ai.tool.call.result': '[1]' },
      't',
      { x: 1 },
      [1],
    ],
    [{}, 'span', undefined, undefined],
  ])('the use of a tool %j', (told, name, input, output) => {
    const use = toolUse({ name: 'span', attributes: told, status: 'OK', status_message: null });
    expect(use).toEqual({ name, input, output });
  });
});
