// What is pressed, typed into or switched.

import { useEffect, useRef, useState, type ComponentProps, type ReactNode } from 'react';

import css from './controls.module.css';
import { Icon, type IconName } from './Icon';

type ButtonProps = ComponentProps<'button'> & {
  look?: 'plain' | 'primary' | 'bare';
  icon?: IconName;
  small?: boolean;
};

export function Button({ look = 'plain', icon, small, className, children, ...rest }: ButtonProps) {
  const shape = look === 'primary' ? css.primary : look === 'bare' ? css.bare : css.button;
  return (
    <button
      type="button"
      {...rest}
      className={[shape, small && css.small, className].filter(Boolean).join(' ')}
    >
      {icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </button>
  );
}

/** Switches between the columns that fit and all of them; not there where all fit. */
export function AllColumns(props: {
  hidden: number;
  all: boolean;
  onChange: (all: boolean) => void;
  small?: boolean;
}) {
  const { hidden, all, onChange, small = false } = props;
  if (hidden === 0 && !all) return null;
  return (
    <Button
      icon="columns"
      small={small}
      aria-pressed={all}
      title={all ? 'Show those that fit' : `${hidden} more columns do not fit`}
      onClick={() => {
        onChange(!all);
      }}
    >
      All columns
    </Button>
  );
}

/** A link to a file, looking like a button. */
export function FileLink({ href, label, children }: { href: string; label: string; children: ReactNode }) {
  return (
    <a className={css.button} href={href} download aria-label={label} title={label}>
      <Icon name="download" />
      {children}
    </a>
  );
}

/** A button that is only an icon; `label` is its name and its hover. */
export function IconButton({
  icon,
  label,
  small,
  ...rest
}: Omit<ComponentProps<'button'>, 'children'> & { icon: IconName; label: string; small?: boolean }) {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      {...rest}
      className={[css.icon, small && css.small].filter(Boolean).join(' ')}
    >
      <Icon name={icon} size={small ? 14 : 16} />
    </button>
  );
}

export function Count({ children }: { children: ReactNode }) {
  return <span className={css.count}>{children}</span>;
}

/** An active filter that can be taken away. */
export function Chip({ label, value, onRemove }: { label: string; value: string; onRemove: () => void }) {
  return (
    <span className={css.chip}>
      <span title={`${label}: ${value}`}>
        <em>{label}:</em> {value}
      </span>
      <button type="button" aria-label={`Remove filter ${label}: ${value}`} onClick={onRemove}>
        <Icon name="close" size={10} />
      </button>
    </span>
  );
}

/** The strip that holds tab links; each says `aria-current` for itself. */
export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav className={css.tabs} aria-label={label}>
      {children}
    </nav>
  );
}

type SearchProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Waits this long after the last key before it calls `onChange`. */
  delayMs?: number;
  /** Shows that `/` comes here. */
  slash?: boolean;
  onKeyDown?: (event: React.KeyboardEvent<HTMLInputElement>) => void;
  className?: string | undefined;
};

export function SearchField({
  label,
  value,
  onChange,
  delayMs = 200,
  slash,
  onKeyDown,
  className,
}: SearchProps) {
  const [typed, setTyped] = useState(value);
  const [seen, setSeen] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  if (seen !== value) {
    // The address changed elsewhere (back, a removed chip): follow it.
    setSeen(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => {
      setSeen(typed);
      onChange(typed);
    }, delayMs);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, value, delayMs, onChange]);
  return (
    <label className={[css.search, className].filter(Boolean).join(' ')}>
      <Icon name="search" size={14} />
      <span className="visually-hidden">{label}</span>
      <input
        ref={input}
        type="search"
        placeholder={label}
        value={typed}
        data-slash={slash ? '' : undefined}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            if (typed) setTyped('');
            else input.current?.blur();
          }
          onKeyDown?.(event);
        }}
      />
      {slash && <Key>/</Key>}
    </label>
  );
}

export function Key({ children }: { children: ReactNode }) {
  return <kbd className={css.key}>{children}</kbd>;
}

/** Copies text and says so. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => {
      setDone(false);
    }, 1500);
    return () => {
      clearTimeout(timer);
    };
  }, [done]);
  return (
    <IconButton
      small
      icon={done ? 'check' : 'copy'}
      label={done ? 'Copied' : label}
      onClick={(event) => {
        event.stopPropagation();
        void navigator.clipboard.writeText(text).then(() => {
          setDone(true);
        });
      }}
    />
  );
}
