import { QueryClient } from '@tanstack/react-query';
import { describe, expect, test } from 'vitest';

import { inProgress, refresh } from './live';

const KEYS = [
  ['runs', { page: 1 }],
  ['facets', {}],
  ['run', 'a'],
  ['run', 'b'],
  ['metrics', 'a', { max_points: 10 }],
  ['trace', 'b', '0f'],
];

async function stale(runs: string[] | null) {
  const queries = new QueryClient();
  for (const key of KEYS) queries.setQueryData(key, 'data');
  await refresh(queries, { runs });
  return KEYS.filter((key) => queries.getQueryState(key)?.isInvalidated).map(([what, run]) =>
    typeof run === 'string' ? `${String(what)} ${run}` : what,
  );
}

describe('what is asked again', () => {
  test.each([
    [['a'], ['runs', 'facets', 'run a', 'metrics a']],
    [['b'], ['runs', 'facets', 'run b', 'trace b']],
    [[], ['runs', 'facets']],
    [null, ['runs', 'facets', 'run a', 'run b', 'metrics a', 'trace b']],
  ])('after %j changed: %j', async (runs, expected) => {
    expect(await stale(runs)).toEqual(expected);
  });
});

test.each([
  ['running', ['a']],
  ['completed', []],
])('a run read as %s may have changed before anybody listened: %j', (status, expected) => {
  const queries = new QueryClient();
  queries.setQueryData(['run', 'a'], { run: { run_id: 'a', status } });
  queries.setQueryData(['runs', {}], { items: [] });
  expect(inProgress(queries)).toEqual(expected);
});
