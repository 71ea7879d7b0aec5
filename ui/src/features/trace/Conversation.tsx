// What was said and done, in order: messages, calls of tools with what they were given and gave.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, memo, startTransition, Suspense, useDeferredValue, useMemo, useState } from 'react';

import { spokenSpans } from '@/api/queries';
import type { Trace } from '@/api/types';
import { Button, CopyButton } from '@/design/components/controls';
import { Badge } from '@/design/components/data';
import { Icon, type IconName } from '@/design/components/Icon';
import { LongText } from '@/design/components/Json';
import { Empty, Failure, Loading } from '@/design/components/states';
import * as format from '@/lib/format';

import { conversation, SPOKEN, textOf, type Entry } from './entries';
import css from './conversation.module.css';
import type { Part } from './messages';
import { LOOKS, type TraceSearch } from './search';

const RichText = lazy(() =>
  import('@/design/components/RichText').then((rich) => ({ default: rich.RichText })),
);
const CodeBlock = lazy(() =>
  import('@/design/components/RichText').then((rich) => ({ default: rich.CodeBlock })),
);

const route = getRouteApi('/runs/$runId/traces/$traceId');
/** Entries drawn at first, and with every press of the button. */
const STEP = 100;

type Look = NonNullable<TraceSearch['look']>;

const LOOK_NAMES: Record<Look, string> = { markdown: 'Markdown', plain: 'Plain', json: 'JSON' };

export function Conversation({ runId, trace }: { runId: string; trace: Trace }) {
  const { look = 'markdown', span } = route.useSearch();
  const navigate = route.useNavigate();
  const wanted = trace.spans.kind.some((kind) => (SPOKEN as readonly string[]).includes(kind));
  const query = useQuery({ ...spokenSpans(runId, trace.summary.trace_id), enabled: wanted });
  const entries = useMemo(
    () => (query.data ? conversation(trace.spans, query.data.items) : []),
    [trace.spans, query.data],
  );
  const [shown, setShown] = useState(STEP);
  // A hundred texts are laid out by and by, and the button that was pressed says so meanwhile.
  const drawn = useDeferredValue(look);
  const change = (part: Partial<TraceSearch>) => {
    void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
  };
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  if (wanted && !query.data) return <Loading label="the conversation" height="50vh" />;
  if (entries.length === 0) {
    return (
      <Empty icon="llm" title="No conversation">
        <p>
          No span of this trace holds a message, a prompt or a call of a tool. The timeline has all spans.
        </p>
      </Empty>
    );
  }
  const missing = (query.data?.total ?? 0) - (query.data?.items.length ?? 0);
  return (
    <section className={css.conversation} aria-label="Conversation">
      <div className={css.bar}>
        <p>
          {format.plural(entries.length, 'entry', 'entries')}
          {missing > 0 && `; ${format.plural(missing, 'further span')} not read`}
        </p>
        <div className={css.looks} role="group" aria-label="How texts are shown">
          {LOOKS.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={look === name}
              onClick={() => {
                change({ look: name === 'markdown' ? undefined : name });
              }}
            >
              {LOOK_NAMES[name]}
            </button>
          ))}
        </div>
      </div>
      <ol className={css.entries}>
        {entries.slice(0, shown).map((entry) => (
          <EntryView
            key={entry.key}
            entry={entry}
            look={drawn}
            selected={span !== undefined && trace.spans.span_id[entry.span] === span}
            onSelect={() => {
              change({ span: trace.spans.span_id[entry.span] });
            }}
          />
        ))}
      </ol>
      {entries.length > shown && (
        <Button
          onClick={() => {
            startTransition(() => {
              setShown(shown + STEP);
            });
          }}
        >
          Show {Math.min(STEP, entries.length - shown)} more of {entries.length - shown}
        </Button>
      )}
    </section>
  );
}

const ROLES: Record<string, { icon: IconName; tone: number }> = {
  system: { icon: 'filter', tone: 8 },
  developer: { icon: 'filter', tone: 8 },
  user: { icon: 'person', tone: 1 },
  assistant: { icon: 'llm', tone: 6 },
  tool: { icon: 'tool', tone: 2 },
};

type EntryProps = { entry: Entry; look: Look; selected: boolean; onSelect: () => void };

