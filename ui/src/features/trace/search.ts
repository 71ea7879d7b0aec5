import { number, oneOf, text } from '@/lib/search';

export const TABS = ['timeline', 'graph', 'conversation', 'raw'] as const;
export type Tab = (typeof TABS)[number];

/** How the texts of a conversation are shown. */
export const LOOKS = ['markdown', 'plain', 'json'] as const;

export type TraceSearch = {
  tab?: Tab | undefined;
  span?: string | undefined;
  q?: string;
  /** Window of the timeline, ms since the trace began. */
  from?: number;
  to?: number;
  look?: (typeof LOOKS)[number] | undefined;
  /** Marks what the trace's end waited for. */
  path?: 'critical' | undefined;
};

export function traceSearch(raw: Record<string, unknown>): TraceSearch {
  return {
    tab: oneOf(raw.tab, TABS),
    span: text(raw.span),
    q: text(raw.q),
    from: number(raw.from),
    to: number(raw.to),
    look: oneOf(raw.look, LOOKS),
    path: oneOf(raw.path, ['critical']),
  };
}
