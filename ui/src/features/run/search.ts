import { number, oneOf, text } from '@/lib/search';

export const TABS = ['overview', 'tests', 'environment', 'raw'] as const;
export type Tab = (typeof TABS)[number];

export type RunSearch = {
  tab?: Tab | undefined;
  outcome?: 'passed' | 'failed' | 'unscored';
  q?: string;
  sort?: string;
  /** Open test, `test_uid#attempt`. */
  test?: string;
  /** Window of the environment charts, ms since the first sample. */
  from?: number;
  to?: number;
};

export function runSearch(raw: Record<string, unknown>): RunSearch {
  const search: RunSearch = {};
  const put = <K extends keyof RunSearch>(key: K, value: RunSearch[K] | undefined) => {
    if (value !== undefined) search[key] = value;
  };
  put('tab', oneOf(raw.tab, TABS));
  put('outcome', oneOf(raw.outcome, ['passed', 'failed', 'unscored']));
  put('q', text(raw.q));
  put('sort', text(raw.sort));
  put('test', text(raw.test));
  put('from', number(raw.from));
  put('to', number(raw.to));
  return search;
}
