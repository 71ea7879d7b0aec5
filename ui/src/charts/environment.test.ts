import { describe, expect, it } from 'vitest';

import type { Metrics, MetricSeries } from '@/api/types';

import { CHARTS, chartSpec, extentOf, gpusOf } from './environment';
import { plotOption, unitOf, type Theme } from './option';

const series = (metric: string, gpu_id: string | null, value: (number | null)[]): MetricSeries => ({
  metric,
  column: null,
  unit: '',
  instrument: 'gauge',
  gpu_id,
  gpu_name: null,
  accumulated: false,
  total_points: value.length,
  t_ms: value.map((_, index) => index * 1000),
  value,
});

const metrics: Metrics = {
  t0_unix_nano: '0',
  from_ms: 0,
  to_ms: 2000,
  series: [
    series('gen_ai.gpu.memory.used', '10', [2048, 4096]),
    series('gen_ai.gpu.memory.used', '2', [1024, null, 1024]),
    series('gen_ai.gpu.memory.total', '2', [81920, 81920]),
    series('gen_ai.gpu.memory.total', '10', [81920, 81920]),
    series('gen_ai.co2.emissions', null, [0, 0.0004]),
  ],
  tests: [{ test_uid: 'a', attempt: 1, trace_id: null, success: true, start_ms: -5, end_ms: 2500 }],
};
const chart = (metric: string) => {
  const found = CHARTS.find((candidate) => candidate.metric === metric);
  if (!found) throw new Error(metric);
  return found;
};
const window = { from: 0, to: 2000 };

describe('environment', () => {
  it('orders GPUs by number, the host last', () => {
    expect(gpusOf(metrics)).toEqual(['2', '10', null]);
  });
  it('draws a line per GPU and one limit for GPUs alike', () => {
    const spec = chartSpec(chart('gen_ai.gpu.memory.used'), metrics, window);
    expect(spec.lines.map(({ name, tone, limit }) => [name, tone, limit ?? false])).toEqual([
      ['GPU 2', 1, false],
      ['GPU 10', 2, false],
      ['total', 8, true],
    ]);
    expect(unitOf(spec)).toEqual({ unit: 'GiB', factor: 1024 });
  });
  it('scales the axis unit to small numbers', () => {
    const spec = chartSpec(chart('gen_ai.co2.emissions'), metrics, window);
    expect(unitOf(spec).unit).toBe('µg');
    expect(spec.lines.map(({ name }) => name)).toEqual(['host']);
  });
  it('has no line for what was not recorded', () => {
    expect(chartSpec(chart('gen_ai.gpu.power'), metrics, window).lines).toEqual([]);
  });
  it('covers tests that reach beyond the samples', () => {
    expect(extentOf(metrics)).toEqual({ from: -5, to: 2500 });
    expect(extentOf({ ...metrics, series: [], tests: [], to_ms: 0 })).toEqual({ from: 0, to: 1 });
  });
  const none = { ink: '', quiet: '', line: '', surface: '', raised: '', accent: '', pass: '', fail: '' };
  const theme: Theme = { ...none, font: '', tones: ['red'] };

  it('marks round times, wherever the window begins', () => {
    const marks = (from: number, to: number) => {
      const spec = chartSpec(chart('gen_ai.gpu.memory.used'), metrics, { from, to });
      const { xAxis } = plotOption(spec, theme, 'full') as {
        xAxis: { axisLabel: { customValues: number[] } };
      };
      return xAxis.axisLabel.customValues;
    };
    expect(marks(10_320, 20_620)).toEqual([12_000, 14_000, 16_000, 18_000, 20_000]);
    expect(marks(0, 4000)).toEqual([500, 1000, 1500, 2000, 2500, 3000, 3500]);
  });
  it('draws gaps as gaps', () => {
    const spec = chartSpec(chart('gen_ai.gpu.memory.used'), metrics, window);
    const option = plotOption(spec, theme, 'full');
    const [first] = option.series as { data: unknown; connectNulls: boolean }[];
    expect(first?.connectNulls).toBe(false);
    expect(first?.data).toEqual([
      [0, 1],
      [1000, null],
      [2000, 1],
    ]);
  });
});
