import { describe, expect, it } from 'vitest';

import { heldAmong, heldOf, runIds, type HeldComparisons } from './comparisons';
import { comparisonFile } from './where';

const held: HeldComparisons = {
  items: [
    { runs: ['b', 'a'], pair_by: ['test'] },
    { runs: ['a', 'b'], pair_by: ['test', 'id'] },
    { runs: ['a', 'b', 'c'], pair_by: ['test'] },
    { runs: ['d', 'e'], pair_by: ['test'] },
  ],
  paired: 2,
};

describe('comparisons of a bundle', () => {
  it.each([
    [
      ['a', 'b'],
      ['test', 'id'],
    ],
    [['b', 'a'], ['test']],
    [['c', 'b', 'a'], undefined],
    [['a'], undefined],
  ])('%j is held by %j', (ids, pairings) => {
    expect(heldOf(held, ids)?.pair_by).toEqual(pairings);
  });
  it('finds those among the runs, with their first run first', () => {
    expect(heldAmong(held, ['a', 'b', 'x']).map(({ runs }) => runs.join())).toEqual(['a,b', 'b,a']);
    expect(heldAmong(held, ['x', 'y'])).toEqual([]);
  });
  it('reads ids as the API does', () => {
    expect(runIds(['a, b,'])).toEqual(['a', 'b']);
    expect(runIds(['a,b', 'c'])).toEqual(['a,b', 'c']);
  });
  it('has a file for each pairing', () => {
    expect(comparisonFile(['a', 'b/c'], 'id')).toBe('compare/a/b_2fc/id.json');
  });
});
