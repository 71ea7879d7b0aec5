import { describe, expect, it } from 'vitest';

import { pagesNeeded, placeAt, segmentStarts, type Segment } from './segments';

const segments: Segment[] = [
  { key: 'a', count: 2, head: true, open: true },
  { key: 'b', count: 50, head: true, open: false },
  { key: 'c', count: 3, head: true, open: true },
];
const { starts, total } = segmentStarts(segments);

describe('segments', () => {
  it('counts heads and open rows', () => {
    expect(starts).toEqual([0, 3, 4]);
    expect(total).toBe(8);
  });
  it.each([
    [0, { segment: 0, type: 'head' }],
    [2, { segment: 0, type: 'row', index: 1 }],
    [3, { segment: 1, type: 'head' }],
    [4, { segment: 2, type: 'head' }],
    [7, { segment: 2, type: 'row', index: 2 }],
    [8, null],
    [-1, null],
  ])('line %s is %j', (line, place) => {
    expect(placeAt(segments, starts, line)).toEqual(place);
  });
  it('asks only for pages in sight', () => {
    const flat: Segment[] = [{ key: '', count: 10_000, head: false, open: true }];
    const { starts: at } = segmentStarts(flat);
    expect(pagesNeeded(flat, at, 190, 210, 100)).toEqual([
      { segment: 0, page: 2 },
      { segment: 0, page: 3 },
    ]);
    expect(pagesNeeded(flat, at, 9990, 10_050, 100)).toEqual([{ segment: 0, page: 100 }]);
  });
  it('is empty without segments', () => {
    expect(placeAt([], [], 0)).toBeNull();
  });
});
