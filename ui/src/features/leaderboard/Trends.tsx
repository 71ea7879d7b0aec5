// A metric over time: one line a model, run by run or added up.

import { useNavigate } from '@tanstack/react-router';
import { memo, useCallback, useDeferredValue, useMemo } from 'react';

import type { RunFilter } from '@/api/queries';
import { Figure, Legend } from '@/charts/Figure';
import { insideZoom, toneAt, valueAxis, type FigureOption, type Marks } from '@/charts/figure';
import type { Theme } from '@/charts/option';
import { Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';
import { metricOf } from '@/lib/metrics';

import { chosen, SMALL } from './charted';
import css from './insights.module.css';
import { Choice, MetricSelect } from './MetricSelect';
import { Newest } from './Newest';
import type { LeaderboardSearch } from './search';
import { dateTick, inTime, trends, type Timed } from './trends';
import { useChartRuns } from './useChartRuns';

type Props = {
  filter: RunFilter;
  search: LeaderboardSearch;
  onChange: (part: Partial<LeaderboardSearch>) => void;
};

export function Trends({ filter, search, onChange }: Props) {
  const { data, drawn, error, refetch } = useChartRuns(filter, search);
  const runs = useMemo(() => inTime(data?.items ?? []), [data]);
  // The small charts follow the large one.
  const after = useDeferredValue(drawn.cumulative === 'yes');
  const metric = chosen(drawn, 'metric');
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data || !metric) return <Loading label="the trends" height="50vh" />;
  const others = SMALL.filter((id) => id !== metric.id).slice(0, 4);
  return (
    <div className={css.page}>
      <Newest shown={data.items.length} total={data.total} />
      <div className={css.bar} role="group" aria-label="What is drawn">
        <MetricSelect
          label="Metric"
          value={chosen(search, 'metric')?.id ?? metric.id}
          onChange={(value) => {
            onChange({ metric: value === 'success_rate' ? undefined : value });
          }}
        />
        <Choice
          label="Each point is"
          value={search.cumulative ?? 'no'}
          options={[
            { value: 'no', name: 'one run' },
            { value: 'yes', name: 'all runs so far (cumulative)' },
          ]}
          onChange={(value) => {
            onChange({ cumulative: value === 'yes' ? 'yes' : undefined });
          }}
        />
      </div>
      <Trend runs={runs} id={metric.id} cumulative={drawn.cumulative === 'yes'} height={380} large />
      <div className={css.small}>
        {others.map((id) => (
          <Trend key={id} runs={runs} id={id} cumulative={after} height={200} />
        ))}
      </div>
    </div>
  );
}

/** More points than this lie on one another: the line alone is drawn. */
const MOST_SYMBOLS = 1500;

type TrendProps = {
  runs: readonly Timed[];
  id: string;
  cumulative: boolean;
  height: number;
  large?: boolean;
};

