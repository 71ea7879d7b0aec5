import { describe, expect, it } from 'vitest';

import type { Run } from '@/api/types';
import { METRICS, pool } from '@/lib/metrics';

import { chartFields, chosen } from './charted';
import { leaderboardSearch } from './search';

const search = (raw: Record<string, unknown>) => leaderboardSearch(raw);

describe('what charts ask for', () => {
  it.each([
    [{ tab: 'trends' }, ['timestamp', 'co2_emissions_g'], ['gpu_power_avg_w', 'hardware', 'avg_steps']],
    [{ tab: 'trends', metric: 'avg_steps' }, ['avg_steps', 'total_tests'], ['hardware']],
    [
      { tab: 'analytics' },
      ['total_tokens', 'gpu_power_avg_w'],
      ['timestamp', 'hardware', 'gpu_memory_avg_mib'],
    ],
    [{ tab: 'analytics', colour: 'hardware' }, ['hardware'], ['provider']],
    [{ tab: 'analytics', x: 'gpu_memory_avg_mib' }, ['gpu_memory_avg_mib'], ['gpu_temperature_avg']],
  ])('%j reads %j and not %j', (raw, some, none) => {
    const fields = chartFields(search(raw));
    expect(fields).toEqual(expect.arrayContaining(['run_id', 'model', 'simulated', ...some]));
    for (const field of none) expect(fields).not.toContain(field);
    expect(new Set(fields).size).toBe(fields.length);
  });
  it('is all that any metric reads', () => {
    for (const { id } of METRICS) {
      const fields = chartFields(search({ tab: 'trends', metric: id }));
      const row = new Proxy({} as Run, {
        get: (_, field) => {
          expect(fields).toContain(field);
          return 2;
        },
      });
      const metric = chosen(search({ metric: id }), 'metric');
      expect(metric?.id).toBe(id);
      if (metric) {
        metric.of(row);
        pool(metric).add(row);
      }
    }
  });
  it('takes the default for what is no metric, and none where that is said', () => {
    expect(chosen(search({ x: 'luck' }), 'x')?.id).toBe('co2_emissions_g');
    expect(chosen(search({ size: 'none' }), 'size')).toBeUndefined();
  });
});
