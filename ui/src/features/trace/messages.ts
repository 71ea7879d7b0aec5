// The messages that a span holds, whichever convention wrote them: OpenTelemetry GenAI attributes and events,
// OpenInference, OpenLLMetry, SMOLTRACE's agents. Pure; what is not understood is kept as it was recorded.

import type { SpanDetail } from '@/api/types';

export type Part =
  | { type: 'text'; text: string }
  | { type: 'value'; value: unknown }
  | { type: 'call'; id: string | null; name: string; input: unknown }
  | { type: 'result'; id: string | null; value: unknown };

export type Message = { role: string; parts: Part[] };

/** What went into a model, and what came out. */
export type Exchange = { input: Message[]; output: Message[] };

type Attributes = Readonly<Record<string, unknown>>;
type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asText = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The value behind JSON in a string; anything else as it is. */
export function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** Everything under `prefix.` as a tree: `a.0.b = 1` is `{a: {0: {b: 1}}}`. */
export function nested(attributes: Attributes, prefix: string): Tree | null {
  const tree: Tree = {};
  let found = false;
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith(`${prefix}.`)) continue;
    found = true;
    const path = key.slice(prefix.length + 1).split('.');
    const last = path.pop() ?? '';
    let at = tree;
    for (const step of path) {
      const next = Object.hasOwn(at, step) ? at[step] : undefined;
      if (isTree(next)) at = next;
      else {
        const made: Tree = {};
        define(at, step, made);
        at = made;
      }
    }
    define(at, last, value);
  }
  return found ? tree : null;
}

/** Sets a key whatever it is called: `__proto__` is a name like any other. */
function define(tree: Tree, key: string, value: unknown) {
  Object.defineProperty(tree, key, { value, enumerable: true, writable: true, configurable: true });
}

/** The numbered children of a tree in order, or the items of a list. */
function items(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (!isTree(value)) return [];
  return Object.keys(value)
    .filter((key) => /^\d+$/.test(key))
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => value[key]);
}

/** The messages of an LLM span; the first convention that says anything. */
export function exchangeOf(span: Pick<SpanDetail, 'attributes' | 'events'>): Exchange {
  const { attributes } = span;
  const candidates: Exchange[] = [
    genAi(attributes),
    ...span.events.map((event) => genAi(event.attributes)),
    genAiEvents(span.events),
    openInference(attributes),
    openLlmetry(attributes),
  ];
  const pick = (side: keyof Exchange) => candidates.find((one) => one[side].length > 0)?.[side] ?? [];
  const input = pick('input');
  const output = pick('output');
  return {
    input: input.length > 0 ? input : fromValue(inputValue(attributes), 'user', 'messages'),
    output: output.length > 0 ? output : fromValue(outputValue(attributes), 'assistant', 'choices'),
  };
}

/** `gen_ai.input.messages` and its kin: lists of `{role, parts}`. */
function genAi(attributes: Attributes): Exchange {
  const read = (key: string, role: string) => {
    const value = parsed(attributes[key]);
    return Array.isArray(value) ? value.flatMap((item) => message(item, role) ?? []) : [];
  };
  const system = parsed(attributes['gen_ai.system_instructions']);
  const instructions = Array.isArray(system) ? system.flatMap(part) : system ? part(system) : [];
  return {
    input: [
      ...(instructions.length > 0 ? [{ role: 'system', parts: instructions }] : []),
      ...read('gen_ai.input.messages', 'user'),
    ],
    output: read('gen_ai.output.messages', 'assistant'),
  };
}

const EVENT_ROLES: Record<string, string> = {
  'gen_ai.system.message': 'system',
  'gen_ai.user.message': 'user',
  'gen_ai.assistant.message': 'assistant',
  'gen_ai.tool.message': 'tool',
};