const Trend = memo(function Trend({ runs, id, cumulative, height, large }: TrendProps) {
  const navigate = useNavigate();
  const metric = metricOf(id);
  const { lines, untimed, unknown } = useMemo(
    () => (metric ? trends(runs, metric, cumulative) : { lines: [], untimed: 0, unknown: 0 }),
    [runs, metric, cumulative],
  );
  // A model keeps its colour whatever metric is drawn.
  const tones = useMemo(() => {
    const models = [...new Set(runs.map(({ run }) => run.model))].sort((a, b) => a.localeCompare(b));
    return new Map(models.map((model, index) => [model, index]));
  }, [runs]);
  const dates = useMemo(() => dateTick(lines.flatMap(({ points }) => points.map(({ ms }) => ms))), [lines]);
  const crowded = lines.reduce((sum, { points }) => sum + points.length, 0) > MOST_SYMBOLS;
  const build = useCallback(
    (theme: Theme): FigureOption => ({
      animation: false,
      textStyle: { fontFamily: theme.font },
      grid: { left: 76, right: 20, top: 14, bottom: 26 },
      xAxis: {
        type: 'time',
        boundaryGap: ['1%', '1%'],
        axisLine: { lineStyle: { color: theme.line } },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { color: theme.quiet, fontSize: 11, hideOverlap: true, formatter: dates },
        splitNumber: large ? 8 : 4,
      },
      yAxis: {
        ...valueAxis({ name: '', quantify: metric?.quantify ?? format.plain }, theme, 'y'),
        ...(cumulative && metric?.pool.kind === 'sum' ? { scale: false } : {}),
      },
      dataZoom: insideZoom(['x']),
      series: lines.map(({ model, points }) => {
        const tone = tones.get(model) ?? 0;
        const colour = toneAt(theme, tone);
        return {
          type: 'line' as const,
          name: model,
          data: points.map(({ ms, value }) => [ms, value]),
          symbol: tone >= 8 ? 'rect' : 'circle',
          symbolSize: points.length > 200 ? 3 : large ? 7 : 5,
          showSymbol: !crowded,
          ...(cumulative && metric?.pool.kind === 'sum' ? { step: 'end' as const } : {}),
          lineStyle: {
            color: colour,
            width: crowded ? 1 : 2,
            type: tone >= 8 ? ('dashed' as const) : ('solid' as const),
          },
          itemStyle: { color: colour },
        };
      }),
    }),
    [lines, tones, dates, metric, cumulative, large, crowded],
  );
  const marks = useMemo<Marks>(
    () => ({
      counts: lines.map(({ points }) => points.length),
      read: ({ series, data }) => {
        const point = lines[series]?.points[data];
        return {
          title: lines[series]?.model ?? '',
          facts: [
            [
              cumulative ? `${metric?.name ?? ''}, so far` : (metric?.name ?? ''),
              format.written((metric?.quantify ?? format.plain)(point?.value ?? null)),
            ],
            ['When', format.moment(point ? new Date(point.ms) : null).text],
            ['Run', format.shortId(point?.run.run_id ?? '')],
          ],
          ...(point?.run.simulated ? { note: 'simulated' } : {}),
        };
      },
    }),
    [lines, metric, cumulative],
  );
  const legend = useMemo(() => {
    const drawn = lines.map(({ model }) => ({ name: model, tone: tones.get(model) ?? 0 }));
    const others = [...tones].filter(([model]) => !lines.some((line) => line.model === model));
    return [...drawn, ...others.map(([name, tone]) => ({ name, tone, note: 'not in this chart' }))];
  }, [lines, tones]);
  if (!metric) return null;
  const left = [
    unknown > 0 && `${format.plural(unknown, 'run')} without it`,
    untimed > 0 && `${format.plural(untimed, 'run')} without a time`,
  ].filter(Boolean);
  return (
    <Figure
      title={metric.name}
      note={[
        cumulative ? (metric.pool.kind === 'sum' ? 'added up' : 'mean of all runs so far') : 'by run',
        metric.better && (metric.better === 'higher' ? 'more is better' : 'less is better'),
        ...left,
      ]
        .filter(Boolean)
        .join(' · ')}
      height={height}
      zoom
      build={build}
      marks={marks}
      legend={
        large ? (
          // Of all charts below, also of models that this one knows nothing of.
          <Legend items={legend} />
        ) : undefined
      }
      why="No run in the filter knows this metric and its time."
      table={() => ({
        columns: [
          { header: 'Model' },
          { header: 'When', text: (iso) => format.momentFromIso(iso).text },
          { header: 'Run', text: format.shortId },
          { header: metric.name, quantity: metric.quantify },
        ],
        rows: lines.flatMap(({ model, points }) =>
          points.map(({ run, ms, value }) => [model, new Date(ms).toISOString(), run.run_id, value]),
        ),
      })}
      onOpen={({ series, data }) => {
        const run = lines[series]?.points[data]?.run;
        if (run) void navigate({ to: '/runs/$runId', params: { runId: run.run_id } });
      }}
    />
  );
});
