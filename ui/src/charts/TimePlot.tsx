// One plot over time: the lines, and over them the shared cursor and the brush that zooms.

import { useContext, useEffect, useRef, type ReactNode } from 'react';

import { axisTime } from '@/lib/format';
import { clampWindow, isWhole, zoomed, type Window } from '@/lib/timeseries';

import css from './charts.module.css';
import { CursorContext } from './cursor';
import type { Mounted } from './engine';
import { plotOption, type PlotSpec } from './option';
import { useTheme } from './theme';
import { inTurn } from './turns';

/** Draws the lines alone. */
export function Plot({ spec, look }: { spec: PlotSpec; look: 'full' | 'strip' }) {
  const holder = useRef<HTMLDivElement>(null);
  const mounted = useRef<Mounted | null>(null);
  const theme = useTheme();
  const wanted = useRef(() => plotOption(spec, theme, look));
  useEffect(() => {
    wanted.current = () => plotOption(spec, theme, look);
    return inTurn(Promise.resolve(), () => mounted.current?.update(wanted.current()));
  }, [spec, theme, look]);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => mounted.current?.resize());
    const forget = inTurn(import('./engine'), ({ mount }) => {
      mounted.current = mount(element);
      mounted.current.update(wanted.current());
      observer.observe(element);
    });
    return () => {
      forget();
      observer.disconnect();
      mounted.current?.dispose();
      mounted.current = null;
    };
  }, []);
  return <div ref={holder} className={css.plot} aria-hidden="true" />;
}

type AreaProps = {
  window: Window;
  extent: Window;
  onWindow: (window: Window | null) => void;
  /** Space to leave at the sides of the frame, px. */
  left?: number;
  right?: number;
  /** What the cursor is over, in words; makes the area a labelled control. */
  label?: string;
  says?: (ms: number) => string;
  children?: ReactNode;
};

/** Where the pointer tells a moment: moves the cursor, drags a window, zooms by key. */
export function TimeArea(props: AreaProps) {
  const { window: view, extent, onWindow, left = 0, right = 0, label, says } = props;
  const cursor = useContext(CursorContext);
  const area = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLDivElement>(null);
  const brush = useRef<HTMLDivElement>(null);
  const dragFrom = useRef<number | null>(null);

  const msAt = (clientX: number) => {
    const box = area.current?.getBoundingClientRect();
    if (!box || box.width === 0) return view.from;
    const share = Math.max(0, Math.min(1, (clientX - box.left) / box.width));
    return view.from + share * (view.to - view.from);
  };
  const percent = (ms: number) => ((ms - view.from) / (view.to - view.from)) * 100;

  useEffect(() => {
    const draw = () => {
      const ms = cursor.get();
      const element = line.current;
      if (element) {
        const inside = ms !== null && ms >= view.from && ms <= view.to;
        element.hidden = !inside;
        if (inside) element.style.left = `${((ms - view.from) / (view.to - view.from)) * 100}%`;
      }
      if (ms !== null && says && area.current) {
        area.current.setAttribute('aria-valuenow', String(ms));
        area.current.setAttribute('aria-valuetext', says(ms));
      }
    };
    draw();
    return cursor.subscribe(draw);
  }, [cursor, view, says]);

  const showBrush = (from: number, to: number) => {
    const element = brush.current;
    if (!element) return;
    element.hidden = false;
    element.style.left = `${percent(Math.min(from, to))}%`;
    element.style.width = `${Math.abs(percent(to) - percent(from))}%`;
  };

  return (
    <div
      ref={area}
      className={css.area}
      style={{ left, right }}
      {...(label
        ? {
            role: 'slider',
            tabIndex: 0,
            'aria-label': label,
            'aria-valuemin': view.from,
            'aria-valuemax': view.to,
            'aria-valuenow': view.from,
            'aria-valuetext': axisTime(view.from, view.to - view.from),
          }
        : {})}
      onPointerDown={(event) => {
        if (event.button !== 0 || event.pointerType === 'touch') return;
        dragFrom.current = msAt(event.clientX);
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const ms = msAt(event.clientX);
        cursor.set(ms);
        if (dragFrom.current !== null) showBrush(dragFrom.current, ms);
      }}
      onPointerUp={(event) => {
        const from = dragFrom.current;
        dragFrom.current = null;
        if (brush.current) brush.current.hidden = true;
        if (from === null) return;
        const to = msAt(event.clientX);
        // A click is no drag: it must be more than a few pixels.
        if (Math.abs(percent(to) - percent(from)) > 0.7) onWindow(clampWindow({ from, to }, extent));
      }}
      onPointerLeave={() => {
        cursor.set(null);
      }}
      onDoubleClick={() => {
        onWindow(null);
      }}
      onKeyDown={(event) => {
        const at = cursor.get() ?? view.from;
        const step = (view.to - view.from) / (event.shiftKey ? 10 : 100);
        const zoom = (factor: number) => {
          const next = zoomed(view, extent, factor, cursor.get() ?? undefined);
          onWindow(isWhole(next, extent) ? null : next);
        };
        if (event.key === 'ArrowRight') cursor.set(Math.min(view.to, at + step));
        else if (event.key === 'ArrowLeft') cursor.set(Math.max(view.from, at - step));
        else if (event.key === '+' || event.key === '=') zoom(0.5);
        else if (event.key === '-') zoom(2);
        else if (event.key === '0') onWindow(null);
        else if (event.key === 'Escape') cursor.set(null);
        else return;
        event.preventDefault();
      }}
    >
      {props.children}
      <div ref={line} className={css.line} hidden />
      <div ref={brush} className={css.brush} hidden />
    </div>
  );
}
