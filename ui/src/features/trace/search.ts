import { number, oneOf, text } from '@/lib/search';

export type TraceSearch = {
  tab?: 'timeline' | 'raw' | undefined;
  span?: string | undefined;
  q?: string;
  /** Window of the timeline, ms since the trace began. */
  from?: number;
  to?: number;
};

export function traceSearch(raw: Record<string, unknown>): TraceSearch {
  const search: TraceSearch = {};
  const put = <K extends keyof TraceSearch>(key: K, value: TraceSearch[K] | undefined) => {
    if (value !== undefined) search[key] = value;
  };
  put('tab', oneOf(raw.tab, ['timeline', 'raw']));
  put('span', text(raw.span));
  put('q', text(raw.q));
  put('from', number(raw.from));
  put('to', number(raw.to));
  return search;
}
