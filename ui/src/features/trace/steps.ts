// The agent's reasoning as a graph: what followed what, what ran side by side, what repeated. Pure.

import type { TraceSpan, TraceSpans } from '@/api/types';

export type GraphNode = {
  id: string;
  /** The span that a click shows; of several, the first. */
  span: number;
  kind: TraceSpan['kind'];
  label: string;
  /** Small print: the model of a call. */
  note: string | null;
  error: boolean;
  /** How many spans stand here as one. */
  times: number;
  duration_ms: number;
  tokens: number | null;
};

export type GraphEdge = {
  from: string;
  to: string;
  /** Into the steps of an agent, rather than on to the next. */
  into: boolean;
};

export type Graph = {
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** Repetitions that were folded. */
  folded: number;
  /** Steps that were left out because there are too many to draw. */
  left_out: number;
};

const STEPS: ReadonlySet<string> = new Set(['AGENT', 'LLM', 'TOOL', 'RETRIEVER', 'EMBEDDING']);

/** More than these make no picture that anybody reads. */
export const MOST_NODES = 300;
/** The longest pattern of steps that is looked for when it repeats. */
const LONGEST_PATTERN = 4;

/** One step, or several alike; steps that are alike have the same `sign`. */
type Step = { spans: number[]; steps: Step[]; sign: number };

/** The steps of the traces in use: to fold and unfold them is asked again and again. */
const known = new WeakMap<TraceSpans, Step[]>();

/** Draws the steps of agents, models and tools; what stands between them is passed over, unless it failed itself. */
export function graphOf(spans: TraceSpans, options: { fold: boolean; most?: number }): Graph {
  const graph: Graph = { nodes: [], edges: [], folded: 0, left_out: 0 };
  const most = options.most ?? MOST_NODES;
  const place = (step: Step): string | null => {
    if (graph.nodes.length >= most) {
      graph.left_out += step.spans.length;
      return null;
    }
    const node = nodeOf(spans, step);
    graph.nodes.push(node);
    return node.id;
  };
  const steps = known.get(spans) ?? stepsOf(spans);
  known.set(spans, steps);
  // An agent's own steps hang beneath it; the agent stands for them in the sequence that it is part of.
  const todo: { steps: Step[]; within: string | null }[] = [{ steps, within: null }];
  for (let next = todo.shift(); next; next = todo.shift()) {
    const runs = options.fold ? folded(next.steps) : next.steps;
    graph.folded += next.steps.length - runs.length;
    let before: string[] = next.within === null ? [] : [next.within];
    let into = next.within !== null;
    for (const group of sideBySide(spans, runs)) {
      const placed: string[] = [];
      for (const step of group) {
        const id = place(step);
        if (id === null) continue;
        placed.push(id);
        for (const from of before) graph.edges.push({ from, to: id, into });
        if (step.steps.length > 0) todo.push({ steps: step.steps, within: id });
      }
      if (placed.length > 0) {
        before = placed;
        into = false;
      }
    }
  }
  return graph;
}

/** The steps in order of their start, each with the steps beneath it. */
function stepsOf(spans: TraceSpans): Step[] {
  const roots: Step[] = [];
  const owner = new Map<number, Step>();
  spans.span_id.forEach((_, index) => {
    const parent = spans.parent[index];
    const above = typeof parent === 'number' ? owner.get(parent) : undefined;
    const kind = spans.kind[index] ?? 'OTHER';
    // Instrumentations nest: a call within a call of the same kind is that call.
    const inner = above?.spans[0];
    const repeats = inner !== undefined && kind !== 'AGENT' && spans.kind[inner] === kind;
    const failed = spans.status[index] === 'ERROR' && !STEPS.has(kind) && !failsBeneath(spans, index);
    if ((STEPS.has(kind) && !repeats) || (failed && above?.spans[0] !== index)) {
      const step = { spans: [index], steps: [], sign: -1 };
      (above?.steps ?? roots).push(step);
      owner.set(index, step);
    } else if (above) owner.set(index, above);
  });
  const byStart = (a: Step, b: Step) => startOf(spans, a) - startOf(spans, b);
  const todo = [roots];
  for (let list = todo.pop(); list; list = todo.pop()) {
    list.sort(byStart);
    for (const { steps } of list) if (steps.length > 0) todo.push(steps);
  }
  sign(spans, roots);
  return roots;
}

