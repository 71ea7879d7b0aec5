// A chart to explore: title, readout at the pointer or by keys, zoom, the numbers as a table, the picture as a file.

import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { IconButton } from '@/design/components/controls';
import { fileName, saveFile } from '@/lib/download';

import css from './charts.module.css';
import { figurePicture, type FigureOption, type Mark } from './figure';
import look from './figure.module.css';
import type { Hit, MountedFigure } from './figureEngine';
import type { Theme } from './option';
import { useTheme } from './theme';

export type FigureTable = { head: string[]; rows: { key: string; cells: ReactNode[] }[] };

type Props = {
  title: string;
  /** What is drawn, in a few words beside the title. */
  note?: ReactNode;
  /** The option for the colours at hand; the same function for the same chart. */
  build: (theme: Theme) => FigureOption;
  /** Every mark that can be read, in the order that keys go through them. */
  marks: readonly Mark[];
  table: FigureTable;
  height: number;
  /** Narrower than this it scrolls sideways, px. */
  minWidth?: number;
  zoom?: boolean;
  legend?: ReactNode;
  /** Opens what a mark is of. */
  onOpen?: (mark: Mark) => void;
  /** Why nothing may be drawn. */
  why: string;
  controls?: ReactNode;
};

export function Figure({
  title,
  note,
  build,
  marks,
  table,
  height,
  minWidth,
  zoom,
  legend,
  onOpen,
  why,
  controls,
}: Props) {
  const theme = useTheme();
  const option = useMemo(() => build(theme), [build, theme]);
  const [asTable, setAsTable] = useState(false);
  const mounted = useRef<MountedFigure | null>(null);
  const empty = marks.length === 0;
  const save = async (kind: 'png' | 'svg') => {
    const [{ toPng, toSvg }] = await Promise.all([import('./picture'), import('./figureEngine')]);
    const picture = figurePicture(option, theme, title, legend !== undefined);
    const name = `${fileName(title)}.${kind}`;
    const [width, tall] = [1080, height + 120];
    if (kind === 'svg') saveFile(name, toSvg(picture, width, tall), 'image/svg+xml');
    else saveFile(name, await toPng(picture, width, tall));
  };
  return (
    <figure className={css.card} aria-label={title}>
      <figcaption className={`${css.head} ${look.head}`}>
        <h3>
          {title} {note !== undefined && <small>{note}</small>}
        </h3>
        <span className={css.actions}>
          {zoom && !asTable && !empty && (
            <>
              <IconButton
                small
                icon="zoomIn"
                label={`Zoom in on ${title}`}
                onClick={() => mounted.current?.zoom(0.6)}
              />
              <IconButton
                small
                icon="zoomOut"
                label={`Zoom out of ${title}`}
                onClick={() => mounted.current?.zoom(1 / 0.6)}
              />
              <IconButton
                small
                icon="reset"
                label={`Show all of ${title}`}
                onClick={() => mounted.current?.reset()}
              />
            </>
          )}
          {!empty && (
            <>
              {(['png', 'svg'] as const).map((kind) => (
                <button
                  key={kind}
                  type="button"
                  className={css.text}
                  aria-label={`Download ${title} as ${kind.toUpperCase()}`}
                  onClick={() => void save(kind)}
                >
                  {kind.toUpperCase()}
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
            </>
          )}
        </span>
      </figcaption>
      {controls}
      {empty && <div className={css.none}>{why}</div>}
      {!empty && asTable && <Numbers title={title} table={table} height={height} />}
      {!empty && !asTable && (
        <>
          {legend}
          <Drawing
            title={title}
            option={option}
            marks={marks}
            height={height}
            minWidth={minWidth}
            onOpen={onOpen}
            onMounted={(figure) => {
              mounted.current = figure;
            }}
          />
        </>
      )}
    </figure>
  );
}

type DrawingProps = Pick<Props, 'title' | 'marks' | 'height'> & {
  minWidth: number | undefined;
  option: FigureOption;
  onOpen: Props['onOpen'] | undefined;
  onMounted: (figure: MountedFigure | null) => void;
};

function Drawing({ title, option, marks, height, minWidth, onOpen, onMounted }: DrawingProps) {
  const holder = useRef<HTMLDivElement>(null);
  const figure = useRef<MountedFigure | null>(null);
  const wanted = useRef(option);
  const pressed = useRef<[number, number] | null>(null);
  const told = useRef(onMounted);
  const [hit, setHit] = useState<Hit | null>(null);
  const at = hit ? marks.findIndex((mark) => mark.series === hit.series && mark.data === hit.data) : -1;
  const mark = marks[at];

  useEffect(() => {
    wanted.current = option;
    figure.current?.update(option);
  }, [option]);
  useEffect(() => {
    told.current = onMounted;
  });
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    let gone = false;
    const observer = new ResizeObserver(() => figure.current?.resize());
    void import('./figureEngine').then(({ mountFigure }) => {
      if (gone) return;
      figure.current = mountFigure(element, setHit);
      figure.current.update(wanted.current);
      told.current(figure.current);
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      figure.current?.dispose();
      figure.current = null;
      told.current(null);
    };
  }, []);

  const go = (to: number) => {
    const next = marks[Math.max(0, Math.min(marks.length - 1, to))];
    if (!next) return;
    const place = figure.current?.placeOf(next.series, next.data);
    setHit({ series: next.series, data: next.data, x: place?.x ?? 12, y: place?.y ?? 12 });
  };
  return (
    <div className={look.sideways}>
      <div
        className={look.frame}
        style={{ height, minWidth }}
        role="slider"
        tabIndex={0}
        aria-label={`${title}: marks`}
        aria-valuemin={0}
        aria-valuemax={marks.length}
        aria-valuenow={at + 1}
        aria-valuetext={mark ? spoken(mark) : `${marks.length} marks; arrow keys go through them`}
        data-openable={onOpen !== undefined && mark !== undefined}
        onPointerDown={(event) => {
          pressed.current = [event.clientX, event.clientY];
        }}
        onClick={(event) => {
          const [x, y] = pressed.current ?? [event.clientX, event.clientY];
          // A drag pans; only a click that stays opens.
          if (mark && Math.hypot(event.clientX - x, event.clientY - y) < 4) onOpen?.(mark);
        }}
        onBlur={() => {
          setHit(null);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight' || event.key === 'ArrowDown') go(at + 1);
          else if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') go(at < 0 ? 0 : at - 1);
          else if (event.key === 'Home') go(0);
          else if (event.key === 'End') go(marks.length - 1);
          else if (event.key === '+' || event.key === '=') figure.current?.zoom(0.6);
          else if (event.key === '-') figure.current?.zoom(1 / 0.6);
          else if (event.key === '0') figure.current?.reset();
          else if (event.key === 'Enter' && mark) onOpen?.(mark);
          else if (event.key === 'Escape') setHit(null);
          else return;
          event.preventDefault();
        }}
      >
        <div ref={holder} className={look.plot} aria-hidden="true" />
        {hit && mark && <Tip hit={hit} mark={mark} openable={onOpen !== undefined} />}
      </div>
    </div>
  );
}

const spoken = ({ title, facts, note }: Mark) =>
  [title, ...facts.map(([name, value]) => `${name} ${value}`), note].filter(Boolean).join(', ');

function Tip({ hit, mark, openable }: { hit: Hit; mark: Mark; openable: boolean }) {
  return (
    <div
      className={look.tip}
      data-testid="chart-tip"
      style={{ left: hit.x, top: hit.y }}
      ref={(box) => {
        // Beside the mark, on the side where there is room.
        const frame = box?.parentElement;
        if (!box || !frame) return;
        const right = hit.x + 14 + box.offsetWidth <= frame.clientWidth;
        const left = right ? hit.x + 14 : Math.max(4, hit.x - 14 - box.offsetWidth);
        box.style.left = `${Math.min(left, Math.max(4, frame.clientWidth - box.offsetWidth - 4))}px`;
        box.style.top = `${Math.max(4, Math.min(frame.clientHeight - box.offsetHeight - 4, hit.y - box.offsetHeight / 2))}px`;
      }}
    >
      <strong>{mark.title}</strong>
      <dl>
        {mark.facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {mark.note && <p>{mark.note}</p>}
      {openable && <p className={look.hint}>Click or Enter opens it</p>}
    </div>
  );
}

const TABLE_LIMIT = 2000;

function Numbers({ title, table, height }: { title: string; table: FigureTable; height: number }) {
  return (
    <div
      className={`${css.table} ${look.numbers}`}
      style={{ height }}
      tabIndex={0}
      role="region"
      aria-label={`${title}, numbers`}
    >
      <table>
        <caption className="visually-hidden">
          {title}
          {table.rows.length > TABLE_LIMIT && `, the first ${TABLE_LIMIT} of ${table.rows.length}`}
        </caption>
        <thead>
          <tr>
            {table.head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, TABLE_LIMIT).map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, index) => (
                <td key={table.head[index]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The colours of a chart with what they stand for; more than fit are counted. */
export function Legend({
  items,
  most = 16,
}: {
  items: { name: string; tone: number; note?: string }[];
  most?: number;
}) {
  return (
    <ul className={`${css.legend} ${look.legend}`} aria-label="Colours">
      {items.slice(0, most).map(({ name, tone, note }) => (
        <li key={name} title={name}>
          <span className={look.dot} style={{ background: `var(--cat-${(tone % 8) + 1})` }} />
          <span className={look.name}>{name}</span>
          {note && <small>{note}</small>}
        </li>
      ))}
      {items.length > most && <li>and {items.length - most} more</li>}
    </ul>
  );
}
