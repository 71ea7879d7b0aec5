// Everything of one span: what it took, attributes, events, links, resource, exceptions.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';

import { span as spanQuery } from '@/api/queries';
import type { SpanDetail, SpanEvent, Trace } from '@/api/types';
import { CopyButton, IconButton, SearchField } from '@/design/components/controls';
import { Badge, SourceBadge, Value } from '@/design/components/data';
import { Icon } from '@/design/components/Icon';
import { LongText, Recorded } from '@/design/components/Json';
import { Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { lookOf } from '@/design/kinds';
import css from './trace.module.css';
import { spanAt } from './tree';

const route = getRouteApi('/runs/$runId/traces/$traceId');

export function SpanPanel({ runId, trace, spanId }: { runId: string; trace: Trace; spanId: string }) {
  const { data, error, refetch } = useQuery(spanQuery(runId, trace.summary.trace_id, spanId));
  const navigate = route.useNavigate();
  const place = spanAt(trace.spans, trace.spans.span_id.indexOf(spanId));
  const close = () => {
    void navigate({
      search: (before) => ({ ...before, span: undefined }),
      replace: true,
      resetScroll: false,
    });
  };
  const look = place && lookOf(place.kind);
  return (
    <aside className={css.panel} aria-label="Span">
      <div
        className={css.panelHead}
        style={{ '--kind': `var(--cat-${look?.tone ?? 8})` } as React.CSSProperties}
      >
        {look && (
          <span className={css.kind} title={look.name}>
            <Icon name={look.icon} />
          </span>
        )}
        <h2>{place?.name ?? spanId}</h2>
        {place?.status === 'ERROR' && <Badge tone="fail">error</Badge>}
        <IconButton icon="close" label="Close the span" onClick={close} />
      </div>
      {error ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : data ? (
        <Body span={data} trace={trace} />
      ) : (
        <Loading label="the span" height="24rem" />
      )}
    </aside>
  );
}

function Body({ span, trace }: { span: SpanDetail; trace: Trace }) {
  const place = spanAt(trace.spans, trace.spans.span_id.indexOf(span.span_id));
  const exceptions = span.events.filter(({ name }) => name === 'exception');
  const other = span.events.filter(({ name }) => name !== 'exception');
  const usage = span.total_tokens !== null || span.input_tokens !== null || span.output_tokens !== null;
  return (
    <>
      <dl className={css.facts}>
        <Fact name="Kind">{lookOf(span.kind).name}</Fact>
        <Fact name="Status">{span.status.toLowerCase()}</Fact>
        <Fact name="Duration">
          <Value of={format.duration(span.duration_ms)} />
        </Fact>
        {place && (
          <>
            <Fact name="Self time">
              <Value of={format.duration(place.self_ms)} />
            </Fact>
            <Fact name="Starts at">
              <Value of={format.duration(place.start_ms)} />
            </Fact>
          </>
        )}
        {usage && (
          <>
            <Fact name="Tokens in">
              <Value of={format.count(span.input_tokens)} />
            </Fact>
            <Fact name="Tokens out">
              <Value of={format.count(span.output_tokens)} />
            </Fact>
            {span.cache_read_tokens !== null && (
              <Fact name="of them cached">
                <Value of={format.count(span.cache_read_tokens)} />
              </Fact>
            )}
            {span.reasoning_tokens !== null && (
              <Fact name="of them reasoning">
                <Value of={format.count(span.reasoning_tokens)} />
              </Fact>
            )}
            <Fact name="In the totals">
              {place?.counted ? (
                'counted'
              ) : (
                <span title="A span beneath it bears the same usage">no, repeated</span>
              )}
            </Fact>
          </>
        )}
        {span.emitted_cost_usd !== null && (
          <Fact name="Cost it says">
            <Value of={format.usd(span.emitted_cost_usd)} />
          </Fact>
        )}
        {place?.kind === 'LLM' && trace.call_energy && (
          <Fact name="Energy">
            <Value of={format.energy(place.energy_wh)} why={whyNoEnergy(trace.call_energy)} />
            {place.energy_wh !== null && <SourceBadge source={trace.call_energy.source} of="Energy" />}
          </Fact>
        )}
        {span.model && <Fact name="Model">{span.model}</Fact>}
        {span.provider && <Fact name="Provider">{span.provider}</Fact>}
        <Fact name="Service">{span.service}</Fact>
        <div className={css.ids}>
          <dt>Span id</dt>
          <dd>
            <code>{span.span_id}</code>
            <CopyButton text={span.span_id} label="Copy the span id" />
            {span.parent_span_id && (
              <Link
                className={css.link}
                from="/runs/$runId/traces/$traceId"
                to="."
                search={(before) => ({ ...before, span: span.parent_span_id ?? undefined })}
                replace
                resetScroll={false}
              >
                ↑ parent
              </Link>
            )}
          </dd>
        </div>
      </dl>
      {span.status_message && (
        <div className={css.message}>
          <LongText text={span.status_message} mono />
        </div>
      )}
      {exceptions.length > 0 && (
        <Section title="Exceptions" count={exceptions.length}>
          {exceptions.map((event, index) => (
            <Exception key={index} event={event} span={span} />
          ))}
        </Section>
      )}
      <Attributes title="Attributes" of={span.attributes} open searchable />
      {other.length > 0 && (
        <Section title="Events" count={other.length}>
          {other.map((event, index) => (
            <Event key={index} event={event} span={span} />
          ))}
        </Section>
      )}
      {span.links.length > 0 && (
        <Section title="Links" count={span.links.length}>
          {span.links.map((link, index) => (
            <div key={index} className={css.event}>
              <code>
                {link.trace_id} / {link.span_id}
              </code>
              <Pairs of={link.attributes} />
            </div>
          ))}
        </Section>
      )}
      <Attributes title="Resource" of={span.resource} />
      <Attributes title="Scope" of={span.scope} />
    </>
  );
}

/** Why an LLM span has no energy of its own. */
const whyNoEnergy = ({ resolution_ms }: { resolution_ms: number }) =>
  `Shorter than the ${format.significant(resolution_ms)} ms that the devices need to tell, or a call beneath it has it.`;

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Section(props: { title: string; count: number; open?: boolean; children: ReactNode }) {
  return (
    <details className={css.section} open={props.open ?? true}>
      <summary>
        {props.title} <small>{props.count}</small>
      </summary>
      <div className={css.sectionBody}>{props.children}</div>
    </details>
  );
}

type AttributesProps = { title: string; of: Record<string, unknown>; open?: boolean; searchable?: boolean };

function Attributes({ title, of, open = false, searchable = false }: AttributesProps) {
  const [typed, setTyped] = useState('');
  const size = Object.keys(of).length;
  if (size === 0) return null;
  return (
    <Section title={title} count={size} open={open}>
      {searchable && size > 5 && (
        <SearchField
          label={`Search ${title.toLowerCase()}`}
          className={css.filter}
          value={typed}
          onChange={setTyped}
          delayMs={0}
        />
      )}
      <Pairs of={of} matching={typed} />
    </Section>
  );
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

function Pairs({ of, matching = '' }: { of: Record<string, unknown>; matching?: string }) {
  const needle = matching.toLowerCase();
  const entries = Object.entries(of)
    .filter(([key, value]) => `${key}\n${asText(value)}`.toLowerCase().includes(needle))
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  if (entries.length === 0 && needle) return <p>Nothing matches.</p>;
  return (
    <dl className={css.pairs}>
      {entries.map(([key, value]) => (
        <div key={key}>
          <dt>
            {key}
            <CopyButton text={asText(value)} label={`Copy ${key}`} />
          </dt>
          <dd>
            <Recorded value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function since(span: SpanDetail, event: SpanEvent): string {
  if (!/^\d+$/.test(event.time_unix_nano)) return '';
  const ms = Number(BigInt(event.time_unix_nano) - BigInt(span.start_time_unix_nano)) / 1e6;
  return `+${format.written(format.duration(ms))}`;
}

function Event({ event, span }: { event: SpanEvent; span: SpanDetail }) {
  return (
    <div className={css.event}>
      <h4>
        {event.name} <small>{since(span, event)}</small>
      </h4>
      <Pairs of={event.attributes} />
    </div>
  );
}

function Exception({ event, span }: { event: SpanEvent; span: SpanDetail }) {
  const said = (key: string) => {
    const value = event.attributes[`exception.${key}`];
    return typeof value === 'string' ? value : null;
  };
  const stack = said('stacktrace');
  return (
    <div className={css.event}>
      <h4>
        {said('type') ?? 'Exception'} <small>{since(span, event)}</small>
      </h4>
      <LongText text={said('message') ?? 'No message.'} />
      {stack && <LongText text={stack} mono />}
    </div>
  );
}
