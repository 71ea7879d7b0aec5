// The span tree on the time axis: virtualised rows, folding, search, zoom, keys.

import { useVirtualizer } from '@tanstack/react-virtual';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import type { Trace } from '@/api/types';
import { CursorContext, makeCursor } from '@/charts/cursor';
import { TimeArea } from '@/charts/TimePlot';
import { Button, IconButton, SearchField } from '@/design/components/controls';
import { axisTime, duration, written } from '@/lib/format';
import { gridKey } from '@/lib/gridKeys';
import { clampWindow, isWhole, ticks, zoomed, type Window } from '@/lib/timeseries';

import { criticalPath, type CriticalPath } from './critical';
import { MetricStrip } from './MetricStrip';
import type { TraceSearch } from './search';
import { CursorLine, SpanRow } from './SpanRow';
import css from './trace.module.css';
import { ancestors, findSpans, hasChildren, spanExtent, subtreeEnds, visibleRows } from './tree';

const route = getRouteApi('/runs/$runId/traces/$traceId');
const ROW_PX = 28;

type Props = { runId: string; trace: Trace; selected: string | undefined; children: ReactNode };

export function Timeline({ runId, trace, selected, children }: Props) {
  const { spans } = trace;
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/runs/$runId/traces/$traceId' });
  const [cursor] = useState(makeCursor);
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [strip, setStrip] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const [topPx, setTopPx] = useState(0);

  const ends = useMemo(() => subtreeEnds(spans), [spans]);
  const extent = useMemo(() => spanExtent(spans), [spans]);
  const found = useMemo(() => findSpans(spans, search.q ?? ''), [spans, search.q]);
  const rows = useMemo(() => visibleRows(ends, folded, found), [ends, folded, found]);
  const critical = useMemo(() => (search.path ? criticalPath(spans) : null), [spans, search.path]);
  const { from, to } = search;
  const view = useMemo(
    () => (from !== undefined && to !== undefined ? clampWindow({ from, to }, extent) : extent),
    [from, to, extent],
  );
  const selectedIndex = useMemo(() => (selected ? spans.span_id.indexOf(selected) : -1), [spans, selected]);
  const [activeSpan, setActiveSpan] = useState(selectedIndex);
  const active = useMemo(() => rows.indexOf(activeSpan), [rows, activeSpan]);

  const change = useCallback(
    (part: Partial<TraceSearch>) => {
      void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
    },
    [navigate],
  );
  const setWindow = useCallback(
    (window: Window | null) => {
      const round = (ms: number) => Math.round(ms * 1e4) / 1e4;
      change({ from: window ? round(window.from) : undefined, to: window ? round(window.to) : undefined });
    },
    [change],
  );
  const select = useCallback(
    (index: number) => {
      setActiveSpan(index);
      change({ span: spans.span_id[index] });
    },
    [change, spans],
  );
  const fold = useCallback((index: number) => {
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(index)) next.add(index);
      return next;
    });
  }, []);

  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualiser keeps its own state
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: topPx,
    scrollPaddingStart: topPx + ROW_PX,
    scrollPaddingEnd: ROW_PX,
  });

  // The strip comes when its data does: the rows begin beneath it.
  useEffect(() => {
    const element = top.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setTopPx(element.offsetHeight);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);

  // A shared link shows its span: unfold what hides it, and go there once.
  const gone = useRef(false);
  useEffect(() => {
    if (gone.current || selectedIndex < 0 || topPx === 0) return;
    gone.current = true;
    const at = rows.indexOf(selectedIndex);
    if (at >= 0) virtual.scrollToIndex(at, { align: 'center' });
  }, [selectedIndex, rows, virtual, topPx]);

  const move = (to: number) => {
    const index = rows[to];
    if (index === undefined) return;
    setActiveSpan(index);
    virtual.scrollToIndex(to, { align: 'auto' });
  };
  const zoomBy = (factor: number) => {
    const next = zoomed(view, extent, factor, cursor.get() ?? undefined);
    setWindow(isWhole(next, extent) ? null : next);
  };
  const sideways = (key: string) => {
    const index = rows[active];
    if (index === undefined) return;
    const parent = hasChildren(ends, index);
    if (key === 'ArrowRight') {
      if (parent && folded.has(index)) fold(index);
      else if (parent) move(active + 1);
    } else if (parent && !folded.has(index)) fold(index);
    else move(rows.indexOf(spans.parent[index] ?? -1));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 4);
    const action = gridKey(event.key, active, rows.length, page);
    const index = rows[active];
    if (action?.type === 'move') move(action.to);
    else if (action?.type === 'open' && index !== undefined) select(index);
    else if (action?.type === 'leave') change({ span: undefined });
    else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') sideways(event.key);
    else if (event.key === '+' || event.key === '=') zoomBy(0.5);
    else if (event.key === '-') zoomBy(2);
    else if (event.key === '0') setWindow(null);
    else return;
    event.preventDefault();
  };
  const foldAll = () => {
    // All but the roots and what lies right beneath them.
    setFolded(new Set(spans.depth.flatMap((depth, at) => (depth > 0 && hasChildren(ends, at) ? [at] : []))));
    if (activeSpan >= 0) setActiveSpan(ancestors(spans, activeSpan).at(-1) ?? activeSpan);
  };

  return (
    <CursorContext value={cursor}>
      <div className={css.bar}>
        <SearchField
          slash
          label="Search spans"
          className={css.search}
          value={search.q ?? ''}
          onChange={(q) => {
            change({ q });
          }}
        />
        {found && (
          <span className={css.found} role="status">
            {found.matches.size.toLocaleString('en-US')} of {ends.length.toLocaleString('en-US')}
          </span>
        )}
        <span className={css.push} />
        <Button
          look="bare"
          icon="clock"
          aria-pressed={critical !== null}
          title="What the end of the trace waited for"
          onClick={() => {
            change({ path: critical ? undefined : 'critical' });
          }}
        >
          Critical path
        </Button>
        <Button look="bare" onClick={foldAll}>
          Fold
        </Button>
        <Button
          look="bare"
          onClick={() => {
            setFolded(new Set());
          }}
        >
          Unfold
        </Button>
        <Button
          look="bare"
          icon="chart"
          aria-pressed={strip}
          onClick={() => {
            setStrip(!strip);
          }}
        >
          Metrics
        </Button>
        <IconButton
          icon="zoomIn"
          label="Zoom in"
          onClick={() => {
            zoomBy(0.5);
          }}
        />
        <IconButton
          icon="zoomOut"
          label="Zoom out"
          disabled={isWhole(view, extent)}
          onClick={() => {
            zoomBy(2);
          }}
        />
        <IconButton
          icon="reset"
          label="Show all"
          disabled={isWhole(view, extent)}
          onClick={() => {
            setWindow(null);
          }}
        />
      </div>
      {critical && <PathSummary path={critical} />}
      <div className={css.work} data-open={selected !== undefined}>
        <div
          ref={scroller}
          className={css.timeline}
          role="treegrid"
          aria-label="Spans"
          aria-rowcount={rows.length}
          aria-activedescendant={active >= 0 ? `span-${activeSpan}` : undefined}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <div ref={top} className={css.top} role="presentation">
            {strip && (
              <div role="row">
                <div role="gridcell">
                  <MetricStrip runId={runId} trace={trace} view={view} extent={extent} onWindow={setWindow} />
                </div>
              </div>
            )}
            <Ruler view={view} extent={extent} onWindow={setWindow} />
          </div>
          {rows.length === 0 && <p className={css.none}>No span matches.</p>}
          <div className={css.rows} style={{ height: virtual.getTotalSize() }} role="presentation">
            {virtual.getVirtualItems().map(({ index: at, start, key }) => {
              const index = rows[at];
              if (index === undefined) return null;
              return (
                <SpanRow
                  key={key}
                  index={index}
                  at={at}
                  top={start - topPx}
                  spans={spans}
                  view={view}
                  parent={hasChildren(ends, index)}
                  folded={folded.has(index)}
                  active={at === active}
                  selected={index === selectedIndex}
                  dim={
                    (found !== null && !found.matches.has(index)) ||
                    (critical !== null && !critical.stretches.has(index))
                  }
                  critical={critical?.stretches.get(index)}
                  onSelect={select}
                  onFold={fold}
                />
              );
            })}
            <div className={css.over}>
              <div>
                <CursorLine view={view} />
              </div>
            </div>
          </div>
        </div>
        {children}
      </div>
    </CursorContext>
  );
}

