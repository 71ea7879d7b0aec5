// What the screens ask for, as TanStack Query options: one place for keys and addresses.

import { keepPreviousData, queryOptions } from '@tanstack/react-query';

import type { HeldComparisons } from './bundle/comparisons';
import { COMPARISONS_FILE, dataFolder, fileOf } from './bundle/where';
import { ApiError, body, client } from './client';
import type { operations } from './schema';
import type { DownloadFormat, DownloadTable, PairBy } from './types';

/** Which runs are meant. */
export type RunFilter = NonNullable<operations['list_facets']['parameters']['query']>;

export const RUNS_PAGE = 100;

export const runsPage = (filter: RunFilter, sort: string, page: number, pageSize = RUNS_PAGE) => {
  const query = { ...filter, sort, page, page_size: pageSize };
  return queryOptions({
    queryKey: ['runs', query],
    queryFn: ({ signal }) => body(client.GET('/api/v1/runs', { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
};

export const facets = (filter: RunFilter) =>
  queryOptions({
    queryKey: ['facets', filter],
    queryFn: ({ signal }) => body(client.GET('/api/v1/facets', { params: { query: filter }, signal })),
    placeholderData: keepPreviousData,
  });

/** The runs of a filter, as far as charts need them: the newest, if there are more than the server gives at once. */
export const chartRuns = (filter: RunFilter, fields: readonly string[]) => {
  const query = { ...filter, fields: [fields.join(',')], sort: '-timestamp', page_size: 10_000 };
  return queryOptions({
    queryKey: ['runs', query],
    queryFn: ({ signal }) => body(client.GET('/api/v1/runs', { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
};

export const comparison = (runs: string[], pair_by: PairBy) =>
  queryOptions({
    queryKey: ['compare', runs, pair_by],
    queryFn: ({ signal }) =>
      body(client.GET('/api/v1/compare', { params: { query: { runs, pair_by } }, signal })),
    placeholderData: keepPreviousData,
  });

/** The comparisons that a bundle holds; a server works out any. */
export const heldComparisons = queryOptions({
  queryKey: ['held comparisons'],
  queryFn: async ({ signal }) => {
    const answer = await fetch(`${dataFolder ?? ''}${COMPARISONS_FILE}`, { signal });
    if (!answer.ok)
      throw new ApiError('Not found', 'The bundle does not say what it compares.', answer.status);
    return (await answer.json()) as HeldComparisons;
  },
  enabled: dataFolder !== null,
});

export const liveRuns = queryOptions({
  queryKey: ['live'],
  queryFn: ({ signal }) => body(client.GET('/api/v1/live', { signal })),
});

export const testResult = (run_id: string, test_uid: string, attempt: number) =>
  queryOptions({
    queryKey: ['result', run_id, test_uid, attempt],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/results/{test_uid}', {
          params: { path: { run_id, test_uid }, query: { attempt } },
          signal,
        }),
      ),
  });

export const runDetail = (run_id: string) =>
  queryOptions({
    queryKey: ['run', run_id],
    queryFn: ({ signal }) =>
      body(client.GET('/api/v1/runs/{run_id}', { params: { path: { run_id } }, signal })),
  });

/** The executions of a run: the largest page that the server gives. */
export const runResults = (run_id: string) =>
  queryOptions({
    queryKey: ['results', run_id],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/results', {
          params: { path: { run_id }, query: { page_size: 10_000 } },
          signal,
        }),
      ),
  });

export type MetricsWindow = { from_ms?: number; to_ms?: number; max_points?: number };

export const runMetrics = (run_id: string, window: MetricsWindow = {}) =>
  queryOptions({
    queryKey: ['metrics', run_id, window],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/metrics', {
          params: { path: { run_id }, query: window },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const trace = (run_id: string, trace_id: string) =>
  queryOptions({
    queryKey: ['trace', run_id, trace_id],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/traces/{trace_id}', {
          params: { path: { run_id, trace_id } },
          signal,
        }),
      ),
  });

export const span = (run_id: string, trace_id: string, span_id: string) =>
  queryOptions({
    queryKey: ['span', run_id, trace_id, span_id],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/traces/{trace_id}/spans/{span_id}', {
          params: { path: { run_id, trace_id, span_id } },
          signal,
        }),
      ),
  });

/** The spans that messages are read from, whole; the largest page that is quick to lay out. */
export const spokenSpans = (run_id: string, trace_id: string) =>
  queryOptions({
    queryKey: ['spans', run_id, trace_id],
    queryFn: ({ signal }) =>
      body(
        client.GET('/api/v1/runs/{run_id}/traces/{trace_id}/spans', {
          params: {
            path: { run_id, trace_id },
            query: { kind: ['LLM', 'TOOL', 'RETRIEVER'], page_size: 2000 },
          },
          signal,
        }),
      ),
  });

/** Where the time of a run went. */
export const runPerformance = (run_id: string) =>
  queryOptions({
    queryKey: ['performance', run_id],
    queryFn: ({ signal }) =>
      body(client.GET('/api/v1/runs/{run_id}/performance', { params: { path: { run_id } }, signal })),
  });

export const traceOtlp = (run_id: string, trace_id: string) =>
  queryOptions({
    queryKey: ['otlp', run_id, trace_id],
    queryFn: ({ signal }) =>
      body<unknown>(
        client.GET('/api/v1/runs/{run_id}/traces/{trace_id}/otlp', {
          params: { path: { run_id, trace_id } },
          signal,
        }),
      ),
  });

/** Where a link to a part of a run leads: to the server, or to the file of a bundle. */
const address = (...segments: string[]) =>
  dataFolder === null
    ? ['/api/v1/runs', ...segments.map(encodeURIComponent)].join('/')
    : dataFolder + (fileOf(segments) ?? '');

export const otlpAddress = (run: string, traceId: string) => address(run, 'traces', traceId, 'otlp');

export const reportAddress = (run: string) => address(run, 'report');

export const downloadAddress = (run: string, table: DownloadTable, format: DownloadFormat) =>
  address(run, 'download', `${table}.${format}`);