/** Whether an error further down says it already. */
function failsBeneath({ parent, status }: TraceSpans, index: number): boolean {
  for (let at = index + 1; at < parent.length && (parent[at] ?? -1) >= index; at += 1) {
    if (status[at] === 'ERROR') return true;
  }
  return false;
}

const startOf = (spans: TraceSpans, { spans: [first = 0] }: Step) => spans.start_ms[first] ?? 0;
/** Of steps folded into one, the first tells what it ran beside. */
const endOf = (spans: TraceSpans, step: Step) =>
  startOf(spans, step) + (spans.duration_ms[step.spans[0] ?? 0] ?? 0);

/** Steps that ran at the same time, group by group. */
function sideBySide(spans: TraceSpans, steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  let end = -Infinity;
  for (const step of steps) {
    const last = groups.at(-1);
    if (last && startOf(spans, step) < end) last.push(step);
    else groups.push([step]);
    end = Math.max(end, endOf(spans, step));
  }
  return groups;
}

/** Steps nested deeper than this are taken to differ: nobody would see that they are alike. */
const DEEPEST_ALIKE = 6;

/** Gives each step, and those beneath it, the number of its like: kinds, names and outcomes, all the way down. */
function sign(spans: TraceSpans, steps: readonly Step[]) {
  const order = [...steps];
  // It grows while it is gone through: a step always stands before those beneath it.
  for (const step of order) for (const inner of step.steps) order.push(inner);
  const numbers = new Map<string, number>();
  const heights = new Map<Step, number>();
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const step = order[at];
    if (!step) continue;
    const [first = 0] = step.spans;
    const height = step.steps.reduce((most, inner) => Math.max(most, 1 + (heights.get(inner) ?? 0)), 0);
    const own =
      height > DEEPEST_ALIKE
        ? [spans.span_id[first]]
        : [spans.kind[first], spans.name[first], spans.status[first] === 'ERROR'];
    const key = `${own.join('\n')}\n(${step.steps.map((inner) => inner.sign).join(' ')})`;
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    heights.set(step, height);
    step.sign = number;
  }
}

/** Patterns of up to four steps that follow one another again and again, as one pattern. */
function folded(steps: readonly Step[]): Step[] {
  const signs = steps.map((step) => step.sign);
  const result: Step[] = [];
  for (let at = 0; at < steps.length;) {
    const [length, times] = repetition(signs, at);
    for (let offset = 0; offset < length; offset += 1) {
      const alike = Array.from({ length: times }, (_, time) => steps[at + time * length + offset]).flatMap(
        (step) => step ?? [],
      );
      result.push(merged(alike));
    }
    at += length * times;
  }
  return result;
}

function merged(alike: readonly Step[]): Step {
  const [first] = alike;
  if (!first || alike.length === 1) return first ?? { spans: [], steps: [], sign: -1 };
  return {
    spans: alike.flatMap(({ spans }) => spans),
    steps: first.steps.map((_, at) => merged(alike.flatMap(({ steps }) => steps[at] ?? []))),
    sign: first.sign,
  };
}

/** The pattern at `at` that folds the most steps: its length, and how often it stands there. */
function repetition(signs: readonly number[], at: number): [length: number, times: number] {
  let best: [number, number] = [1, 1];
  for (let length = 1; length <= LONGEST_PATTERN; length += 1) {
    let times = 1;
    const whole = () => at + (times + 1) * length <= signs.length;
    const same = () => {
      for (let offset = 0; offset < length; offset += 1) {
        if (signs[at + times * length + offset] !== signs[at + offset]) return false;
      }
      return true;
    };
    while (whole() && same()) times += 1;
    if ((times - 1) * length > (best[1] - 1) * best[0]) best = [length, times];
  }
  return best;
}

function nodeOf(spans: TraceSpans, { spans: of }: Step): GraphNode {
  const [first = 0] = of;
  const tokens = of.flatMap((index) => spans.total_tokens[index] ?? []);
  return {
    id: spans.span_id[first] ?? String(first),
    span: first,
    kind: spans.kind[first] ?? 'OTHER',
    label: spans.name[first] ?? '',
    note: spans.model[first] ?? null,
    error: of.some((index) => spans.status[index] === 'ERROR'),
    times: of.length,
    duration_ms: of.reduce((sum, index) => sum + (spans.duration_ms[index] ?? 0), 0),
    tokens: tokens.length > 0 ? tokens.reduce((a, b) => a + b, 0) : null,
  };
}
