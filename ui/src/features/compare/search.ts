// What the comparison keeps in its address.

import { list, oneOf, text } from '@/lib/search';

export const SHOWN = ['changed', 'fixed', 'broken', 'both_pass', 'both_fail', 'apart', 'all'] as const;
/** Which tests are listed; `apart` are those that only one of the two runs has, or that nobody scored. */
export type Shown = (typeof SHOWN)[number];

export type CompareSearch = {
  /** Run ids, separated by commas; a list when an id has a comma in it. The first is the baseline. */
  runs?: string | string[] | undefined;
  by?: 'attempt' | 'id' | undefined;
  /** Letter of the run that is compared with the first in detail. */
  with?: string | undefined;
  show?: Shown | undefined;
  q?: string | undefined;
  sort?: string | undefined;
  /** All columns of the tests, also where they do not fit. */
  cols?: 'all' | undefined;
  /** Open test, `test#attempt`. */
  test?: string | undefined;
};

export function compareSearch(raw: Record<string, unknown>): CompareSearch {
  const runs = list(raw.runs);
  return {
    runs: runs?.length === 1 ? runs[0] : runs,
    by: oneOf(raw.by, ['attempt', 'id']),
    with: text(raw.with),
    show: oneOf(raw.show, SHOWN),
    q: text(raw.q),
    sort: text(raw.sort),
    cols: oneOf(raw.cols, ['all']),
    test: text(raw.test),
  };
}

/** Run ids as the address takes them. */
export function writeRuns(ids: readonly string[]): string | string[] {
  return ids.some((id) => id.includes(',')) ? [...ids] : ids.join(',');
}

/** What the API is asked for. */
export const askedRuns = ({ runs }: CompareSearch): string[] =>
  runs === undefined ? [] : Array.isArray(runs) ? runs : [runs];
