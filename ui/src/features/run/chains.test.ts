import { describe, expect, it } from 'vitest';

import { chains, counts, notes } from './chains';

const fields = [
  { field: 'co2_emissions_g', name: 'CO₂', unit: 'g' },
  { field: 'total_tokens', name: 'Tokens', unit: '' },
  { field: 'other_field', name: 'other field', unit: '' },
];

describe('accounting', () => {
  it('reads chains in the order of the fields, and drops what is none', () => {
    const accounting = {
      chains: {
        total_tokens: [{ label: 'sum', value: 26002, unit: 'tokens', source: 'reported' }],
        co2_emissions_g: [{ label: 'GPU 0', value: null, unit: 'g' }, 'not a step'],
        other_field: [],
      },
    };
    const read = chains(accounting, fields);
    expect(read.map(({ field }) => field.name)).toEqual(['CO₂', 'Tokens']);
    expect(read[0]?.steps).toEqual([{ label: 'GPU 0', value: null, unit: 'g', source: 'none', note: null }]);
  });
  it.each([[{}], [{ chains: null, counts: [], notes: 'x' }], [{ chains: { a: 'b' } }]])(
    'bears %j',
    (accounting) => {
      expect([chains(accounting, fields), counts(accounting), notes(accounting)]).toEqual([[], [], []]);
    },
  );
  it('leaves zero counts out', () => {
    expect(counts({ counts: { spans: 135, orphan_spans: 0 } })).toEqual([['spans', 135]]);
  });
});
