// What devices used and what that comes to, read from the accounting of a run. Pure.

import type { RunDetail } from '@/api/types';
import { co2, energy, exact, significant, written, type Quantity } from '@/lib/format';

type Account = Pick<RunDetail['accounting'], 'devices' | 'factors' | 'estimate' | 'call_energy'>;
export type Device = Account['devices'][number];
type Factors = Account['factors'][number];

/** The devices whose energy is added up. */
export const counted = (devices: readonly Device[]) => devices.filter(({ is_part }) => !is_part);

export type ChainRow = Pick<
  Device,
  'device' | 'source' | 'energy_j' | 'co2_emissions_g' | 'power_cost_usd'
> & {
  factors: Factors | null;
};

/** Joules x PUE x intensity and price: a row a device that is added up, and the sum of several. */
export function chainRows(devices: readonly Device[]): { rows: ChainRow[]; total: ChainRow | null } {
  const rows = counted(devices).map((device) => ({ ...device, factors: device.factors ?? null }));
  if (rows.length < 2) return { rows, total: null };
  const sum = (field: 'co2_emissions_g' | 'power_cost_usd') => {
    const values = rows.map((row) => row[field]);
    return values.every((value) => value !== null) ? values.reduce((a, b) => a + b, 0) : null;
  };
  const [first] = rows;
  const same = rows.every(({ factors }) => JSON.stringify(factors) === JSON.stringify(first?.factors));
  const total = {
    device: 'All devices',
    source: rows.every(({ source }) => source === first?.source) ? (first?.source ?? 'none') : 'none',
    energy_j: rows.reduce((joules, row) => joules + row.energy_j, 0),
    co2_emissions_g: sum('co2_emissions_g'),
    power_cost_usd: sum('power_cost_usd'),
    factors: same ? (first?.factors ?? null) : null,
  } satisfies ChainRow;
  return { rows, total };
}

/** Enough digits of a factor, or of joules, to do the sum oneself. */
export const digits = (value: number) =>
  Math.abs(value) >= 1000 ? exact(Number(value.toFixed(1))) : exact(Number(value.toPrecision(6)));

/** Where the factors are from, a sentence each. */
export function factorSources(factors: readonly Factors[]): string[] {
  return factors.flatMap(({ pue, intensity, price }) => [
    `PUE ${digits(pue)}: energy of the whole site for each unit of energy of its devices.`,
    `${digits(intensity.g_per_kwh)} g CO₂e/kWh: ${intensity.source}${intensity.year === null ? '' : `, ${intensity.year}`}.`,
    `${digits(price.usd_per_kwh)} USD/kWh: ${price.source}.`,
  ]);
}

/** The least and the greatest value of an estimate, both in words; `-` when there is none. */
export const range = (
  of: (value: number | null) => Quantity,
  values: { low: number; high: number } | null,
) => (values ? `${written(of(values.low))} to ${written(of(values.high))}` : written(of(null)));

/** What calls to hosted models are estimated to have used, in words; null when that was not asked for. */
export function estimated({ estimate }: Pick<Account, 'estimate'>) {
  if (!estimate) return null;
  const { calls, calls_without, models_without } = estimate;
  const without =
    calls_without === 0
      ? null
      : `${exact(calls_without)} of ${exact(calls + calls_without)} calls have no estimate: no size is published for ${models_without.join(', ')}.`;
  return {
    energy: range(energy, estimate.energy_wh),
    co2: range(co2, estimate.co2_emissions_g),
    calls,
    method: estimate.method,
    without,
  };
}

/** How the energy of calls was found, in a sentence; null when no device tells of time. */
export function callsInWords(calls: Account['call_energy'] | undefined): string | null {
  if (!calls) return null;
  const all = calls.calls + calls.calls_without;
  const needed = `${significant(calls.resolution_ms)} ms`;
  if (calls.calls === 0)
    return `None of ${exact(all)} LLM calls lasted the ${needed} that a device needs to tell.`;
  return `${exact(calls.calls)} of ${exact(all)} LLM calls lasted the ${needed} that a device needs to tell: ${written(energy(calls.energy_wh))}.`;
}
