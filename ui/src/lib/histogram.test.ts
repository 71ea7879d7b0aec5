import { describe, expect, it } from 'vitest';

import { histogram, quantile } from './histogram';

describe('histogram', () => {
  it.each<[(number | null)[], number, [number, number, number][]]>([
    [[], 4, []],
    [[null], 4, []],
    [[5], 4, [[4, 6, 1]]],
    [[0, 0], 4, [[0, 1, 2]]],
    [
      [0, 1, 2, 3, null, 4],
      4,
      [
        [0, 1, 1],
        [1, 2, 1],
        [2, 3, 1],
        [3, 4, 2],
      ],
    ],
    [
      [120, 480, 470],
      2,
      [
        [0, 200, 1],
        [200, 400, 0],
        [400, 600, 2],
      ],
    ],
  ])('%j in about %d', (values, wanted, bins) => {
    expect(histogram(values, wanted).map(({ from, to, of }) => [from, to, of.length])).toEqual(bins);
  });
  it('loses no value, whatever their size', () => {
    for (const scale of [1e-9, 0.1, 1, 3e7]) {
      const values = Array.from({ length: 500 }, (_, at) => (at % 97) * scale);
      const bins = histogram(values, 20);
      expect(bins.reduce((sum, { of }) => sum + of.length, 0)).toBe(500);
      expect(bins.length).toBeLessThanOrEqual(22);
      for (const { from, to, of } of bins) {
        for (const index of of) {
          expect(values[index]).toBeGreaterThanOrEqual(from - scale * 1e-6);
          expect(values[index]).toBeLessThanOrEqual(to + scale * 1e-6);
        }
      }
    }
  });
  it.each([
    [[], 0.5, null],
    [[null, 3], 0.5, 3],
    [[4, 1, 2, 3], 0.5, 2.5],
    [[1, 2, 3, 4, 5], 0.95, 4.8],
    [[1, 2], 1, 2],
  ])('quantile of %j', (values, q, expected) => {
    const found = quantile(values, q);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(expected, 12);
  });
});
