// Keeps what is shown current: the server tells which runs changed, and what was asked of them is asked again.

import type { QueryClient } from '@tanstack/react-query';

import { dataFolder } from './bundle/where';
import type { components } from './schema';

type RunsChanged = components['schemas']['RunsChanged'];

/** What is asked of all runs at once. */
const OF_ALL: unknown[] = ['runs', 'facets'];

/** Listens until it is called off. Files of a bundle never change. */
export function listen(queries: QueryClient): () => void {
  if (dataFolder !== null) return () => undefined;
  const source = new EventSource('/api/v1/events');
  let lost = false;
  source.addEventListener('open', () => {
    // What changed while nobody listened: at first that can only be what is read before this.
    if (lost) void queries.invalidateQueries();
    else void queries.invalidateQueries({ predicate: ({ queryKey }) => OF_ALL.includes(queryKey[0]) });
    lost = false;
  });
  source.addEventListener('error', () => {
    lost = true;
  });
  source.addEventListener('runs', ({ data }: MessageEvent<string>) => {
    void refresh(queries, JSON.parse(data) as RunsChanged);
  });
  return () => {
    source.close();
  };
}

/** Asks again what is shown of the changed runs. */
export function refresh(queries: QueryClient, { runs }: RunsChanged): Promise<void> {
  const changed = runs && new Set<unknown>(runs);
  return queries.invalidateQueries({
    predicate: ({ queryKey: [what, run] }) => OF_ALL.includes(what) || !changed || changed.has(run),
  });
}
