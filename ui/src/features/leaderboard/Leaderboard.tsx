// The leaderboard: cards over the current filter, the filters, and the table of runs.

import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';

import { runsPage } from '@/api/queries';
import type { RunsSummary } from '@/api/types';
import { Button, Tabs } from '@/design/components/controls';
import { Badge, Stat, Stats } from '@/design/components/data';
import { Command, Empty, Failure, Loading } from '@/design/components/states';
import { csv } from '@/lib/csv';
import { saveFile } from '@/lib/download';
import * as format from '@/lib/format';
import { parseSort, writeSort, type Sort } from '@/lib/sort';

import { ColumnChooser } from './ColumnChooser';
import { chosenColumns } from './columns';
import { ActiveFilters, Filters } from './Filters';
import css from './leaderboard.module.css';
import { Running } from './Running';
import { SelectionBar, selectColumn, toggled } from './Selection';
import { DEFAULT_SORT, filterQuery, isFiltered, type LeaderboardSearch } from './search';
import { useRunRows } from './useRunRows';

const runsGrid = () => import('./RunsGrid').then((part) => ({ default: part.RunsGrid }));
// Asked for at once, not when the runs are there, unless the address names another tab.
if (!/[?&]tab=/.test(location.href)) void runsGrid();
const RunsGrid = lazy(runsGrid);
const Trends = lazy(() => import('./Trends').then((part) => ({ default: part.Trends })));
const Analytics = lazy(() => import('./Analytics').then((part) => ({ default: part.Analytics })));

const route = getRouteApi('/');
const TABS = [
  [undefined, 'Runs'],
  ['trends', 'Trends'],
  ['analytics', 'Analytics'],
] as const;
const REMEMBERED = 'leaderboard.columns';
const EXPORT_LIMIT = 10_000;
/** A wider table shows all its usual columns, and is scrolled sideways; px. */
const FIT_BELOW = 1000;

