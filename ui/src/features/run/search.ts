import { number, oneOf, text } from '@/lib/search';

export const TABS = ['overview', 'tests', 'performance', 'environment', 'raw'] as const;
export type Tab = (typeof TABS)[number];

export type RunSearch = {
  tab?: Tab | undefined;
  outcome?: 'passed' | 'failed' | 'unscored';
  q?: string;
  sort?: string;
  /** All columns of the tests, also where they do not fit. */
  cols?: 'all' | undefined;
  /** The same of the operations. */
  ocols?: 'all' | undefined;
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
    cols: oneOf(raw.cols, ['all']),
    ocols: oneOf(raw.ocols, ['all']),
    osort: text(raw.osort),
    test: text(raw.test),
    from: number(raw.from),
    to: number(raw.to),
  };
}
