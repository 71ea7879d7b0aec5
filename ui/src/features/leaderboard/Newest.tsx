// What charts say when they are of a part of the runs.

import * as format from '@/lib/format';

import css from './insights.module.css';

/** Nothing when all runs of the filter are there. */
export function Newest({ shown, total }: { shown: number; total: number }) {
  if (total <= shown) return null;
  return (
    <p className={css.newest} role="note">
      Charts are of the newest {format.count(shown).text} of {format.count(total).text} runs in the filter. A
      filter brings older ones in.
    </p>
  );
}
