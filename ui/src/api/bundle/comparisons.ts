// Which comparisons a bundle holds. They are worked out where it is written, never here.

import type { PairBy } from '../types';

/** A comparison that is there: the first run against the others. */
export type HeldComparison = { runs: string[]; pair_by: PairBy[] };

export type HeldComparisons = {
  items: HeldComparison[];
  /** As many of the best runs are compared each with each. */
  paired: number;
};

/** Runs asked for as the API takes them, each by itself: a lone value may name several. */
export const runIds = (asked: readonly string[]): string[] =>
  asked.length === 1
    ? asked.flatMap((runs) => runs.split(',').map((id) => id.trim())).filter(Boolean)
    : [...asked];

const same = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((id, at) => id === b[at]);

/** The comparison of exactly these runs, in this order. */
export const heldOf = ({ items }: HeldComparisons, ids: readonly string[]) =>
  items.find(({ runs }) => same(runs, ids));

/** Comparisons among these runs, those with the same first run before others. */
export function heldAmong({ items }: HeldComparisons, ids: readonly string[]): HeldComparison[] {
  const found = items.filter(({ runs }) => runs.every((id) => ids.includes(id)));
  const first = ({ runs }: HeldComparison) => (runs[0] === ids[0] ? 0 : 1);
  return found.sort((a, b) => first(a) - first(b));
}
