import { describe, expect, it } from 'vitest';

import type { Metrics } from '@/api/types';

import { mergedMetrics, offsetMs } from './merge';

const metrics = (t_ms: number[], value: (number | null)[]): Metrics => ({
  t0_unix_nano: '0',
  from_ms: 0,
  to_ms: 100,
  tests: [],
  series: [
    {
      metric: 'm',
      column: null,
      unit: '',
      instrument: 'gauge',
      accumulated: false,
      gpu_id: '0',
      gpu_name: null,
      total_points: t_ms.length,
      t_ms,
      value,
    },
  ],
});

describe('merge', () => {
  const whole = metrics([0, 50, 100], [1, 2, 3]);
  it.each([
    [undefined, [-10, 40, 90], [1, 2, 3]],
    [metrics([], []), [-10, 40, 90], [1, 2, 3]],
    [metrics([40, 50, 60], [8, null, 9]), [-10, 30, 40, 50, 90], [1, 8, null, 9, 3]],
  ])('lays the window into the whole', (part, t_ms, value) => {
    const [line] = mergedMetrics(whole, part, 10).series;
    expect(line?.t_ms).toEqual(t_ms);
    expect(line?.value).toEqual(value);
  });
  it('subtracts nanoseconds exactly', () => {
    expect(offsetMs('1795435495003350976', '1795435495003350977')).toBe(1e-6);
    expect(offsetMs('1795435495003350976', '1795435492003350976')).toBe(-3000);
  });
});
