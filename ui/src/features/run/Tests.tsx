// The run's tests: what each took, why it passed or failed, and that the parts make the whole.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate, useRouter } from '@tanstack/react-router';
import { useMemo, useState } from 'react';

import { runResults } from '@/api/queries';
import type { Result, ResultsPage, RunDetail } from '@/api/types';
import { AllColumns, Button, SearchField } from '@/design/components/controls';
import { OutcomeBadge, Value } from '@/design/components/data';
import { Grid } from '@/design/components/Grid';
import { LongText } from '@/design/components/Json';
import { Empty, Failure, Loading } from '@/design/components/states';
import { saveTable } from '@/lib/csv';
import * as format from '@/lib/format';
import { parseSort, writeSort } from '@/lib/sort';

import { checks, filterResults, orderResults, outcomeOf, testKey, type Outcome } from './results';
import css from './run.module.css';
import type { RunSearch } from './search';
import { testColumns } from './testColumns';

const route = getRouteApi('/runs/$runId');
const OUTCOMES: readonly Outcome[] = ['passed', 'failed', 'unscored'];

export function Tests({ detail: { run } }: { detail: RunDetail }) {
  const { data, error, refetch } = useQuery(runResults(run.run_id));
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/runs/$runId' });
  const router = useRouter();
  const change = (part: Partial<RunSearch>) => {
    void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
  };
  const sort = useMemo(() => parseSort(search.sort), [search.sort]);
  const rows = useMemo(
    () => orderResults(filterResults(data?.items ?? [], search.outcome, search.q ?? ''), sort),
    [data, search.outcome, search.q, sort],
  );
  const columns = useMemo(() => testColumns(data?.items ?? []), [data]);
  const opened = rows.findIndex((row) => testKey(row) === search.test);
  const [active, setActive] = useState(opened);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const all = search.cols === 'all';

  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the tests" height="50vh" />;
  if (data.items.length === 0) {
    return (
      <Empty title="No tests">
        <p>This run holds traces or metrics, but no test was recorded with it.</p>
      </Empty>
    );
  }
  const exportCsv = () => {
    saveTable(`${run.run_id}.tests`, columns, rows);
  };
  const toggle = (result: Result) => {
    change({ test: search.test === testKey(result) ? undefined : testKey(result) });
  };
  return (
    <section className={css.tests} aria-label="Tests">
      <div className={css.bar}>
        <SearchField
          slash
          label="Search tests"
          className={css.search}
          value={search.q ?? ''}
          onChange={(q) => {
            change({ q });
          }}
        />
        <OutcomeFilter
          items={data.items}
          chosen={search.outcome}
          onChoose={(outcome) => {
            change({ outcome });
          }}
        />
        <AllColumns
          hidden={hidden.length}
          all={all}
          onChange={(on) => {
            change({ cols: on ? 'all' : undefined });
          }}
        />
        <Button icon="download" onClick={exportCsv}>
          CSV
        </Button>
      </div>
      <Grid<Result>
        label="Tests of the run"
        className={css.grid}
        columns={columns}
        fitBelow={all ? 0 : Infinity}
        onHidden={setHidden}
        count={rows.length}
        itemAt={(index) => {
          const row = rows[index];
          const key = row ? testKey(row) : String(index);
          return row ? { type: 'row', row, key } : { type: 'pending', key };
        }}
        sort={sort}
        onSort={(next) => {
          change({ sort: writeSort(next) || undefined });
        }}
        active={active}
        onActive={setActive}
        showAt={opened}
        onOpen={(result, { newTab }) => {
          if (newTab && result.trace_id) {
            const { href } = router.buildLocation({
              to: '/runs/$runId/traces/$traceId',
              params: { runId: result.run_id, traceId: result.trace_id },
            });
            window.open(router.history.createHref(href), '_blank', 'noopener');
          } else toggle(result);
        }}
        onEscape={() => {
          change({ test: undefined });
        }}
        isOpen={(result) => search.test === testKey(result)}
        detail={(result) => <Detail result={result} />}
        footer={footer(data, run)}
      />
    </section>
  );
}