/** A message an event: `gen_ai.user.message`, `gen_ai.choice`, and the older `gen_ai.content.*`. */
function genAiEvents(events: SpanDetail['events']): Exchange {
  const exchange: Exchange = { input: [], output: [] };
  for (const { name, attributes } of events) {
    const body = parsed(attributes.body) ?? attributes;
    const told = isTree(body) ? { ...attributes, ...body } : attributes;
    const role = EVENT_ROLES[name];
    if (role) exchange.input.push(...(message(told, role) ?? []));
    else if (name === 'gen_ai.choice') {
      const inner = parsed(told.message);
      exchange.output.push(...(message(isTree(inner) ? inner : told, 'assistant') ?? []));
    } else if (name === 'gen_ai.content.prompt') {
      exchange.input.push(...fromValue(attributes['gen_ai.prompt'], 'user', 'messages'));
    } else if (name === 'gen_ai.content.completion') {
      exchange.output.push(...fromValue(attributes['gen_ai.completion'], 'assistant', 'choices'));
    }
  }
  return exchange;
}

/** `llm.input_messages.0.message.content` and its kin. */
function openInference(attributes: Attributes): Exchange {
  const read = (side: string, role: string) =>
    items(nested(attributes, side) ?? parsed(attributes[side])).flatMap((item) => {
      const tree = isTree(item) && isTree(item.message) ? item.message : item;
      return message(tree, role) ?? [];
    });
  return { input: read('llm.input_messages', 'user'), output: read('llm.output_messages', 'assistant') };
}

/** `gen_ai.prompt.0.role` and its kin. */
function openLlmetry(attributes: Attributes): Exchange {
  const read = (side: string, role: string) =>
    items(nested(attributes, side)).flatMap((item) => message(item, role) ?? []);
  const plain = (key: string, role: string, list: string) => fromValue(attributes[key], role, list);
  const input = read('gen_ai.prompt', 'user');
  const output = read('gen_ai.completion', 'assistant');
  return {
    input: input.length > 0 ? input : plain('gen_ai.prompt', 'user', 'messages'),
    output: output.length > 0 ? output : plain('gen_ai.completion', 'assistant', 'choices'),
  };
}

export const inputValue = (attributes: Attributes): unknown =>
  attributes['input.value'] ?? attributes['traceloop.entity.input'];

export const outputValue = (attributes: Attributes): unknown =>
  attributes['output.value'] ?? attributes['traceloop.entity.output'];

/** Messages in a request or an answer as a whole; else the value as one message. */
function fromValue(value: unknown, role: string, list: string): Message[] {
  if (value === undefined || value === null || value === '') return [];
  const inner = parsed(value);
  const listed = Array.isArray(inner) ? inner : isTree(inner) ? inner[list] : undefined;
  if (Array.isArray(listed)) {
    const read = listed.flatMap(
      (item) => message(isTree(item) && isTree(item.message) ? item.message : item, role) ?? [],
    );
    if (read.length > 0 && read.length === listed.length) return read;
  }
  if (isTree(inner) && ('role' in inner || 'content' in inner)) {
    const one = message(inner, role);
    if (one) return one;
  }
  return [
    {
      role,
      parts: typeof inner === 'string' ? [{ type: 'text', text: inner }] : [{ type: 'value', value: inner }],
    },
  ];
}

/** One message of any convention; null when it is none. */
function message(value: unknown, role: string): Message[] | null {
  if (!isTree(value)) return null;
  const said = asText(value.role) ?? role;
  const callId = asText(value.tool_call_id) ?? asText(value.id);
  const content = 'parts' in value ? value.parts : 'contents' in value ? value.contents : value.content;
  let parts = contentParts(content);
  // What a tool said comes as its result.
  if (said === 'tool') {
    parts = parts.map((one) =>
      one.type === 'text'
        ? { type: 'result', id: callId, value: one.text }
        : one.type === 'value'
          ? { type: 'result', id: callId, value: one.value }
          : one,
    );
  }
  parts.push(...items(parsed(value.tool_calls)).flatMap(call));
  const single = isTree(value.function_call) ? call({ function: value.function_call }) : [];
  parts.push(...single);
  if (parts.length === 0) return null;
  return [smolagents({ role: said, parts })];
}

function contentParts(content: unknown): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (Array.isArray(content) || (isTree(content) && items(content).length > 0))
    return items(content).flatMap(part);
  return content === null || content === undefined ? [] : [{ type: 'value', value: content }];
}

