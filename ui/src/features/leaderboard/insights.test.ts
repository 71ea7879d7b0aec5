import { describe, expect, it } from 'vitest';

import type { Run } from '@/api/types';
import { metricOf, pooled, runTime, type RunMetric } from '@/lib/metrics';

import { byModel, efficiency, frontier, heatmap, places, radius } from './analytics';
import { leaderboardSearch } from './search';
import { toggled } from './Selection';
import { dateTick, inTime, trends } from './trends';

const run = (id: string, part: Partial<Run>): Run =>
  ({
    run_id: id,
    model: 'm',
    total_tests: 10,
    successful_tests: 5,
    failed_tests: 5,
    success_rate: 50,
    co2_emissions_g: null,
    energy_wh: null,
    timestamp: null,
    start_time_unix_nano: null,
    ...part,
  }) as Run;

const metric = (id: string): RunMetric => {
  const found = metricOf(id);
  if (!found) throw new Error(id);
  return found;
};

describe('several runs together', () => {
  it('adds up amounts, weighs rates by tests, and divides sums by successes', () => {
    const runs = [
      run('a', { success_rate: 100, successful_tests: 10, failed_tests: 0, co2_emissions_g: 2 }),
      run('b', { success_rate: 0, successful_tests: 0, failed_tests: 30, co2_emissions_g: 4 }),
      run('c', { success_rate: null, successful_tests: 0, failed_tests: 0, co2_emissions_g: null }),
    ];
    expect(pooled(metric('co2_emissions_g'), runs)).toEqual({ value: 6, known: 2 });
    expect(pooled(metric('success_rate'), runs)).toEqual({ value: 25, known: 2 });
    expect(pooled(metric('co2_per_success_g'), runs)).toEqual({ value: 0.6, known: 2 });
    expect(pooled(metric('energy_wh'), runs)).toEqual({ value: null, known: 0 });
    expect(pooled(metric('co2_per_success_g'), runs.slice(1))).toEqual({ value: null, known: 1 });
  });

  it('takes the time that the run says, in UTC, else that of its first span', () => {
    const check = (part: Partial<Run>, expected: number | null) => {
      expect(runTime(run('a', part))).toBe(expected);
    };
    check({ timestamp: '2026-11-23T12:00:00' }, Date.UTC(2026, 10, 23, 12));
    check({ timestamp: '2026-11-23T12:00:00+02:00' }, Date.UTC(2026, 10, 23, 10));
    check({ timestamp: 'yesterday', start_time_unix_nano: '1500000000' }, 1500);
    check({}, null);
  });
});

describe('trends', () => {
  const at = (day: number) => `2026-11-0${day}T00:00:00Z`;
  const runs = [
    run('2', {
      timestamp: at(2),
      co2_emissions_g: 3,
      success_rate: 100,
      successful_tests: 10,
      failed_tests: 0,
    }),
    run('1', { timestamp: at(1), co2_emissions_g: 1 }),
    run('3', { timestamp: at(3), co2_emissions_g: null }),
    run('4', { model: 'other', timestamp: at(1), co2_emissions_g: 7 }),
    run('5', { co2_emissions_g: 7 }),
  ];

  it('draws one line a model in order of time, and says what is left out', () => {
    const { lines, untimed, unknown } = trends(inTime(runs), metric('co2_emissions_g'), false);
    expect(lines.map(({ model, points }) => [model, points.map(({ value }) => value)])).toEqual([
      ['m', [1, 3]],
      ['other', [7]],
    ]);
    expect([untimed, unknown]).toEqual([1, 1]);
  });

  it('adds up amounts and averages rates over the tests so far', () => {
    const values = (id: string) =>
      trends(inTime(runs), metric(id), true).lines[0]?.points.map(({ value }) => value);
    expect(values('co2_emissions_g')).toEqual([1, 4]);
    // 5 of 10, then 15 of 20, then 20 of 30.
    expect(values('success_rate')?.map((value) => Math.round(value))).toEqual([50, 75, 67]);
  });
});

