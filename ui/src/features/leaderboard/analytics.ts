// Runs against one another: which none beats, how models stand by each metric, who does most with least. Pure.

import type { Run } from '@/api/types';
import { pooled, type Better, type RunMetric } from '@/lib/metrics';

export type Place = { run: Run; x: number; y: number };

/** The runs that know both metrics; on a logarithmic axis there is no place for 0 and less. */
export function places(
  runs: readonly Run[],
  x: RunMetric,
  y: RunMetric,
  log: { x: boolean; y: boolean },
): { placed: Place[]; unknown: number; offScale: number } {
  const placed: Place[] = [];
  let unknown = 0;
  let offScale = 0;
  for (const run of runs) {
    const [atX, atY] = [x.of(run), y.of(run)];
    if (atX === null || atY === null) unknown += 1;
    else if ((log.x && atX <= 0) || (log.y && atY <= 0)) offScale += 1;
    else placed.push({ run, x: atX, y: atY });
  }
  return { placed, unknown, offScale };
}

/**
 * The Pareto frontier: places that no other beats on one metric without being worse on the other, in order of x.
 * Of equal places all stand. A metric without a better direction has no frontier.
 */
export function frontier(placed: readonly Place[], x: Better | null, y: Better | null): Place[] {
  if (!x || !y) return [];
  const [signX, signY] = [x === 'higher' ? -1 : 1, y === 'higher' ? -1 : 1];
  // As costs, where less is better: ascending by x, and then descending by y. It is short, so that it is kept in order
  // place by place rather than all sorted.
  const front: { place: Place; x: number; y: number }[] = [];
  for (const place of placed) {
    const [atX, atY] = [signX * place.x, signY * place.y];
    let [low, high] = [0, front.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((front[middle]?.x ?? 0) <= atX) low = middle + 1;
      else high = middle;
    }
    // The last that costs no more x has the least y of those before; of equal ones all stand.
    const before = front[low - 1];
    const same = before?.x === atX && before.y === atY;
    if (before && !same && before.y <= atY) continue;
    let first = low;
    while (!same && first > 0 && front[first - 1]?.x === atX) first -= 1;
    let end = low;
    while ((front[end]?.y ?? -Infinity) >= atY) end += 1;
    front.splice(first, end - first, { place, x: atX, y: atY });
  }
  return front.map(({ place }) => place).sort((a, b) => a.x - b.x || a.y - b.y);
}

/** Radius of a bubble, px: its area grows with the value. */
export function radius(value: number | null, most: number, [small, large]: [number, number]): number {
  if (value === null || most <= 0 || value <= 0) return small;
  return Math.max(small, large * Math.sqrt(value / most));
}

export type ModelRow = { model: string; runs: Run[] };

/** The runs by model, most runs first. */
export function byModel(runs: readonly Run[]): ModelRow[] {
  const models = new Map<string, Run[]>();
  for (const run of runs) {
    const of = models.get(run.model);
    if (of) of.push(run);
    else models.set(run.model, [run]);
  }
  return [...models]
    .map(([model, of]) => ({ model, runs: of }))
    .sort((a, b) => b.runs.length - a.runs.length || a.model.localeCompare(b.model));
}

export type HeatCell = {
  value: number | null;
  /** Runs of the model that know the metric. */
  known: number;
  /** 1 for the best model, 0 for the worst; null when unknown, when no model differs, or when neither way is better. */
  good: number | null;
};

/** Models by metrics. What is better is 1 whichever way the metric goes. */
export function heatmap(models: readonly ModelRow[], metrics: readonly RunMetric[]): HeatCell[][] {
  const columns = metrics.map((metric) => {
    const cells = models.map(({ runs }) => pooled(metric, runs));
    const values = cells.flatMap(({ value }) => value ?? []);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return cells.map(({ value, known }) => {
      if (value === null || most === least || metric.better === null) return { value, known, good: null };
      const share = (value - least) / (most - least);
      return { value, known, good: metric.better === 'lower' ? 1 - share : share };
    });
  });
  return models.map((_, row) => columns.flatMap((column) => column[row] ?? []));
}

export type Efficiency = {
  model: string;
  runs: number;
  /** Runs of it whose amount is known, and what passed in those. */
  known: number;
  passed: number;
  amount: number;
  /** Passed tests per unit of the amount. */
  per: number;
};

/** Models by passed tests per unit of what they used, best first. Runs that do not know the amount do not count. */
export function efficiency(models: readonly ModelRow[], amountOf: (run: Run) => number | null): Efficiency[] {
  const rows = models.flatMap(({ model, runs }) => {
    const knowing = runs.filter((run) => amountOf(run) !== null);
    const amount = knowing.reduce((sum, run) => sum + (amountOf(run) ?? 0), 0);
    const passed = knowing.reduce((sum, run) => sum + run.successful_tests, 0);
    if (knowing.length === 0 || amount <= 0) return [];
    return [{ model, runs: runs.length, known: knowing.length, passed, amount, per: passed / amount }];
  });
  return rows.sort((a, b) => b.per - a.per || a.model.localeCompare(b.model));
}
