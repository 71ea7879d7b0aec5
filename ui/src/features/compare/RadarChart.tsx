// The shape of each run: every axis is the share of the best, so outward is better on all of them.

import { useCallback, useMemo } from 'react';

import type { Against, Comparison } from '@/api/types';
import { Figure, Legend } from '@/charts/Figure';
import { toneAt, type FigureOption, type Marks } from '@/charts/figure';
import type { Theme } from '@/charts/option';
import { significant, written } from '@/lib/format';

import css from './compare.module.css';
import { GROUPS, metricLines, radar } from './transform';

const parts = () => import('@/charts/parts/radar');

const percent = (share: number) => `${significant(share * 100)}%`;

export function RadarChart({ comparison, focus }: { comparison: Comparison; focus: Against }) {
  const { axes, left, lines } = useMemo(() => {
    const lines = GROUPS.flatMap(({ metrics }) => metricLines(comparison, focus, metrics));
    return { ...radar(lines), lines };
  }, [comparison, focus]);
  const names = comparison.runs.map(({ letter, model }) => `${letter} ${model}`);
  const build = useCallback(
    (theme: Theme): FigureOption => ({
      animation: false,
      textStyle: { fontFamily: theme.font },
      radar: {
        indicator: axes.map(({ metric }) => ({ name: metric.name, min: 0, max: 1 })),
        radius: '58%',
        center: ['50%', '53%'],
        splitNumber: 4,
        axisName: { color: theme.ink, fontSize: 11 },
        axisNameGap: 8,
        axisLine: { lineStyle: { color: theme.line } },
        splitLine: { lineStyle: { color: theme.line } },
        splitArea: { show: false },
      },
      series: [
        {
          type: 'radar',
          symbol: 'circle',
          symbolSize: 7,
          emphasis: { lineStyle: { width: 3 } },
          data: comparison.runs.map(({ letter, model }, run) => ({
            name: `${letter} ${model}`,
            value: axes.map(({ shares }) => shares[run] ?? 0),
            lineStyle: { color: toneAt(theme, run), width: 2 },
            itemStyle: { color: toneAt(theme, run) },
            areaStyle: { color: toneAt(theme, run), opacity: 0.07 },
          })),
        },
      ],
    }),
    [axes, comparison],
  );
  const marks: Marks = {
    counts: axes.length < 3 ? [] : [names.length],
    read: ({ data: run }) => ({
      title: names[run] ?? '',
      facts: axes.map(({ metric, shares }): [string, string] => {
        const value = lines.find((line) => line.metric.id === metric.id)?.values[run]?.value ?? null;
        return [metric.name, `${written(metric.quantify(value))} (${percent(shares[run] ?? 0)})`];
      }),
    }),
  };
  return (
    <Figure
      title="Shape"
      note="outward is better"
      height={300}
      parts={parts}
      build={build}
      marks={marks}
      legend={<Legend items={comparison.runs.map(({ letter }, tone) => ({ name: letter, tone }))} />}
      why="Fewer than three metrics are known of all runs."
      table={() => ({
        columns: [
          { header: 'Share of the best, %' },
          ...comparison.runs.map(({ letter }) => ({ header: letter })),
        ],
        rows: axes.map(({ metric, shares }) => [metric.name, ...shares.map((share) => share * 100)]),
      })}
      controls={
        <p className={css.meaning}>
          Each axis is the share of the best run&apos;s value that a run reaches: 100% at the edge is the best
          of these, 50% half the success or twice the cost.
          {left.length > 0 && ` Not known of all, so not drawn: ${left.join(', ')}.`}
        </p>
      }
    />
  );
}
