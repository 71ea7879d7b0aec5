// The run's environmental metrics above the spans, on the spans' own time axis.

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { runMetrics } from '@/api/queries';
import type { Trace } from '@/api/types';
import { useCursorTime } from '@/charts/cursor';
import { CHARTS, chartSpec } from '@/charts/environment';
import { mergedMetrics, offsetMs } from '@/charts/merge';
import type { PlotSpec } from '@/charts/option';
import { Plot, TimeArea } from '@/charts/TimePlot';
import { axisTime, quantity, written } from '@/lib/format';
import { valueAt, type Window } from '@/lib/timeseries';

import css from './trace.module.css';

type Props = {
  runId: string;
  trace: Trace;
  view: Window;
  extent: Window;
  onWindow: (window: Window | null) => void;
};

export function MetricStrip({ runId, trace, view, extent, onWindow }: Props) {
  const whole = useQuery(runMetrics(runId, { max_points: 1200 })).data;
  // The run's axis begins elsewhere: how far into it this trace began.
  const offset = whole ? offsetMs(whole.t0_unix_nano, trace.t0_unix_nano) : 0;
  const margin = extent.to - extent.from;
  const part = useQuery({
    ...runMetrics(runId, {
      from_ms: Math.max(0, offset + extent.from - margin),
      to_ms: offset + extent.to + margin,
      max_points: 1200,
    }),
    enabled: whole !== undefined && whole.series.length > 0,
  });
  const fine = part.isPlaceholderData ? undefined : part.data;
  const specs = useMemo(() => {
    if (!whole) return [];
    const metrics = mergedMetrics(whole, fine, offset);
    return CHARTS.map((chart) => ({ chart, spec: chartSpec(chart, metrics, view) })).filter(
      ({ spec }) => spec.lines.length > 0,
    );
  }, [whole, fine, offset, view]);
  const says = useMemo(
    () => (ms: number) =>
      [
        axisTime(ms, view.to - view.from),
        ...specs.flatMap(({ chart, spec }) =>
          spec.lines
            .filter(({ limit }) => !limit)
            .map(
              (line) => `${chart.short} ${line.name} ${written(quantity(spec.dimension, valueAt(line, ms)))}`,
            ),
        ),
      ].join(', '),
    [specs, view],
  );
  if (specs.length === 0) return null;
  return (
    <div className={css.strip} role="group" aria-label="Environment during the trace">
      <div className={css.stripHead}>
        Environment
        <ul aria-label="Colours">
          {devices(specs.map(({ spec }) => spec)).map(([name, tone]) => (
            <li key={name}>
              <i style={{ background: `var(--cat-${tone})` }} />
              {name}
            </li>
          ))}
        </ul>
      </div>
      {specs.map(({ chart, spec }) => (
        <div key={chart.metric} className={css.metric}>
          <div className={css.metricName} title={chart.title}>
            {chart.short} <Values spec={spec} />
          </div>
          <div className={css.plot}>
            <Plot spec={spec} look="strip" />
          </div>
        </div>
      ))}
      <div className={`${css.over} ${css.live}`}>
        <div>
          <TimeArea
            window={view}
            extent={extent}
            onWindow={onWindow}
            label="Environment: cursor"
            says={says}
          />
        </div>
      </div>
    </div>
  );
}

/** What the lines are of, each once, with its colour. */
function devices(specs: readonly PlotSpec[]): [name: string, tone: number][] {
  const all = specs.flatMap(({ lines }) => lines.filter(({ limit }) => !limit));
  return [...new Map(all.map(({ name, tone }) => [name, tone]))];
}

/** Each GPU's value at the cursor, or at the end of what is shown. */
function Values({ spec }: { spec: PlotSpec }) {
  const at = useCursorTime() ?? spec.window.to;
  return (
    <span className={css.values}>
      {spec.lines
        .filter(({ limit }) => !limit)
        .map((line) => (
          <span key={line.name} style={{ color: `var(--cat-${line.tone})` }} title={line.name}>
            {written(quantity(spec.dimension, valueAt(line, at)))}
          </span>
        ))}
    </span>
  );
}
