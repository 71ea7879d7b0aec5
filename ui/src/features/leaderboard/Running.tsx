// What is running now, of the runs in the filter: above all others, whatever they are sorted by.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { inBundle } from '@/api/client';
import { runsPage, type RunFilter } from '@/api/queries';
import type { Run } from '@/api/types';
import { Pulse, SimulatedBadge, Value } from '@/design/components/data';
import * as format from '@/lib/format';
import { modelName } from '@/lib/model';

import css from './leaderboard.module.css';

const MOST_SHOWN = 4;

export function Running({ filter }: { filter: RunFilter }) {
  const { status } = filter;
  const running = useQuery({
    ...runsPage({ ...filter, status: ['running'] }, '-timestamp', 1, MOST_SHOWN),
    enabled: !inBundle && (!status || status.includes('running')),
  });
  if (!running.isEnabled || !running.data || running.data.total === 0) return null;
  const { items, total } = running.data;
  return (
    <section className={css.running} aria-label="Running now">
      <h2>
        <Pulse /> Running now
      </h2>
      <ul>
        {items.map((run) => (
          <li key={run.run_id}>
            <Link to="/runs/$runId" params={{ runId: run.run_id }} title={`${run.model}, ${run.run_id}`}>
              <b>{modelName(run.model).name}</b>
              {run.simulated && <SimulatedBadge />}
              <span>{soFar(run)}</span>
              {run.success_rate !== null && (
                <span>
                  <Value of={format.percent(run.success_rate)} /> success
                </span>
              )}
            </Link>
          </li>
        ))}
      </ul>
      <Link to="/live" className={css.toLive}>
        {total > items.length ? `${total - items.length} more, live` : 'Live'} →
      </Link>
    </section>
  );
}

const soFar = ({ total_tests: tests, total_tokens: tokens }: Run) =>
  [format.plural(tests, 'test'), tokens !== null && format.plural(tokens, 'token')]
    .filter(Boolean)
    .join(', ');
