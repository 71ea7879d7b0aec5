import { describe, expect, it } from 'vitest';

import { columnStarts, columnWindow } from './columnWindow';

const WIDTHS = [50, 100, 100, 100, 100, 100, 100];

describe('columnWindow', () => {
  it.each([
    ['at the start', 0, 300, 0, { from: 1, to: 4 }],
    ['at the end', 350, 300, 0, { from: 4, to: 7 }],
    ['an edge that only touches is outside', 150, 100, 0, { from: 2, to: 3 }],
    ['a column seen in part is inside', 149, 102, 0, { from: 1, to: 4 }],
    ['with a margin', 250, 100, 1, { from: 2, to: 5 }],
    ['all of them', 0, 5000, 0, { from: 1, to: 7 }],
    ['no room', 0, 0, 0, { from: 1, to: 1 }],
    ['scrolled past the end', 9000, 300, 0, { from: 1, to: 1 }],
  ])('%s', (_, left, view, margin, expected) => {
    expect(columnWindow(WIDTHS, 1, left, view, margin)).toEqual(expected);
  });
  it('has nothing beside columns that are all pinned', () => {
    expect(columnWindow([40, 60], 2, 0, 500, 100)).toEqual({ from: 2, to: 2 });
    expect(columnWindow([], 0, 0, 500, 100)).toEqual({ from: 0, to: 0 });
  });

  // The same tables on every run: 300 of them, from none to thirty columns.
  let state = 7;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const tables = Array.from({ length: 300 }, () => {
    const widths = Array.from({ length: random(31) }, () => 20 + random(200));
    const total = widths.reduce((sum, width) => sum + width, 0);
    const view = random(1500);
    const left = random(Math.max(0, total - view) + 1);
    return { widths, pinned: Math.min(widths.length, random(4)), left, view, margin: random(200), total };
  });

  it('covers what shows', () => {
    for (const { widths, pinned, left, view, margin } of tables) {
      const { from, to } = columnWindow(widths, pinned, left, view, margin);
      columnStarts(widths).forEach((start, index) => {
        const shows = start < left + view && start + (widths[index] ?? 0) > left;
        if (shows && index >= pinned) expect(index >= from && index < to).toBe(true);
      });
    }
  });
  it('loses no column between the pinned, the gaps and the drawn', () => {
    for (const { widths, pinned, left, view, margin, total } of tables) {
      const { from, to } = columnWindow(widths, pinned, left, view, margin);
      expect(pinned <= from && from <= to && to <= widths.length).toBe(true);
      const width = (first: number, end?: number) =>
        widths.slice(first, end).reduce((sum, part) => sum + part, 0);
      expect(width(0, pinned) + width(pinned, from) + width(from, to) + width(to)).toBe(total);
    }
  });
  it('draws no more than the view, the margins and a column at either end', () => {
    for (const { widths, pinned, left, view, margin } of tables) {
      const { from, to } = columnWindow(widths, pinned, left, view, margin);
      const inner = widths.slice(from + 1, Math.max(from + 1, to - 1)).reduce((sum, part) => sum + part, 0);
      expect(inner).toBeLessThanOrEqual(view + 2 * margin);
    }
  });
});
