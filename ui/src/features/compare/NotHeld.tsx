// A comparison that the bundle does not hold: why, what it holds instead, and how to get it.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { heldAmong, type HeldComparisons } from '@/api/bundle/comparisons';
import { chartRuns } from '@/api/queries';
import { Command, Empty } from '@/design/components/states';
import * as format from '@/lib/format';
import { modelName } from '@/lib/model';

import css from './compare.module.css';
import { writeRuns } from './search';

const MOST_LISTED = 12;

export function NotHeld({ ids, held }: { ids: string[]; held: HeldComparisons }) {
  const { data } = useQuery(chartRuns({}, ['run_id', 'model']));
  const models = new Map(data?.items.map(({ run_id, model }) => [run_id, modelName(model).name]));
  const name = (id: string) => models.get(id) ?? format.shortId(id);
  const among = heldAmong(held, ids);
  return (
    <Empty icon="columns" title="Not compared in this bundle">
      <p>
        This page shows recorded files. Whether runs differ is worked out where their data is, when the bundle
        is written: {holds(held)}
      </p>
      {among.length > 0 && <p>Of these runs it compares:</p>}
      {among.length > 0 && (
        <ul className={css.held} aria-label="Compared in this bundle">
          {among.slice(0, MOST_LISTED).map(({ runs }) => (
            <li key={runs.join('\n')}>
              <Link to="/compare" search={{ runs: writeRuns(runs) }} title={runs.join(' against ')}>
                {runs.map(name).join(' · ')}
              </Link>
            </li>
          ))}
        </ul>
      )}
      <p>A bundle with this comparison, or the comparison in a terminal:</p>
      <Command>{`smoltrace bundle site/ --compare ${shellWord(ids.join(','))}`}</Command>
      <Command>{`smoltrace compare ${ids.map(shellWord).join(' ')}`}</Command>
      <p>
        <Link to="/">Back to the leaderboard</Link>
      </p>
    </Empty>
  );
}

/** What the bundle holds, as the end of a sentence. */
function holds({ items, paired }: HeldComparisons): string {
  if (items.length === 0) return 'this one holds none.';
  const pairs = paired * (paired - 1);
  const kinds = [
    pairs > 0 && `of its ${paired} best runs, each with each`,
    items.length > pairs && 'of those that were asked for',
  ];
  return `this one holds ${format.plural(items.length, 'comparison')}, ${kinds.filter(Boolean).join(', and ')}.`;
}

/** A word as a shell takes it, whatever is in it. */
const shellWord = (word: string) =>
  /^[\w./:@,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
