// One row of the grid. The grid is drawn anew with every scroll, a row only when it or the columns in sight change;
// it therefore calls nothing back: the grid hears its clicks.

import { memo, type ReactNode, type Ref } from 'react';

import type { Column } from './Grid';
import css from './grid.module.css';
import { Skeleton } from './states';

/** Which columns there are, and which of them to draw: the first `pinned`, and `from` up to, not including, `to`. */
export type Layout<Row> = {
  columns: readonly Column<Row>[];
  pinned: number;
  /** Where each column begins, px. */
  lefts: readonly number[];
  from: number;
  to: number;
};

type GridRowProps<Row> = {
  id: string;
  index: number;
  active: boolean;
  layout: Layout<Row>;
  /** Undefined while it is loading. */
  row: Row | undefined;
  /** Undefined in a grid without details. */
  open: boolean | undefined;
  detail: ReactNode;
  measured: Ref<HTMLTableSectionElement> | undefined;
};

export const GridRow = memo(function GridRow<Row>(props: GridRowProps<Row>) {
  const { id, index, active, layout, row, open, detail, measured } = props;
  const { columns, pinned, from, to } = layout;
  const draw = (column: Column<Row>, at: number) => (
    <td
      key={column.id}
      aria-colindex={at + 1}
      className={cellClass(column, at, pinned)}
      style={pinStyle(layout, at)}
      // Of a row in a grid only a cell can say that it is opened.
      aria-expanded={at === 0 ? open : undefined}
    >
      {row === undefined ? <Skeleton width="70%" still /> : column.cell(row)}
    </td>
  );
  return (
    <tbody data-index={index} ref={measured}>
      <tr
        id={id}
        className={css.row}
        data-place={index}
        aria-rowindex={index + 2}
        aria-selected={active}
        data-open={open}
      >
        {columns.slice(0, pinned).map(draw)}
        <Gap columns={from - pinned} />
        {columns.slice(from, to).map((column, at) => draw(column, from + at))}
        <Gap columns={columns.length - to} />
      </tr>
      {open && (
        <tr>
          <td className={css.detail} colSpan={columns.length}>
            <div className={css.detailInner}>{detail}</div>
          </td>
        </tr>
      )}
    </tbody>
  );
}) as <Row>(props: GridRowProps<Row>) => ReactNode;

/** In place of cells that are not drawn: the columns keep their widths, so it is as wide as they. */
function Gap({ columns }: { columns: number }) {
  return columns > 0 && <td colSpan={columns} aria-hidden="true" />;
}

export function pinStyle({ pinned, lefts }: { pinned: number; lefts: readonly number[] }, index: number) {
  return index < pinned ? { left: lefts[index] } : undefined;
}

export function cellClass({ align }: { align?: 'end' }, index: number, pinned: number): string {
  const pin = index < pinned ? `${css.pin} ${index > 0 ? css.pinWide : ''}` : '';
  return [align && css.end, pin].filter(Boolean).join(' ');
}
