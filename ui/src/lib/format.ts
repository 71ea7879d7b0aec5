// How a number is written, everywhere: three significant digits, the unit that fits,
// and the whole number in `full` for the hover. What is unknown is `-`, never 0.

/** A number ready to be shown. `unit` is empty for plain numbers. */
export type Quantity = { text: string; unit: string; full: string };

/** What stands where nothing is known. */
export const UNKNOWN = '-';

type Maybe = number | null | undefined;

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function known(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Every digit the number has, with thousands separated and no exponent. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return grouped.format(value);
  let text = String(Math.abs(value));
  if (text.includes('e')) text = Math.abs(value).toFixed(20).replace(/0+$/, '');
  const [whole = '0', fraction] = text.split('.');
  const sign = value < 0 ? '-' : '';
  return sign + grouped.format(Number(whole)) + (fraction ? `.${fraction}` : '');
}

/** Three significant digits; whole numbers of four digits and more keep all of them. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 10 ** (digits - 1)) {
    const rounded = size >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits));
    return grouped.format(rounded);
  }
  if (size < 1e-9) return value.toExponential(digits - 1);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Number(size.toPrecision(digits)))));
  return value.toFixed(Math.min(decimals, 20));
}

type Step = { from: number; unit: string; factor: number };

function scaled(value: number, steps: readonly Step[], base: string): Quantity {
  const size = Math.abs(value);
  const full = `${exact(value)} ${base}`;
  if (size === 0) return { text: '0', unit: base, full };
  // A value that rounds up to the next unit is shown in the next unit (999.6 mg is 1.00 g).
  const rounded = Number(size.toPrecision(3));
  const step = steps.find(({ from }) => rounded >= from) ?? steps[steps.length - 1];
  if (!step) return { text: significant(value), unit: base, full };
  return { text: significant(value / step.factor), unit: step.unit, full };
}

const scale = (...steps: [unit: string, factor: number][]): Step[] =>
  steps.map(([unit, factor]) => ({ from: factor, unit, factor }));

const GRAMS = scale(['t', 1e6], ['kg', 1e3], ['g', 1], ['mg', 1e-3], ['µg', 1e-6]);
const WATT_HOURS = scale(['MWh', 1e6], ['kWh', 1e3], ['Wh', 1], ['mWh', 1e-3], ['µWh', 1e-6]);
const WATTS = scale(['MW', 1e6], ['kW', 1e3], ['W', 1], ['mW', 1e-3]);
const MEBIBYTES = scale(['TiB', 1048576], ['GiB', 1024], ['MiB', 1], ['KiB', 1 / 1024]);
const MILLISECONDS = scale(['s', 1e3], ['ms', 1], ['µs', 1e-3], ['ns', 1e-6]);

const NOTHING: Quantity = { text: UNKNOWN, unit: '', full: 'not known' };

const unless =
  (format: (value: number) => Quantity) =>
  (value: Maybe): Quantity =>
    known(value) ? format(value) : NOTHING;

/** Grams of CO2 equivalent. */
export const co2 = unless((g) => {
  const quantity = scaled(g, GRAMS, 'g');
  return { ...quantity, full: `${exact(g)} g CO₂e` };
});

/** Energy from watt-hours. */
export const energy = unless((wh) => scaled(wh, WATT_HOURS, 'Wh'));

/** Power from watts. */
export const power = unless((w) => scaled(w, WATTS, 'W'));

/** Memory from mebibytes. */
export const memory = unless((mib) => scaled(mib, MEBIBYTES, 'MiB'));

/** US dollars; small amounts keep three significant digits. */
export const usd = unless((amount) => {
  const size = Math.abs(amount);
  const text =
    size >= 1 && size < 1000
      ? amount.toFixed(2)
      : size > 0 && size < 1e-6
        ? amount.toExponential(2)
        : significant(amount);
  return { text, unit: 'USD', full: `${exact(amount)} USD` };
});

/** A duration from milliseconds: ns, µs, ms, s, then minutes and hours. */
export const duration = unless((ms) => {
  const full = `${exact(ms)} ms`;
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 99.95) return { ...scaled(ms, MILLISECONDS, 'ms'), full };
  const sign = ms < 0 ? '-' : '';
  const whole = Math.round(seconds);
  if (whole < 3600) {
    const minutes = Math.floor(whole / 60);
    return { text: `${sign}${minutes}:${pad(whole % 60)}`, unit: 'min', full };
  }
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return { text: `${sign}${grouped.format(hours)}:${pad(minutes % 60)}`, unit: 'h', full };
});

