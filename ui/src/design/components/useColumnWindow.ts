import { useEffect, useMemo, useState, type RefObject } from 'react';
import { flushSync } from 'react-dom';

import { columnWindow, type ColumnWindow } from '@/lib/columnWindow';

const STEP = 64;
const MARGIN = 2 * STEP;

/** The columns worth drawing as `scroller`, `view` px wide, is scrolled sideways, besides the first `pinned`. */
export function useColumnWindow(
  scroller: RefObject<HTMLElement | null>,
  widths: readonly number[],
  pinned: number,
  view: number,
): ColumnWindow {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const step = Math.floor(element.scrollLeft / STEP) * STEP;
      // At once, or the columns would come a frame late.
      flushSync(() => {
        setLeft(step);
      });
    };
    // Before the rows' listener: once that has drawn, asking for `scrollLeft` would cost a layout.
    element.addEventListener('scroll', onScroll, { passive: true, capture: true });
    return () => {
      element.removeEventListener('scroll', onScroll, { capture: true });
    };
  }, [scroller]);
  return useMemo(() => columnWindow(widths, pinned, left, view, MARGIN), [widths, pinned, left, view]);
}
