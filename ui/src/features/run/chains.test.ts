import { describe, expect, it } from 'vitest';

import { chains, counts, fieldName, fieldUnit, notes } from './chains';

describe('accounting', () => {
  it('reads chains, CO₂ first, and drops what is none', () => {
    const read = chains({
      chains: {
        total_tokens: [{ label: 'sum', value: 26002, unit: 'tokens', source: 'reported' }],
        co2_emissions_g: [{ label: 'GPU 0', value: null, unit: 'g' }, 'not a step'],
        other_field: [],
      },
    });
    expect(read.map(({ field }) => field)).toEqual(['co2_emissions_g', 'total_tokens']);
    expect(read[0]?.steps).toEqual([{ label: 'GPU 0', value: null, unit: 'g', source: 'none', note: null }]);
  });
  it.each([[{}], [{ chains: null, counts: [], notes: 'x' }], [{ chains: { a: 'b' } }]])(
    'bears %j',
    (accounting) => {
      expect([chains(accounting), counts(accounting), notes(accounting)]).toEqual([[], [], []]);
    },
  );
  it('leaves zero counts out', () => {
    expect(counts({ counts: { spans: 135, orphan_spans: 0 } })).toEqual([['spans', 135]]);
  });
  it.each([
    ['co2_emissions_g', 'CO₂', 'g'],
    ['gpu_memory_max_mib', 'GPU memory, highest', 'MiB'],
    ['some_new_field', 'some new field', ''],
  ])('%s is %s in %s', (field, name, unit) => {
    expect(fieldName(field)).toBe(name);
    expect(fieldUnit(field)).toBe(unit);
  });
});
