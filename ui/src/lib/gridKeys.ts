// What a key does in a list of rows.

export type GridAction = { type: 'move'; to: number } | { type: 'open' } | { type: 'leave' };

/** The action of `key` with row `active` (-1: none) of `count`, `page` rows fitting the window. */
export function gridKey(key: string, active: number, count: number, page: number): GridAction | null {
  const move = (to: number): GridAction | null =>
    count === 0 ? null : { type: 'move', to: Math.max(0, Math.min(count - 1, to)) };
  switch (key) {
    case 'ArrowDown':
      return move(active + 1);
    case 'ArrowUp':
      return move(active < 0 ? count - 1 : active - 1);
    case 'PageDown':
      return move(Math.max(active, 0) + page);
    case 'PageUp':
      return move(Math.max(active, 0) - page);
    case 'Home':
      return move(0);
    case 'End':
      return move(count - 1);
    case 'Enter':
      return active >= 0 && active < count ? { type: 'open' } : null;
    case 'Escape':
      return { type: 'leave' };
    default:
      return null;
  }
}
