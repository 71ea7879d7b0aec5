import { describe, expect, it } from 'vitest';

import { list, number, oneOf, parseSearch, stringifySearch, text } from './search';

describe('search', () => {
  it.each([
    [{ q: 'gpt 4', model: ['a/b', 'c,d'] }, '?q=gpt+4&model=a/b&model=c,d'],
    [{ tab: 'tests', none: undefined, empty: '' }, '?tab=tests'],
    [{}, ''],
    [{ from: 12.5 }, '?from=12.5'],
    [{ q: '<b>&amp;"#' }, '?q=%3Cb%3E%26amp%3B%22%23'],
  ])('%j is written %s', (search, written) => {
    expect(stringifySearch(search)).toBe(written);
  });
  it.each(['?q=gpt+4&model=a/b&model=c,d', '?span=00ab', '?q=%3Cb%3E%26amp%3B%22%23'])(
    '%s reads back the same',
    (written) => {
      expect(stringifySearch(parseSearch(written))).toBe(written);
    },
  );
  it('keeps ids of digits as text', () => {
    expect(parseSearch('?span=0000000000000012')).toEqual({ span: '0000000000000012' });
  });
});

describe('parameters', () => {
  it('list takes one, many, or nothing', () => {
    expect(list('a')).toEqual(['a']);
    expect(list(['a', 'b', 'a'])).toEqual(['a', 'b']);
    expect(list('')).toBeUndefined();
    expect(list(undefined)).toBeUndefined();
  });
  it('text takes the first', () => {
    expect(text(['x', 'y'])).toBe('x');
    expect(text(3)).toBeUndefined();
  });
  it('oneOf refuses other words', () => {
    expect(oneOf('raw', ['timeline', 'raw'])).toBe('raw');
    expect(oneOf('rawer', ['timeline', 'raw'])).toBeUndefined();
  });
  it('number refuses what is none', () => {
    expect(number('1e3')).toBe(1000);
    expect(number(5)).toBe(5);
    expect(number('12px')).toBeUndefined();
    expect(number('Infinity')).toBeUndefined();
  });
});
