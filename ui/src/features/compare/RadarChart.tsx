// The shape of each run: every axis is the share of the best, so outward is better on all of them.

import { useCallback, useMemo } from 'react';

import type { Against, Comparison } from '@/api/types';
import { Figure, Legend } from '@/charts/Figure';
import { toneAt, type FigureOption, type Marks } from '@/charts/figure';
import type { Theme } from '@/charts/option';
import { significant, written } from '@/lib/format';

import css from './compare.module.css';
import { GROUPS, metricLines, radar, together } from './transform';

const parts = () => import('@/charts/parts/radar');

const percent = (share: number) => `${significant(share * 100)}%`;

export function RadarChart({ comparison, focus }: { comparison: Comparison; focus: Against }) {
  const { axes, left, lines, drawn } = useMemo(() => {
    const lines = GROUPS.flatMap(({ metrics }) => metricLines(comparison, focus, metrics));
    const runs = together(comparison, focus);
    const drawn = runs.flatMap((run) => {
      const side = comparison.runs[run];
      return side ? [{ run, letter: side.letter, name: `${side.letter} ${side.model}` }] : [];
    });
    return { ...radar(lines, runs), lines, drawn };
  }, [comparison, focus]);
  const others = comparison.runs.filter((_, run) => !drawn.some((of) => of.run === run));
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
          data: drawn.map(({ run, name }, at) => ({
            name,
            value: axes.map(({ shares }) => shares[at] ?? 0),
            lineStyle: { color: toneAt(theme, run), width: 2 },
            itemStyle: { color: toneAt(theme, run) },
            areaStyle: { color: toneAt(theme, run), opacity: 0.07 },
          })),
        },
      ],
    }),
    [axes, drawn],
  );
  const marks: Marks = {
    counts: axes.length < 3 ? [] : [drawn.length],
    read: ({ data: at }) => ({
      title: drawn[at]?.name ?? '',
      facts: axes.map(({ metric, shares }): [string, string] => {
        const value =
          lines.find((line) => line.metric.id === metric.id)?.values[drawn[at]?.run ?? -1]?.value ?? null;
        return [metric.name, `${written(metric.quantify(value))} (${percent(shares[at] ?? 0)})`];
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
      legend={<Legend items={drawn.map(({ letter, run }) => ({ name: letter, tone: run }))} />}
      why="Fewer than three metrics are known of all runs."
      table={() => ({
        columns: [{ header: 'Share of the best, %' }, ...drawn.map(({ letter }) => ({ header: letter }))],
        rows: axes.map(({ metric, shares }) => [metric.name, ...shares.map((share) => share * 100)]),
      })}
      controls={
        <p className={css.meaning}>
          Each axis is the share of the best run&apos;s value that a run reaches: 100% at the edge is the best
          of these, 50% half the success or twice the cost.
          {others.length > 0 &&
            ` ${others.map(({ letter }) => letter).join(', ')} had other tests in common with A, so not drawn.`}
          {left.length > 0 && ` Not known of all, so not drawn: ${left.join(', ')}.`}
        </p>
      }
    />
  );
}
