import { describe, expect, it } from 'vitest';

import { fitColumns, type Sized } from './fitColumns';

const COLUMNS: Sized[] = [
  { id: 'tick', width: 40, narrow: 30 },
  { id: 'model', width: 200, narrow: 150 },
  { id: 'run', width: 100 },
  { id: 'success', width: 140, narrow: 120, weight: 9 },
  { id: 'co2', width: 100, weight: 8 },
  { id: 'steps', width: 60 },
];

describe('fitColumns', () => {
  it.each([
    ['all of them', 640, [], 'tick 40, model 200, run 100, success 140, co2 100, steps 60'],
    [
      'the weightiest, in their order',
      600,
      [],
      'tick 30, model 150, run 100, success 120, co2 100, steps 60',
    ],
    ['what still fits after what does not', 480, [], 'tick 30, model 150, success 120, co2 100, steps 60'],
    ['no more than there is room for', 400, [], 'tick 30, model 150, success 120, co2 100'],
    ['what is sorted by, before all else', 400, ['run'], 'tick 30, model 150, run 100, success 120'],
    ['one at least', 100, [], 'tick 30, model 150, success 120'],
  ])('%s', (_, view, keep, expected) => {
    const fitted = fitColumns(COLUMNS, 2, view, keep);
    expect(fitted.map(({ id, width }) => `${id} ${width}`).join(', ')).toBe(expected);
  });

  it('is nothing of nothing', () => {
    expect(fitColumns([], 0, -1)).toEqual([]);
  });
});
