// What the leaderboard keeps in its address.

import type { RunFilter } from '@/api/queries';
import { list, oneOf, text } from '@/lib/search';

/** Filters that take a list of values, in the order they are offered. */
export const FACETS = [
  ['model', 'Model'],
  ['agent_type', 'Agent type'],
  ['provider', 'Provider'],
  ['hardware', 'Hardware'],
  ['dataset_used', 'Dataset'],
  ['use_case', 'Use case'],
  ['team', 'Team'],
  ['purpose', 'Purpose'],
  ['suite_version', 'Suite version'],
  ['submitted_by', 'Submitter'],
  ['status', 'Status'],
  ['simulated', 'Simulated'],
] as const;

export type Facet = (typeof FACETS)[number][0];

export type LeaderboardSearch = Partial<Record<Facet, string[] | undefined>> & {
  q?: string | undefined;
  /** Days, `YYYY-MM-DD`, UTC; both included. */
  from?: string | undefined;
  to?: string | undefined;
  sort?: string | undefined;
  group?: 'model' | undefined;
  /** Chosen columns in order, separated by commas. */
  cols?: string | undefined;
  tab?: 'trends' | 'analytics' | undefined;
  /** Ids of the ticked runs. */
  sel?: string[] | undefined;
  /** Trends: the metric, and whether it adds up. */
  metric?: string | undefined;
  cumulative?: 'yes' | undefined;
  /** Analytics: the axes, the size and the colour of the bubbles, logarithmic axes. */
  x?: string | undefined;
  y?: string | undefined;
  size?: string | undefined;
  colour?: Colour | undefined;
  logx?: 'yes' | undefined;
  logy?: 'yes' | undefined;
};

/** What bubbles can be coloured by. */
export const COLOURS = ['model', 'agent_type', 'provider', 'hardware', 'dataset_used', 'status'] as const;
export type Colour = (typeof COLOURS)[number];

/** Runs that one comparison holds at most. */
export const MOST_SELECTED = 6;

const day = (value: unknown) => {
  const given = text(value);
  return given !== undefined && /^\d{4}-\d\d-\d\d$/.test(given) ? given : undefined;
};

export function leaderboardSearch(raw: Record<string, unknown>): LeaderboardSearch {
  // Every key is there: what is refused must not come through from the address as it stands.
  const search: LeaderboardSearch = {
    q: text(raw.q),
    from: day(raw.from),
    to: day(raw.to),
    sort: text(raw.sort),
    group: oneOf(raw.group, ['model']),
    cols: text(raw.cols),
    tab: oneOf(raw.tab, ['trends', 'analytics']),
    sel: list(raw.sel)?.slice(0, MOST_SELECTED),
    metric: text(raw.metric),
    cumulative: oneOf(raw.cumulative, ['yes']),
    x: text(raw.x),
    y: text(raw.y),
    size: text(raw.size),
    colour: oneOf(raw.colour, COLOURS),
    logx: oneOf(raw.logx, ['yes']),
    logy: oneOf(raw.logy, ['yes']),
  };
  for (const [facet] of FACETS) search[facet] = list(raw[facet]);
  return search;
}

export const DEFAULT_SORT = '-success_rate';

/** The part of the address that narrows which runs are meant, as the API takes it. */
export function filterQuery(search: LeaderboardSearch): RunFilter {
  const query: RunFilter = {};
  if (search.q) query.q = search.q;
  for (const [facet] of FACETS) if (search[facet]) query[facet] = search[facet];
  if (search.from) query.from = search.from;
  if (search.to) query.to = search.to;
  return query;
}

/** Whether anything is filtered at all. */
export const isFiltered = (search: LeaderboardSearch) => Object.keys(filterQuery(search)).length > 0;
