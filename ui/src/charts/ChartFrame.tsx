// What stands around every chart: its title and unit, a legend, zoom, the same numbers as a table and as CSV,
// and the picture as a file. What draws inside it is the caller's.

import { useState, type ReactNode } from 'react';

import { IconButton } from '@/design/components/controls';
import { Value } from '@/design/components/data';
import { saveCsv, type Cell } from '@/lib/csv';
import { fileName, saveFile } from '@/lib/download';
import { plain, type Quantity } from '@/lib/format';

import css from './charts.module.css';
import type { ChartOption, Theme } from './option';
import { useTheme } from './theme';

/** A column of the numbers behind a chart. */
export type ChartColumn = {
  header: string;
  /** How a number of this column is written; three significant digits otherwise. */
  quantity?: (value: number) => Quantity;
  /** How a text of this column is written, when a file holds more of it. */
  text?: (value: string) => string;
  /** What it means that a value is null. */
  why?: string;
};

/** The numbers behind a chart, in the units that the heads name. */
export type ChartTable = { columns: readonly ChartColumn[]; rows: readonly (readonly Cell[])[] };

export type ChartZoom = {
  /** Whether all is shown. */
  whole: boolean;
  onIn: () => void;
  onOut: () => void;
  onReset: () => void;
};

type Props = {
  title: string;
  /** The unit, or what the title leaves open; written small beside it. */
  note?: ReactNode;
  legend?: ReactNode;
  /** What else can be done with the chart, left of the downloads. */
  actions?: ReactNode;
  /** What is drawn can be chosen here; stands above the chart, also when there is none. */
  controls?: ReactNode;
  /** Made only when it is looked at or saved. */
  table: () => ChartTable;
  /** Height of the table, px. */
  tablePx?: number | undefined;
  /** The picture to save. */
  picture: (theme: Theme) => ChartOption | Promise<ChartOption>;
  pictureSize?: { width: number; height: number };
  zoom?: ChartZoom | undefined;
  /** Why there is nothing to draw; null when there is something. */
  empty: ReactNode;
  className?: string | undefined;
  children: ReactNode;
};

const PICTURE = { width: 960, height: 360 };

export function ChartFrame(props: Props) {
  const { title, note, legend, table, picture, pictureSize = PICTURE, zoom, empty, children } = props;
  const [asTable, setAsTable] = useState(false);
  const theme = useTheme();
  const save = async (kind: 'png' | 'svg') => {
    const [{ toPng, toSvg }, option] = await Promise.all([import('./picture'), picture(theme)]);
    const { width, height } = pictureSize;
    const name = `${fileName(title)}.${kind}`;
    if (kind === 'svg') saveFile(name, toSvg(option, width, height), 'image/svg+xml');
    else saveFile(name, await toPng(option, width, height));
  };
  const files: [string, () => void][] = [
    ['PNG', () => void save('png')],
    ['SVG', () => void save('svg')],
    [
      'CSV',
      () => {
        const { columns, rows } = table();
        saveCsv(
          title,
          columns.map(({ header }) => header),
          rows,
        );
      },
    ],
  ];
  return (
    <figure className={[css.card, props.className].filter(Boolean).join(' ')} aria-label={title}>
      <figcaption className={css.head}>
        <h3>
          {title} {note && <small>{note}</small>}
        </h3>
        {empty === null && legend && <div className={css.slot}>{legend}</div>}
        {empty === null && (
          <span className={css.actions}>
            {props.actions}
            {zoom && !asTable && (
              <>
                <IconButton small icon="zoomIn" label={`Zoom in: ${title}`} onClick={zoom.onIn} />
                {!zoom.whole && (
                  <>
                    <IconButton small icon="zoomOut" label={`Zoom out: ${title}`} onClick={zoom.onOut} />
                    <IconButton small icon="reset" label={`Show all: ${title}`} onClick={zoom.onReset} />
                  </>
                )}
              </>
            )}
            {files.map(([kind, run]) => (
              <button
                key={kind}
                type="button"
                className={css.text}
                aria-label={`Download ${title} as ${kind}`}
                onClick={run}
              >
                {kind}
              </button>
            ))}
            <IconButton
              small
              icon={asTable ? 'chart' : 'table'}
              label={asTable ? `${title} as a chart` : `${title} as a table`}
              onClick={() => {
                setAsTable(!asTable);
              }}
            />
          </span>
        )}
      </figcaption>
      {props.controls}
      {empty !== null ? (
        <div className={css.none}>{empty}</div>
      ) : asTable ? (
        <Numbers title={title} table={table()} height={props.tablePx} />
      ) : (
        children
      )}
    </figure>
  );
}

/** Rows drawn at first, and with every time that their end comes near. */
const ROWS = 200;

type NumbersProps = { title: string; table: ChartTable; height: number | undefined };

function Numbers({ title, table: { columns, rows }, height }: NumbersProps) {
  const [shown, setShown] = useState(ROWS);
  const words = columns.map((_, column) => (typeof rows[0]?.[column] === 'string' ? css.words : undefined));
  return (
    <div
      className={css.table}
      style={{ height }}
      tabIndex={0}
      role="region"
      aria-label={`${title}, numbers`}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        if (shown < rows.length && scrollTop + 2 * clientHeight > scrollHeight) setShown(shown + ROWS);
      }}
    >
      <table aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">
          {title}, {rows.length} rows
        </caption>
        <thead>
          <tr>
            {columns.map(({ header }, column) => (
              <th key={header} scope="col" className={words[column]}>
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row, at) => (
            <tr key={at}>
              {columns.map(({ header, quantity = plain, text, why }, column) => {
                const value = row[column];
                return (
                  <td key={header} className={words[column]}>
                    {typeof value === 'string' ? (
                      (text?.(value) ?? value)
                    ) : (
                      <Value of={written(value, quantity)} why={reason(value, why)} />
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const written = (value: Exclude<Cell, string>, quantity: (value: number) => Quantity): Quantity =>
  typeof value === 'number'
    ? quantity(value)
    : typeof value === 'boolean'
      ? { text: value ? 'yes' : 'no', unit: '', full: '' }
      : plain(null);

const reason = (value: Cell, why: string | undefined) => (value === undefined ? 'No value here.' : why);
