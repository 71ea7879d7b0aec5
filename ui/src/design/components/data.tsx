// How a single fact is shown: a number with its unit and hover, where it comes from, an interval.

import type { ReactNode } from 'react';

import type { Source } from '@/api/types';
import { exact, percent, significant, UNKNOWN, written, type Quantity } from '@/lib/format';

import css from './data.module.css';

/** A quantity; an unknown one shows `-` and says on hover why. */
export function Value({ of, why, align }: { of: Quantity; why?: string | undefined; align?: 'end' }) {
  if (of.text === UNKNOWN) {
    const reason = why ?? 'Not known: nothing in the recording says.';
    return (
      <span className={css.unknown} title={reason}>
        <span aria-hidden="true">{UNKNOWN}</span>
        <span className="visually-hidden">{reason}</span>
      </span>
    );
  }
  const glued = of.unit === '%' || of.unit === 'M' || of.unit === 'B';
  return (
    <span className={align ? `${css.value} ${css.cell}` : css.value} title={of.full}>
      {of.text}
      {glued && of.unit}
      {of.unit && !glued && <span className={css.unit}> {of.unit}</span>}
    </span>
  );
}

export type Tone = 'quiet' | 'pass' | 'fail' | 'warn' | 'info' | 'dashed';

export function Badge({
  tone = 'quiet',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ReactNode;
}) {
  return (
    <span className={css.badge} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

const SOURCES: Record<Source, { tone: Tone; says: string }> = {
  measured: { tone: 'pass', says: "Measured by smoltrace's own sampler." },
  reported: { tone: 'info', says: "Reported by the client's own counters or spans." },
  trace_aggregate: { tone: 'info', says: 'Totals that the client wrote beside its traces.' },
  price_table: { tone: 'quiet', says: 'Tokens times a dated price table.' },
  estimated: { tone: 'warn', says: 'Estimated by a model of hardware that cannot be seen.' },
  simulated: { tone: 'warn', says: 'From a simulated device: not a real measurement.' },
  none: { tone: 'dashed', says: 'Nothing says; the number is unknown.' },
};

const SOURCE_NAMES: Partial<Record<Source, string>> = {
  trace_aggregate: 'trace aggregate',
  price_table: 'price table',
  none: 'unknown',
};

/** Where a number comes from. */
export function SourceBadge({ source, of }: { source: Source; of?: string }) {
  const { tone, says } = SOURCES[source];
  return (
    <Badge tone={tone} title={of ? `${of}: ${says}` : says}>
      {SOURCE_NAMES[source] ?? source}
    </Badge>
  );
}

/** Why a number with this source is missing. */
export function whyUnknown(what: string, source: Source): string {
  return source === 'none'
    ? `${what} is unknown: no series, span or aggregate in the recording says it.`
    : `${what} is unknown although its source is ${source}.`;
}

export function SimulatedBadge() {
  return (
    <Badge tone="warn" title="A device or model behind these numbers was simulated.">
      simulated
    </Badge>
  );
}

const STATUS: Record<string, { tone: Tone; says: string }> = {
  completed: { tone: 'pass', says: 'Every planned test ran.' },
  partial: { tone: 'warn', says: 'The run stopped before every test ran.' },
  failed: { tone: 'fail', says: 'The run failed.' },
  running: { tone: 'info', says: 'The run is in progress.' },
};

export function StatusBadge({ status }: { status: string }) {
  const { tone, says } = STATUS[status] ?? { tone: 'quiet', says: status };
  return (
    <Badge tone={tone} title={says}>
      {status}
    </Badge>
  );
}

/** Something goes on right now. */
export const Pulse = () => <span className={css.pulse} aria-hidden="true" />;

export function OutcomeBadge({ success }: { success: boolean | null }) {
  if (success === null) {
    return (
      <Badge tone="dashed" title="Nothing scored this execution.">
        unscored
      </Badge>
    );
  }
  return success ? <Badge tone="pass">✓ passed</Badge> : <Badge tone="fail">✕ failed</Badge>;
}

export function Stats({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className={css.stats} aria-label={label}>
      {children}
    </dl>
  );
}

/** A headline number. */
export function Stat(props: { label: string; value: Quantity; note?: ReactNode; why?: string | undefined }) {
  return (
    <div className={css.stat}>
      <dt>{props.label}</dt>
      <dd className={css.figure} data-long={written(props.value).length > 12}>
        <Value of={props.value} why={props.why} />
      </dd>
      {props.note !== undefined && <dd className={css.note}>{props.note}</dd>}
    </div>
  );
}

/** A rate in percent with its 95% interval drawn on 0 to 100. */
export function IntervalBar(props: { value: number | null; low: number | null; high: number | null }) {
  const { value, low, high } = props;
  if (value === null) return null;
  const label =
    low === null || high === null
      ? `${exact(value)} %`
      : `${exact(value)} %, 95% interval ${significant(low)} to ${significant(high)} % (Wilson)`;
  return (
    <span className={css.interval} role="img" aria-label={label} title={label}>
      {low !== null && high !== null && (
        <i style={{ left: `${low}%`, width: `${Math.max(0.5, high - low)}%` }} />
      )}
      <b style={{ left: `${value}%` }} />
    </span>
  );
}

/** Parts of a whole: passed, failed, unscored. */
export function ShareBar({ passed, failed, unscored }: { passed: number; failed: number; unscored: number }) {
  const parts = [
    { tone: 'pass', count: passed, name: 'passed' },
    { tone: 'fail', count: failed, name: 'failed' },
    { tone: 'none', count: unscored, name: 'unscored' },
  ].filter(({ count }) => count > 0);
  const label = parts.map(({ count, name }) => `${count} ${name}`).join(', ');
  return (
    <span className={css.share} role="img" aria-label={label} title={label}>
      {parts.map(({ tone, count }) => (
        <i key={tone} data-tone={tone} style={{ flexGrow: count }} />
      ))}
    </span>
  );
}

/** A titled area of a page. */
export function Panel({
  title,
  note,
  actions,
  children,
  className,
}: {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string | undefined;
}) {
  return (
    <section className={[css.panel, className].filter(Boolean).join(' ')} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note && <p>{note}</p>}
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Percent as text, for places that take a string. */
export const percentText = (value: number | null) => written(percent(value));
