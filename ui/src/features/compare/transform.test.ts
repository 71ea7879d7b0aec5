import { describe, expect, it } from 'vitest';

import type { Against, Change, Comparison, MetricDifference, TestLine } from '@/api/types';
import { metricOf, type RunMetric } from '@/lib/metrics';

import { askedRuns, compareSearch, writeRuns } from './search';
import {
  answer,
  countShown,
  marks,
  metricLines,
  pValue,
  radar,
  shownRows,
  signed,
  testRows,
  together,
  track,
} from './transform';

const metric = (id: string): RunMetric => {
  const found = metricOf(id);
  if (!found) throw new Error(id);
  return found;
};

const difference = (id: string, part: Partial<MetricDifference>): MetricDifference =>
  ({
    metric: id,
    unit: '',
    better: 'lower',
    basis: 'tests',
    pairs: 12,
    first: null,
    this: null,
    difference: null,
    difference_percent: null,
    ci_low: null,
    ci_high: null,
    verdict: 'undecided',
    reason: 'Unknown in B.',
    ...part,
  }) as MetricDifference;

const compared = (...metrics: MetricDifference[][]): Comparison =>
  ({
    runs: ['A', 'B', 'C'].slice(0, metrics.length + 1).map((letter) => ({
      letter,
      run_id: letter,
      model: letter,
      values: { energy_wh: 5 },
    })),
    against_first: metrics.map((of, index) => ({ run: index + 1, metrics: of })),
    tests: [],
    notes: [],
  }) as unknown as Comparison;

const focusOf = (comparison: Comparison): Against => {
  const [first] = comparison.against_first;
  if (!first) throw new Error('nothing compared');
  return first;
};

describe('the address', () => {
  it('takes runs with commas in one, and as a list where an id has one', () => {
    expect(askedRuns(compareSearch({ runs: 'a,b' }))).toEqual(['a,b']);
    expect(askedRuns(compareSearch({ runs: ['a,1', 'b'] }))).toEqual(['a,1', 'b']);
    expect(askedRuns(compareSearch({}))).toEqual([]);
    expect(writeRuns(['a', 'b'])).toBe('a,b');
    expect(writeRuns(['a,1', 'b'])).toEqual(['a,1', 'b']);
    expect(compareSearch({ by: 'luck', show: 'fixed' })).toMatchObject({ by: undefined, show: 'fixed' });
  });
});

describe('values side by side', () => {
  it('mark the best, call ties ties, and leave unknown values out', () => {
    const check = (values: (number | null)[], better: 'higher' | 'lower' | null, expected: unknown[]) => {
      expect(marks(values, better)).toEqual(expected);
    };
    check([1, 2], 'lower', ['best', null]);
    check([1, 2], 'higher', [null, 'best']);
    check([2, 2], 'lower', ['tie', 'tie']);
    check([2, null], 'lower', [null, null]);
    check([1, 1, 2], 'lower', ['best', 'best', null]);
    check([1, 2], null, [null, null]);
  });

  it('fall back to the whole run where tests do not know', () => {
    const comparison = compared([difference('energy_wh', {})]);
    const [line] = metricLines(comparison, focusOf(comparison), ['energy_wh']);
    expect(line?.values).toEqual([
      { value: 5, whole: true, others: null, mark: 'tie' },
      { value: 5, whole: true, others: null, mark: 'tie' },
    ]);
  });

  it('have a best only where the data show one', () => {
    const check = (verdict: MetricDifference['verdict'], first: number, other: number, expected: unknown) => {
      const comparison = compared([difference('energy_wh', { first, this: other, verdict })]);
      const [line] = metricLines(comparison, focusOf(comparison), ['energy_wh']);
      expect(line?.values.map(({ mark }) => mark)).toEqual(expected);
    };
    check('better', 3, 2, [null, 'best']);
    check('worse', 3, 4, ['best', null]);
    check('undecided', 3, 2, [null, null]);
    check('undecided', 3, 4, [null, null]);
    check('tie', 3, 3, ['tie', 'tie']);
  });

  it('are held together only over the same tests', () => {
    const [b, c] = [
      difference('energy_wh', { first: 40, this: 30, verdict: 'better', pairs: 2 }),
      difference('energy_wh', { first: 20, this: 1, verdict: 'better', pairs: 1 }),
    ];
    const comparison = compared([b], [c]);
    const test = (...cells: boolean[]) => ({ cells: cells.map((has) => (has ? {} : null)) });
    comparison.tests = [test(true, true, true), test(true, true, false)] as unknown as TestLine[];
    expect(together(comparison, focusOf(comparison))).toEqual([0, 1]);
    const [line] = metricLines(comparison, focusOf(comparison), ['energy_wh']);
    expect(line?.values).toEqual([
      { value: 40, whole: false, others: null, mark: null },
      { value: 30, whole: false, others: null, mark: 'best' },
      { value: 1, whole: false, others: 1, mark: null },
    ]);
    comparison.tests = [test(true, true, true), test(false, true, false)] as unknown as TestLine[];
    expect(together(comparison, focusOf(comparison))).toEqual([0, 1, 2]);
  });
});

