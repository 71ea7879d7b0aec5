// From the comparison's answer to what the screen says of it. Pure.

import type { Against, Change, Comparison, MetricDifference, TestLine } from '@/api/types';
import * as format from '@/lib/format';
import { metricOf, type Better, type RunMetric } from '@/lib/metrics';

import type { Shown } from './search';

/** The rows of the side-by-side table. */
export const GROUPS: readonly { title: string; metrics: readonly string[] }[] = [
  { title: 'Outcome', metrics: ['success_rate', 'avg_steps'] },
  { title: 'Spent', metrics: ['total_duration_ms', 'total_tokens', 'total_cost_usd'] },
  { title: 'Environment', metrics: ['energy_wh', 'co2_emissions_g', 'power_cost_total_usd'] },
  {
    title: 'Per successful test',
    metrics: [
      'co2_per_success_g',
      'energy_per_success_wh',
      'cost_per_success_usd',
      'tokens_per_success',
      'seconds_per_success',
    ],
  },
];

export type MetricLine = {
  metric: RunMetric;
  /**
   * One per run; `whole` says that it is of the whole run, not of the tests in common. `others` counts the tests behind
   * it where they are not those of the two that are compared in detail.
   */
  values: { value: number | null; whole: boolean; others: number | null; mark: 'best' | 'tie' | null }[];
  /** The run in focus against the first. */
  difference: MetricDifference;
};

/** Which values are the best of the known ones; all of them the same is a tie. */
export function marks(values: readonly (number | null)[], better: Better | null): ('best' | 'tie' | null)[] {
  const known = values.filter((value) => value !== null);
  if (known.length < 2 || better === null) return values.map(() => null);
  const best = better === 'higher' ? Math.max(...known) : Math.min(...known);
  const same = known.every((value) => value === best);
  return values.map((value) => (value === null ? null : same ? 'tie' : value === best ? 'best' : null));
}

/** The runs that have the same tests in common with the first as `focus` has: only their values can be held together. */
export function together({ runs, tests }: Comparison, focus: Against): number[] {
  const shares = (line: TestLine, run: number) => Boolean(line.cells[0]) && Boolean(line.cells[run]);
  return runs.flatMap((_, run) =>
    run === 0 || tests.every((line) => shares(line, run) === shares(line, focus.run)) ? [run] : [],
  );
}

/** The table's lines, with `focus` (index of the run) compared in detail. */
export function metricLines(comparison: Comparison, focus: Against, ids: readonly string[]): MetricLine[] {
  const alike = together(comparison, focus);
  return ids.flatMap((id) => {
    const metric = metricOf(id);
    const difference = focus.metrics.find((of) => of.metric === id);
    if (!metric || !difference) return [];
    const plain = comparison.runs.map((side, run) => {
      const paired =
        run === 0 ? difference : comparison.against_first[run - 1]?.metrics.find((of) => of.metric === id);
      const value = (run === 0 ? paired?.first : paired?.this) ?? null;
      const verdict = paired?.verdict ?? 'undecided';
      if (value === null) return { value: side.values[id] ?? null, whole: true, others: null, verdict };
      const whole = paired?.basis === 'runs';
      return { value, whole, others: whole || alike.includes(run) ? null : (paired?.pairs ?? null), verdict };
    });
    const marked = marks(
      plain.map(({ value }, run) => (alike.includes(run) ? value : null)),
      metric.better,
    );
    // Best is what the data show to be better than the first, or the first when they show all others to be worse.
    const shown = (run: number) =>
      run > 0
        ? plain[run]?.verdict === 'better'
        : plain.every((of, other) => other === 0 || !alike.includes(other) || of.verdict === 'worse');
    const values = plain.map(({ value, whole, others }, run) => {
      const mark = marked[run] ?? null;
      return { value, whole, others, mark: mark === 'best' && !shown(run) ? null : mark };
    });
    return [{ metric, difference, values }];
  });
}

/** A difference with its sign; of percentages in points. */
export function signed(metric: RunMetric, value: number | null): string {
  if (value === null) return format.UNKNOWN;
  const sign = value > 0 ? '+' : value < 0 ? '−' : '';
  const size = Math.abs(value);
  const text =
    metric.id === 'success_rate' ? `${format.significant(size)} pp` : format.written(metric.quantify(size));
  return text.startsWith('0 ') || text === '0' ? text : sign + text;
}

export function signedPercent(value: number | null): string {
  if (value === null) return '';
  const sign = value > 0 ? '+' : value < 0 ? '−' : '';
  return `${sign}${format.significant(Math.abs(value))}%`;
}

/** Where an interval and its estimate stand on a track with 0 in the middle, in percent of its width. */
export function track({ ci_low, ci_high, difference }: MetricDifference) {
  if (difference === null) return null;
  const reach = Math.max(Math.abs(ci_low ?? 0), Math.abs(ci_high ?? 0), Math.abs(difference)) * 1.08;
  const at = (value: number) => (reach === 0 ? 50 : 50 + (50 * value) / reach);
  return {
    at: at(difference),
    low: ci_low === null ? null : at(ci_low),
    high: ci_high === null ? null : at(ci_high),
  };
}

/** `shares` has one of each run that is drawn. */
export type RadarAxis = { metric: RunMetric; shares: number[] };

