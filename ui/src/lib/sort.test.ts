import { describe, expect, it } from 'vitest';

import { gridKey } from './gridKeys';
import { parseSort, sortBy, sorted, writeSort } from './sort';

describe('sort', () => {
  it.each(['-success_rate', 'model,-co2_emissions_g', ''])('%s reads and writes the same', (text) => {
    expect(writeSort(parseSort(text))).toBe(text);
  });
  it.each([
    ['', 'model', false, false, 'model'],
    ['model', 'model', false, false, '-model'],
    ['-model', 'model', false, false, ''],
    ['', 'co2', true, false, '-co2'],
    ['-co2', 'co2', true, false, 'co2'],
    ['co2', 'co2', true, false, ''],
    ['-co2', 'model', false, false, 'model'],
    ['-co2', 'model', false, true, '-co2,model'],
    ['-co2,model', 'co2', true, true, 'co2,model'],
  ])('%s, click on %s (desc first %s, shift %s): %s', (before, key, descFirst, add, after) => {
    expect(writeSort(sortBy(parseSort(before), key, descFirst, add))).toBe(after);
  });
  it('puts unknown last in either direction', () => {
    const rows = [{ v: null }, { v: 2 }, { v: 1 }];
    const order = (text: string) => sorted(rows, parseSort(text), (row) => row.v).map(({ v }) => v);
    expect(order('v')).toEqual([1, 2, null]);
    expect(order('-v')).toEqual([2, 1, null]);
  });
});

describe('gridKey', () => {
  it.each([
    ['ArrowDown', -1, { type: 'move', to: 0 }],
    ['ArrowDown', 9, { type: 'move', to: 9 }],
    ['ArrowUp', -1, { type: 'move', to: 9 }],
    ['ArrowUp', 0, { type: 'move', to: 0 }],
    ['PageDown', 3, { type: 'move', to: 7 }],
    ['PageUp', 3, { type: 'move', to: 0 }],
    ['Enter', 3, { type: 'open' }],
    ['Enter', -1, null],
    ['Escape', 3, { type: 'leave' }],
    ['a', 3, null],
  ])('%s at %s of 10 is %j', (key, active, action) => {
    expect(gridKey(key, active, 10, 4)).toEqual(action);
  });
  it('does not move in an empty list', () => {
    expect(gridKey('ArrowDown', -1, 0, 4)).toBeNull();
  });
});
