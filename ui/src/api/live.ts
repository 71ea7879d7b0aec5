// Keeps what is shown current: the server tells which runs changed, and what was asked of them is asked again.

import type { QueryClient } from '@tanstack/react-query';

import { dataFolder } from './bundle/where';
import type { components } from './schema';
import type { RunDetail } from './types';

type RunsChanged = components['schemas']['RunsChanged'];

/** What is asked of all runs at once. */
const OF_ALL: unknown[] = ['runs', 'facets', 'compare', 'live'];

/** Whether changes are no longer heard of, so that what is shown may be old. */
let stale = false;
const watchers = new Set<() => void>();

export const isStale = () => stale;

export function watchStale(changed: () => void): () => void {
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
  };
}

function setStale(now: boolean) {
  if (stale === now) return;
  stale = now;
  for (const changed of watchers) changed();
}

/** A connection that is back sooner was hardly gone. */
const PATIENCE_MS = 3000;
const RETRY_MS = 5000;

/** Listens until it is called off. Files of a bundle never change. */
export function listen(queries: QueryClient): () => void {
  if (dataFolder !== null) return () => undefined;
  let lost = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource;
  const connect = () => {
    source = new EventSource('/api/v1/events');
    source.addEventListener('open', () => {
      // What changed while nobody listened: at first that can only be runs in progress, read before this.
      if (lost) void queries.invalidateQueries();
      else void refresh(queries, { runs: inProgress(queries) });
      lost = false;
      clearTimeout(waiting);
      waiting = undefined;
      setStale(false);
    });
    source.addEventListener('error', () => {
      lost = true;
      waiting ??= setTimeout(() => {
        setStale(true);
      }, PATIENCE_MS);
      // Refused by a server, rather than cut off, it would not try again by itself.
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, RETRY_MS);
    });
    source.addEventListener('runs', ({ data }: MessageEvent<string>) => {
      void refresh(queries, JSON.parse(data) as RunsChanged);
    });
  };
  connect();
  return () => {
    clearTimeout(waiting);
    clearTimeout(again);
    source.close();
  };
}

/** The runs that were running when they were read. */
export function inProgress(queries: QueryClient): string[] {
  return queries
    .getQueriesData<RunDetail>({ queryKey: ['run'] })
    .flatMap(([, detail]) => (detail?.run.status === 'running' ? [detail.run.run_id] : []));
}

/** Asks again what is shown of the changed runs. */
export function refresh(queries: QueryClient, { runs }: RunsChanged): Promise<void> {
  const changed = runs && new Set<unknown>(runs);
  return queries.invalidateQueries({
    predicate: ({ queryKey: [what, run] }) => OF_ALL.includes(what) || !changed || changed.has(run),
  });
}
