import { describe, expect, it } from 'vitest';

import { countMarks, markAt, placeOfMark, type Marks } from './figure';

describe('marks', () => {
  const marks: Marks = { counts: [2, 0, 3], read: () => ({ title: '', facts: [] }) };

  it('are counted through, series by series', () => {
    expect(countMarks(marks)).toBe(5);
    expect([0, 1, 2, 3, 4].map((at) => placeOfMark(marks, at))).toEqual([
      { series: 0, data: 0 },
      { series: 0, data: 1 },
      { series: 2, data: 0 },
      { series: 2, data: 1 },
      { series: 2, data: 2 },
    ]);
    for (let at = 0; at < 5; at += 1) {
      const place = placeOfMark(marks, at);
      expect(place && markAt(marks, place)).toBe(at);
    }
  });

  it('are not there before the first and after the last', () => {
    expect([-1, 5].map((at) => placeOfMark(marks, at))).toEqual([null, null]);
    expect(markAt(marks, { series: 1, data: 0 })).toBe(-1);
    expect(markAt(marks, { series: 2, data: 3 })).toBe(-1);
    expect(markAt(marks, { series: 9, data: 0 })).toBe(-1);
  });
});
