// Where the time, the tokens and the money of a run went: how the tests spread, what each waited for, and which
// operations took the time.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';

import { runPerformance, runResults } from '@/api/queries';
import type { Operation, Performance as PerformanceData, Result, RunDetail } from '@/api/types';
import { Figure } from '@/charts/Figure';
import type { Theme } from '@/charts/option';
import { AllColumns, Button } from '@/design/components/controls';
import { Panel, Value } from '@/design/components/data';
import { Grid, type Column } from '@/design/components/Grid';
import { Icon } from '@/design/components/Icon';
import { lookOf } from '@/design/kinds';
import { Empty, Failure, Loading } from '@/design/components/states';
import { saveTable } from '@/lib/csv';
import * as format from '@/lib/format';
import { quantile } from '@/lib/histogram';
import { parseSort, sorted, writeSort } from '@/lib/sort';

import {
  latencyMarks,
  latencyOption,
  latencyTable,
  durationUnit,
  longest,
  MOST_BARS,
  PARTS,
  share,
  spread,
  spreadMarks,
  spreadOption,
  spreadTable,
  unitOfLatency,
  type Measure,
} from './distribution';
import css from './performance.module.css';

const route = getRouteApi('/runs/$runId');
const bars = () => import('@/charts/parts/bars');

const MEASURES: readonly Measure[] = [
  {
    title: 'Duration',
    unit: 's',
    factor: 1000,
    of: ({ duration_ms }) => duration_ms,
    quantity: format.duration,
    why: 'No test says how long it took.',
  },
  {
    title: 'Tokens',
    unit: 'tokens',
    factor: 1,
    of: ({ total_tokens }) => total_tokens,
    quantity: format.count,
    why: 'No span of any test bears usage.',
  },
  {
    title: 'Model cost',
    unit: 'USD',
    factor: 1,
    of: ({ cost_usd }) => cost_usd,
    quantity: format.usd,
    why: 'No span says its cost, and no price is known.',
  },
];

export function Performance({ detail: { run } }: { detail: RunDetail }) {
  const results = useQuery(runResults(run.run_id));
  const performance = useQuery(runPerformance(run.run_id));
  const failed = results.error ?? performance.error;
  if (failed) {
    return (
      <Failure
        error={failed}
        onRetry={() => {
          void results.refetch();
          void performance.refetch();
        }}
      />
    );
  }
  if (!results.data || !performance.data) return <Loading label="the performance" height="60vh" />;
  if (performance.data.traces.length === 0 && results.data.items.length === 0) {
    return (
      <Empty icon="clock" title="No traces">
        <p>Neither a trace nor a test was recorded with this run, so nothing says where its time went.</p>
      </Empty>
    );
  }
  return (
    <div className={css.performance}>
      <div className={css.spreads}>
        {MEASURES.map((measure) => (
          <Spread key={measure.title} measure={measure} results={results.data.items} />
        ))}
      </div>
      <Latency runId={run.run_id} performance={performance.data} />
      <Operations runId={run.run_id} performance={performance.data} />
    </div>
  );
}

const TONES = { passed: 'var(--pass)', failed: 'var(--fail)', unscored: 'var(--ink-3)' } as const;

function Spread({ measure: given, results }: { measure: Measure; results: readonly Result[] }) {
  const measure = useMemo(() => {
    if (given.quantity !== format.duration) return given;
    return { ...given, ...durationUnit(Math.max(0, ...results.map((result) => given.of(result) ?? 0))) };
  }, [given, results]);
  const { unit, of, quantity } = measure;
  const data = useMemo(() => spread(measure, results), [measure, results]);
  const build = useCallback((theme: Theme) => spreadOption(data, unit, theme), [data, unit]);
  const marks = useMemo(() => spreadMarks(data, unit), [data, unit]);
  const values = results.map(of);
  const known = values.filter((value) => value !== null).length;
  const quantiles = ([0.5, 0.95] as const).map((q) => ({
    name: q === 0.5 ? 'median' : '95%',
    value: quantity(quantile(values, q)),
  }));
  return (
    <Figure
      title={measure.title}
      note={unit === 'tokens' ? 'of each test' : `of each test, ${unit}`}
      legend={
        <ul className={css.marks}>
          {quantiles.map(({ name, value }) => (
            <li key={name}>
              {name}{' '}
              <b>
                <Value of={value} />
              </b>
            </li>
          ))}
          {data.outcomes.map((outcome) => (
            <li key={outcome}>
              <i style={{ background: TONES[outcome] }} />
              {outcome}
            </li>
          ))}
          {known < results.length && <li>{results.length - known} unknown</li>}
        </ul>
      }
      parts={bars}
      build={build}
      marks={marks}
      table={() => spreadTable(data, unit)}
      says={`${measure.title} of each test: ${format.plural(known, 'test')}, ${quantiles.map(({ name, value }) => `${name} ${format.written(value)}`).join(', ')}`}
      why={measure.why}
      height={192}
      zoom
    />
  );
}

