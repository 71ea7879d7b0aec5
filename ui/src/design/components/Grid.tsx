// The one table: virtualised, sortable, keyboard-driven, with pinned columns, groups and details.
// Rows may be loaded piecemeal: one that is not there yet is drawn as a skeleton. Of each row only the cells in
// sight are drawn; head and foot are whole, so that Tab reaches every column.

import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useId, useMemo, useRef, useState, type CSSProperties, type ReactNode } from 'react';

import { columnStarts } from '@/lib/columnWindow';
import { gridKey } from '@/lib/gridKeys';
import { sortBy, type Sort } from '@/lib/sort';

import css from './grid.module.css';
import { cellClass, GridRow, pinStyle, type Layout } from './GridRow';
import { Icon } from './Icon';
import { useColumnWindow } from './useColumnWindow';
import { useFitting } from './useFitting';

export type Column<Row> = {
  id: string;
  header: string;
  /** What the column means; shown on hover of its head. */
  title?: string;
  /** Key to sort by; absent on a column that cannot be sorted. */
  sort?: string;
  /** Larger is the first order asked for when clicked. */
  descFirst?: boolean;
  width: number;
  /** The least it can be read at, px, where not all columns fit. */
  narrow?: number;
  /** How much it matters where not all columns fit; 0 when not given. */
  weight?: number;
  align?: 'end';
  cell: (row: Row) => ReactNode;
  /** The bare value, for CSV. */
  value?: (row: Row) => string | number | boolean | null | undefined;
};

/** What stands at a place in the table. */
export type GridItem<Row> =
  | { type: 'row'; row: Row; key: string }
  | { type: 'pending'; key: string }
  | { type: 'group'; key: string; open: boolean; content: ReactNode };

type GridProps<Row> = {
  label: string;
  columns: readonly Column<Row>[];
  /** How many of the first columns stay when scrolling sideways. */
  pinned?: number;
  /** Where the table is narrower, px, the columns that do not fit are left out, the lightest first. */
  fitBelow?: number;
  /** Tells which columns are left out. */
  onHidden?: (ids: readonly string[]) => void;
  count: number;
  itemAt: (index: number) => GridItem<Row>;
  /** Tells which places are on screen, for loading. */
  onRange?: (first: number, last: number) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  active: number;
  onActive: (index: number) => void;
  /** A place to go to when it is first known: what a link names. */
  showAt?: number;
  onOpen?: (row: Row, event: { newTab: boolean }) => void;
  onToggleGroup?: (key: string) => void;
  onEscape?: () => void;
  detail?: (row: Row) => ReactNode;
  isOpen?: (row: Row) => boolean;
  footer?: { label: string; cells: Record<string, ReactNode>; title?: string }[];
  /** Height of a closed row. */
  rowPx?: number;
  className?: string | undefined;
};

