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
  return {
    tab: oneOf(raw.tab, ['timeline', 'raw']),
    span: text(raw.span),
    q: text(raw.q),
    from: number(raw.from),
    to: number(raw.to),
  };
}
