// Which columns of a table to show where there is no room for all of them.

export type Sized = {
  id: string;
  /** px. */
  width: number;
  /** The least it can be read at, px; its width when not given. */
  narrow?: number;
  /** How much it matters; 0 when not given. */
  weight?: number;
};

/**
 * All of them, where they fit `view` px. Otherwise, as narrow as they can be: the first `pinned`, then the weightiest
 * as far as there is room, at least one. They keep their order; `keep` names what matters before all else.
 */
export function fitColumns<C extends Sized>(
  columns: readonly C[],
  pinned: number,
  view: number,
  keep: readonly string[] = [],
): readonly C[] {
  const total = columns.reduce((sum, { width }) => sum + width, 0);
  if (total <= view) return columns;
  const narrowed = columns.map((column) => ({ ...column, width: column.narrow ?? column.width }));
  const matters = ({ id, weight }: C) => (keep.includes(id) ? Infinity : (weight ?? 0));
  const shown = new Set(narrowed.slice(0, pinned));
  let left = view - narrowed.slice(0, pinned).reduce((sum, { width }) => sum + width, 0);
  const others = narrowed
    .slice(pinned)
    .sort((a, b) => (matters(a) === matters(b) ? 0 : matters(b) - matters(a)));
  for (const column of others) {
    if (column.width > left && shown.size > pinned) continue;
    shown.add(column);
    left -= column.width;
  }
  return narrowed.filter((column) => shown.has(column));
}
