// What every screen shares: the bar, the landmarks, the keys.

import { Link, Outlet } from '@tanstack/react-router';
import { useEffect, useState, useSyncExternalStore } from 'react';

import { isStale, watchStale } from '@/api/live';
import { Button, Key } from '@/design/components/controls';
import { Badge } from '@/design/components/data';
import { Dialog } from '@/design/components/overlay';
import { Empty } from '@/design/components/states';

import logo from './logo.svg?no-inline';
import css from './shell.module.css';

const KEYS: [string[], string][] = [
  [['/'], 'Search in what is on the screen'],
  [['↑', '↓'], 'Go through rows or spans; Page Up, Page Down, Home and End jump'],
  [['Enter'], 'Open the run, the test or the span'],
  [['Ctrl', 'Enter'], 'Open it in a new tab'],
  [['Space'], 'Tick the chosen run for the comparison'],
  [['←', '→'], 'Fold and unfold a span; move the cursor in a chart'],
  [['+', '-', '0'], 'Zoom in, zoom out, show all (charts and timeline)'],
  [['Shift', 'click'], 'Sort by one more column'],
  [['Esc'], 'Leave: clear the selection, close what is open'],
  [['?'], 'This help'],
];

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable);

export function Shell() {
  const [help, setHelp] = useState(false);
  const stale = useSyncExternalStore(watchStale, isStale);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      if (event.key === '?') setHelp(true);
      else if (event.key === '/') {
        const field = document.querySelector<HTMLInputElement>('input[data-slash]');
        field?.focus();
        field?.select();
      } else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('keydown', onKey);
    };
  }, []);
  return (
    <>
      <a
        className={css.skip}
        href="#main"
        onClick={(event) => {
          // The address is the screen's.
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to content
      </a>
      <header className={css.bar}>
        <Link to="/" className={css.brand}>
          <img src={logo} width={22} height={22} alt="" />
          TraceMind
        </Link>
        <span className={css.by}>agents, evaluated: success, tokens, energy, CO₂</span>
        <span className={css.push} />
        <nav className={css.nav} aria-label="Screens">
          <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
            Leaderboard
          </Link>
          <Link to="/live">Live</Link>
        </nav>
        <span aria-live="polite" className={css.stale}>
          {stale && (
            <Badge
              tone="warn"
              title="The server cannot be reached: what is shown may be old. It is asked again by itself."
            >
              connection lost
            </Badge>
          )}
        </span>
        <Button
          look="bare"
          icon="help"
          aria-keyshortcuts="?"
          onClick={() => {
            setHelp(true);
          }}
        >
          Keys
        </Button>
      </header>
      <main id="main" className={css.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Dialog
        title="Keys"
        open={help}
        onClose={() => {
          setHelp(false);
        }}
      >
        <dl className={css.keys}>
          {KEYS.map(([keys, says]) => (
            <div key={says} style={{ display: 'contents' }}>
              <dt>
                {keys.map((key) => (
                  <Key key={key}>{key}</Key>
                ))}
              </dt>
              <dd>{says}</dd>
            </div>
          ))}
        </dl>
      </Dialog>
    </>
  );
}

export function NotFound() {
  return (
    <Empty icon="search" title="There is no such page">
      <p>
        The address names no screen. <Link to="/">Go to the leaderboard</Link>.
      </p>
    </Empty>
  );
}