it('writes differences with their sign, and of percentages in points', () => {
  expect(signed(metric('success_rate'), -6.25)).toBe('−6.25 pp');
  expect(signed(metric('co2_emissions_g'), 0.0312)).toBe('+31.2 mg');
  expect(signed(metric('total_duration_ms'), -92_100)).toBe('−92.1 s');
  expect(signed(metric('total_tokens'), 0)).toBe('0');
  expect(signed(metric('total_tokens'), null)).toBe('-');
});

it('draws an interval with 0 in the middle', () => {
  const place = track(difference('energy_wh', { difference: -1, ci_low: -2, ci_high: 1 }));
  expect(place?.low).toBeLessThan(5);
  expect(place?.at).toBeGreaterThan(25);
  expect(place?.at).toBeLessThan(50);
  expect(place?.high).toBeGreaterThan(50);
  expect(track(difference('energy_wh', { difference: 0 }))).toEqual({ at: 50, low: null, high: null });
  expect(track(difference('energy_wh', {}))).toBeNull();
});

it('puts the best at the edge of the radar, and leaves out what a run does not know', () => {
  const of = (id: string, first: number | null, second: number | null) =>
    difference(id, { first, this: second });
  const comparison = compared([
    of('success_rate', 80, 40),
    of('total_tokens', 100, 400),
    of('co2_emissions_g', 0, 0),
    of('total_cost_usd', 1, null),
    of('total_duration_ms', 0, 5),
  ]);
  const ids = ['success_rate', 'total_tokens', 'co2_emissions_g', 'total_cost_usd', 'total_duration_ms'];
  const { axes, left } = radar(metricLines(comparison, focusOf(comparison), ids), [0, 1]);
  expect(axes.map(({ metric: { id }, shares }) => [id, shares])).toEqual([
    ['success_rate', [1, 0.5]],
    ['total_tokens', [1, 0.25]],
    ['co2_emissions_g', [1, 1]],
  ]);
  expect(left).toEqual(['Duration', 'Model cost']);
});

it('lists tests by what became of them', () => {
  const line = (test: string, change: Change): TestLine => ({
    test,
    attempt: null,
    difficulty: null,
    cells: [],
    changes: [change],
  });
  const rows = testRows(
    [line('a fixed', 'fixed'), line('b', 'broken'), line('c', 'both_pass'), line('d', 'only_first')],
    1,
  );
  const keys = (...of: Parameters<typeof shownRows>) => shownRows(...of).map(({ key }) => key);
  expect(keys(rows, 'changed', '')).toEqual(['a fixed', 'b']);
  expect(keys(rows, 'apart', '')).toEqual(['d']);
  expect(keys(rows, 'all', 'FIX')).toEqual(['a fixed']);
  expect(countShown(rows)).toMatchObject({ changed: 2, fixed: 1, broken: 1, both_pass: 1, apart: 1, all: 4 });
});

it('says whether the difference in success is real', () => {
  const check = (part: Partial<MetricDifference>, tone: string, says: string) => {
    const comparison = compared([difference('success_rate', part)]);
    const said = answer(comparison, focusOf(comparison));
    expect([said.tone, said.title]).toEqual([tone, expect.stringContaining(says)]);
  };
  check(
    { difference: 12.5, verdict: 'better' },
    'pass',
    'B passes more tests than A: +12.5 pp, and the difference is real',
  );
  check({ difference: -12.5, verdict: 'worse' }, 'fail', 'is real');
  check({ difference: 0, verdict: 'tie' }, 'quiet', 'tied');
  check(
    { difference: -6.25, verdict: 'undecided' },
    'quiet',
    'B passes 6.25 pp less than A, but that may be chance',
  );
  check({ difference: 0, verdict: 'undecided' }, 'quiet', 'equally often, but');
  check({}, 'quiet', 'cannot be compared');
});

it('reads p-values', () => {
  expect([pValue(null), pValue(0.0004), pValue(0.0211)]).toEqual(['-', '< 0.001', '0.021']);
});