export function Leaderboard() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/' });
  const router = useRouter();
  const queries = useQueryClient();
  const [active, setActive] = useState(-1);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const filter = useMemo(() => filterQuery(search), [search]);
  const sort = search.sort ?? DEFAULT_SORT;
  const chosen = useMemo(() => search.cols?.split(','), [search.cols]);
  const order = useMemo(() => parseSort(sort), [sort]);
  const shown = useMemo(() => chosenColumns(chosen), [chosen]);
  const { head, count, itemAt, onRange, toggle } = useRunRows(filter, sort, search.group === 'model');

  const change = useCallback(
    (part: Partial<LeaderboardSearch>) => {
      void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
    },
    [navigate],
  );
  const selected = useMemo(() => search.sel ?? [], [search.sel]);
  const toggleRun = useCallback(
    (id: string) => {
      change({ sel: toggled(selected, id) });
    },
    [change, selected],
  );
  const columns = useMemo(() => [selectColumn(selected, toggleRun), ...shown], [selected, toggleRun, shown]);
  const reorder = useCallback(
    (next: Sort) => {
      change({ sort: writeSort(next) || undefined });
    },
    [change],
  );
  const chooseColumns = (cols: string[] | undefined) => {
    // At least one, so that the address can say it.
    const written = cols && (cols.join(',') || 'rank');
    if (written) localStorage.setItem(REMEMBERED, written);
    else localStorage.removeItem(REMEMBERED);
    change({ cols: written });
  };
  // A bare address opens with the columns chosen last, and says so in the address.
  useEffect(() => {
    const remembered = localStorage.getItem(REMEMBERED);
    if (remembered && !search.cols) change({ cols: remembered });
  }, [search.cols, change]);
  useEffect(() => {
    document.title = 'Leaderboard · TraceMind';
  }, []);

  const exportCsv = async () => {
    const page = await queries.fetchQuery(runsPage(filter, sort, 1, EXPORT_LIMIT));
    const exported = shown.filter(({ value }) => value);
    const lines = page.items.map((run) => exported.map(({ value }) => value?.(run)));
    const ids = exported.map(({ id }) => id);
    saveFile('leaderboard.csv', csv(ids, lines), 'text/csv');
  };

  if (head.error) return <Failure error={head.error} onRetry={() => void head.refetch()} />;
  if (!head.data) return <Loading label="the leaderboard" height="70vh" />;
  const { summary } = head.data;
  if (summary.runs === 0 && !isFiltered(search)) return <FirstSteps />;
  return (
    <div
      className={css.page}
      data-tab={search.tab ?? 'runs'}
      onKeyDown={(event) => {
        // On the grid itself, where the arrows choose a row.
        if (event.key !== ' ' || (event.target as Element).getAttribute('role') !== 'grid') return;
        const line = itemAt(active);
        event.preventDefault();
        if (active >= 0 && line.type === 'row') toggleRun(line.row.run_id);
      }}
    >
      <h1 className="visually-hidden">Leaderboard</h1>
      <Cards summary={summary} />
      <Tabs label="Views of the runs in the filter">
        {TABS.map(([tab, name]) => (
          <Link
            key={name}
            from="/"
            to="/"
            search={(before) => ({ ...before, tab })}
            activeOptions={{ explicitUndefined: true }}
          >
            {name}
          </Link>
        ))}
      </Tabs>
      <Filters search={search} onChange={change}>
        {!search.tab && (
          <>
            <Button
              icon="group"
              aria-pressed={search.group === 'model'}
              onClick={() => {
                change({ group: search.group ? undefined : 'model' });
              }}
            >
              By model
            </Button>
            <ColumnChooser chosen={chosen} hidden={hidden} onChange={chooseColumns} />
            <Button
              icon="download"
              onClick={() => void exportCsv()}
              title="The runs in the filter, the columns chosen"
            >
              CSV
            </Button>
          </>
        )}
      </Filters>
      <ActiveFilters search={search} onChange={change} />
      {!search.tab && <Running filter={filter} />}
      {!search.tab && (
        <SelectionBar
          selected={selected}
          onChange={(sel) => {
            change({ sel });
          }}
        />
      )}
      {summary.runs === 0 && (
        <Empty icon="filter" title="No run matches">
          <p>Take away a filter to see more.</p>
        </Empty>
      )}
      {summary.runs > 0 && search.tab && (
        <Suspense fallback={<Loading label="the charts" height="50vh" />}>
          {search.tab === 'trends' && <Trends filter={filter} search={search} onChange={change} />}
          {search.tab === 'analytics' && <Analytics filter={filter} search={search} onChange={change} />}
        </Suspense>
      )}
      {summary.runs > 0 && !search.tab && (
        <Suspense fallback={<Loading label="the runs" height="50vh" />}>
          <RunsGrid
            label="Runs"
            className={css.grid}
            columns={columns}
            pinned={3}
            fitBelow={chosen ? 0 : FIT_BELOW}
            onHidden={setHidden}
            rowPx={46}
            count={count}
            itemAt={(index) => {
              const line = itemAt(index);
              return line.type === 'group'
                ? {
                    ...line,
                    content: <GroupHead model={line.key} runs={line.count} summary={line.summary} />,
                  }
                : line;
            }}
            onRange={onRange}
            sort={order}
            onSort={reorder}
            active={active}
            onActive={setActive}
            onToggleGroup={toggle}
            onOpen={(run, { newTab }) => {
              const place = { to: '/runs/$runId', params: { runId: run.run_id } } as const;
              if (newTab) {
                const { href } = router.buildLocation(place);
                window.open(router.history.createHref(href), '_blank', 'noopener');
              } else void navigate(place);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

function Cards({ summary }: { summary: RunsSummary }) {
  const { runs, tests, successful_tests: passed, simulated_runs: simulated } = summary;
  const none = 'No run in the filter says.';
  return (
    <Stats label="Totals of the runs in the filter">
      <Stat
        label="Runs"
        value={format.count(runs)}
        note={
          simulated > 0 ? <Badge tone="warn">{simulated === runs ? 'all' : simulated} simulated</Badge> : ''
        }
      />
      <Stat label="Tests" value={format.count(tests)} note={`${format.count(passed).text} passed`} />
      <Stat
        label="Success"
        value={format.percent(summary.success_rate)}
        why="Nothing was scored."
        note="of all tests"
      />
      <Stat label="Tokens" value={format.count(summary.total_tokens)} why={none} note="each counted once" />
      <Stat label="Model cost" value={format.usd(summary.total_cost_usd)} why={none} note="where known" />
      <Stat label="Energy" value={format.energy(summary.energy_wh)} why={none} note="where known" />
      <Stat label="CO₂" value={format.co2(summary.co2_emissions_g)} why={none} note="where known" />
      <Stat
        label="Power cost"
        value={format.usd(summary.power_cost_total_usd)}
        why={none}
        note="electricity"
      />
    </Stats>
  );
}

type GroupProps = { model: string; runs: number; summary: RunsSummary | undefined };

function GroupHead({ model, runs, summary }: GroupProps) {
  const facts = summary && [
    `${format.written(format.percent(summary.success_rate))} success`,
    `${format.written(format.count(summary.total_tokens))} tokens`,
    `${format.written(format.energy(summary.energy_wh))}`,
    `${format.written(format.co2(summary.co2_emissions_g))} CO₂`,
    `${format.written(format.usd(summary.power_cost_total_usd))} power`,
  ];
  return (
    <>
      {model}
      <small>{[format.plural(runs, 'run'), ...(facts ?? [])].join(' · ')}</small>
    </>
  );
}

function FirstSteps() {
  return (
    <Empty icon="chart" title="No run yet">
      <p>
        Load the bundled recordings, or a folder of your own, and it appears here. So does what an
        OpenTelemetry exporter sends, while it runs.
      </p>
      <Command>smoltrace demo</Command>
      <Command>smoltrace import PATH</Command>
      <p>Evaluate the built-in tasks, or point a program of yours here:</p>
      <Command>smoltrace eval --model replay:quick</Command>
      <Command>export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318</Command>
    </Empty>
  );
}
