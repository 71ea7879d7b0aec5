// What the screens ask for, as TanStack Query options: one place for keys and addresses.

import { keepPreviousData, queryOptions } from '@tanstack/react-query';

import { address, get, type Query } from './client';
import type {
  Facets,
  Metrics,
  Result,
  ResultsPage,
  RunDetail,
  RunsPage,
  SpanDetail,
  Trace,
  TraceSummary,
} from './types';

export const RUNS_PAGE = 100;

export const runsPage = (filter: Query, sort: string, page: number, pageSize = RUNS_PAGE) => {
  const query = { ...filter, sort, page, page_size: pageSize };
  return queryOptions({
    queryKey: ['runs', query],
    queryFn: ({ signal }) => get<RunsPage>(address('runs'), query, signal),
    placeholderData: keepPreviousData,
  });
};

export const facets = (filter: Query) =>
  queryOptions({
    queryKey: ['facets', filter],
    queryFn: ({ signal }) => get<Facets>(address('facets'), filter, signal),
    placeholderData: keepPreviousData,
  });

export const runDetail = (run: string) =>
  queryOptions({
    queryKey: ['run', run],
    queryFn: ({ signal }) => get<RunDetail>(address('runs', run), {}, signal),
  });

/** Every execution of a run; the largest page the server gives. */
export const runResults = (run: string) =>
  queryOptions({
    queryKey: ['results', run],
    queryFn: ({ signal }) => get<ResultsPage>(address('runs', run, 'results'), { page_size: 10_000 }, signal),
  });

export const runTraces = (run: string) =>
  queryOptions({
    queryKey: ['traces', run],
    queryFn: ({ signal }) => get<{ items: TraceSummary[] }>(address('runs', run, 'traces'), {}, signal),
  });

export type MetricsWindow = { from_ms?: number | undefined; to_ms?: number | undefined; max_points?: number };

export const runMetrics = (run: string, window: MetricsWindow = {}) =>
  queryOptions({
    queryKey: ['metrics', run, window],
    queryFn: ({ signal }) => get<Metrics>(address('runs', run, 'metrics'), window, signal),
    placeholderData: keepPreviousData,
  });

export const trace = (run: string, traceId: string) =>
  queryOptions({
    queryKey: ['trace', run, traceId],
    queryFn: ({ signal }) => get<Trace>(address('runs', run, 'traces', traceId), {}, signal),
  });

export const span = (run: string, traceId: string, spanId: string) =>
  queryOptions({
    queryKey: ['span', run, traceId, spanId],
    queryFn: ({ signal }) =>
      get<SpanDetail>(address('runs', run, 'traces', traceId, 'spans', spanId), {}, signal),
  });

export const traceOtlp = (run: string, traceId: string) =>
  queryOptions({
    queryKey: ['otlp', run, traceId],
    queryFn: ({ signal }) => get<unknown>(otlpAddress(run, traceId), {}, signal),
  });

export const result = (run: string, testUid: string, attempt: number) =>
  queryOptions({
    queryKey: ['result', run, testUid, attempt],
    queryFn: ({ signal }) => get<Result>(address('runs', run, 'results', testUid), { attempt }, signal),
  });

export const otlpAddress = (run: string, traceId: string) => address('runs', run, 'traces', traceId, 'otlp');

export type DownloadTable = 'leaderboard' | 'results' | 'traces' | 'metrics';
export type DownloadFormat = 'json' | 'csv' | 'parquet';

export const downloadAddress = (run: string, table: DownloadTable, format: DownloadFormat) =>
  address('runs', run, 'download', `${table}.${format}`);