/** A part of a message: text, a call, a result; the rest as it is. */
function part(value: unknown): Part[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!isTree(value)) return value === null || value === undefined ? [] : [{ type: 'value', value }];
  const inner = isTree(value.message_content) ? value.message_content : value;
  const type = asText(inner.type);
  if (type === 'tool_call' || type === 'tool_use') {
    return [
      {
        type: 'call',
        id: asText(inner.id),
        name: asText(inner.name) ?? 'tool',
        input: parsed(inner.arguments ?? inner.input) ?? null,
      },
    ];
  }
  if (type === 'tool_call_response' || type === 'tool_result') {
    const id = asText(inner.id) ?? asText(inner.tool_use_id);
    return [{ type: 'result', id, value: parsed(inner.response ?? inner.result ?? inner.content) ?? null }];
  }
  const text = inner.text ?? (type === 'text' || type === 'reasoning' ? inner.content : undefined);
  return typeof text === 'string' ? [{ type: 'text', text }] : [{ type: 'value', value: inner }];
}

function call(value: unknown): Part[] {
  if (!isTree(value)) return [];
  const inner = isTree(value.tool_call) ? value.tool_call : value;
  const told = isTree(inner.function) ? inner.function : inner;
  const name = asText(told.name);
  if (!name) return [];
  return [{ type: 'call', id: asText(inner.id), name, input: parsed(told.arguments) ?? null }];
}

const CALLING = 'Calling tools:';
const OBSERVED = /^(?:Call id: (\S+)\n)?Observation:\n?/;

/** smolagents writes calls and results into texts of its own; here they are calls and results again. */
function smolagents({ role, parts }: Message): Message {
  const read = parts.flatMap((one): Part[] => {
    if (one.type !== 'text') return [one];
    if (one.text.startsWith(CALLING)) {
      const calls = items(pythonValue(one.text.slice(CALLING.length))).flatMap(call);
      return calls.length > 0 ? calls : [one];
    }
    const observed = OBSERVED.exec(one.text);
    return observed
      ? [{ type: 'result', id: observed[1] ?? null, value: one.text.slice(observed[0].length) }]
      : [one];
  });
  const results = read.length > 0 && read.every(({ type }) => type === 'result');
  const calls = read.some(({ type }) => type === 'call');
  const named =
    role === 'tool-call' || calls ? 'assistant' : role === 'tool-response' || results ? 'tool' : role;
  return { role: named, parts: read };
}

/** A Python literal of strings, numbers, lists and dicts; undefined when it is anything else. */
export function pythonValue(text: string): unknown {
  let json = '';
  for (let at = 0; at < text.length;) {
    const c = text[at] ?? '';
    if (c === "'" || c === '"') {
      const from = at;
      let held = '';
      at += 1;
      while (at < text.length && text[at] !== c) {
        if (text[at] === '\\') {
          const next = text[at + 1] ?? '';
          held += ESCAPES[next] ?? (next === 'x' || next === 'u' ? '\\' + next : next);
          at += 2;
        } else {
          held += text[at];
          at += 1;
        }
      }
      if (at >= text.length && from !== at) return undefined;
      at += 1;
      json += JSON.stringify(held);
    } else {
      const word = /^(True|False|None)\b/.exec(text.slice(at, at + 6))?.[1];
      if (word) {
        json += { True: 'true', False: 'false', None: 'null' }[word] ?? '';
        at += word.length;
      } else {
        json += c;
        at += 1;
      }
    }
  }
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' };

/** What a tool span was asked and what it gave. */
export function toolUse(span: Pick<SpanDetail, 'name' | 'attributes' | 'status' | 'status_message'>): {
  name: string;
  input: unknown;
  output: unknown;
} {
  const { attributes } = span;
  const given = parsed(
    attributes['gen_ai.tool.call.arguments'] ?? inputValue(attributes) ?? attributes['tool.parameters'],
  );
  // smolagents wraps what the tool was called with.
  const wrapped = isTree(given) && isTree(given.kwargs) ? given : null;
  const positional = wrapped && Array.isArray(wrapped.args) ? wrapped.args : [];
  return {
    name: asText(attributes['gen_ai.tool.name']) ?? asText(attributes['tool.name']) ?? span.name,
    input: wrapped
      ? positional.length > 0
        ? { args: positional, ...(wrapped.kwargs as Tree) }
        : wrapped.kwargs
      : given,
    output: parsed(attributes['gen_ai.tool.call.result'] ?? outputValue(attributes)),
  };
}
