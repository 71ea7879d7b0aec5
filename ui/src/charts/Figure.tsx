// A chart to explore: readout at the pointer or by keys, zoom; around it what stands around every chart.

import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { ChartFrame, type ChartTable } from './ChartFrame';
import css from './charts.module.css';
import {
  countMarks,
  figurePicture,
  markAt,
  placeOfMark,
  type FigureOption,
  type Marks,
  type Place,
  type Reading,
} from './figure';
import look from './figure.module.css';
import type { Hit, MountedFigure } from './figureEngine';
import type { Theme } from './option';
import { useTheme } from './theme';
import { inTurn, whenSeen } from './turns';

// On its way while the numbers still are.
void import('./figureEngine').catch(() => undefined);

type Props = {
  title: string;
  /** What is drawn, in a few words beside the title. */
  note?: ReactNode;
  /** Loads what this kind of chart needs; lines need nothing. */
  parts?: () => Promise<unknown>;
  /** The option for the colours at hand; the same function for the same chart. */
  build: (theme: Theme) => FigureOption;
  marks: Marks;
  /** The chart in a sentence, for those who cannot see it. */
  says?: string;
  table: () => ChartTable;
  height: number;
  /** Narrower than this it scrolls sideways, px. */
  minWidth?: number;
  zoom?: boolean;
  legend?: ReactNode;
  /** Opens what a mark is of. */
  onOpen?: (mark: Place) => void;
  /** Why nothing may be drawn. */
  why: string;
  controls?: ReactNode;
};

export function Figure(props: Props) {
  const { title, build, parts, marks, says, height, minWidth, zoom, legend, onOpen } = props;
  const theme = useTheme();
  const option = useMemo(() => build(theme), [build, theme]);
  const mounted = useRef<MountedFigure | null>(null);
  const [whole, setWhole] = useState(true);
  return (
    <ChartFrame
      title={title}
      note={props.note}
      controls={props.controls}
      table={props.table}
      tablePx={height}
      picture={async (colours) => {
        // What draws it registers its parts when it is loaded.
        await Promise.all([import('./figureEngine'), parts?.()]);
        return figurePicture(build(colours), colours, title, legend !== undefined);
      }}
      pictureSize={{ width: 1080, height: height + 120 }}
      zoom={
        zoom
          ? {
              whole,
              onIn: () => mounted.current?.zoom(0.6),
              onOut: () => mounted.current?.zoom(1 / 0.6),
              onReset: () => mounted.current?.reset(),
            }
          : undefined
      }
      empty={countMarks(marks) === 0 ? props.why : null}
    >
      {legend}
      <Drawing
        title={title}
        parts={parts}
        option={option}
        marks={marks}
        says={says}
        height={height}
        minWidth={minWidth}
        onOpen={onOpen}
        onZoom={setWhole}
        onMounted={(figure) => {
          mounted.current = figure;
        }}
      />
    </ChartFrame>
  );
}

type DrawingProps = Pick<Props, 'title' | 'marks' | 'height'> & {
  parts: Props['parts'] | undefined;
  says: string | undefined;
  minWidth: number | undefined;
  option: FigureOption;
  onOpen: Props['onOpen'] | undefined;
  /** Stable. */
  onZoom: (whole: boolean) => void;
  onMounted: (figure: MountedFigure | null) => void;
};

function Drawing(props: DrawingProps) {
  const { title, parts, option, marks, says, height, minWidth, onOpen, onZoom, onMounted } = props;
  const holder = useRef<HTMLDivElement>(null);
  const figure = useRef<MountedFigure | null>(null);
  const wanted = useRef(option);
  const pressed = useRef<[number, number] | null>(null);
  const told = useRef(onMounted);
  const needed = useRef(parts);
  const [hit, setHit] = useState<Hit | null>(null);
  const at = hit ? markAt(marks, hit) : -1;
  const mark = useMemo(() => (hit && at >= 0 ? marks.read(hit) : undefined), [marks, hit, at]);
  const count = countMarks(marks);

  useEffect(() => {
    wanted.current = option;
    // Several charts change together: the press is answered before the last is drawn.
    return inTurn(Promise.resolve(), () => figure.current?.update(option));
  }, [option]);
  useEffect(() => {
    told.current = onMounted;
  });
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => figure.current?.resize());
    const loaded = Promise.all([import('./figureEngine'), needed.current?.()]);
    const forget = whenSeen(element, loaded, ([{ mountFigure }]) => {
      figure.current = mountFigure(element, setHit, onZoom);
      figure.current.update(wanted.current);
      told.current(figure.current);
      observer.observe(element);
    });
    return () => {
      forget();
      observer.disconnect();
      figure.current?.dispose();
      figure.current = null;
      told.current(null);
    };
  }, [onZoom]);

  const go = (to: number) => {
    const next = placeOfMark(marks, Math.max(0, Math.min(count - 1, to)));
    if (!next) return;
    const place = figure.current?.placeOf(next.series, next.data);
    setHit({ ...next, x: place?.x ?? 12, y: place?.y ?? 12 });
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
        aria-valuemax={count}
        aria-valuenow={at + 1}
        aria-valuetext={
          mark ? spoken(mark) : `${says ? `${says}; ` : ''}${count} marks; arrow keys go through them`
        }
        data-openable={onOpen !== undefined && mark !== undefined}
        onPointerDown={(event) => {
          pressed.current = [event.clientX, event.clientY];
        }}
        onClick={(event) => {
          const [x, y] = pressed.current ?? [event.clientX, event.clientY];
          // A drag pans; only a click that stays opens.
          if (hit && mark && Math.hypot(event.clientX - x, event.clientY - y) < 4) onOpen?.(hit);
        }}
        onBlur={() => {
          setHit(null);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight' || event.key === 'ArrowDown') go(at + 1);
          else if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') go(at < 0 ? 0 : at - 1);
          else if (event.key === 'Home') go(0);
          else if (event.key === 'End') go(count - 1);
          else if (event.key === '+' || event.key === '=') figure.current?.zoom(0.6);
          else if (event.key === '-') figure.current?.zoom(1 / 0.6);
          else if (event.key === '0') figure.current?.reset();
          else if (event.key === 'Enter' && hit && mark) onOpen?.(hit);
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

const spoken = ({ title, facts, note }: Reading) =>
  [title, ...facts.map(([name, value]) => `${name} ${value}`), note].filter(Boolean).join(', ');

function Tip({ hit, mark, openable }: { hit: Hit; mark: Reading; openable: boolean }) {
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
