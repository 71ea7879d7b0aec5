import { describe, expect, it } from 'vitest';

import { callsInWords, chainRows, estimated, factorSources, type Device } from './power';

const FACTORS = {
  pue: 1.5,
  intensity: { g_per_kwh: 400, source: 'the test', year: 2023 },
  price: { usd_per_kwh: 0.2, source: 'default' },
};

const device = (name: string, part: Partial<Device> = {}): Device => ({
  device: name,
  kind: 'gpu',
  source: 'measured',
  method: 'counter',
  energy_wh: 1,
  energy_j: 3600,
  co2_emissions_g: 0.6,
  power_cost_usd: 0.0003,
  factors: FACTORS,
  covered_s: 10,
  uncovered_s: 0,
  counter_to_power: 1,
  idle_power_w: null,
  idle_s: null,
  above_idle_wh: null,
  is_partitioned: false,
  is_part: false,
  ...part,
});

describe('from joules to CO₂', () => {
  it('needs no sum of one device', () => {
    const { rows, total } = chainRows([device('GPU 0')]);
    expect([rows.length, total]).toEqual([1, null]);
  });
  it('adds devices up, parts of others left out', () => {
    const { rows, total } = chainRows([
      device('GPU 0'),
      device('package', { energy_j: 400 }),
      device('core', { energy_j: 300, is_part: true }),
    ]);
    expect(rows.map((row) => row.device)).toEqual(['GPU 0', 'package']);
    expect(total).toMatchObject({
      source: 'measured',
      energy_j: 4000,
      co2_emissions_g: 1.2,
      factors: FACTORS,
    });
  });
  it.each([
    [
      'a number is unknown',
      { co2_emissions_g: null, factors: null },
      { co2_emissions_g: null, factors: null },
    ],
    ['the grids differ', { factors: { ...FACTORS, pue: 2 } }, { co2_emissions_g: 1.2, factors: null }],
    ['the sources differ', { source: 'simulated' }, { source: 'none' }],
  ] as [string, Partial<Device>, Partial<Device>][])(
    'says nothing of all devices where %s',
    (_, one, all) => {
      expect(chainRows([device('GPU 0'), device('GPU 1', one)]).total).toMatchObject(all);
    },
  );
  it('bears no device', () => {
    expect(chainRows([])).toEqual({ rows: [], total: null });
  });
  it('names where factors are from', () => {
    expect(factorSources([FACTORS])[1]).toBe('400 g CO₂e/kWh: the test, 2023.');
    const given = { ...FACTORS, intensity: { g_per_kwh: 56.039, source: 'given', year: null } };
    expect(factorSources([given])[1]).toBe('56.039 g CO₂e/kWh: given.');
  });
});

describe('estimates', () => {
  const estimate = {
    energy_wh: { low: 0.5, high: 1.25 },
    co2_emissions_g: { low: 0.2, high: 0.6 },
    calls: 3,
    calls_without: 1,
    models_without: ['secret-1'],
    method: 'the method',
  };
  it('are a range, and say what is not in it', () => {
    expect(estimated({ estimate })).toEqual({
      energy: '500 mWh to 1.25 Wh',
      co2: '200 mg to 600 mg',
      calls: 3,
      method: 'the method',
      without: '1 of 4 calls have no estimate: no size is published for secret-1.',
    });
  });
  it('are none where none was asked for', () => {
    expect(estimated({ estimate: null })).toBeNull();
  });
});

describe('calls', () => {
  const calls = {
    source: 'measured',
    calls: 3,
    calls_without: 1,
    energy_wh: 0.5,
    resolution_ms: 100,
  } as const;
  it.each([
    [calls, '3 of 4 LLM calls lasted the 100 ms that a device needs to tell: 500 mWh.'],
    [{ ...calls, calls: 0 }, 'None of 1 LLM calls lasted the 100 ms that a device needs to tell.'],
    [null, null],
  ])('%j', (given, words) => {
    expect(callsInWords(given)).toBe(words);
  });
});
