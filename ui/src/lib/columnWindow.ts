// Which columns of a wide table are worth drawing.

/** The columns `from` up to, not including, `to`. */
export type ColumnWindow = { from: number; to: number };

/**
 * The columns within `margin` px of what shows between `left` and `left + view` px. The first `pinned` ones always
 * show: they are drawn before the window and are never part of it.
 */
export function columnWindow(
  widths: readonly number[],
  pinned: number,
  left: number,
  view: number,
  margin: number,
): ColumnWindow {
  const starts = columnStarts(widths);
  const near = widths.flatMap((width, index) => {
    const start = starts[index] ?? 0;
    const seen = start < left + view + margin && start + width > left - margin;
    return seen && index >= pinned ? [index] : [];
  });
  return { from: near[0] ?? pinned, to: (near.at(-1) ?? pinned - 1) + 1 };
}

/** Where each column begins, px. */
export function columnStarts(widths: readonly number[]): number[] {
  let end = 0;
  return widths.map((width) => (end += width) - width);
}
