// A window of metrics at full resolution, laid into the whole run's coarser lines. Pure.

import type { Metrics, MetricSeries } from '@/api/types';

const key = ({ metric, gpu_id }: MetricSeries) => `${metric}\n${gpu_id ?? ''}`;

/** `part`'s samples where it has them, `whole`'s before and after, all moved by `-offset` ms. */
export function mergedMetrics(whole: Metrics, part: Metrics | undefined, offset: number): Metrics {
  const fine = new Map((part?.series ?? []).map((series) => [key(series), series]));
  const series = whole.series.map((coarse) => {
    const detail = fine.get(key(coarse));
    const first = detail?.t_ms[0];
    const last = detail?.t_ms.at(-1);
    const t_ms: number[] = [];
    const value: (number | null)[] = [];
    const take = (from: MetricSeries, wanted: (ms: number) => boolean) => {
      from.t_ms.forEach((ms, index) => {
        if (!wanted(ms)) return;
        t_ms.push(ms - offset);
        value.push(from.value[index] ?? null);
      });
    };
    if (!detail || first === undefined || last === undefined) take(coarse, () => true);
    else {
      take(coarse, (ms) => ms < first);
      take(detail, () => true);
      take(coarse, (ms) => ms > last);
    }
    return { ...coarse, t_ms, value };
  });
  return { ...whole, series };
}

/** How many ms after `origin` the moment `at` is, both Unix ns in strings. */
export function offsetMs(origin: string, at: string): number {
  // Through integers: a double cannot hold nanoseconds since 1970.
  return Number(BigInt(at) - BigInt(origin)) / 1e6;
}
