// How values are spread: counts between round marks, and quantiles. Pure.

export type Bin = { from: number; to: number; /** The indexes of the values in it. */ of: number[] };

/** Between round marks, about `wanted` bins that hold all known values; the last one holds its upper end. */
export function histogram(values: readonly (number | null)[], wanted: number): Bin[] {
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, index }]));
  if (known.length === 0) return [];
  let low = Infinity;
  let high = -Infinity;
  for (const { value } of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const step = roundStep((high - low) / wanted) || roundStep(Math.abs(high) / wanted) || 1;
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  const bins = Array.from({ length: count }, (_, at): Bin => ({
    from: (first + at) * step,
    to: (first + at + 1) * step,
    of: [],
  }));
  for (const { value, index } of known) {
    const at = Math.min(count - 1, Math.max(0, Math.floor(value / step + 1e-9) - first));
    bins[at]?.of.push(index);
  }
  return bins;
}

/** The next of 1, 2, 5 times a power of ten; 0 for 0. */
function roundStep(rough: number): number {
  if (!(rough > 0) || !Number.isFinite(rough)) return 0;
  const unit = 10 ** Math.floor(Math.log10(rough));
  return unit * ([1, 2, 5, 10].find((factor) => unit * factor >= rough * (1 - 1e-9)) ?? 10);
}

/** The q-quantile of the known values, between neighbours in proportion; null without any. */
export function quantile(values: readonly (number | null)[], q: number): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const at = Math.max(0, Math.min(1, q)) * (known.length - 1);
  const below = known[Math.floor(at)];
  const above = known[Math.ceil(at)];
  if (below === undefined || above === undefined) return null;
  return below + (above - below) * (at - Math.floor(at));
}
