// A trace's messages in the order they were said. Every call of a model repeats what went before; here each stands
// once. Pure.

import type { SpanDetail, TraceSpans } from '@/api/types';

import { exchangeOf, toolUse, type Message, type Part } from './messages';

/** One thing that was said or done. */
export type Entry = {
  key: string;
  /** Index of its span in the trace. */
  span: number;
  at_ms: number;
  duration_ms: number | null;
  role: string;
  parts: Part[];
  /** What the entry is of: the model, or the tool's name. */
  by: string | null;
  error: string | null;
  tokens: number | null;
  /** Set on the first entry of a conversation: whose it is. */
  thread: string | null;
};

type Thread = { heard: Message[]; results: Set<string> };

/** The kinds of spans whose attributes a conversation is read from. */
export const SPOKEN = ['LLM', 'TOOL', 'RETRIEVER'] as const;

/** The entries of `details`, whole spans of the trace in any order. */
export function conversation(spans: TraceSpans, details: readonly SpanDetail[]): Entry[] {
  const places = new Map(spans.span_id.map((id, index) => [id, index]));
  const known = new Map<number, SpanDetail>();
  for (const detail of details) {
    const place = places.get(detail.span_id);
    if (place !== undefined) known.set(place, detail);
  }
  const calls = [...known.keys()].filter(
    (index) => known.get(index)?.kind === 'LLM' && !within(spans, index, 'LLM'),
  );
  const tools = [...known.keys()].filter(
    (index) => known.get(index)?.kind !== 'LLM' && !within(spans, index, 'LLM'),
  );
  const threads: Thread[] = [];
  const entries: Entry[] = [];
  const order = [...calls, ...tools].sort(
    (a, b) => (spans.start_ms[a] ?? 0) - (spans.start_ms[b] ?? 0) || a - b,
  );
  for (const index of order) {
    const detail = known.get(index);
    if (!detail) continue;
    if (detail.kind === 'LLM') entries.push(...ofCall(spans, known, index, threads));
    else {
      const entry = ofTool(spans, detail, index);
      for (const part of entry.parts) {
        if (part.type === 'result') for (const thread of threads) thread.results.add(textOf(part.value));
      }
      entries.push(entry);
    }
  }
  return entries;
}

/** Whether a span of `kind` stands above. */
function within(spans: TraceSpans, index: number, kind: string): boolean {
  for (let above = spans.parent[index]; typeof above === 'number'; above = spans.parent[above]) {
    if (spans.kind[above] === kind) return true;
  }
  return false;
}

const base = (spans: TraceSpans, index: number) => ({
  span: index,
  at_ms: spans.start_ms[index] ?? 0,
  duration_ms: null,
  by: null,
  error: null,
  tokens: null,
  thread: null,
});

/** A call of a model. Instrumentations nest: of the spans of one call, the one that says the most speaks. */
function ofCall(
  spans: TraceSpans,
  known: ReadonlyMap<number, SpanDetail>,
  index: number,
  threads: Thread[],
): Entry[] {
  let said = { span: index, exchange: exchangeOf(known.get(index) ?? { attributes: {}, events: [] }) };
  for (let at = index + 1; at < spans.span_id.length && isBeneath(spans, at, index); at += 1) {
    const detail = known.get(at);
    if (detail?.kind !== 'LLM') continue;
    const exchange = exchangeOf(detail);
    const size = ({ input, output }: typeof exchange) => input.length + output.length;
    if (size(exchange) >= size(said.exchange) && size(exchange) > 0) said = { span: at, exchange };
  }
  const { input, output } = said.exchange;
  const found = threads.find(({ heard }) => continues(heard, input));
  const thread = found ?? { heard: [], results: new Set<string>() };
  if (!found) threads.push(thread);
  const fresh = input.slice(thread.heard.length).filter((message, at) => {
    // The model's own last answer comes back to it first of all.
    if (found && at === 0 && message.role === 'assistant') return false;
    const results = message.parts.filter((part) => part.type === 'result');
    return (
      results.length === 0 ||
      results.length < message.parts.length ||
      !results.every((part) => heardOf(thread, part.value))
    );
  });
  thread.heard = input;
  const status = spans.status[index] === 'ERROR';
  const name = spans.model[said.span] ?? spans.model[index] ?? null;
  const entries: Entry[] = fresh.map((message, at) => ({
    ...base(spans, index),
    ...message,
    key: `${index}-in-${at}`,
  }));
  const told: Entry[] = output.map((message, at) => ({
    ...base(spans, index),
    ...message,
    key: `${index}-out-${at}`,
    at_ms: (spans.start_ms[index] ?? 0) + (spans.duration_ms[index] ?? 0),
    duration_ms: spans.duration_ms[index] ?? null,
    tokens: at === 0 ? (spans.output_tokens[index] ?? spans.output_tokens[said.span] ?? null) : null,
    by: name,
  }));
  if (told.length === 0 && (status || input.length > 0)) {
    told.push({
      ...base(spans, index),
      key: `${index}-out`,
      role: 'assistant',
      parts: [],
      duration_ms: spans.duration_ms[index] ?? null,
      by: name,
    });
  }
  const last = told.at(-1);
  if (status && last) last.error = spans.status_message[index] ?? 'The call ended in an error.';
  entries.push(...told);
  const [first] = entries;
  if (!found && first) first.thread = agentOf(spans, index);
  return entries;
}

function heardOf({ results }: Thread, value: unknown): boolean {
  const text = textOf(value);
  return results.has(text) || [...results].some((result) => result !== '' && text.includes(result));
}

const isBeneath = (spans: TraceSpans, at: number, index: number): boolean => {
  for (let above = spans.parent[at]; typeof above === 'number'; above = spans.parent[above]) {
    if (above === index) return true;
    if (above < index) return false;
  }
  return false;
};

/** Whether `input` begins with all that was heard. */
function continues(heard: readonly Message[], input: readonly Message[]): boolean {
  return (
    heard.length > 0 &&
    heard.length <= input.length &&
    heard.every((message, at) => JSON.stringify(message.parts) === JSON.stringify(input[at]?.parts))
  );
}

function ofTool(spans: TraceSpans, detail: SpanDetail, index: number): Entry {
  const { name, input, output } = toolUse(detail);
  const parts: Part[] = [{ type: 'call', id: null, name, input: input ?? null }];
  if (output !== undefined && output !== null) parts.push({ type: 'result', id: null, value: output });
  return {
    ...base(spans, index),
    key: `${index}-tool`,
    role: 'tool',
    parts,
    duration_ms: detail.duration_ms,
    by: name,
    error: detail.status === 'ERROR' ? (detail.status_message ?? 'The tool ended in an error.') : null,
  };
}

/** The nearest agent above, by name. */
function agentOf(spans: TraceSpans, index: number): string {
  for (let above = spans.parent[index]; typeof above === 'number'; above = spans.parent[above]) {
    if (spans.kind[above] === 'AGENT') return spans.name[above] ?? 'agent';
  }
  return 'conversation';
}

export const textOf = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)).trim();
