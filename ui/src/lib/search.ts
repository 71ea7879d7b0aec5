// The query part of an address: plain `key=value` pairs, a list as a repeated key.

export type RawSearch = Record<string, string | string[]>;

/** `?a=1&b=x&b=y` -> `{a: '1', b: ['x', 'y']}`. */
export function parseSearch(text: string): RawSearch {
  const search: RawSearch = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const before = search[key];
    if (before === undefined) search[key] = value;
    else search[key] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return search;
}

/** The inverse; what is undefined or empty is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === '') continue;
    if (Array.isArray(value)) for (const item of value) params.append(key, String(item));
    else params.set(key, String(value));
  }
  // Addresses are read by people: keep what needs no escaping in a query.
  const text = params.toString().replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%2C', ',');
  return text ? `?${text}` : '';
}

/** A list parameter, without repetitions; undefined when it is empty. */
export function list(value: unknown): string[] | undefined {
  const values = (Array.isArray(value) ? value : [value]).filter(
    (item): item is string => typeof item === 'string' && item !== '',
  );
  return values.length > 0 ? [...new Set(values)] : undefined;
}

/** A text parameter. */
export function text(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

/** One of the given words. */
export function oneOf<const T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  const given = text(value);
  return allowed.find((word) => word === given);
}

/** A finite number. */
export function number(value: unknown): number | undefined {
  const given = text(value) ?? (typeof value === 'number' ? String(value) : undefined);
  if (given === undefined) return undefined;
  const parsed = Number(given);
  return Number.isFinite(parsed) ? parsed : undefined;
}
