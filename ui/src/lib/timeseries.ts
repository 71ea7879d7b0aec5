// Time series and windows of time, as the charts need them.

export type Line = { t_ms: readonly number[]; value: readonly (number | null)[] };
export type Window = { from: number; to: number };

/** Index of the sample nearest to `ms`; -1 when there is none. */
export function nearest(times: readonly number[], ms: number): number {
  let low = 0;
  let high = times.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < ms) low = middle + 1;
    else high = middle;
  }
  const before = times[low - 1];
  const at = times[low] ?? 0;
  return before !== undefined && ms - before <= at - ms ? low - 1 : low;
}

/** The value nearest to `ms`, null in a gap or without samples. */
export function valueAt(line: Line, ms: number): number | null {
  return line.value[nearest(line.t_ms, ms)] ?? null;
}

/** The last value that is known. */
export function lastValue(line: Line): number | null {
  return line.value.findLast((value) => value !== null) ?? null;
}

/** Smallest and largest known value of all lines; null when nothing is known. */
export function valueRange(lines: readonly Line[]): { min: number; max: number } | null {
  let min = Infinity;
  let max = -Infinity;
  for (const { value } of lines) {
    for (const item of value) {
      if (item === null) continue;
      if (item < min) min = item;
      if (item > max) max = item;
    }
  }
  return min <= max ? { min, max } : null;
}

/** Lines side by side: a row for each moment that any of them has. */
export function tabulate(lines: readonly Line[]): { ms: number; values: (number | null | undefined)[] }[] {
  const rows = new Map<number, (number | null | undefined)[]>();
  lines.forEach((line, column) => {
    line.t_ms.forEach((ms, index) => {
      const row = rows.get(ms) ?? new Array<number | null | undefined>(lines.length).fill(undefined);
      row[column] = line.value[index] ?? null;
      rows.set(ms, row);
    });
  });
  return [...rows].sort(([a], [b]) => a - b).map(([ms, values]) => ({ ms, values }));
}

/** `window` kept inside `extent`, never narrower than a microsecond. */
export function clampWindow(window: Window, extent: Window): Window {
  const least = 0.001;
  const from = Math.max(extent.from, Math.min(window.from, window.to));
  const to = Math.min(extent.to, Math.max(window.from, window.to));
  return to - from < least ? extent : { from, to };
}

/** The window `factor` times as wide, the moment `at` staying where it is. */
export function zoomed(window: Window, extent: Window, factor: number, at?: number): Window {
  const centre = at ?? (window.from + window.to) / 2;
  return clampWindow(
    { from: centre - (centre - window.from) * factor, to: centre + (window.to - centre) * factor },
    extent,
  );
}

/** Whether the window shows everything. */
export const isWhole = (window: Window, extent: Window) =>
  window.from <= extent.from && window.to >= extent.to;

/** Puts intervals into as few rows as hold them without overlap; gives each its row. */
export function lanes(items: readonly { start_ms: number; end_ms: number }[]): number[] {
  const ends: number[] = [];
  const order = items.map((_, index) => index);
  order.sort((a, b) => (items[a]?.start_ms ?? 0) - (items[b]?.start_ms ?? 0));
  const rows = new Array<number>(items.length).fill(0);
  for (const index of order) {
    const item = items[index];
    if (!item) continue;
    let row = ends.findIndex((end) => end <= item.start_ms);
    if (row < 0) row = ends.length;
    ends[row] = item.end_ms;
    rows[index] = row;
  }
  return rows;
}

const SECOND = 1000;
const LONG_STEPS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600].map((s) => s * SECOND);

/** A round step between marks, ms: 1, 2, 5 of a decade, and as clocks count from 10 s on. */
export function timeStep(spanMs: number, wanted: number): number {
  const rough = spanMs / wanted;
  if (rough > 10 * SECOND)
    return LONG_STEPS.find((step) => step >= rough) ?? Math.ceil(rough / 86_400_000) * 86_400_000;
  const unit = 10 ** Math.floor(Math.log10(rough));
  return unit * ([1, 2, 5, 10].find((factor) => unit * factor >= rough) ?? 10);
}

/** Round marks for an axis: at most about `wanted` of them. */
export function ticks({ from, to }: Window, wanted: number): number[] {
  if (!(to > from) || wanted < 1) return [];
  const step = timeStep(to - from, wanted);
  const marks: number[] = [];
  for (let index = Math.ceil(from / step); index * step <= to; index += 1) marks.push(index * step);
  return marks;
}

/** The value at `ms` on the straight line between the samples around it; null beyond them or in a gap. */
function between({ t_ms, value }: Line, ms: number): number | null {
  const after = t_ms.findIndex((time) => time >= ms);
  if (after < 0) return null;
  const y1 = value[after] ?? null;
  const x1 = t_ms[after] ?? 0;
  if (x1 === ms || after === 0) return x1 === ms ? y1 : null;
  const y0 = value[after - 1] ?? null;
  const x0 = t_ms[after - 1] ?? 0;
  return y0 === null || y1 === null ? null : y0 + ((y1 - y0) * (ms - x0)) / (x1 - x0);
}

/** What an accumulating line gained within the window; null when the line does not say. */
export function growth(line: Line, { from, to }: Window): number | null {
  const first = line.t_ms[0];
  const last = line.t_ms.at(-1);
  if (first === undefined || last === undefined) return null;
  // Before its first sample it counted from 0; after its last it is taken to stand.
  const at = (ms: number) => (ms >= last ? lastValue(line) : ms < first ? 0 : between(line, ms));
  const start = at(from);
  const end = at(to);
  return start === null || end === null ? null : end - start;
}

/** Area under the line within the window, value x ms; gaps are left out. Null without two samples. */
export function integral(line: Line, { from, to }: Window): number | null {
  let area: number | null = null;
  for (let index = 1; index < line.t_ms.length; index += 1) {
    const x0 = line.t_ms[index - 1] ?? 0;
    const x1 = line.t_ms[index] ?? 0;
    const y0 = line.value[index - 1] ?? null;
    const y1 = line.value[index] ?? null;
    const left = Math.max(from, x0);
    const right = Math.min(to, x1);
    if (y0 === null || y1 === null || right <= left) continue;
    const y = (x: number) => y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
    area = (area ?? 0) + ((y(left) + y(right)) / 2) * (right - left);
  }
  return area;
}