/** What the critical path consists of. */
function PathSummary({ path }: { path: CriticalPath }) {
  const parts = [
    ['models', path.llm_ms, 6],
    ['tools', path.tool_ms, 2],
    ['the rest', path.other_ms, 8],
  ] as const;
  const whole = path.llm_ms + path.tool_ms + path.other_ms;
  return (
    <p className={css.path} role="status">
      <span>
        The end waited for {path.stretches.size.toLocaleString('en-US')}{' '}
        {path.stretches.size === 1 ? 'span' : 'spans'}:
      </span>
      {parts.map(([name, ms, tone]) => (
        <span key={name}>
          <i style={{ background: `var(--cat-${tone})` }} />
          {name} <b>{written(duration(ms))}</b>
          {whole > 0 && ms / whole >= 0.01 && ` (${Math.round((ms / whole) * 100)}%)`}
        </span>
      ))}
    </p>
  );
}

type RulerProps = { view: Window; extent: Window; onWindow: (window: Window | null) => void };

function Ruler({ view, extent, onWindow }: RulerProps) {
  const span = view.to - view.from;
  return (
    <div className={css.ruler} role="row">
      <span role="columnheader">Span</span>
      <span className={css.ticks} role="columnheader" aria-label="Time">
        {ticks(view, 6).map((ms) => (
          <span key={ms} className={css.tick} style={{ left: `${((ms - view.from) / span) * 100}%` }}>
            {axisTime(ms, span)}
          </span>
        ))}
        <TimeArea window={view} extent={extent} onWindow={onWindow} />
      </span>
      <span className={css.end} role="columnheader">
        Duration
      </span>
      <span className={`${css.end} ${css.wide}`} role="columnheader" title="Time that no child span covers">
        Self
      </span>
      <span className={`${css.end} ${css.medium}`} role="columnheader">
        Tokens
      </span>
      <span className={`${css.end} ${css.wide}`} role="columnheader" title="What the span itself says, USD">
        Cost
      </span>
    </div>
  );
}
