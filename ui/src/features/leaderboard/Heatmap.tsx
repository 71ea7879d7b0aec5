// Models by metrics, coloured by how good each is: the same colour is good whichever way a metric goes.

import { useNavigate } from '@tanstack/react-router';
import { memo, useCallback, useMemo } from 'react';

import type { Run } from '@/api/types';
import { Figure } from '@/charts/Figure';
import type { FigureOption, Marks } from '@/charts/figure';
import type { Theme } from '@/charts/option';
import * as format from '@/lib/format';
import { metricOf } from '@/lib/metrics';
import { shortNames } from '@/lib/model';

import { byModel, heatmap } from './analytics';
import { MAPPED } from './charted';
import css from './insights.module.css';

const parts = () => import('@/charts/parts/heatmap');

const MOST_MODELS = 40;
const ROW_PX = 34;

/** A ground that the numbers can be read on. */
const pale = (colour = 'rgb(0, 0, 0)') => colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.5)');

export const Heatmap = memo(function Heatmap({ runs }: { runs: readonly Run[] }) {
  const navigate = useNavigate({ from: '/' });
  const metrics = useMemo(() => MAPPED.flatMap((id) => metricOf(id) ?? []), []);
  const all = useMemo(() => byModel(runs), [runs]);
  const models = useMemo(() => all.slice(0, MOST_MODELS), [all]);
  const cells = useMemo(() => heatmap(models, metrics), [models, metrics]);
  const known = useMemo(
    () =>
      cells.flatMap((row, model) =>
        row.flatMap((cell, metric) =>
          cell.value === null ? [] : [{ ...cell, value: cell.value, model, metric }],
        ),
      ),
    [cells],
  );
  const build = useCallback(
    (theme: Theme): FigureOption => ({
      animation: false,
      textStyle: { fontFamily: theme.font },
      grid: { left: 4, right: 12, top: 34, bottom: 4, containLabel: true },
      xAxis: {
        type: 'category',
        position: 'top',
        data: metrics.map(({ name, better }) =>
          better ? `${name}\u00a0${better === 'higher' ? '↑' : '↓'}` : name,
        ),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          color: theme.ink,
          fontSize: 11,
          interval: 0,
          width: 92,
          overflow: 'break',
          lineHeight: 13,
        },
      },
      yAxis: {
        type: 'category',
        inverse: true,
        data: shortNames(models.map(({ model }) => model)),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: theme.ink, fontSize: 12, width: 170, overflow: 'truncate' },
      },
      visualMap: {
        show: false,
        min: 0,
        max: 1,
        dimension: 2,
        // From vermilion over the ground to teal: told apart with any colour vision, and the numbers stand in it.
        inRange: { color: [pale(theme.tones[1]), theme.line, pale(theme.tones[2])] },
      },
      series: [
        {
          type: 'heatmap',
          data: known.map(({ good, value, model, metric }) => ({
            value: [metric, model, good ?? 0.5],
            label: {
              formatter: () => format.written(metrics[metric]?.quantify(value) ?? format.plain(value)),
            },
          })),
          label: { show: true, color: theme.ink, fontSize: 11 },
          itemStyle: { borderColor: theme.surface, borderWidth: 2, borderRadius: 4 },
          emphasis: { disabled: true },
        },
      ],
    }),
    [known, metrics, models],
  );
  const marks = useMemo<Marks>(
    () => ({
      counts: [known.length],
      read: ({ data }) => {
        const { value = null, known: knowing = 0, good, model = -1, metric = -1 } = known[data] ?? {};
        const { name = '', better, quantify = format.plain } = metrics[metric] ?? {};
        return {
          title: models[model]?.model ?? '',
          facts: [
            [name, format.written(quantify(value))],
            ['Better', better === 'higher' ? 'more' : better === 'lower' ? 'less' : 'neither'],
            ['Runs', `${knowing} of ${models[model]?.runs.length ?? 0} know it`],
          ],
          ...(good === 1
            ? { note: 'the best of these models' }
            : good === 0
              ? { note: 'the last of these models' }
              : {}),
        };
      },
    }),
    [known, metrics, models],
  );
  return (
    <Figure
      title="Models by metrics"
      note={
        all.length > models.length
          ? `the ${models.length} models with most runs of ${all.length}`
          : 'all runs of a model together'
      }
      height={Math.max(2, models.length) * ROW_PX + 60}
      minWidth={900}
      parts={parts}
      build={build}
      marks={marks}
      legend={
        <p className={css.scale}>
          <span>worst</span>
          <i aria-hidden="true" />
          <span>best</span> of the models shown, metric by metric; ↑ more is better, ↓ less is. Where neither
          is better, a cell has no colour; where nothing is known, none is drawn.
        </p>
      }
      why="No model in the filter knows any of these metrics."
      table={() => ({
        columns: [
          { header: 'Model' },
          { header: 'Runs' },
          ...metrics.map(({ name, quantify }) => ({
            header: name,
            quantity: quantify,
            why: 'No run of the model knows it.',
          })),
        ],
        rows: models.map(({ model, runs: of }, row) => [
          model,
          of.length,
          ...metrics.map((_, column) => cells[row]?.[column]?.value ?? null),
        ]),
      })}
      onOpen={({ data }) => {
        const model = models[known[data]?.model ?? -1]?.model;
        if (model)
          void navigate({ to: '/', search: (before) => ({ ...before, tab: undefined, model: [model] }) });
      }}
    />
  );
});