const RADAR = [
  'success_rate',
  'avg_steps',
  'total_duration_ms',
  'total_tokens',
  'total_cost_usd',
  'energy_wh',
  'co2_emissions_g',
];

/**
 * Axes on which the best of `runs` is 1 and the others are the share of it that they reach: half of the success,
 * or twice the CO2, is 0.5. An axis that some run does not know is left out.
 */
export function radar(
  lines: readonly MetricLine[],
  runs: readonly number[],
): { axes: RadarAxis[]; left: string[] } {
  const axes: RadarAxis[] = [];
  const left: string[] = [];
  for (const id of RADAR) {
    const line = lines.find(({ metric }) => metric.id === id);
    if (!line) continue;
    const values = runs.flatMap((run) => line.values[run]?.value ?? []);
    const { better, name } = line.metric;
    const best = better === 'higher' ? Math.max(...values) : Math.min(...values);
    // Of a best of 0 nothing else is a share.
    if (values.length < runs.length || best < 0 || (best === 0 && values.some((value) => value !== 0)))
      left.push(name);
    else {
      const share = (value: number) =>
        value === best ? 1 : better === 'higher' ? value / best : best / value;
      axes.push({ metric: line.metric, shares: values.map(share) });
    }
  }
  return { axes, left };
}

export const CHANGES: Record<
  Change,
  { name: string; tone: 'pass' | 'fail' | 'quiet' | 'dashed'; says: string }
> = {
  fixed: { name: 'fixed', tone: 'pass', says: 'Failed in the first run, passes here.' },
  broken: { name: 'broken', tone: 'fail', says: 'Passed in the first run, fails here.' },
  both_pass: { name: 'both pass', tone: 'quiet', says: 'Passes in both.' },
  both_fail: { name: 'both fail', tone: 'quiet', says: 'Fails in both.' },
  unscored: { name: 'unscored', tone: 'dashed', says: 'Without a verdict in one of the two.' },
  only_first: { name: 'only in A', tone: 'dashed', says: 'Only the first run has it.' },
  only_this: { name: 'only here', tone: 'dashed', says: 'The first run does not have it.' },
  neither: { name: 'in neither', tone: 'dashed', says: 'Only another run has it.' },
};

const GROUP_OF: Record<Change, Shown> = {
  fixed: 'fixed',
  broken: 'broken',
  both_pass: 'both_pass',
  both_fail: 'both_fail',
  unscored: 'apart',
  only_first: 'apart',
  only_this: 'apart',
  neither: 'apart',
};

export type TestRow = { line: TestLine; change: Change; key: string };

/** The tests as the run with index `run` has them. */
export function testRows(lines: readonly TestLine[], run: number): TestRow[] {
  return lines.map((line) => ({
    line,
    change: line.changes[run - 1] ?? 'neither',
    key: line.attempt === null ? line.test : `${line.test}#${line.attempt}`,
  }));
}

export function shownRows(rows: readonly TestRow[], shown: Shown, query: string): TestRow[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ line, change }) => {
    const fits =
      shown === 'all' ||
      (shown === 'changed' ? change === 'fixed' || change === 'broken' : GROUP_OF[change] === shown);
    return fits && words.every((word) => line.test.toLowerCase().includes(word));
  });
}

export function countShown(rows: readonly TestRow[]): Record<Shown, number> {
  const counts: Record<Shown, number> = {
    changed: 0,
    fixed: 0,
    broken: 0,
    both_pass: 0,
    both_fail: 0,
    apart: 0,
    all: rows.length,
  };
  for (const { change } of rows) {
    counts[GROUP_OF[change]] += 1;
    if (change === 'fixed' || change === 'broken') counts.changed += 1;
  }
  return counts;
}

/** What is to be known first: is the difference in success real? */
export function answer(
  comparison: Comparison,
  focus: Against,
): { tone: 'pass' | 'fail' | 'quiet'; title: string } {
  const first = comparison.runs[0]?.letter ?? 'A';
  const letter = comparison.runs[focus.run]?.letter ?? '';
  const success = focus.metrics.find(({ metric }) => metric === 'success_rate');
  const points = format.significant(Math.abs(success?.difference ?? 0));
  if (!success || success.difference === null) {
    return { tone: 'quiet', title: `${letter} and ${first} cannot be compared by success.` };
  }
  if (success.verdict === 'better') {
    return {
      tone: 'pass',
      title: `${letter} passes more tests than ${first}: +${points} pp, and the difference is real.`,
    };
  }
  if (success.verdict === 'worse') {
    return {
      tone: 'fail',
      title: `${letter} passes fewer tests than ${first}: −${points} pp, and the difference is real.`,
    };
  }
  if (success.verdict === 'tie')
    return { tone: 'quiet', title: `${letter} and ${first} are tied: every test came out the same.` };
  const seen =
    success.difference === 0
      ? `${letter} and ${first} pass equally often`
      : `${letter} passes ${points} pp ${success.difference > 0 ? 'more' : 'less'} than ${first}`;
  return { tone: 'quiet', title: `${seen}, but that may be chance.` };
}

/** A p-value as it is read. */
export function pValue(p: number | null): string {
  if (p === null) return format.UNKNOWN;
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}
