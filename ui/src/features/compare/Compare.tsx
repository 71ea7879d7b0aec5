// Runs side by side: is the difference real, by how much, in which tests.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect } from 'react';

import { heldOf, runIds } from '@/api/bundle/comparisons';
import { inBundle } from '@/api/client';
import { comparison as comparisonQuery, heldComparisons } from '@/api/queries';
import type { Comparison, PairBy, Run } from '@/api/types';
import { IconButton } from '@/design/components/controls';
import { Badge, SimulatedBadge, StatusBadge, Value } from '@/design/components/data';
import { Empty, Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';
import { modelName } from '@/lib/model';

import css from './compare.module.css';
import { Difference } from './Difference';
import { Matrix } from './Matrix';
import { NotHeld } from './NotHeld';
import { RadarChart } from './RadarChart';
import { askedRuns, writeRuns, type CompareSearch } from './search';
import { answer, pValue } from './transform';

const route = getRouteApi('/compare');

const PAIRINGS: [PairBy, string][] = [
  ['test', 'test (attempts averaged)'],
  ['attempt', 'test and attempt'],
  ['id', 'test id, whatever the agent'],
];

export function Compare() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/compare' });
  const asked = askedRuns(search);
  const ids = runIds(asked);
  const held = useQuery(heldComparisons);
  const set = held.data && heldOf(held.data, ids);
  // A bundle leaves out the pairings that come to the same as the first.
  const offered = set ? PAIRINGS.filter(([by]) => set.pair_by.includes(by)) : PAIRINGS;
  const by = offered.find(([by]) => by === search.by)?.[0] ?? 'test';
  const { data, error, refetch } = useQuery({
    ...comparisonQuery(asked, by),
    enabled: ids.length > 1 && (!inBundle || set !== undefined),
  });
  const change = useCallback(
    (part: Partial<CompareSearch>) => {
      void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
    },
    [navigate],
  );
  useEffect(() => {
    document.title = 'Compare · TraceMind';
  }, []);

  if (ids.length < 2) {
    return (
      <Empty icon="columns" title="Nothing to compare yet">
        <p>
          Tick 2 to 6 runs on the <Link to="/">leaderboard</Link>, then press Compare.
        </p>
      </Empty>
    );
  }
  if (held.error) return <Failure error={held.error} onRetry={() => void held.refetch()} />;
  if (held.data && !set) return <NotHeld ids={ids} held={held.data} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the comparison" height="70vh" />;
  const { comparison, runs } = data;
  const chosen = comparison.runs.findIndex(({ letter }) => letter === search.with);
  const focus = comparison.against_first[Math.max(1, chosen) - 1];
  if (!focus) return <Failure error="The server compared nothing." />;
  return (
    <div className={css.page}>
      <header className={css.top}>
        <nav className={css.crumbs} aria-label="Breadcrumb">
          <Link to="/">Leaderboard</Link> <span aria-hidden="true">/</span> <span>Compare</span>
        </nav>
        <div className={css.title}>
          <h1>{runs.length} runs compared</h1>
          <label className={css.select}>
            Pair by
            <select
              value={by}
              title={
                offered.length < PAIRINGS.length
                  ? 'Other pairings come to the same for these runs'
                  : undefined
              }
              onChange={({ target }) => {
                change({ by: target.value === 'test' ? undefined : (target.value as 'attempt' | 'id') });
              }}
            >
              {offered.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      </header>
      <Sides
        comparison={comparison}
        runs={runs}
        focus={focus.run}
        onChange={(next) => {
          change({ runs: writeRuns(next), with: undefined });
        }}
        onFocus={(letter) => {
          change({ with: letter });
        }}
        ids={runs.map(({ run_id }) => run_id)}
      />
      <Answer comparison={comparison} focus={focus} />
      <div className={css.columns} data-many={runs.length > 2}>
        <Difference comparison={comparison} focus={focus} />
        <aside className={css.side}>
          <RadarChart comparison={comparison} focus={focus} />
          <Notes notes={comparison.notes} />
        </aside>
      </div>
      <Matrix comparison={comparison} focus={focus} search={search} onChange={change} />
    </div>
  );
}

type SidesProps = {
  comparison: Comparison;
  runs: Run[];
  ids: string[];
  focus: number;
  onChange: (ids: string[]) => void;
  onFocus: (letter: string) => void;
};

function Sides({ comparison, runs, ids, focus, onChange, onFocus }: SidesProps) {
  return (
    <ul className={css.sides} aria-label="Compared runs">
      {runs.map((run, index) => {
        const letter = comparison.runs[index]?.letter ?? '';
        return (
          <li key={run.run_id} data-focus={index === focus || index === 0}>
            <span className={css.letter} style={{ background: `var(--cat-${index + 1})` }}>
              {letter}
            </span>
            <div className={css.who}>
              <Link to="/runs/$runId" params={{ runId: run.run_id }} title={run.model}>
                {modelName(run.model).name}
              </Link>
              <small title={run.run_id}>
                <code>{format.shortId(run.run_id)}</code> · {run.agent_type} ·{' '}
                <Value of={format.momentFromIso(run.timestamp)} why="The run does not say when." />
              </small>
              <small title={run.hardware ?? undefined}>{run.hardware ?? 'hardware unknown'}</small>
              <span className={css.badges}>
                {run.simulated && <SimulatedBadge />}
                {run.status !== 'completed' && <StatusBadge status={run.status} />}
                {index === 0 && <Badge title="The others are compared with this one.">baseline</Badge>}
                {index > 0 && (
                  <button
                    type="button"
                    className={css.pick}
                    aria-label={`Make ${letter} the baseline`}
                    title="Compares the others with this one"
                    onClick={() => {
                      onChange([run.run_id, ...ids.filter((id) => id !== run.run_id)]);
                    }}
                  >
                    make baseline
                  </button>
                )}
                {index > 0 && runs.length > 2 && (
                  <button
                    type="button"
                    className={css.pick}
                    aria-pressed={index === focus}
                    onClick={() => {
                      onFocus(letter);
                    }}
                  >
                    {index === focus ? 'in detail' : 'show in detail'}
                  </button>
                )}
              </span>
            </div>
            <span className={css.tools}>
              {runs.length > 2 && (
                <IconButton
                  small
                  icon="close"
                  label={`Take ${letter} out`}
                  onClick={() => {
                    onChange(ids.filter((id) => id !== run.run_id));
                  }}
                />
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Answer({
  comparison,
  focus,
}: {
  comparison: Comparison;
  focus: Comparison['against_first'][number];
}) {
  const { tone, title } = answer(comparison, focus);
  const success = focus.metrics.find(({ metric }) => metric === 'success_rate');
  const { counts } = focus;
  const facts: [string, number, string?][] = [
    ['fixed', counts.fixed, 'pass'],
    ['broken', counts.broken, 'fail'],
    ['pass in both', counts.both_pass],
    ['fail in both', counts.both_fail],
  ];
  return (
    <section className={css.answer} data-tone={tone} aria-label="The difference in success">
      <div>
        <h2>{title}</h2>
        <p>{success?.reason}</p>
      </div>
      <dl>
        {facts.map(([name, count, look]) => (
          <div key={name} data-tone={count > 0 ? look : undefined}>
            <dd>{count}</dd>
            <dt>{name}</dt>
          </div>
        ))}
        <div>
          <dd>{pValue(focus.p_value)}</dd>
          <dt title="Exact two-sided p-value of fixed against broken (McNemar's test)">p-value</dt>
        </div>
      </dl>
    </section>
  );
}

function Notes({ notes }: { notes: readonly string[] }) {
  return (
    <details className={css.notes} open={notes.length > 0}>
      <summary>How to read this</summary>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
        <li>
          Only tests that both runs have are compared, each with its like. Idle time belongs to no test and is
          left out.
        </li>
        <li>
          Intervals are 95% bootstrap intervals of the paired difference (percentile, the same draws every
          time); below 10 tests none is relied on. Success is decided by McNemar&apos;s exact test instead.
        </li>
        <li>“Undecided” means that the data do not tell the runs apart, not that they are equal.</li>
      </ul>
    </details>
  );
}