function Latency({ runId, performance }: { runId: string; performance: PerformanceData }) {
  const navigate = useNavigate();
  const { totals } = performance;
  const traces = useMemo(() => longest(performance), [performance]);
  const build = useCallback((theme: Theme) => latencyOption(traces, theme), [traces]);
  const marks = useMemo(() => latencyMarks(traces), [traces]);
  const { unit } = unitOfLatency(traces);
  const all = performance.traces.length;
  return (
    <Figure
      title="What the time was spent on"
      note={
        all > MOST_BARS
          ? `${unit}, the ${MOST_BARS} longest of ${format.count(all).text} traces`
          : `${unit}, a bar for each trace`
      }
      legend={
        <ul className={css.marks}>
          {PARTS.map(({ key, name, tone }) => (
            <li key={key}>
              <i style={{ background: `var(--cat-${tone})` }} />
              {name}{' '}
              <b>
                <Value of={format.duration(totals[key])} />
              </b>{' '}
              {share(totals[key], totals.duration_ms)}
            </li>
          ))}
        </ul>
      }
      parts={bars}
      build={build}
      marks={marks}
      table={() => latencyTable(traces)}
      says={`Of ${format.written(format.duration(totals.duration_ms))}: ${PARTS.map(({ key, name }) => `${name} ${format.written(format.duration(totals[key]))}`).join(', ')}`}
      why="No trace was recorded with this run."
      height={Math.max(128, traces.length * 24 + 48)}
      zoom
      onOpen={({ data }) => {
        const trace = traces[data];
        if (!trace) return;
        void navigate({ to: '/runs/$runId/traces/$traceId', params: { runId, traceId: trace.trace_id } });
      }}
    />
  );
}

type Key = 'calls' | 'errors' | 'self_ms' | 'total_ms' | 'p50_ms' | 'p95_ms' | 'max_ms';

const number = (
  id: Key,
  header: string,
  quantity: (value: number | null) => format.Quantity,
  title?: string,
): Column<Operation> => ({
  id,
  header,
  ...(title === undefined ? {} : { title }),
  sort: id,
  descFirst: true,
  width: 104,
  narrow: id === 'self_ms' ? 96 : 82,
  weight: { self_ms: 9, calls: 7, p50_ms: 6, p95_ms: 6, max_ms: 5, errors: 4, total_ms: 4 }[id],
  align: 'end',
  cell: (operation) => <Value of={quantity(operation[id])} align="end" />,
  value: (operation) => operation[id],
});

function columnsOf(whole: number): Column<Operation>[] {
  return [
    {
      id: 'name',
      header: 'Operation',
      sort: 'name',
      width: 260,
      narrow: 170,
      cell: ({ kind, name }) => {
        const look = lookOf(kind);
        return (
          <span className={css.operation} title={`${look.name}: ${name}`}>
            <span style={{ color: `var(--cat-${look.tone})` }}>
              <Icon name={look.icon} size={14} />
            </span>
            <span>{name}</span>
          </span>
        );
      },
      value: ({ name }) => name,
    },
    {
      id: 'kind',
      header: 'Kind',
      sort: 'kind',
      width: 136,
      weight: 3,
      cell: ({ kind }) => lookOf(kind).name,
      value: ({ kind }) => kind,
    },
    {
      id: 'share',
      header: 'Share of own time',
      title: 'Its own time, of that of all operations shown',
      width: 170,
      narrow: 140,
      weight: 8,
      cell: ({ self_ms }) => (
        <span className={css.share}>
          <i>
            <b style={{ width: whole > 0 ? `${(self_ms / whole) * 100}%` : 0 }} />
          </i>
          {share(self_ms, whole)}
        </span>
      ),
    },
    number('self_ms', 'Own time', format.duration, 'Time that no span beneath covers'),
    number('calls', 'Calls', format.count),
    number('errors', 'Errors', format.count),
    number('p50_ms', 'Median', format.duration),
    number('p95_ms', '95%', format.duration, '95 of 100 calls take no longer'),
    number('max_ms', 'Longest', format.duration),
    number('total_ms', 'In all', format.duration, 'Sum of the durations, what is beneath included'),
  ];
}

function Operations({ runId, performance }: { runId: string; performance: PerformanceData }) {
  const { operations, operations_total } = performance;
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/runs/$runId' });
  const [active, setActive] = useState(-1);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const all = search.ocols === 'all';
  const sort = useMemo(() => parseSort(search.osort ?? '-self_ms'), [search.osort]);
  const whole = operations.reduce((sum, { self_ms }) => sum + self_ms, 0);
  const columns = useMemo(() => columnsOf(whole), [whole]);
  const rows = useMemo(
    () => sorted(operations, sort, (operation, key) => operation[key as keyof Operation]),
    [operations, sort],
  );
  if (operations.length === 0) return null;
  return (
    <Panel
      title="Operations"
      note={
        operations_total > operations.length
          ? `the ${operations.length} with the most time of their own, of ${format.count(operations_total).text}`
          : 'spans of one kind and name, over all traces'
      }
      actions={
        <>
          <AllColumns
            small
            hidden={hidden.length}
            all={all}
            onChange={(on) => {
              void navigate({
                search: (before) => ({ ...before, ocols: on ? 'all' : undefined }),
                replace: true,
                resetScroll: false,
              });
            }}
          />
          <Button
            small
            icon="download"
            onClick={() => {
              saveTable(`${runId}.operations`, columns, rows);
            }}
          >
            CSV
          </Button>
        </>
      }
    >
      <Grid<Operation>
        label="Operations of the run"
        className={css.grid}
        columns={columns}
        fitBelow={all ? 0 : Infinity}
        onHidden={setHidden}
        count={rows.length}
        itemAt={(index) => {
          const row = rows[index];
          const key = row ? `${row.kind} ${row.name}` : String(index);
          return row ? { type: 'row', row, key } : { type: 'pending', key };
        }}
        rowPx={32}
        sort={sort}
        onSort={(next) => {
          void navigate({
            search: (before) => ({ ...before, osort: writeSort(next) || undefined }),
            replace: true,
            resetScroll: false,
          });
        }}
        active={active}
        onActive={setActive}
      />
    </Panel>
  );
}