export function Grid<Row>(props: GridProps<Row>) {
  const { count, itemAt, onRange, sort, active, detail, isOpen, pinned = 1, rowPx = 38 } = props;
  const { fitBelow = 0, onHidden } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { columns, view } = useFitting(scroller, {
    columns: props.columns,
    pinned,
    fitBelow,
    sort,
    onHidden,
  });
  const id = useId();
  const [focused, setFocused] = useState(false);
  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualiser keeps its own state
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: 4,
    scrollPaddingStart: rowPx,
    scrollPaddingEnd: rowPx * ((props.footer?.length ?? 0) + 1),
  });
  const shown = virtual.getVirtualItems();
  const first = shown[0]?.index ?? 0;
  const last = shown.at(-1)?.index ?? -1;
  useEffect(() => {
    onRange?.(first, last);
  }, [onRange, first, last]);

  const { showAt = -1 } = props;
  const gone = useRef(false);
  useEffect(() => {
    if (gone.current || showAt < 0) return;
    gone.current = true;
    virtual.scrollToIndex(showAt, { align: 'start' });
  }, [showAt, virtual]);

  // A line without a number beneath any column that is shown says nothing.
  const footer = (props.footer ?? []).filter(({ cells }) => columns.some(({ id: key }) => key in cells));

  const items = shown.map((place) => ({ place, item: itemAt(place.index) }));

  const widths = useMemo(() => columns.map(({ width }) => width), [columns]);
  const lefts = useMemo(() => columnStarts(widths), [widths]);
  const { from, to } = useColumnWindow(scroller, widths, pinned, view);
  const layout = useMemo(() => ({ columns, pinned, lefts, from, to }), [columns, pinned, lefts, from, to]);

  const move = (place: number) => {
    const index = Math.max(0, Math.min(count - 1, place));
    props.onActive(index);
    virtual.scrollToIndex(index, { align: 'auto' });
  };
  const act = (index: number, newTab: boolean) => {
    const item = itemAt(index);
    if (item.type === 'group') props.onToggleGroup?.(item.key);
    if (item.type === 'row') props.onOpen?.(item.row, { newTab });
  };

  const before = shown[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0);
  const width = columns.reduce((sum, column) => sum + column.width, 0);

  return (
    <div
      ref={scroller}
      className={[css.scroll, focused && css.focused, props.className].filter(Boolean).join(' ')}
    >
      <table
        className={css.table}
        style={{ minWidth: width, '--row': `${rowPx}px` } as CSSProperties}
        role="grid"
        aria-label={props.label}
        aria-rowcount={count + 1}
        aria-colcount={columns.length}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        tabIndex={0}
        onFocus={(event) => {
          setFocused(event.target === event.currentTarget && event.target.matches(':focus-visible'));
        }}
        onBlur={() => {
          setFocused(false);
        }}
        onClick={(event) => {
          const place = (event.target as Element).closest('tr')?.dataset.place;
          if (place === undefined || window.getSelection()?.isCollapsed === false) return;
          props.onActive(Number(place));
          act(Number(place), event.ctrlKey || event.metaKey);
        }}
        onKeyDown={(event) => {
          if (event.target !== event.currentTarget) return;
          const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowPx) - 2);
          const action = gridKey(event.key, active, count, page);
          if (!action) return;
          event.preventDefault();
          if (action.type === 'move') move(action.to);
          else if (action.type === 'open') act(active, event.ctrlKey || event.metaKey);
          else {
            props.onActive(-1);
            props.onEscape?.();
          }
        }}
      >
        <colgroup>
          {columns.map(({ id: key, width: px }) => (
            <col key={key} style={{ width: px }} />
          ))}
        </colgroup>
        <GridHead columns={columns} pinned={pinned} lefts={lefts} sort={sort} onSort={props.onSort} />
        {before > 0 && <Space height={before} columns={columns.length} />}
        {items.map(({ place, item }) => {
          const common = { id: `${id}-${place.index}`, index: place.index, active: place.index === active };
          if (item.type === 'group') {
            return (
              <tbody key={item.key}>
                <tr id={common.id} aria-rowindex={place.index + 2} aria-selected={common.active}>
                  <th
                    className={css.group}
                    colSpan={columns.length}
                    aria-colindex={1}
                    aria-expanded={item.open}
                    scope="rowgroup"
                  >
                    <button
                      type="button"
                      tabIndex={-1}
                      className={css.groupInner}
                      onClick={() => props.onToggleGroup?.(item.key)}
                    >
                      <Icon name={item.open ? 'down' : 'right'} size={14} />
                      {item.content}
                    </button>
                  </th>
                </tr>
              </tbody>
            );
          }
          const row = item.type === 'row' ? item.row : undefined;
          const open = row !== undefined && isOpen?.(row) === true;
          return (
            <GridRow
              key={item.key}
              {...common}
              layout={layout}
              row={row}
              open={detail && open}
              detail={open && detail?.(row)}
              measured={detail && virtual.measureElement}
            />
          );
        })}
        {after > 0 && <Space height={after} columns={columns.length} />}
        {footer.length > 0 && (
          <tfoot>
            {footer.map((line, at) => (
              <tr key={line.label} title={line.title}>
                {columns.map((column, index) => (
                  <td
                    key={column.id}
                    aria-colindex={index + 1}
                    className={cellClass(column, index, pinned)}
                    style={{
                      ...pinStyle(layout, index),
                      bottom: `${(footer.length - 1 - at) * 2}rem`,
                    }}
                  >
                    {index === 0 ? line.label : line.cells[column.id]}
                  </td>
                ))}
              </tr>
            ))}
          </tfoot>
        )}
      </table>
    </div>
  );
}

type GridHeadProps<Row> = Pick<Layout<Row>, 'columns' | 'pinned' | 'lefts'> &
  Pick<GridProps<Row>, 'sort' | 'onSort'>;

const GridHead = memo(function GridHead<Row>({ sort, onSort, ...layout }: GridHeadProps<Row>) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {layout.columns.map((column, index) => {
          const direction = column.sort ? sort?.find(({ key }) => key === column.sort)?.direction : undefined;
          const arrow = <Icon name={direction === 'asc' ? 'up' : 'down'} size={12} />;
          return (
            <th
              key={column.id}
              scope="col"
              aria-colindex={index + 1}
              className={cellClass(column, index, layout.pinned)}
              style={pinStyle(layout, index)}
              title={column.title ?? column.header}
              aria-sort={direction && (direction === 'asc' ? 'ascending' : 'descending')}
            >
              {column.sort && onSort ? (
                <button
                  type="button"
                  className={css.head}
                  onClick={(event) => {
                    onSort(sortBy(sort ?? [], column.sort ?? '', column.descFirst ?? false, event.shiftKey));
                  }}
                >
                  {column.align && arrow}
                  <span>{column.header}</span>
                  {!column.align && arrow}
                </button>
              ) : (
                <span className={css.head}>
                  <span>{column.header}</span>
                </span>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}) as <Row>(props: GridHeadProps<Row>) => ReactNode;

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tbody className={css.space} aria-hidden="true">
      <tr>
        <td colSpan={columns} style={{ height }} />
      </tr>
    </tbody>
  );
}