const EntryView = memo(
  function EntryView({ entry, look, selected, onSelect }: EntryProps) {
    const { icon, tone } = ROLES[entry.role] ?? { icon: 'other', tone: 8 };
    const long = entry.role === 'system';
    const body = <Parts parts={entry.parts} look={look} done={entry.role === 'tool'} />;
    return (
      <>
        {entry.thread !== null && (
          <li className={css.thread}>
            <span>{entry.thread}</span>
          </li>
        )}
        <li
          className={css.entry}
          data-role={entry.role}
          data-selected={selected}
          style={{ '--kind': `var(--cat-${tone})` } as React.CSSProperties}
        >
          <header>
            <span className={css.icon}>
              <Icon name={icon} size={14} />
            </span>
            <b>{entry.role}</b>
            {entry.by && <span className={css.by}>{entry.by}</span>}
            {entry.error !== null && <Badge tone="fail">error</Badge>}
            <span className={css.push} />
            {entry.tokens !== null && (
              <span className={css.note}>{format.plural(entry.tokens, 'token')}</span>
            )}
            {entry.duration_ms !== null && (
              <span className={css.note}>{format.written(format.duration(entry.duration_ms))}</span>
            )}
            <span className={css.note} title={`${format.exact(entry.at_ms)} ms after the trace began`}>
              +{format.written(format.duration(entry.at_ms))}
            </span>
            <button type="button" className={css.open} onClick={onSelect}>
              Span
            </button>
            <CopyButton text={entryText(entry)} label="Copy what was said" />
          </header>
          {long ? (
            <details>
              <summary>{textOf(entry.parts.map(plainOf).join(' ')).slice(0, 140)}…</summary>
              {body}
            </details>
          ) : (
            body
          )}
          {entry.parts.length === 0 && entry.error === null && (
            <p className={css.none}>What came back was not recorded.</p>
          )}
          {entry.error !== null && (
            <div className={css.error}>
              <LongText text={entry.error} mono />
            </div>
          )}
        </li>
      </>
    );
  },
  (before, after) =>
    before.entry === after.entry && before.look === after.look && before.selected === after.selected,
);

const plainOf = (part: Part): string =>
  part.type === 'text' ? part.text : part.type === 'call' ? part.name : textOf(part.value);

const entryText = ({ parts }: Entry): string =>
  parts
    .map((part) => (part.type === 'call' ? `${part.name}(${textOf(part.input)})` : plainOf(part)))
    .join('\n');

type PartsProps = {
  parts: readonly Part[];
  look: Look;
  /** Whether the calls were carried out: then the entry's head names the tool. */
  done: boolean;
};

function Parts({ parts, look, done }: PartsProps) {
  if (look === 'json') {
    return (
      <Suspense fallback={<Loading label="the text" height="4rem" />}>
        <CodeBlock text={JSON.stringify(parts, null, 2).slice(0, MOST)} language="json" />
      </Suspense>
    );
  }
  return (
    <div className={css.parts}>
      {parts.map((part, at) => (
        <PartView key={at} part={part} look={look} done={done} />
      ))}
    </div>
  );
}

const MOST = 400_000;
/** Longer text is shown plain: laying it out would take the browser seconds. */
const LONGEST_RICH = 60_000;

function PartView({ part, look, done }: { part: Part; look: Look; done: boolean }) {
  if (part.type === 'call') {
    return (
      <div className={css.call}>
        <span className={css.label}>{done ? 'was given' : 'calls'}</span> {!done && <code>{part.name}</code>}
        <Given value={part.input} look={look} />
      </div>
    );
  }
  if (part.type === 'result') {
    return (
      <div className={css.call}>
        <span className={css.label}>gives</span>
        <Given value={part.value} look={look} />
      </div>
    );
  }
  if (part.type === 'value') return <Given value={part.value} look={look} />;
  return <Text text={part.text} look={look} />;
}

function Text({ text, look }: { text: string; look: Look }) {
  if (look === 'plain' || text.length > LONGEST_RICH) return <LongText text={text} />;
  return (
    <Suspense fallback={<LongText text={text} />}>
      <RichText text={text} />
    </Suspense>
  );
}

/** What a tool was given or gave: code as code, values as JSON, text as text. */
function Given({ value, look }: { value: unknown; look: Look }) {
  if (value === null || value === undefined) return <span className={css.none}> nothing recorded</span>;
  if (typeof value === 'string')
    return look === 'plain' ? <LongText text={value} /> : <Text text={value} look={look} />;
  const code = codeOf(value);
  const text = code ? code.text : JSON.stringify(value, null, 2);
  if (text.length > LONGEST_RICH) return <LongText text={text} mono />;
  return (
    <Suspense fallback={<LongText text={text} mono />}>
      <CodeBlock text={text} language={look === 'plain' ? undefined : code ? code.language : 'json'} />
    </Suspense>
  );
}

/** The code in the arguments of a tool that runs code. */
function codeOf(value: unknown): { text: string; language: string } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length !== 1 || !only || typeof only[1] !== 'string') return null;
  const language = { code: 'python', python: 'python', sql: 'sql', command: 'bash', cmd: 'bash' }[only[0]];
  return language ? { text: only[1], language } : null;
}
