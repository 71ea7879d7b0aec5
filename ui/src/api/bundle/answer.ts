// Answers the API's requests from the files of a bundle. Loaded only where there is no server.

import type { Result, Run, SpanDetail, Trace } from '../types';

import { runIds } from './comparisons';
import { facets, runsPage } from './runs';
import { comparisonFile, fileOf, SPANS_A_FILE, spansFile } from './where';

const json = (value: unknown, status = 200) =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });

const problem = (status: number, title: string, detail: string) => json({ title, detail, status }, status);

type Spans = { items: SpanDetail[]; total: number };

/** Reads each file at most once at a time. */
function reader(folder: string) {
  const kept = new Map<string, Promise<unknown>>();
  return async <T>(path: string, signal: AbortSignal): Promise<T> => {
    const known = kept.get(path);
    if (known) return (await known) as T;
    const read = fetch(folder + path).then(async (response) => {
      if (!response.ok) throw new Missing();
      return (await response.json()) as unknown;
    });
    kept.set(path, read);
    // The browser's cache keeps files; only what is asked for again and again is kept here.
    read.catch(() => kept.delete(path));
    if (path !== 'runs.json') void read.finally(() => kept.delete(path)).catch(() => undefined);
    const value = (await read) as T;
    signal.throwIfAborted();
    return value;
  };
}

class Missing extends Error {}

/** What `fetch` is where there is a server. */
export function bundleFetch(folder: string): (request: Request) => Promise<Response> {
  const read = reader(folder);
  const answer = async ({ url, signal }: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(url);
    const segments = pathname
      .replace(/^.*\/api\/v1\//, '')
      .split('/')
      .map(decodeURIComponent);
    const [list, run = '', part, name = '', what, span] = segments;
    if (list === 'facets' || (list === 'runs' && segments.length === 1)) {
      const { items } = await read<{ items: Run[] }>('runs.json', signal);
      return json(list === 'facets' ? facets(items, searchParams) : runsPage(items, searchParams));
    }
    if (list === 'runs' && part === 'traces' && what === 'spans') {
      if (span !== undefined) return json(await oneSpan(read, run, name, span, signal));
      return json(await spansOf(read, run, name, searchParams, signal));
    }
    if (list === 'runs' && part === 'results' && segments.length === 4) {
      return json(await oneResult(read, run, name, Number(searchParams.get('attempt') ?? 1), signal));
    }
    const file =
      list === 'runs'
        ? fileOf(segments.slice(1))
        : list === 'compare'
          ? comparisonFile(runIds(searchParams.getAll('runs')), searchParams.get('pair_by') ?? 'test')
          : null;
    if (file === null) {
      return problem(
        501,
        'Not in a bundle',
        'This page shows recorded files; this view needs `smoltrace serve`.',
      );
    }
    return json(await read(file, signal));
  };
  return (request) =>
    answer(request).catch((error: unknown) => {
      if (error instanceof Missing) return problem(404, 'Not found', 'The bundle does not hold this.');
      throw error;
    });
}

type Read = ReturnType<typeof reader>;

/** An execution as the list of them has it. */
async function oneResult(read: Read, run: string, uid: string, attempt: number, signal: AbortSignal) {
  const { items } = await read<{ items: Result[] }>(fileOf([run, 'results']) ?? '', signal);
  const found = items.find((item) => item.test_uid === uid && item.attempt === attempt);
  if (!found) throw new Missing();
  return found;
}

async function oneSpan(read: Read, run: string, trace: string, span: string, signal: AbortSignal) {
  const { spans } = await read<Trace>(fileOf([run, 'traces', trace]) ?? '', signal);
  const place = spans.span_id.indexOf(span);
  if (place < 0) throw new Missing();
  const page = Math.floor(place / SPANS_A_FILE) + 1;
  const { items } = await read<Spans>(spansFile(run, trace, page), signal);
  const found = items[place % SPANS_A_FILE];
  if (!found) throw new Missing();
  return found;
}

async function spansOf(read: Read, run: string, trace: string, asked: URLSearchParams, signal: AbortSignal) {
  const kinds = asked.getAll('kind').flatMap((kind) => kind.split(','));
  const all: SpanDetail[] = [];
  for (let page = 1; ; page += 1) {
    const { items, total } = await read<Spans>(spansFile(run, trace, page), signal);
    all.push(...items);
    if (page * SPANS_A_FILE >= total) break;
  }
  const chosen = all.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind));
  const page = Number(asked.get('page') ?? 1);
  const page_size = Number(asked.get('page_size') ?? 100);
  return {
    items: chosen.slice((page - 1) * page_size, page * page_size),
    total: chosen.length,
    page,
    page_size,
  };
}
