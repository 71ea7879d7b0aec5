import { describe, expect, it } from 'vitest';

import * as format from './format';

const table = (
  name: string,
  make: (value: number | null) => format.Quantity,
  cases: [number | null, string][],
) =>
  describe(name, () => {
    it.each(cases)('%s is %s', (value, text) => {
      expect(format.written(make(value))).toBe(text);
    });
  });

table('co2', format.co2, [
  [1.8413, '1.84 g'],
  [0.0841, '84.1 mg'],
  [0.9996, '1.00 g'],
  [1234.5, '1.23 kg'],
  [0.00000212, '2.12 µg'],
  [2.5e6, '2.50 t'],
  [0, '0 g'],
  [null, '-'],
  [Number.NaN, '-'],
]);
table('energy', format.energy, [
  [3.876, '3.88 Wh'],
  [0.0042, '4.20 mWh'],
  [1500, '1.50 kWh'],
  [0.41667, '417 mWh'],
  [null, '-'],
]);
table('usd', format.usd, [
  [0.000465, '0.000465 USD'],
  [0.00280875, '0.00281 USD'],
  [3.61e-7, '3.61e-7 USD'],
  [12.5, '12.50 USD'],
  [12345.6, '12,346 USD'],
  [0, '0 USD'],
]);
table('duration', format.duration, [
  [0.000512, '512 ns'],
  [0.0764, '76.4 µs'],
  [1.5, '1.50 ms'],
  [999.6, '1.00 s'],
  [34363.52, '34.4 s'],
  [99_949, '99.9 s'],
  [204_101.5, '3:24 min'],
  [3_599_600, '1:00 h'],
  [7_260_000, '2:01 h'],
]);
table('count', format.count, [
  [26002, '26,002'],
  [999_999, '999,999'],
  [1_234_567, '1.23M'],
  [4_560_000_000, '4.56B'],
  [2.33, '2.33'],
]);
table('percent', format.percent, [
  [75, '75.0%'],
  [100, '100%'],
  [8.333, '8.33%'],
  [99.96, '100%'],
]);
table('memory', format.memory, [
  [21487.567, '21.0 GiB'],
  [512, '512 MiB'],
  [81920, '80.0 GiB'],
]);

describe('exact', () => {
  it.each([
    [34363.52, '34,363.52'],
    [0.000465, '0.000465'],
    [4.65e-7, '0.000000465'],
    [-1234.5, '-1,234.5'],
    [26002, '26,002'],
  ])('%s is %s', (value, text) => {
    expect(format.exact(value)).toBe(text);
  });
});

describe('significant', () => {
  it.each([
    [0.99999, '1.00'],
    [9.999, '10.0'],
    [99.99, '100'],
    [12345.6, '12,346'],
    [1e-12, '1.00e-12'],
    [-0.00123, '-0.00123'],
  ])('%s is %s', (value, text) => {
    expect(format.significant(value)).toBe(text);
  });
});

describe('moments', () => {
  it('reads nanoseconds that a double cannot hold', () => {
    expect(format.dateFromNanos('1795435495003350976')?.toISOString()).toBe('2026-11-23T12:04:55.003Z');
  });
  it('takes an ISO string without a zone as UTC', () => {
    expect(format.momentFromIso('2026-11-23T12:05:29.429691').full).toBe('2026-11-23T12:05:29.429Z');
  });
  it.each([['not a number'], [''], [null]])('%s is no date', (nanos) => {
    expect(format.dateFromNanos(nanos)).toBeNull();
  });
  it('shows a time it cannot read as it was given', () => {
    expect(format.momentFromIso('yesterday').text).toBe('yesterday');
  });
});

describe('axisTime', () => {
  it.each([
    [0, 1e6, '0'],
    [0.25, 0.5, '250 µs'],
    [12.5, 15, '12.5 ms'],
    [1500, 1800, '1500 ms'],
    [12_500, 34_000, '12.5 s'],
    [90_000, 600_000, '1:30'],
    [5_400_000, 20_000_000, '1 h 30'],
  ])('%s ms of %s ms is %s', (ms, span, text) => {
    expect(format.axisTime(ms, span)).toBe(text);
  });
});

describe('shortId', () => {
  it.each([
    ['5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11', '5d0c1f0…9e11'],
    ['nightly-run', 'nightly-run'],
  ])('%s is %s', (id, text) => {
    expect(format.shortId(id)).toBe(text);
  });
});

describe('axisUnit', () => {
  it.each([
    ['co2', 0.084, { unit: 'mg', factor: 1e-3 }],
    ['co2', 0, { unit: 'g', factor: 1 }],
    ['memory', 81_920, { unit: 'GiB', factor: 1024 }],
    ['usd', 0.0002, { unit: 'USD', factor: 1 }],
    ['power', 1e-9, { unit: 'mW', factor: 1e-3 }],
  ] as const)('%s up to %s', (dimension, max, unit) => {
    expect(format.axisUnit(dimension, max)).toEqual(unit);
  });
});
