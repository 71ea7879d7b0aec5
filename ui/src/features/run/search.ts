import { number, oneOf, text } from '@/lib/search';

export const TABS = ['overview', 'tests', 'performance', 'environment', 'raw'] as const;
export type Tab = (typeof TABS)[number];

export type RunSearch = {
  tab?: Tab | undefined;
  outcome?: 'passed' | 'failed' | 'unscored';
  q?: string;
  sort?: string;
  /** Order of the operations. */
  osort?: string | undefined;
  /** Open test, `test_uid#attempt`. */
  test?: string;
  /** Window of the environment charts, ms since the first sample. */
  from?: number;
  to?: number;
};

export function runSearch(raw: Record<string, unknown>): RunSearch {
  return {
    tab: oneOf(raw.tab, TABS),
    outcome: oneOf(raw.outcome, ['passed', 'failed', 'unscored']),
    q: text(raw.q),
    sort: text(raw.sort),
    osort: text(raw.osort),
    test: text(raw.test),
    from: number(raw.from),
    to: number(raw.to),
  };
}
