import { describe, expect, it } from 'vitest';

import {
  clampWindow,
  growth,
  integral,
  lanes,
  lastValue,
  nearest,
  tabulate,
  ticks,
  valueAt,
  valueRange,
  zoomed,
} from './timeseries';

const line = { t_ms: [0, 10, 20, 40], value: [1, null, 3, 5] };

describe('samples', () => {
  it.each([
    [-5, 0],
    [4, 0],
    [5, 0],
    [6, 1],
    [29, 2],
    [31, 3],
    [99, 3],
  ])('nearest to %s is %s', (ms, index) => {
    expect(nearest(line.t_ms, ms)).toBe(index);
  });
  it('shows a gap as unknown', () => {
    expect(valueAt(line, 10)).toBeNull();
    expect(valueAt({ t_ms: [], value: [] }, 10)).toBeNull();
  });
  it('finds the last and the range of what is known', () => {
    expect(lastValue({ t_ms: [0, 1], value: [4, null] })).toBe(4);
    expect(valueRange([line])).toEqual({ min: 1, max: 5 });
    expect(valueRange([{ t_ms: [0], value: [null] }])).toBeNull();
  });
  it('tabulates: a gap is null, no sample is undefined', () => {
    expect(tabulate([line, { t_ms: [10, 50], value: [7, 8] }])).toEqual([
      { ms: 0, values: [1, undefined] },
      { ms: 10, values: [null, 7] },
      { ms: 20, values: [3, undefined] },
      { ms: 40, values: [5, undefined] },
      { ms: 50, values: [undefined, 8] },
    ]);
  });
});

describe('windows', () => {
  const extent = { from: 0, to: 100 };
  it.each([
    [
      { from: -10, to: 50 },
      { from: 0, to: 50 },
    ],
    [
      { from: 60, to: 20 },
      { from: 20, to: 60 },
    ],
    [{ from: 5, to: 5 }, extent],
    [{ from: 150, to: 200 }, extent],
  ])('%j becomes %j', (window, clamped) => {
    expect(clampWindow(window, extent)).toEqual(clamped);
  });
  it('zooms around a moment', () => {
    expect(zoomed({ from: 0, to: 100 }, extent, 0.5, 20)).toEqual({ from: 10, to: 60 });
    expect(zoomed({ from: 10, to: 60 }, extent, 4)).toEqual(extent);
  });
});

describe('lanes', () => {
  it('stacks only what overlaps', () => {
    const at = (start_ms: number, end_ms: number) => ({ start_ms, end_ms });
    expect(lanes([at(0, 10), at(10, 20), at(5, 15), at(21, 30)])).toEqual([0, 0, 1, 0]);
    expect(lanes([at(5, 15), at(0, 10)])).toEqual([1, 0]);
  });
});

describe('ticks', () => {
  it.each([
    [{ from: 0, to: 34_000 }, 6, [0, 10_000, 20_000, 30_000]],
    [{ from: 3, to: 11 }, 4, [4, 6, 8, 10]],
    [{ from: 5, to: 5 }, 4, []],
    [{ from: 10_000, to: 226_000 }, 6, [60_000, 120_000, 180_000]],
    [{ from: 0, to: 7_200_000 }, 4, [0, 1_800_000, 3_600_000, 5_400_000, 7_200_000]],
  ])('%j, about %s', (window, wanted, marks) => {
    expect(ticks(window, wanted)).toEqual(marks);
  });
});

describe('what a window holds', () => {
  const counter = { t_ms: [10, 20, 30], value: [1, 3, 4] };
  it.each([
    [{ from: 10, to: 30 }, 3],
    [{ from: 15, to: 25 }, 1.5],
    [{ from: 0, to: 20 }, 3],
    [{ from: 25, to: 99 }, 0.5],
  ])('growth in %j is %s', (window, grown) => {
    expect(growth(counter, window)).toBeCloseTo(grown, 12);
  });
  it('does not know growth that begins in a gap, or of nothing', () => {
    expect(growth({ t_ms: [0, 10, 20], value: [0, null, 5] }, { from: 5, to: 20 })).toBeNull();
    expect(growth({ t_ms: [], value: [] }, { from: 5, to: 20 })).toBeNull();
  });
  it('integrates by trapezoids, clipped to the window, gaps left out', () => {
    const watts = { t_ms: [0, 10, 20, 30], value: [100, 200, null, 50] };
    expect(integral(watts, { from: 0, to: 10 })).toBe(1500);
    expect(integral(watts, { from: 5, to: 30 })).toBe(875);
    expect(integral({ t_ms: [1], value: [5] }, { from: 0, to: 9 })).toBeNull();
  });
});
