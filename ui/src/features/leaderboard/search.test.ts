import { describe, expect, it } from 'vitest';

import { parseSearch, stringifySearch } from '@/lib/search';

import { filterQuery, isFiltered, leaderboardSearch } from './search';

const search = (text: string) => leaderboardSearch(parseSearch(text));

describe('leaderboard address', () => {
  it.each([
    '',
    '?q=gpt&sort=-co2_emissions_g,model&group=model&cols=co2_emissions_g,tests',
    '?model=a/b&model=c,d&from=2026-11-01&to=2026-11-30',
  ])('%s reads and writes the same view', (text) => {
    const written = stringifySearch(search(text));
    expect(search(written)).toEqual(search(text));
  });
  it('refuses what it does not understand, and lets nothing through', () => {
    expect(stringifySearch(search('?from=6000&group=team&tab=tests&to=2026-13'))).toBe('');
  });
  it('asks the API only for what narrows the runs', () => {
    expect(filterQuery(search('?q=x&team=a&sort=model&cols=tests&group=model'))).toEqual({
      q: 'x',
      team: ['a'],
    });
    expect(isFiltered(search('?sort=model&group=model'))).toBe(false);
    expect(isFiltered(search('?from=2026-11-01'))).toBe(true);
  });
});
