// Runs over time: one line a model, run by run or added up. Pure.

import type { Run } from '@/api/types';
import { pool, runTime, type RunMetric } from '@/lib/metrics';

export type TrendPoint = { run: Run; ms: number; value: number };
export type TrendLine = { model: string; points: TrendPoint[] };

export type Trends = {
  /** Most runs first, so that the eye meets the best known model first. */
  lines: TrendLine[];
  /** Runs without a time or without the metric: not drawn. */
  untimed: number;
  unknown: number;
};

/** A run and when it was recorded; `ms` is null when nothing says. */
export type Timed = { run: Run; ms: number | null };

/** The runs in the order of their times, those without one last. */
export function inTime(runs: readonly Run[]): Timed[] {
  const timed = runs.map((run) => ({ run, ms: runTime(run) }));
  return timed.sort(
    (a, b) => (a.ms ?? Infinity) - (b.ms ?? Infinity) || (a.run.run_id < b.run.run_id ? -1 : 1),
  );
}

/** The lines of a metric. Added up, a rate is the mean of all runs so far, weighed as the metric is. */
export function trends(runs: readonly Timed[], metric: RunMetric, cumulative: boolean): Trends {
  const byModel = new Map<string, { run: Run; ms: number }[]>();
  let untimed = 0;
  let unknown = 0;
  for (const { run, ms } of runs) {
    if (metric.of(run) === null) unknown += 1;
    else if (ms === null) untimed += 1;
    else {
      const line = byModel.get(run.model);
      if (line) line.push({ run, ms });
      else byModel.set(run.model, [{ run, ms }]);
    }
  }
  const lines = [...byModel].map(([model, timed]) => {
    const value = cumulative ? running(metric) : (run: Run) => metric.of(run);
    return {
      model,
      points: timed.flatMap(({ run, ms }) => {
        const at = value(run);
        return at === null ? [] : [{ run, ms, value: at }];
      }),
    };
  });
  lines.sort((a, b) => b.points.length - a.points.length || a.model.localeCompare(b.model));
  return { lines, untimed, unknown };
}

const DAY_MS = 86_400_000;

/** How moments are written on the axis: with the time when all lie within days, with the year when in several. */
export function dateTick(moments: readonly number[]): (ms: number) => string {
  const [first, last] = moments.reduce(
    ([least, most], ms) => [Math.min(least, ms), Math.max(most, ms)],
    [Infinity, -Infinity],
  );
  const years = new Date(first).getFullYear() !== new Date(last).getFullYear();
  const format = new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(years ? { year: 'numeric' as const } : {}),
    ...(last - first < 4 * DAY_MS ? { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } : {}),
  });
  return (ms) => format.format(ms);
}

/** The metric over all runs seen so far. */
function running(metric: RunMetric): (run: Run) => number | null {
  const seen = pool(metric);
  return (run) => {
    seen.add(run);
    return seen.value();
  };
}
