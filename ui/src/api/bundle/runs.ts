// What the server does with the leaderboard's filters, where there is none: filter, rank, order, page, facets, totals.
// Pure; says the same as crates/server/src/leaderboard.

import type { FacetValue, Facets, Run, RunsPage, RunsSummary } from '../types';

const FIELDS = [
  'model',
  'agent_type',
  'provider',
  'hardware',
  'dataset_used',
  'use_case',
  'team',
  'purpose',
  'suite_version',
  'submitted_by',
  'status',
  'simulated',
] as const;
type Field = (typeof FIELDS)[number];

const valueOf = (run: Run, field: Field): string | null =>
  field === 'simulated' ? String(run.simulated) : run[field];

const DAY_MS = 86_400_000;

/** Unix ms; a date is its first instant, or its last one. */
function instant(text: string | null, endOfDay: boolean): number | null {
  if (!text) return null;
  const day = /^\d{4}-\d\d-\d\d$/.test(text);
  const zoned = day || /([zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? null : day && endOfDay ? ms + DAY_MS - 1 : ms;
}

function timeOf(run: Run): number | null {
  const recorded = instant(run.timestamp, false);
  if (recorded !== null) return recorded;
  return run.start_time_unix_nano === null ? null : Number(BigInt(run.start_time_unix_nano) / 1_000_000n);
}

const textOf = ({ run_id, model, notes, dataset_used, hardware, submitted_by }: Run) =>
  [run_id, model, notes, dataset_used, hardware, submitted_by]
    .filter((part) => part !== null)
    .join('\n')
    .toLowerCase();

/**
 * A test whether a run passes all filters but the one on `but`. A value with a comma is a list of values, unless a run
 * has it as it stands.
 */
function filter(all: readonly Run[], asked: URLSearchParams): (run: Run, but?: Field) => boolean {
  const wanted = FIELDS.flatMap((field) => {
    const values = asked.getAll(field).filter(Boolean);
    const whole = (value: string) => !value.includes(',') || all.some((run) => valueOf(run, field) === value);
    const set = new Set(
      values.flatMap((value) => (whole(value) ? [value] : value.split(',').map((one) => one.trim()))),
    );
    return set.size > 0 ? [{ field, set }] : [];
  });
  const from = instant(asked.get('from'), false);
  const to = instant(asked.get('to'), true);
  const words = (asked.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return (run, but) => {
    const fields = wanted.every(({ field, set }) => {
      const value = valueOf(run, field);
      return field === but || (value !== null && set.has(value));
    });
    if (!fields) return false;
    if (from !== null || to !== null) {
      const time = timeOf(run);
      if (time === null || (from !== null && time < from) || (to !== null && time > to)) return false;
    }
    const text = words.length > 0 ? textOf(run) : '';
    return words.every((word) => text.includes(word));
  };
}

type Sortable = string | number | boolean | null;

/** Unknown values stand last either way. */
function compare(a: Sortable, b: Sortable, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  let order = a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') {
    const [x, y] = [a.toLowerCase(), b.toLowerCase()];
    if (x !== y) order = x < y ? -1 : 1;
  }
  return descending ? -order : order;
}

const newestFirst = (a: Run, b: Run) =>
  compare(timeOf(a), timeOf(b), true) || compare(a.run_id, b.run_id, false);

const bestFirst = (a: Run, b: Run) =>
  compare(a.success_rate, b.success_rate, true) ||
  compare(a.co2_emissions_g, b.co2_emissions_g, false) ||
  compare(a.total_cost_usd, b.total_cost_usd, false) ||
  newestFirst(a, b);

export const DEFAULT_SORT = '-success_rate';

function ordered(runs: Run[], sort: string): Run[] {
  const terms = sort
    .split(',')
    .map((term) => term.trim())
    .filter(Boolean);
  if (sort === DEFAULT_SORT || terms.length === 0 || terms[0] === 'rank') return runs;
  const value = (run: Run, key: string): Sortable => {
    const found = run[key as keyof Run];
    return typeof found === 'object' ? null : found;
  };
  return [...runs].sort((a, b) => {
    for (const term of terms) {
      const descending = term.startsWith('-');
      const key = descending ? term.slice(1) : term;
      const order = compare(value(a, key), value(b, key), descending);
      if (order !== 0) return order;
    }
    return newestFirst(a, b);
  });
}

function summary(runs: readonly Run[]): RunsSummary {
  const sum = (of: (run: Run) => number | null) => {
    const known = runs.map(of).filter((value) => value !== null);
    return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
  };
  const passed = sum((run) => run.successful_tests) ?? 0;
  const scored = passed + (sum((run) => run.failed_tests) ?? 0);
  return {
    runs: runs.length,
    tests: sum((run) => run.total_tests) ?? 0,
    successful_tests: passed,
    success_rate: scored > 0 ? (100 * passed) / scored : null,
    total_tokens: sum((run) => run.total_tokens),
    total_cost_usd: sum((run) => run.total_cost_usd),
    energy_wh: sum((run) => run.energy_wh),
    co2_emissions_g: sum((run) => run.co2_emissions_g),
    power_cost_total_usd: sum((run) => run.power_cost_total_usd),
    simulated_runs: runs.filter((run) => run.simulated).length,
  };
}

/** `GET /api/v1/runs`. */
export function runsPage(all: readonly Run[], asked: URLSearchParams): RunsPage {
  const passes = filter(all, asked);
  const best = all.filter((run) => passes(run)).sort(bestFirst);
  const ranked = best.map((run, at) => ({ ...run, rank: at + 1 }));
  const page = Number(asked.get('page') ?? 1);
  const page_size = Number(asked.get('page_size') ?? 100);
  return {
    items: ordered(ranked, asked.get('sort') ?? '').slice((page - 1) * page_size, page * page_size),
    total: ranked.length,
    page,
    page_size,
    summary: summary(ranked),
  };
}

/** `GET /api/v1/facets`. */
export function facets(all: readonly Run[], asked: URLSearchParams): Facets {
  const passes = filter(all, asked);
  const count = (field: Field): FacetValue[] => {
    const counts = new Map<string, number>();
    for (const run of all) {
      const value = valueOf(run, field);
      if (value !== null && passes(run, field)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts]
      .map(([value, runs]) => ({ value, count: runs }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  };
  return Object.fromEntries(FIELDS.map((field) => [field, count(field)])) as Facets;
}
