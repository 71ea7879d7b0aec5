// One run: its head, and the tab that the address names.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';

import { reportAddress, runDetail } from '@/api/queries';
import type { RunDetail } from '@/api/types';
import { Button, CopyButton, FileLink, Tabs } from '@/design/components/controls';
import {
  IntervalBar,
  SimulatedBadge,
  SourceBadge,
  Stat,
  Stats,
  StatusBadge,
  Value,
  whyUnknown,
} from '@/design/components/data';
import { Drawer } from '@/design/components/overlay';
import { Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { Accounting } from './Accounting';
import { Overview } from './Overview';
import { Raw } from './Raw';
import css from './run.module.css';
import { TABS, type Tab } from './search';

// Tables and charts are loaded where they are shown.
const Tests = lazy(() => import('./Tests').then((part) => ({ default: part.Tests })));
const Performance = lazy(() => import('./Performance').then((part) => ({ default: part.Performance })));
const Environment = lazy(() => import('./Environment').then((part) => ({ default: part.Environment })));

const route = getRouteApi('/runs/$runId');

const TAB_NAMES: Record<Tab, string> = {
  overview: 'Overview',
  tests: 'Tests',
  performance: 'Performance',
  environment: 'Environment',
  raw: 'Raw',
};

export function Run() {
  const { runId } = route.useParams();
  const { tab = 'overview' } = route.useSearch();
  const { data, error, refetch } = useQuery(runDetail(runId));
  useEffect(() => {
    document.title = `${data?.run.model ?? 'Run'} · TraceMind`;
  }, [data]);
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the run" height="60vh" />;
  return (
    <>
      <Head detail={data} />
      <Tabs label="Parts of the run">
        {TABS.map((name) => (
          <Link
            key={name}
            to="/runs/$runId"
            params={{ runId }}
            search={{ tab: name === 'overview' ? undefined : name }}
            activeOptions={{ explicitUndefined: true }}
          >
            {TAB_NAMES[name]}
            {name === 'tests' && <small>{format.count(data.run.total_tests).text}</small>}
          </Link>
        ))}
      </Tabs>
      <div className={css.tab}>
        {tab === 'overview' && <Overview detail={data} />}
        <Suspense fallback={<Loading label={TAB_NAMES[tab]} height="50vh" />}>
          {tab === 'tests' && <Tests detail={data} />}
          {tab === 'performance' && <Performance detail={data} />}
          {tab === 'environment' && <Environment detail={data} />}
        </Suspense>
        {tab === 'raw' && <Raw detail={data} />}
      </div>
    </>
  );
}

function Head({ detail }: { detail: RunDetail }) {
  const { run, differences } = detail;
  const [explained, setExplained] = useState(false);
  // What every run has, known or not.
  const always: [name: string, value: string | null, why: string][] = [
    ['Agent', run.agent_type, ''],
    ['Provider', run.provider, 'Neither the run nor its spans name a provider.'],
    ['Dataset', run.dataset_used, 'The run does not say which tasks it had.'],
    ['Hardware', run.hardware, 'Neither the run nor its metrics name the hardware.'],
    // What SMOLTRACE writes when nobody said.
    ['By', run.submitted_by === 'unknown' ? null : run.submitted_by, 'The run does not say who made it.'],
  ];
  const facts: [string, string | null][] = [
    ['Use case', run.use_case],
    ['Team', run.team],
    ['Purpose', run.purpose],
    ['Suite', run.suite_version],
  ];
  return (
    <header className={css.head}>
      <nav className={css.crumbs} aria-label="Breadcrumb">
        <Link to="/">Leaderboard</Link> <span aria-hidden="true">/</span> <span>Run</span>
      </nav>
      <div className={css.title}>
        <h1>{run.model}</h1>
        <StatusBadge status={run.status} />
        {run.simulated && <SimulatedBadge />}
        <span className={css.actions}>
          <Button
            icon="sigma"
            onClick={() => {
              setExplained(true);
            }}
          >
            How is this computed
          </Button>
          <FileLink
            href={reportAddress(run.run_id)}
            label="Download a report of the run: one HTML file to pass on"
          >
            Report
          </FileLink>
        </span>
      </div>
      <dl className={css.facts}>
        <div>
          <dt>Run</dt>
          <dd>
            <code>{run.run_id}</code>
            <CopyButton text={run.run_id} label="Copy the run id" />
          </dd>
        </div>
        <div>
          <dt>When</dt>
          <dd>
            <Value of={format.momentFromIso(run.timestamp)} why="The run does not say when." />
          </dd>
        </div>
        {always.map(([name, value, why]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? <Value of={format.plain(null)} why={why} />}</dd>
          </div>
        ))}
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      <Stats label="Totals of the run">
        <Stat
          label="Success"
          value={format.percent(run.success_rate)}
          why="Nothing was scored."
          note={
            <IntervalBar
              value={run.success_rate}
              low={run.success_rate_ci_low}
              high={run.success_rate_ci_high}
            />
          }
        />
        <Stat
          label="Tests"
          value={format.count(run.total_tests)}
          note={`${run.successful_tests} passed, ${run.failed_tests} failed`}
        />
        <Stat
          label="Tokens"
          value={format.count(run.total_tokens)}
          why="No span bears usage."
          note={
            run.total_input_tokens === null
              ? ''
              : `${format.written(format.count(run.total_input_tokens))} in, ${format.written(format.count(run.total_output_tokens))} out`
          }
        />
        <Stat
          label="Duration"
          value={format.duration(run.total_duration_ms)}
          note={`${format.written(format.duration(run.wall_ms))} wall clock`}
        />
        <Stat
          label="Model cost"
          value={format.usd(run.total_cost_usd)}
          why={whyUnknown('Cost', run.cost_source)}
          note={<SourceBadge source={run.cost_source} of="Model cost" />}
        />
        <Stat
          label="Energy"
          value={format.energy(run.energy_wh)}
          why={whyUnknown('Energy', run.energy_source)}
          note={<SourceBadge source={run.energy_source} of="Energy" />}
        />
        <Stat
          label="CO₂"
          value={format.co2(run.co2_emissions_g)}
          why={whyUnknown('CO₂', run.co2_source)}
          note={<SourceBadge source={run.co2_source} of="CO₂" />}
        />
        <Stat
          label="Power cost"
          value={format.usd(run.power_cost_total_usd)}
          why={whyUnknown('Power cost', run.power_cost_source)}
          note={<SourceBadge source={run.power_cost_source} of="Power cost" />}
        />
      </Stats>
      <Drawer
        title={
          differences.length > 0
            ? 'How is this computed, and where the source differs'
            : 'How is this computed'
        }
        open={explained}
        onClose={() => {
          setExplained(false);
        }}
      >
        <Accounting detail={detail} />
      </Drawer>
    </header>
  );
}
