// A JSON value as text, nothing of it interpreted; long parts folded until asked for.

import { useMemo, useState } from 'react';

import { Button, CopyButton } from './controls';
import css from './json.module.css';

const FOLD_AT = 600;
const SHOW_AT_MOST = 400_000;

/** Text as it was recorded, folded when long. */
export function LongText({ text, mono = false }: { text: string; mono?: boolean }) {
  const [open, setOpen] = useState(false);
  const long = text.length > FOLD_AT;
  const shown = open || !long ? text.slice(0, SHOW_AT_MOST) : `${text.slice(0, FOLD_AT)}…`;
  return (
    <div className={css.long}>
      <pre className={mono ? css.mono : css.prose} tabIndex={0}>
        {shown}
      </pre>
      <span className={css.tools}>
        {long && (
          <Button
            small
            look="bare"
            onClick={() => {
              setOpen(!open);
            }}
          >
            {open ? 'Show less' : `Show all ${text.length.toLocaleString('en-US')} characters`}
          </Button>
        )}
      </span>
    </div>
  );
}

/** What a string holds when it is JSON in disguise; the string itself otherwise. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (!/^[[{]/.test(text)) return value;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return value;
  }
}

/** Any recorded value: text as text, the rest as indented JSON. */
export function Recorded({ value }: { value: unknown }) {
  const text = useMemo(() => {
    const inner = unwrapped(value);
    return typeof inner === 'string' ? inner : JSON.stringify(inner, null, 2);
  }, [value]);
  if (value === null || value === undefined) return <span className={css.null}>null</span>;
  if (typeof value === 'number' || typeof value === 'boolean') return <code>{String(value)}</code>;
  return <LongText text={text} mono={text !== value} />;
}

/** A whole document, with a button to copy it. */
export function JsonBlock({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const cut = text.length > SHOW_AT_MOST;
  return (
    <div className={css.block}>
      <div className={css.copy}>
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      <pre tabIndex={0} aria-label={label}>
        {cut ? text.slice(0, SHOW_AT_MOST) : text}
      </pre>
      {cut && <p className={css.null}>Only the beginning is shown: download it to see all of it.</p>}
    </div>
  );
}
