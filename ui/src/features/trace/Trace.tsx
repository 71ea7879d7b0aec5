// One trace: its head, and the timeline, graph or conversation with the span panel beside it; the raw OTLP.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';

import { otlpAddress, runDetail, trace as traceQuery, traceOtlp } from '@/api/queries';
import type { Run, Trace as TraceData } from '@/api/types';
import { Button, CopyButton, Tabs } from '@/design/components/controls';
import { OutcomeBadge, SimulatedBadge, SourceBadge, Stat, Stats, whyUnknown } from '@/design/components/data';
import { JsonBlock } from '@/design/components/Json';
import { Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { Conversation } from './Conversation';
import { Graph } from './Graph';
import { TABS, type Tab } from './search';
import { SpanPanel } from './SpanPanel';
import { Timeline } from './Timeline';
import css from './trace.module.css';

const route = getRouteApi('/runs/$runId/traces/$traceId');

const TAB_NAMES: Record<Tab, string> = {
  timeline: 'Timeline',
  graph: 'Graph',
  conversation: 'Conversation',
  raw: 'Raw',
};

export function Trace() {
  const { runId, traceId } = route.useParams();
  const { tab = 'timeline', span } = route.useSearch();
  const { data, error, refetch } = useQuery(traceQuery(runId, traceId));
  const run = useQuery(runDetail(runId)).data?.run;
  const navigate = route.useNavigate();
  useEffect(() => {
    document.title = `${data?.summary.test_uid ?? data?.summary.root_name ?? 'Trace'} · TraceMind`;
  }, [data]);
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the trace" height="60vh" />;
  const panel = span && <SpanPanel runId={runId} trace={data} spanId={span} />;
  const select = (index: number) => {
    void navigate({
      search: (before) => ({ ...before, span: data.spans.span_id[index] }),
      replace: true,
      resetScroll: false,
    });
  };
  return (
    <div className={css.page} data-fit={tab === 'timeline' || tab === 'graph'}>
      <Head trace={data} run={run} runId={runId} />
      <Tabs label="Parts of the trace">
        {TABS.map((name) => (
          <Link
            key={name}
            from="/runs/$runId/traces/$traceId"
            to="."
            search={(before) => ({ ...before, tab: name === 'timeline' ? undefined : name })}
            activeOptions={{ explicitUndefined: true }}
          >
            {TAB_NAMES[name]}
          </Link>
        ))}
      </Tabs>
      {tab === 'timeline' && (
        <Timeline runId={runId} trace={data} selected={span}>
          {panel}
        </Timeline>
      )}
      {tab === 'graph' && (
        <Beside panel={panel}>
          <Graph trace={data} selected={span} onSelect={select} />
        </Beside>
      )}
      {tab === 'conversation' && (
        <Beside panel={panel}>
          <Conversation runId={runId} trace={data} />
        </Beside>
      )}
      {tab === 'raw' && <Raw runId={runId} trace={data} />}
    </div>
  );
}

/** A view with the open span at its side. */
function Beside({ panel, children }: { panel: ReactNode; children: ReactNode }) {
  return (
    <div className={css.beside} data-open={Boolean(panel)}>
      {children}
      {panel}
    </div>
  );
}

function Head({ trace, run, runId }: { trace: TraceData; run: Run | undefined; runId: string }) {
  const { summary } = trace;
  const { test } = summary;
  const noTest = 'No test of the run names this trace, so nothing is attributed to it.';
  const why = (what: string, source: Parameters<typeof whyUnknown>[1] | undefined) =>
    source === undefined ? noTest : whyUnknown(what, source);
  return (
    <header className={css.head}>
      <nav className={css.crumbs} aria-label="Breadcrumb">
        <Link to="/">Leaderboard</Link> <span aria-hidden="true">/</span>
        <Link to="/runs/$runId" params={{ runId }}>
          {run?.model ?? runId}
        </Link>
        <span aria-hidden="true">/</span>
        <Link to="/runs/$runId" params={{ runId }} search={{ tab: 'tests' }}>
          Tests
        </Link>
        <span aria-hidden="true">/</span> <span>Trace</span>
      </nav>
      <div className={css.title}>
        <h1>{summary.test_uid ?? summary.root_name}</h1>
        {test && <OutcomeBadge success={test.success} />}
        {run?.simulated && <SimulatedBadge />}
        <code>{summary.trace_id}</code>
        <CopyButton text={summary.trace_id} label="Copy the trace id" />
      </div>
      <Stats label="Totals of the trace">
        <Stat label="Duration" value={format.duration(summary.duration_ms)} note="root span" />
        <Stat label="Tokens" value={format.count(summary.total_tokens)} why="No span bears usage." />
        <Stat
          label="Model cost"
          value={format.usd(summary.cost_usd)}
          why="No span says its cost, and no price is known."
        />
        <Stat
          label="Energy"
          value={format.energy(test?.energy_wh ?? null)}
          why={why('Energy', test?.energy_source)}
          note={test && <SourceBadge source={test.energy_source} of="Energy" />}
        />
        <Stat
          label="CO₂"
          value={format.co2(test?.co2_emissions_g ?? null)}
          why={why('CO₂', test?.co2_source)}
          note={test && <SourceBadge source={test.co2_source} of="CO₂" />}
        />
        <Stat
          label="Power cost"
          value={format.usd(test?.power_cost_usd ?? null)}
          why={why('Power cost', test?.power_cost_source)}
          note={test && <SourceBadge source={test.power_cost_source} of="Power cost" />}
        />
        <Stat label="Spans" value={format.count(summary.spans)} />
        <Stat label="Errors" value={format.count(summary.errors)} />
      </Stats>
    </header>
  );
}

const SHOWN_UNASKED = 2000;

function Raw({ runId, trace }: { runId: string; trace: TraceData }) {
  const { trace_id, spans } = trace.summary;
  const [asked, setAsked] = useState(spans <= SHOWN_UNASKED);
  const { data, error, refetch } = useQuery({ ...traceOtlp(runId, trace_id), enabled: asked });
  return (
    <section className={css.raw} aria-label="Raw trace">
      <p>
        <a className={css.link} href={otlpAddress(runId, trace_id)} download={`${trace_id}.otlp.json`}>
          Download OTLP JSON
        </a>
        {!asked && (
          <Button
            onClick={() => {
              setAsked(true);
            }}
          >
            Show it here all the same
          </Button>
        )}
      </p>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {asked &&
        !error &&
        (data ? <JsonBlock value={data} label="the trace" /> : <Loading label="the trace" />)}
    </section>
  );
}
