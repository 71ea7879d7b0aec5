// The one table: virtualised, sortable, keyboard-driven, with pinned columns, groups and details.
// Rows may be loaded piecemeal: one that is not there yet is drawn as a skeleton.

import { getCoreRowModel, useReactTable, type ColumnDef, type Row as TableRow } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  Fragment,
  memo,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type ReactNode,
} from 'react';

import { gridKey } from '@/lib/gridKeys';
import { sortBy, type Sort } from '@/lib/sort';

import css from './grid.module.css';
import { Icon } from './Icon';
import { Skeleton } from './states';

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
  count: number;
  itemAt: (index: number) => GridItem<Row>;
  /** Tells which places are on screen, for loading. */
  onRange?: (first: number, last: number) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  active: number;
  onActive: (index: number) => void;
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
  const { columns, count, itemAt, onRange, sort, active, detail, isOpen, pinned = 1, rowPx = 38 } = props;
  const scroller = useRef<HTMLDivElement>(null);
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

  const items = shown.map((place) => ({ place, item: itemAt(place.index) }));
  const rows = items.flatMap(({ item }) => (item.type === 'row' ? [item] : []));
  const definitions = useMemo<ColumnDef<{ row: Row; key: string }>[]>(
    () => columns.map((column) => ({ id: column.id, cell: ({ row }) => column.cell(row.original.row) })),
    [columns],
  );
  const table = useReactTable({
    data: rows,
    columns: definitions,
    getRowId: ({ key }) => key,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    // The window of rows changes with every scroll; nothing of the table's state hangs on it.
    autoResetAll: false,
  });
  const byKey = table.getRowModel().rowsById;

  const lefts = useMemo(() => {
    let left = 0;
    return columns.map(({ width }) => (left += width) - width);
  }, [columns]);
  const pinStyle = (index: number) => (index < pinned ? { left: lefts[index] } : undefined);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(count - 1, to));
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
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column, index) => {
              const direction = column.sort
                ? sort?.find(({ key }) => key === column.sort)?.direction
                : undefined;
              const arrow = <Icon name={direction === 'asc' ? 'up' : 'down'} size={12} />;
              return (
                <th
                  key={column.id}
                  scope="col"
                  className={cellClass(column, index, pinned)}
                  style={pinStyle(index)}
                  title={column.title ?? column.header}
                  aria-sort={direction && (direction === 'asc' ? 'ascending' : 'descending')}
                >
                  {column.sort && props.onSort ? (
                    <button
                      type="button"
                      className={css.head}
                      onClick={(event) =>
                        props.onSort?.(
                          sortBy(sort ?? [], column.sort ?? '', column.descFirst ?? false, event.shiftKey),
                        )
                      }
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
        {before > 0 && <Space height={before} columns={columns.length} />}
        {items.map(({ place, item }) => {
          const selected = place.index === active;
          const common = {
            id: `${id}-${place.index}`,
            'aria-rowindex': place.index + 2,
            'aria-selected': selected,
          };
          if (item.type === 'group') {
            return (
              <tbody key={item.key}>
                <tr {...common} aria-expanded={item.open}>
                  <th className={css.group} colSpan={columns.length} scope="rowgroup">
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
            <tbody
              key={item.key}
              data-index={place.index}
              {...(detail ? { ref: virtual.measureElement } : {})}
            >
              <tr
                {...common}
                className={css.row}
                {...(detail ? { 'aria-expanded': open } : {})}
                onClick={(event) => {
                  if (window.getSelection()?.isCollapsed === false) return;
                  props.onActive(place.index);
                  act(place.index, event.ctrlKey || event.metaKey);
                }}
              >
                <RowCells columns={columns} pinned={pinned} lefts={lefts} of={byKey[item.key]} row={row} />
              </tr>
              {open && detail && (
                <tr>
                  <td className={css.detail} colSpan={columns.length}>
                    <div className={css.detailInner}>{detail(row)}</div>
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
        {after > 0 && <Space height={after} columns={columns.length} />}
        {props.footer && (
          <tfoot>
            {props.footer.map((line, at) => (
              <tr key={line.label} title={line.title}>
                {columns.map((column, index) => (
                  <td
                    key={column.id}
                    className={cellClass(column, index, pinned)}
                    style={{ ...pinStyle(index), bottom: `${((props.footer?.length ?? 0) - 1 - at) * 2}rem` }}
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

function cellClass({ align }: { align?: 'end' }, index: number, pinned: number): string {
  const pin = index < pinned ? `${css.pin} ${index > 0 ? css.pinWide : ''}` : '';
  return [align && css.end, pin].filter(Boolean).join(' ');
}

type CellsProps<Row> = {
  columns: readonly Column<Row>[];
  pinned: number;
  lefts: readonly number[];
  row: Row | undefined;
  of: TableRow<{ row: Row; key: string }> | undefined;
};

/** The cells of one row; drawn again only when the row itself or the columns change. */
const RowCells = memo(
  function RowCells<Row>({ columns, pinned, lefts, row, of }: CellsProps<Row>) {
    const cells = of?.getVisibleCells() ?? [];
    return columns.map((column, index) => (
      <td
        key={column.id}
        className={cellClass(column, index, pinned)}
        style={index < pinned ? { left: lefts[index] } : undefined}
      >
        {row === undefined ? (
          <Skeleton width="70%" />
        ) : (
          <Cell of={cells[index]?.column.columnDef.cell} context={cells[index]?.getContext()} />
        )}
      </td>
    ));
  },
  (before, after) =>
    before.row === after.row &&
    before.columns === after.columns &&
    before.pinned === after.pinned &&
    (before.of === undefined) === (after.of === undefined),
) as <Row>(props: CellsProps<Row>) => ReactNode;

function Cell({ of, context }: { of: unknown; context: unknown }) {
  return (
    <Fragment>{typeof of === 'function' ? (of as (context: unknown) => ReactNode)(context) : null}</Fragment>
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tbody className={css.space} aria-hidden="true">
      <tr>
        <td colSpan={columns} style={{ height }} />
      </tr>
    </tbody>
  );
}