/** A whole count: all digits up to a million, then millions and billions. */
export const count = unless((n) => {
  const full = exact(n);
  const size = Math.abs(n);
  if (size < 1e6) return { text: Number.isInteger(n) ? grouped.format(n) : significant(n), unit: '', full };
  if (size < 999.5e6) return { text: significant(n / 1e6), unit: 'M', full };
  return { text: significant(n / 1e9), unit: 'B', full };
});

/** A plain number with three significant digits. */
export const plain = unless((n) => ({ text: significant(n), unit: '', full: exact(n) }));

/** Percent, given as 0 to 100. */
export const percent = unless((value) => ({
  text: significant(value),
  unit: '%',
  full: `${exact(value)} %`,
}));

/** Degrees Celsius. */
export const celsius = unless((value) => ({
  text: significant(value),
  unit: '°C',
  full: `${exact(value)} °C`,
}));

const SCALES = {
  co2: { steps: GRAMS, base: 'g' },
  energy: { steps: WATT_HOURS, base: 'Wh' },
  power: { steps: WATTS, base: 'W' },
  memory: { steps: MEBIBYTES, base: 'MiB' },
  usd: { steps: [], base: 'USD' },
  percent: { steps: [], base: '%' },
  celsius: { steps: [], base: '°C' },
  duration: { steps: MILLISECONDS, base: 'ms' },
} as const;

export type Dimension = keyof typeof SCALES;

const QUANTITIES: Record<Dimension, (value: Maybe) => Quantity> = {
  co2,
  energy,
  power,
  memory,
  usd,
  percent,
  celsius,
  duration: (value) => duration(value),
};

/** A value of a dimension, in the unit that fits it. */
export const quantity = (dimension: Dimension, value: Maybe): Quantity => QUANTITIES[dimension](value);

/** One unit for a whole axis that reaches up to `max`, and what to divide by to be in it. */
export function axisUnit(dimension: Dimension, max: number): { unit: string; factor: number } {
  const { steps, base } = SCALES[dimension];
  const step = steps.find(({ from }) => Math.abs(max) >= from) ?? (max === 0 ? undefined : steps.at(-1));
  return step && max !== 0 ? { unit: step.unit, factor: step.factor } : { unit: base, factor: 1 };
}

/** The quantity as one string, unit included. */
export function written({ text, unit }: Quantity): string {
  if (!unit) return text;
  return unit === '%' || unit === 'M' || unit === 'B' ? `${text}${unit}` : `${text} ${unit}`;
}

/** How many times larger `b` is than `a`, or what stands for it when there is no ratio. */
export function ratio(value: Maybe): string {
  return known(value) ? `×${significant(value)}` : UNKNOWN;
}

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

/** A date from Unix nanoseconds as a decimal string; null when it is not one. */
export function dateFromNanos(nanos: string | null | undefined): Date | null {
  if (!nanos || !/^-?\d+$/.test(nanos)) return null;
  const date = new Date(Number(BigInt(nanos) / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date;
}

const WHEN = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** A moment in the reader's time zone, with ISO 8601 UTC in full. */
export function moment(date: Date | null): Quantity {
  if (!date) return NOTHING;
  return { text: WHEN.format(date).replace(',', ''), unit: '', full: date.toISOString() };
}

/** A moment from an ISO 8601 string; one without a zone is UTC, as the table says. */
export function momentFromIso(iso: string | null | undefined): Quantity {
  if (!iso) return NOTHING;
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`;
  const date = new Date(zoned);
  return Number.isNaN(date.getTime()) ? { text: iso, unit: '', full: iso } : moment(date);
}

/** An offset on a time axis from milliseconds, fine enough for the given span of the axis. */
export function axisTime(ms: number, spanMs: number): string {
  if (ms === 0) return '0';
  if (spanMs < 1) return `${Number((ms * 1000).toFixed(1))} µs`;
  if (spanMs < 2000) return `${Number(ms.toFixed(spanMs < 20 ? 2 : 0))} ms`;
  if (spanMs < 120_000) return `${Number((ms / 1000).toFixed(spanMs < 20_000 ? 2 : 1))} s`;
  const seconds = Math.round(ms / 1000);
  if (spanMs < 7_200_000) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))}`;
}

/** An id cut in its middle: both ends tell ids apart. */
export function shortId(id: string): string {
  return id.length > 13 ? `${id.slice(0, 7)}…${id.slice(-4)}` : id;
}

/** `noun` in the number that `n` asks for. */
export function plural(n: number, noun: string, many = `${noun}s`): string {
  return `${count(n).text} ${n === 1 ? noun : many}`;
}
