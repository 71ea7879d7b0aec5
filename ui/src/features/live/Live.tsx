// What is going on now: the runs in progress, fed by the server's events.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

import { inBundle } from '@/api/client';
import { liveRuns } from '@/api/queries';
import type { LiveRun, LiveSpan } from '@/api/types';
import {
  Badge,
  Pulse,
  ShareBar,
  SimulatedBadge,
  Stat,
  Stats,
  StatusBadge,
  whyUnknown,
} from '@/design/components/data';
import { Icon, type IconName } from '@/design/components/Icon';
import { Command, Empty, Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import css from './live.module.css';
import { ago, nanosToMs } from './transform';

export function Live() {
  const { data, error, refetch } = useQuery({ ...liveRuns, enabled: !inBundle });
  useEffect(() => {
    document.title = 'Live · TraceMind';
  }, []);
  if (inBundle) {
    return (
      <Empty icon="clock" title="Not live">
        <p>
          This page shows recorded files, which do not change. Runs in progress are shown where they come in,
          by a server:
        </p>
        <Command>smoltrace serve</Command>
        <p>
          <Link to="/">Back to the leaderboard</Link>
        </p>
      </Empty>
    );
  }
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading label="the runs in progress" height="50vh" />;
  return (
    <div className={css.page}>
      <header className={css.head}>
        <h1>Live</h1>
        <p aria-live="polite">
          {data.total === 0 ? 'Nothing is running.' : `${format.plural(data.total, 'run')} in progress`}
          {data.total > data.items.length && `, the newest ${data.items.length} shown`}
        </p>
      </header>
      {data.total === 0 && (
        <Empty icon="clock" title="No run in progress">
          <p>
            A run appears here with its first span, whoever makes it, and leaves when nothing has come for a
            minute. Evaluate the built-in tasks, or point your own program here:
          </p>
          <Command>smoltrace eval --model replay:quick</Command>
          <Command>export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318</Command>
        </Empty>
      )}
      {data.items.map((item) => (
        <RunCard key={item.run.run_id} item={item} />
      ))}
    </div>
  );
}

function RunCard({ item }: { item: LiveRun }) {
  const { run, tests_done: done, tests_running: running, tests_queued: queued } = item;
  return (
    <section className={css.card} aria-label={`Run ${run.run_id}`}>
      <header>
        <Pulse />
        <h2>
          <Link to="/runs/$runId" params={{ runId: run.run_id }}>
            {run.model}
          </Link>
        </h2>
        <StatusBadge status={run.status} />
        {run.simulated && <SimulatedBadge />}
        <code title={run.run_id}>{format.shortId(run.run_id)}</code>
        <span className={css.push} />
        <Since nanos={run.start_time_unix_nano} />
      </header>
      <Progress done={done} running={running} queued={queued} />
      <Stats label="So far">
        <Stat
          label="Done"
          value={format.count(done)}
          note={
            queued === null
              ? 'of how many, the run does not say'
              : `of ${format.count(done + running + queued).text}`
          }
        />
        <Stat label="Running" value={format.count(running)} note="spans, but no root span yet" />
        <Stat
          label="Queued"
          value={format.count(queued)}
          why="The run does not say how many tests it has."
          note={queued === null ? 'unknown' : 'still to come'}
        />
        <Stat
          label="Success so far"
          value={format.percent(run.success_rate)}
          why="Nothing is scored yet."
          note={
            <ShareBar passed={run.successful_tests} failed={run.failed_tests} unscored={run.unscored_tests} />
          }
        />
        <Stat
          label="Tokens"
          value={format.count(run.total_tokens)}
          why="No span bears usage yet."
          note="so far"
        />
        <Stat
          label="Spend so far"
          value={format.usd(run.total_cost_usd)}
          why={whyUnknown('Cost', run.cost_source)}
          note="model calls"
        />
        <Stat
          label="CO₂ so far"
          value={format.co2(run.co2_emissions_g)}
          why={whyUnknown('CO₂', run.co2_source)}
          note={`${format.written(format.energy(run.energy_wh))} of energy`}
        />
        <Stat
          label="Power now"
          value={format.power(item.power_w)}
          why="No GPU power has been sampled."
          note={item.power_time_unix_nano ? <Ago nanos={item.power_time_unix_nano} /> : 'all GPUs'}
        />
      </Stats>
      <Spans spans={item.latest_spans} runId={run.run_id} />
    </section>
  );
}

function Progress({ done, running, queued }: { done: number; running: number; queued: number | null }) {
  const all = done + running + (queued ?? 0);
  if (all === 0) return null;
  const label = [
    format.plural(done, 'test') + ' done',
    `${running} running`,
    queued === null ? 'how many are queued is unknown' : `${queued} queued`,
  ].join(', ');
  return (
    <div className={css.progress} role="img" aria-label={label} title={label} data-open={queued === null}>
      <i data-part="done" style={{ flexGrow: done }} />
      <i data-part="running" style={{ flexGrow: running }} />
      {queued !== null && <i data-part="queued" style={{ flexGrow: queued }} />}
    </div>
  );
}

const ICONS: Record<string, IconName> = {
  AGENT: 'agent',
  STEP: 'step',
  LLM: 'llm',
  TOOL: 'tool',
  CHAIN: 'chain',
  RETRIEVER: 'retriever',
  EMBEDDING: 'embedding',
  EVALUATION: 'evaluation',
};

function Spans({ spans, runId }: { spans: readonly LiveSpan[]; runId: string }) {
  if (spans.length === 0) return <p className={css.none}>No span has come yet.</p>;
  return (
    <div className={css.spans}>
      <h3>Last spans</h3>
      <ol>
        {spans.map((span) => (
          <li key={`${span.trace_id}/${span.span_id}`}>
            <Link
              to="/runs/$runId/traces/$traceId"
              params={{ runId, traceId: span.trace_id }}
              search={{ span: span.span_id }}
            >
              <Icon name={ICONS[span.kind] ?? 'other'} size={14} />
              <span className={css.name} title={span.name}>
                {span.name}
              </span>
              <small className={css.test}>{span.test_uid ?? span.model ?? ''}</small>
              {span.status === 'ERROR' && <Badge tone="fail">error</Badge>}
              <small className={css.number}>
                {span.total_tokens === null ? '' : `${format.count(span.total_tokens).text} tok`}
              </small>
              <small className={css.number}>{format.written(format.duration(span.duration_ms))}</small>
              <small className={css.number}>
                <Ago nanos={span.end_time_unix_nano} />
              </small>
            </Link>
          </li>
        ))}
      </ol>
    </div>
  );
}

function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}

function Ago({ nanos }: { nanos: string }) {
  const now = useNow();
  const ms = nanosToMs(nanos);
  return <span title={ms === null ? undefined : new Date(ms).toISOString()}>{ago(ms, now)}</span>;
}

function Since({ nanos }: { nanos: string | null }) {
  const now = useNow();
  const ms = nanosToMs(nanos);
  if (ms === null) return null;
  return (
    <span className={css.since} title={new Date(ms).toISOString()}>
      started {ago(ms, now)}
    </span>
  );
}
