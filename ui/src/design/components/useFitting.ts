import { useEffect, useMemo, useState, type RefObject } from 'react';

import { fitColumns } from '@/lib/fitColumns';
import type { Sort } from '@/lib/sort';

import type { Column } from './Grid';

type Fitting<Row> = {
  columns: readonly Column<Row>[];
  pinned: number;
  /** Where `scroller` is narrower than this, px, only the columns that fit are shown. */
  fitBelow: number;
  sort: Sort | undefined;
  onHidden: ((ids: readonly string[]) => void) | undefined;
};

/** The columns to show as `scroller` is resized, and its inner width, px. */
export function useFitting<Row>(scroller: RefObject<HTMLElement | null>, fitting: Fitting<Row>) {
  const { columns, pinned, fitBelow, sort, onHidden } = fitting;
  const [view, setView] = useState(window.innerWidth);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setView(element.clientWidth);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [scroller]);
  const shown = useMemo(() => {
    if (view >= fitBelow) return columns;
    const keys = sort?.map(({ key }) => key) ?? [];
    const keep = columns.filter((column) => column.sort && keys.includes(column.sort)).map(({ id }) => id);
    return fitColumns(columns, pinned, view, keep);
  }, [columns, pinned, view, fitBelow, sort]);
  const hidden = useMemo(
    () => columns.filter(({ id }) => !shown.some((column) => column.id === id)).map(({ id }) => id),
    [columns, shown],
  );
  useEffect(() => {
    onHidden?.(hidden);
  }, [onHidden, hidden]);
  return { columns: shown, view };
}
