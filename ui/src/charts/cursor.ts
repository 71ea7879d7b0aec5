// The moment under the pointer, shared by everything on one time axis. Not React state: it moves
// with the pointer, and only what shows it needs to follow.

import { createContext, useContext, useSyncExternalStore } from 'react';

export type Cursor = {
  get: () => number | null;
  set: (ms: number | null) => void;
  subscribe: (changed: () => void) => () => void;
};

export function makeCursor(): Cursor {
  let at: number | null = null;
  const listeners = new Set<() => void>();
  return {
    get: () => at,
    set: (ms) => {
      if (ms === at) return;
      at = ms;
      for (const changed of listeners) changed();
    },
    subscribe: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
}

export const CursorContext = createContext<Cursor>(makeCursor());

/** The shared moment as React state, for readouts. */
export function useCursorTime(): number | null {
  const cursor = useContext(CursorContext);
  return useSyncExternalStore(cursor.subscribe, cursor.get);
}
