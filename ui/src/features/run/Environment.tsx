// The seven metrics on one time axis, a line per GPU, and beneath them when each test ran.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';

import { runMetrics } from '@/api/queries';
import type { Metrics, RunDetail, TestSpan } from '@/api/types';
import { CursorContext, makeCursor } from '@/charts/cursor';
import { CHARTS, chartSpec, extentOf } from '@/charts/environment';
import { mergedMetrics } from '@/charts/merge';
import { TimeChart } from '@/charts/TimeChart';
import { TimeArea } from '@/charts/TimePlot';
import { Button, IconButton } from '@/design/components/controls';
import { Panel } from '@/design/components/data';
import { Empty, Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';
import { clampWindow, growth, integral, isWhole, lanes, zoomed, type Window } from '@/lib/timeseries';

import { Devices } from './Devices';
import { testKey } from './results';
import css from './run.module.css';

const route = getRouteApi('/runs/$runId');
const MAX_POINTS = 1200;
const LANE_PX = 24;

export function Environment({ detail }: { detail: RunDetail }) {
  const runId = detail.run.run_id;
  const { from, to } = route.useSearch();
  const navigate = useNavigate({ from: '/runs/$runId' });
  const [cursor] = useState(makeCursor);
  const whole = useQuery(runMetrics(runId, { max_points: MAX_POINTS }));
  // A window is asked for again at its own resolution, a little beyond its edges.
  const zoomedIn = from !== undefined && to !== undefined;
  const margin = zoomedIn ? (to - from) * 0.05 : 0;
  const part = useQuery({
    ...runMetrics(runId, {
      from_ms: zoomedIn ? Math.max(0, from - margin) : 0,
      to_ms: zoomedIn ? to + margin : 0,
      max_points: MAX_POINTS,
    }),
    enabled: zoomedIn,
  });
  const metrics = useMemo(() => {
    const fine = zoomedIn && !part.isPlaceholderData ? part.data : undefined;
    return whole.data && mergedMetrics(whole.data, fine, 0);
  }, [whole.data, part.data, part.isPlaceholderData, zoomedIn]);
  const extent = useMemo(() => whole.data && extentOf(whole.data), [whole.data]);
  const view = useMemo(
    () => extent && (zoomedIn ? clampWindow({ from, to }, extent) : extent),
    [extent, zoomedIn, from, to],
  );
  const specs = useMemo(
    () => metrics && view && CHARTS.map((chart) => ({ chart, spec: chartSpec(chart, metrics, view) })),
    [metrics, view],
  );
  if (whole.error) return <Failure error={whole.error} onRetry={() => void whole.refetch()} />;
  if (!whole.data || !extent || !view || !specs || !metrics) {
    return <Loading label="the metrics" height="60vh" />;
  }
  if (whole.data.series.length === 0) {
    return (
      <Empty icon="chart" title="No metrics">
        <p>
          No GPU, CO₂ or power-cost series was recorded with this run, so its energy and emissions are
          unknown, not zero.
        </p>
      </Empty>
    );
  }
  const setWindow = (window: Window | null) => {
    const rounded = window && {
      from: Math.round(window.from * 1000) / 1000,
      to: Math.round(window.to * 1000) / 1000,
    };
    void navigate({
      search: (before) => ({ ...before, from: rounded?.from, to: rounded?.to }),
      resetScroll: false,
    });
  };
  return (
    <CursorContext value={cursor}>
      <ZoomBar view={view} extent={extent} metrics={metrics} onWindow={setWindow} />
      <div className={css.charts}>
        {specs.map(({ chart, spec }) => (
          <TimeChart
            key={chart.metric}
            title={chart.title}
            spec={spec}
            extent={extent}
            onWindow={setWindow}
            why={`Not recorded: no ${chart.metric} series.`}
          />
        ))}
      </div>
      <TestLanes runId={runId} tests={whole.data.tests} view={view} extent={extent} onWindow={setWindow} />
      <Devices accounting={detail.accounting} run={detail.run} />
    </CursorContext>
  );
}

type ZoomProps = { view: Window; extent: Window; onWindow: (window: Window | null) => void };

/** What the window holds, and the buttons that change it. */
function ZoomBar({ view, extent, metrics, onWindow }: ZoomProps & { metrics: Metrics }) {
  const sum = (metric: string, measure: typeof growth) => {
    const values = metrics.series
      .filter((series) => series.metric === metric)
      .map((series) => measure(series, view));
    const known = values.filter((value) => value !== null);
    return known.length === values.length && known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
  };
  const wattMs = sum('gen_ai.gpu.power', integral);
  const all = isWhole(view, extent);
  const zoom = (factor: number) => {
    const next = zoomed(view, extent, factor);
    onWindow(isWhole(next, extent) ? null : next);
  };
  return (
    <div className={css.zoom}>
      <p aria-live="polite">
        <span>
          {all ? 'Whole run' : 'Window'}{' '}
          <b title={`${format.exact(view.to - view.from)} ms`}>
            {format.written(format.duration(view.to - view.from))}
          </b>
        </span>
        {!all && (
          <>
            <span>
              CO₂ <b>{format.written(format.co2(sum('gen_ai.co2.emissions', growth)))}</b>
            </span>
            <span>
              power cost <b>{format.written(format.usd(sum('gen_ai.power.cost', growth)))}</b>
            </span>
            <span title="Trapezoid over the power samples in the window">
              energy <b>{format.written(format.energy(wattMs === null ? null : wattMs / 3.6e6))}</b>
            </span>
          </>
        )}
        <span>{all && 'Drag over a chart to zoom in; double-click to see all.'}</span>
      </p>
      <span>
        <IconButton
          icon="zoomIn"
          label="Zoom in"
          onClick={() => {
            zoom(0.5);
          }}
        />
        <IconButton
          icon="zoomOut"
          label="Zoom out"
          disabled={all}
          onClick={() => {
            zoom(2);
          }}
        />
        <Button
          look="bare"
          icon="reset"
          disabled={all}
          onClick={() => {
            onWindow(null);
          }}
        >
          Show all
        </Button>
      </span>
    </div>
  );
}

function TestLanes(props: ZoomProps & { runId: string; tests: readonly TestSpan[] }) {
  const { runId, tests, view, extent, onWindow } = props;
  const rows = useMemo(() => lanes(tests), [tests]);
  const span = view.to - view.from;
  const height = (Math.max(0, ...rows) + 1) * LANE_PX;
  const seen = tests
    .map((test, index) => ({ test, row: rows[index] ?? 0 }))
    .filter(({ test }) => test.end_ms >= view.from && test.start_ms <= view.to);
  return (
    <Panel title="Tests" note="on the same axis" className={css.lane}>
      <div className={css.laneScroll}>
        <div className={css.lanes} style={{ height }}>
          <TimeArea window={view} extent={extent} onWindow={onWindow} />
          {seen.map(({ test, row }) => {
            const left = Math.max(0, (test.start_ms - view.from) / span) * 100;
            const right = Math.min(1, (test.end_ms - view.from) / span) * 100;
            const outcome = test.success === null ? 'unscored' : test.success ? 'passed' : 'failed';
            const name = `${testKey(test)}, ${outcome}, ${format.written(format.duration(test.end_ms - test.start_ms))}`;
            const place = { left: `${left}%`, width: `max(3px, ${right - left}%)`, top: row * LANE_PX };
            return test.trace_id ? (
              <Link
                key={testKey(test)}
                className={css.slot}
                style={place}
                data-outcome={outcome}
                title={name}
                aria-label={name}
                to="/runs/$runId/traces/$traceId"
                params={{ runId, traceId: test.trace_id }}
              >
                {testKey(test)}
              </Link>
            ) : (
              <span
                key={testKey(test)}
                className={css.slot}
                style={place}
                data-outcome={outcome}
                title={name}
              >
                {testKey(test)}
              </span>
            );
          })}
        </div>
      </div>
    </Panel>
  );
}