function OutcomeFilter(props: {
  items: Result[];
  chosen: Outcome | undefined;
  onChoose: (outcome: Outcome | undefined) => void;
}) {
  const { items, chosen, onChoose } = props;
  const count = (outcome: Outcome) => items.filter((item) => outcomeOf(item) === outcome).length;
  return (
    <div className={css.segments} role="group" aria-label="Outcome">
      <button
        type="button"
        aria-pressed={!chosen}
        onClick={() => {
          onChoose(undefined);
        }}
      >
        All <small>{items.length}</small>
      </button>
      {OUTCOMES.filter((outcome) => outcome === chosen || count(outcome) > 0).map((outcome) => (
        <button
          key={outcome}
          type="button"
          aria-pressed={chosen === outcome}
          onClick={() => {
            onChoose(outcome);
          }}
        >
          {outcome} <small>{count(outcome)}</small>
        </button>
      ))}
    </div>
  );
}

/** Sum of the tests, what ran beside them, and both together: the run. */
function footer({ totals, unattributed }: ResultsPage, run: RunDetail['run']) {
  const none = 'Nothing in the recording says.';
  const cell = (quantity: format.Quantity) => <Value of={quantity} align="end" why={none} />;
  return [
    {
      label: 'Sum of all tests',
      cells: {
        duration_ms: cell(format.duration(totals.duration_ms)),
        total_tokens: cell(format.count(totals.total_tokens)),
        cost_usd: cell(format.usd(totals.cost_usd)),
        energy_wh: cell(format.energy(totals.energy_wh)),
        co2_emissions_g: cell(format.co2(totals.co2_emissions_g)),
        power_cost_usd: cell(format.usd(totals.power_cost_usd)),
      },
    },
    {
      label: '+ Unattributed',
      title: 'What the devices used while no test was running',
      cells: {
        energy_wh: cell(format.energy(unattributed.energy_wh)),
        co2_emissions_g: cell(format.co2(unattributed.co2_emissions_g)),
        power_cost_usd: cell(format.usd(unattributed.power_cost_usd)),
      },
    },
    {
      label: '= Run',
      cells: {
        duration_ms: cell(format.duration(run.total_duration_ms)),
        total_tokens: cell(format.count(run.total_tokens)),
        cost_usd: cell(format.usd(run.total_cost_usd)),
        energy_wh: cell(format.energy(run.energy_wh)),
        co2_emissions_g: cell(format.co2(run.co2_emissions_g)),
        power_cost_usd: cell(format.usd(run.power_cost_total_usd)),
      },
    },
  ];
}

function Detail({ result }: { result: Result }) {
  const said = checks(result).filter(({ ok }) => ok !== null);
  return (
    <div className={css.detail}>
      <section>
        <h3>Prompt</h3>
        {result.prompt === null ? (
          <p className={css.none}>Not recorded.</p>
        ) : (
          <LongText text={result.prompt} />
        )}
      </section>
      <section>
        <h3>Answer</h3>
        {result.response === null ? <p className={css.none}>None.</p> : <LongText text={result.response} />}
        {result.error && (
          <>
            <h3>Error</h3>
            <div className={css.error}>
              <LongText text={result.error} mono />
            </div>
          </>
        )}
      </section>
      <section>
        <h3>
          Why <OutcomeBadge success={result.success} />
        </h3>
        <ul className={css.checks}>
          {said.map(({ label, ok }) => (
            <li key={label} data-ok={ok}>
              <b aria-label={ok ? 'yes' : 'no'}>{ok ? '✓' : '✕'}</b> {label}
            </li>
          ))}
          {said.length === 0 && <li data-ok="unknown">No check was recorded.</li>}
          {result.expected_tool && <li>Expected tool: {result.expected_tool}</li>}
          {result.tools_used.length > 0 && <li>Used: {result.tools_used.join(', ')}</li>}
          {result.stop_reason && <li>Ended by: {result.stop_reason}</li>}
        </ul>
        <p className={css.toTrace}>
          {result.trace_id ? (
            <Link
              className={css.link}
              to="/runs/$runId/traces/$traceId"
              params={{ runId: result.run_id, traceId: result.trace_id }}
            >
              Open the trace{result.span_count ? ` of ${format.plural(result.span_count, 'span')}` : ''} →
            </Link>
          ) : (
            <span className={css.none}>No trace was recorded.</span>
          )}
        </p>
      </section>
    </div>
  );
}