describe('the frontier', () => {
  const placed = (points: [number, number][]) =>
    points.map(([x, y], index) => ({ run: run(`${index}`, {}), x, y }));
  const check = (
    points: [number, number][],
    better: ['higher' | 'lower' | null, 'higher' | 'lower' | null],
    expected: [number, number][],
  ) => {
    expect(frontier(placed(points), ...better).map(({ x, y }) => [x, y])).toEqual(expected);
  };

  it('is what comparing each with each gives', () => {
    let seed = 7;
    const next = (most: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % most;
    };
    for (let round = 0; round < 200; round += 1) {
      const all = placed(Array.from({ length: next(30) }, () => [next(8), next(8)]));
      const unbeaten = all.filter(
        (a) => !all.some((b) => b.x <= a.x && b.y >= a.y && (b.x < a.x || b.y > a.y)),
      );
      const ids = (places: typeof all) => places.map(({ run: { run_id } }) => run_id).sort();
      expect(ids(frontier(all, 'lower', 'higher'))).toEqual(ids(unbeaten));
    }
  });

  it('holds what no other beats, whichever way is better', () => {
    const points: [number, number][] = [
      [1, 50],
      [2, 80],
      [3, 70],
      [9, 90],
      [9, 60],
    ];
    check(
      points,
      ['lower', 'higher'],
      [
        [1, 50],
        [2, 80],
        [9, 90],
      ],
    );
    check(points, ['lower', 'lower'], [[1, 50]]);
    check(points, ['higher', 'higher'], [[9, 90]]);
    check(
      points,
      ['higher', 'lower'],
      [
        [1, 50],
        [9, 60],
      ],
    );
    check(points, ['lower', null], []);
    check([], ['lower', 'higher'], []);
    // Equals stand beside each other.
    check(
      [
        [1, 5],
        [1, 5],
        [1, 4],
      ],
      ['lower', 'higher'],
      [
        [1, 5],
        [1, 5],
      ],
    );
  });

  it('leaves out what an axis does not know or cannot show', () => {
    const runs = [
      run('a', { co2_emissions_g: 0 }),
      run('b', { co2_emissions_g: 2 }),
      run('c', { co2_emissions_g: null }),
    ];
    const {
      placed: found,
      unknown,
      offScale,
    } = places(runs, metric('co2_emissions_g'), metric('success_rate'), { x: true, y: false });
    expect([found.length, unknown, offScale]).toEqual([1, 1, 1]);
  });

  it('gives bubbles areas in proportion', () => {
    expect(radius(25, 100, [1, 10])).toBe(5);
    expect(radius(100, 100, [1, 10])).toBe(10);
    expect(radius(null, 100, [1, 10])).toBe(1);
    expect(radius(0, 0, [1, 10])).toBe(1);
  });
});

describe('models', () => {
  const runs = [
    run('1', {
      model: 'good',
      success_rate: 90,
      successful_tests: 9,
      failed_tests: 1,
      co2_emissions_g: 3,
      energy_wh: 6,
    }),
    run('2', {
      model: 'bad',
      success_rate: 10,
      successful_tests: 1,
      failed_tests: 9,
      co2_emissions_g: 1,
      energy_wh: null,
    }),
    run('3', { model: 'mute', success_rate: null, successful_tests: 0, failed_tests: 0 }),
  ];

  it('are coloured by how good they are, whichever way the metric goes', () => {
    const models = byModel(runs);
    const cells = heatmap(models, [metric('success_rate'), metric('co2_emissions_g'), metric('total_tests')]);
    const of = (model: string) =>
      cells[models.findIndex((row) => row.model === model)]?.map(({ good }) => good);
    expect(of('good')).toEqual([1, 0, null]);
    expect(of('bad')).toEqual([0, 1, null]);
    expect(of('mute')).toEqual([null, null, null]);
  });

  it('are ranked by passed tests per what is known to be used', () => {
    const rows = efficiency(byModel(runs), (of) => of.co2_emissions_g);
    expect(rows.map(({ model, per }) => [model, per])).toEqual([
      ['good', 3],
      ['bad', 1],
    ]);
    expect(efficiency(byModel(runs), (of) => of.energy_wh)).toHaveLength(1);
  });
});

describe('ticked runs', () => {
  it('are at most six, and none is no list', () => {
    expect(toggled([], 'a')).toEqual(['a']);
    expect(toggled(['a'], 'a')).toBeUndefined();
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
    const six = ['1', '2', '3', '4', '5', '6'];
    expect(toggled(six, '7')).toEqual(six);
  });

  it('are read from the address with the charts', () => {
    const search = leaderboardSearch({
      sel: ['a', 'b', 'a'],
      tab: 'analytics',
      x: 'energy_wh',
      logx: 'yes',
      colour: 'nonsense',
    });
    expect(search).toMatchObject({ sel: ['a', 'b'], tab: 'analytics', x: 'energy_wh', logx: 'yes' });
    expect(search.colour).toBeUndefined();
  });
});

describe('moments on the axis', () => {
  const noon = (date: string) => Date.parse(`${date}T12:00:00Z`);
  it.each([
    ['weeks', ['2026-10-05', '2026-11-25'], /^25 Nov$/],
    ['years', ['2025-10-05', '2026-11-25'], /^25 Nov 2026$/],
    ['days', ['2026-11-24', '2026-11-25'], /^25 Nov, \d\d:\d\d$/],
    ['one moment', ['2026-11-25'], /^25 Nov, \d\d:\d\d$/],
  ])('are written for %s', (_, dates, expected) => {
    const moments = dates.map(noon);
    expect(dateTick(moments)(moments.at(-1) ?? 0)).toMatch(expected);
  });
});
