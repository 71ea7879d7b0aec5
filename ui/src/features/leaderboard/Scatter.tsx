// Any two metrics against each other, with the runs that no other beats on both.

import { useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';

import type { Run } from '@/api/types';
import { Figure, Legend } from '@/charts/Figure';
import { insideZoom, toneAt, valueAxis, type FigureOption, type Marks } from '@/charts/figure';
import type { Theme } from '@/charts/option';
import { Button } from '@/design/components/controls';
import * as format from '@/lib/format';

import { frontier, places, radius, type Place } from './analytics';
import { chosen, PRESETS } from './charted';
import css from './insights.module.css';
import { Choice, MetricSelect, Tick } from './MetricSelect';
import { COLOURS, type Colour, type LeaderboardSearch } from './search';

type Props = {
  runs: readonly Run[];
  search: LeaderboardSearch;
  /** What the runs at hand are enough for: the address, but for a moment after a press. */
  drawn: LeaderboardSearch;
  onChange: (part: Partial<LeaderboardSearch>) => void;
};

const parts = () => import('@/charts/parts/scatter');

const COLOUR_NAMES: Record<Colour, string> = {
  model: 'model',
  agent_type: 'agent type',
  provider: 'provider',
  hardware: 'hardware',
  dataset_used: 'dataset',
  status: 'status',
};

/** Of more bubbles than these, sizes and edges would take long to draw and tell nothing. */
const MOST_SIZED = 1500;

/** Places one after the other, x and y in turn: ten thousand lists of two would be copied one by one. */
function pairs(places: readonly Place[]): Float64Array {
  const flat = new Float64Array(2 * places.length);
  let at = 0;
  for (const { x, y } of places) {
    flat[at] = x;
    flat[at + 1] = y;
    at += 2;
  }
  return flat;
}

export function Scatter({ runs, search, drawn, onChange }: Props) {
  const navigate = useNavigate();
  const x = chosen(drawn, 'x');
  const y = chosen(drawn, 'y');
  const size = chosen(drawn, 'size');
  const colour = drawn.colour ?? 'model';
  const logX = drawn.logx === 'yes';
  const logY = drawn.logy === 'yes';
  const { placed, unknown, offScale } = useMemo(
    () => (x && y ? places(runs, x, y, { x: logX, y: logY }) : { placed: [], unknown: 0, offScale: 0 }),
    [runs, x, y, logX, logY],
  );
  const front = useMemo(() => frontier(placed, x?.better ?? null, y?.better ?? null), [placed, x, y]);
  const groups = useMemo(() => {
    const names = [...new Set(runs.map((run) => run[colour] ?? 'not given'))].sort((a, b) =>
      a.localeCompare(b),
    );
    return new Map(names.map((name, index) => [name, index]));
  }, [runs, colour]);
  const series = useMemo(() => {
    const by = new Map<string, typeof placed>();
    for (const place of placed) {
      const name = place.run[colour] ?? 'not given';
      const of = by.get(name);
      if (of) of.push(place);
      else by.set(name, [place]);
    }
    return [...by].sort(([a], [b]) => a.localeCompare(b));
  }, [placed, colour]);

  const crowded = placed.length > MOST_SIZED;
  const build = useCallback(
    (theme: Theme): FigureOption => {
      const most = crowded ? 0 : placed.reduce((most, { run }) => Math.max(most, size?.of(run) ?? 0), 0);
      const diameter = ({ run }: Place) =>
        crowded ? 9 : 2 * radius(size ? size.of(run) : null, most, [4.5, 17]);
      const bubble = (place: Place) => [place.x, place.y, diameter(place)];
      const bubbles = {
        type: 'scatter' as const,
        symbolSize: (value: number[]) => value[2] ?? 9,
        dimensions: ['x', 'y', 'size'],
        encode: { x: 0, y: 1 },
      };
      // So many are drawn in one stroke, alike: their sizes could not be told apart anyway.
      const alike = crowded
        ? { large: true, largeThreshold: 1, symbolSize: 5, symbol: 'rect', dimensions: ['x', 'y'] }
        : {};
      return {
        animation: false,
        textStyle: { fontFamily: theme.font },
        grid: { left: 88, right: 28, top: 20, bottom: 48 },
        xAxis: valueAxis(
          { name: x?.name ?? '', quantify: x?.quantify ?? format.plain, log: logX },
          theme,
          'x',
        ),
        yAxis: valueAxis(
          { name: y?.name ?? '', quantify: y?.quantify ?? format.plain, log: logY },
          theme,
          'y',
        ),
        dataZoom: insideZoom(['x', 'y']),
        series: [
          ...series.map(([name, of]) => {
            const tone = toneAt(theme, groups.get(name) ?? 0);
            return {
              ...bubbles,
              ...alike,
              name,
              data: crowded ? pairs(of) : of.map(bubble),
              itemStyle: { color: tone, opacity: 0.72, borderColor: theme.surface, borderWidth: 1 },
            };
          }),
          {
            ...bubbles,
            name: 'On the frontier',
            data: front.map(bubble),
            silent: true,
            itemStyle: { color: 'transparent', borderColor: theme.ink, borderWidth: 2 },
          },
          ...(front.length > 1
            ? [
                {
                  type: 'line' as const,
                  name: 'Pareto frontier',
                  data: front.map((place) => [place.x, place.y]),
                  silent: true,
                  showSymbol: false,
                  z: 1,
                  lineStyle: { color: theme.ink, width: 1.5, type: [5, 4], opacity: 0.75 },
                  itemStyle: { color: theme.ink },
                },
              ]
            : []),
        ],
      };
    },
    [placed, series, groups, front, x, y, size, logX, logY, crowded],
  );
  const onFront = useMemo(() => new Set(front.map(({ run }) => run)), [front]);
  const marks = useMemo<Marks>(
    () => ({
      counts: series.map(([, of]) => of.length),
      read: ({ series: index, data }) => {
        const run = series[index]?.[1][data]?.run;
        if (!run) return { title: '', facts: [] };
        return {
          title: run.model,
          facts: [
            ...[x, y, size].flatMap((metric): [string, string][] =>
              metric ? [[metric.name, format.written(metric.quantify(metric.of(run)))]] : [],
            ),
            ['Run', format.shortId(run.run_id)],
          ],
          note: [onFront.has(run) && 'on the Pareto frontier', run.simulated && 'simulated']
            .filter(Boolean)
            .join(' · '),
        };
      },
    }),
    [series, onFront, x, y, size],
  );
  if (!x || !y) return null;
  const left = [
    unknown > 0 && `${format.plural(unknown, 'run')} unknown on an axis`,
    offScale > 0 && `${format.plural(offScale, 'run')} at 0, off the log axis`,
  ].filter(Boolean);
  const versus = `${y.name} against ${x.name}`;
  return (
    <Figure
      title={versus}
      note={[format.plural(placed.length, 'run'), ...left].join(' · ')}
      height={420}
      zoom
      parts={parts}
      build={build}
      marks={marks}
      legend={
        <>
          <Legend items={series.map(([name]) => ({ name, tone: groups.get(name) ?? 0 }))} />
          <p className={css.front}>
            {x.better && y.better
              ? `Dashed: the frontier, ${format.plural(front.length, 'run')} that no other beats on both (${y.better === 'higher' ? 'more' : 'less'} ${y.name}, ${x.better === 'higher' ? 'more' : 'less'} ${x.name}).`
              : 'No frontier: one of the two has no better direction.'}
            {size &&
              (crowded
                ? ' So many runs that their bubbles are all alike: a filter brings the sizes back.'
                : ` Area of a bubble: ${size.name}.`)}
          </p>
        </>
      }
      why={`No run in the filter knows both ${x.name} and ${y.name}.`}
      table={() => ({
        columns: [
          { header: 'Model' },
          { header: 'Run', text: format.shortId },
          { header: x.name, quantity: x.quantify },
          { header: y.name, quantity: y.quantify },
          ...(size ? [{ header: `Size: ${size.name}`, quantity: size.quantify }] : []),
          { header: 'Frontier' },
        ],
        rows: placed.map(({ run, x: atX, y: atY }) => [
          run.model,
          run.run_id,
          atX,
          atY,
          ...(size ? [size.of(run)] : []),
          onFront.has(run) ? 'yes' : '',
        ]),
      })}
      onOpen={({ series: index, data }) => {
        const run = series[index]?.[1][data]?.run;
        if (run) void navigate({ to: '/runs/$runId', params: { runId: run.run_id } });
      }}
      controls={
        <div className={css.bar} role="group" aria-label="What is drawn">
          <MetricSelect
            label="Across"
            value={chosen(search, 'x')?.id ?? x.id}
            onChange={(value) => {
              onChange({ x: value });
            }}
          />
          <Tick
            label="log"
            on={search.logx === 'yes'}
            onChange={(on) => {
              onChange({ logx: on ? 'yes' : undefined });
            }}
          />
          <MetricSelect
            label="Up"
            value={chosen(search, 'y')?.id ?? y.id}
            onChange={(value) => {
              onChange({ y: value });
            }}
          />
          <Tick
            label="log"
            on={search.logy === 'yes'}
            onChange={(on) => {
              onChange({ logy: on ? 'yes' : undefined });
            }}
          />
          <MetricSelect
            label="Size"
            value={chosen(search, 'size')?.id ?? 'none'}
            none="all the same"
            onChange={(value) => {
              onChange({ size: value });
            }}
          />
          <Choice
            label="Colour"
            value={search.colour ?? 'model'}
            options={COLOURS.map((value) => ({ value, name: COLOUR_NAMES[value] }))}
            onChange={(value) => {
              onChange({ colour: value as Colour });
            }}
          />
          <span className={css.presets}>
            Success against
            {PRESETS.map(([id, name]) => (
              <Button
                key={id}
                small
                aria-pressed={chosen(search, 'x')?.id === id && chosen(search, 'y')?.id === 'success_rate'}
                onClick={() => {
                  onChange({ x: id, y: 'success_rate' });
                }}
              >
                {name}
              </Button>
            ))}
          </span>
        </div>
      }
    />
  );
}
