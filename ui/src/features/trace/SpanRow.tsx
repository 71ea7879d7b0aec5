// One span in the timeline.

import { memo, useContext, useEffect, useRef } from 'react';

import type { TraceSpan, TraceSpans } from '@/api/types';
import { CursorContext } from '@/charts/cursor';
import { Icon } from '@/design/components/Icon';
import { count, duration, UNKNOWN, usd, written } from '@/lib/format';
import type { Window } from '@/lib/timeseries';

import type { Stretch } from './critical';
import { lookOf } from '@/design/kinds';
import css from './trace.module.css';
import { spanAt } from './tree';

type Props = {
  index: number;
  at: number;
  top: number;
  spans: TraceSpans;
  view: Window;
  parent: boolean;
  folded: boolean;
  active: boolean;
  selected: boolean;
  dim: boolean;
  /** When the span itself was what the trace waited for. */
  critical: readonly Stretch[] | undefined;
  onSelect: (index: number) => void;
  onFold: (index: number) => void;
};

const INDENT_PX = 14;
const DEEPEST = 24;

export const SpanRow = memo(function SpanRow(props: Props) {
  const { index, spans, view, parent, folded, onSelect, onFold } = props;
  const span = spanAt(spans, index);
  if (!span) return null;
  const look = lookOf(span.kind);
  const length = view.to - view.from;
  const left = (span.start_ms - view.from) / length;
  const right = (span.start_ms + span.duration_ms - view.from) / length;
  const inView = right >= 0 && left <= 1;
  const error = span.status === 'ERROR';
  const repeated = span.total_tokens !== null && !span.counted;
  return (
    <div
      id={`span-${index}`}
      className={css.row}
      style={
        {
          transform: `translateY(${props.top}px)`,
          '--kind': `var(--cat-${look.tone})`,
        } as React.CSSProperties
      }
      role="row"
      aria-rowindex={props.at + 1}
      aria-level={span.depth + 1}
      aria-selected={props.selected}
      {...(parent ? { 'aria-expanded': !folded } : {})}
      data-active={props.active}
      data-dim={props.dim}
      onClick={() => {
        onSelect(index);
      }}
    >
      <span
        className={css.name}
        style={{ paddingLeft: 8 + Math.min(span.depth, DEEPEST) * INDENT_PX }}
        role="gridcell"
        title={span.name}
      >
        {parent ? (
          <button
            type="button"
            className={css.fold}
            tabIndex={-1}
            aria-label={folded ? `Unfold ${span.name}` : `Fold ${span.name}`}
            onClick={(event) => {
              event.stopPropagation();
              onFold(index);
            }}
          >
            <Icon name={folded ? 'right' : 'down'} size={12} />
          </button>
        ) : (
          <span className={css.fold} />
        )}
        <span className={css.kind} title={look.name}>
          <Icon name={look.icon} size={14} />
          <span className="visually-hidden">{look.name}</span>
        </span>
        {error && (
          <span className={css.errorMark} title={span.status_message ?? 'Ended in an error'}>
            !<span className="visually-hidden">error</span>
          </span>
        )}
        <span>{span.name}</span>
      </span>
      <span className={css.track} role="gridcell">
        {inView && (
          <span
            className={css.span}
            data-error={error}
            style={{
              left: `${Math.max(0, left) * 100}%`,
              width: `${(Math.min(1, right) - Math.max(0, left)) * 100}%`,
            }}
          />
        )}
        {props.critical
          ?.filter(({ from, to }) => to >= view.from && from <= view.to)
          .map(({ from, to }) => (
            <span
              key={from}
              className={css.stretch}
              style={{
                left: `${Math.max(0, (from - view.from) / length) * 100}%`,
                width: `${((Math.min(to, view.to) - Math.max(from, view.from)) / length) * 100}%`,
              }}
            />
          ))}
      </span>
      <span className={css.cell} role="gridcell" title={duration(span.duration_ms).full}>
        {written(duration(span.duration_ms))}
      </span>
      <span className={`${css.cell} ${css.wide}`} role="gridcell" title={duration(span.self_ms).full}>
        {written(duration(span.self_ms))}
      </span>
      <span
        className={`${css.cell} ${css.medium} ${repeated ? css.repeat : ''}`}
        role="gridcell"
        title={repeated ? "Repeats its children's tokens: not counted again" : undefined}
      >
        {tokens(span, repeated)}
      </span>
      <span
        className={`${css.cell} ${css.wide}`}
        role="gridcell"
        title={span.cost_usd === null ? undefined : usd(span.cost_usd).full}
      >
        {span.cost_usd === null ? '' : usd(span.cost_usd).text}
      </span>
    </div>
  );
});

function tokens(span: TraceSpan, repeated: boolean): string {
  if (span.total_tokens === null) return span.kind === 'LLM' ? UNKNOWN : '';
  const text = written(count(span.total_tokens));
  return repeated ? `(${text})` : text;
}

/** The shared moment, drawn through all rows. */
export function CursorLine({ view }: { view: Window }) {
  const cursor = useContext(CursorContext);
  const line = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const draw = () => {
      const ms = cursor.get();
      const element = line.current;
      if (!element) return;
      element.hidden = ms === null || ms < view.from || ms > view.to;
      if (ms !== null) element.style.left = `${((ms - view.from) / (view.to - view.from)) * 100}%`;
    };
    draw();
    return cursor.subscribe(draw);
  }, [cursor, view]);
  return <div ref={line} className={css.cursor} hidden />;
}
