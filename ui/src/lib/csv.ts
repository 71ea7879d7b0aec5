// CSV as RFC 4180 writes it, safe to open in a spreadsheet.

import { fileName, saveFile } from './download';

export type Cell = string | number | boolean | null | undefined;

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  // A text that begins like a formula must not become one.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((line) => line.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** Saves rows under a head as `name`.csv. */
export function saveCsv(name: string, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  saveFile(`${fileName(name)}.csv`, csv(head, rows), 'text/csv');
}

type Exported<Row> = { id: string; value?: ((row: Row) => Cell) | undefined };

/** Saves the rows of a table with the columns that it shows. */
export function saveTable<Row>(name: string, columns: readonly Exported<Row>[], rows: readonly Row[]): void {
  const exported = columns.flatMap(({ id, value }) => (value ? [{ id, value }] : []));
  saveCsv(
    name,
    exported.map(({ id }) => id),
    rows.map((row) => exported.map(({ value }) => value(row))),
  );
}
