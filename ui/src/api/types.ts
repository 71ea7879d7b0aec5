// The API's shapes under the names that the screens use. All come from the OpenAPI document.

import type { components } from './schema';

type Schemas = components['schemas'];

export type Source = Schemas['Source'];
export type Run = Schemas['Run'];
export type RunsSummary = Schemas['Summary'];
export type RunsPage = Schemas['RunsPage'];
export type Facets = Schemas['Facets'];
export type FacetValue = Schemas['FacetValue'];
export type RunDetail = Schemas['RunDetail'];
export type Difference = Schemas['Difference'];
export type GpuTotals = RunDetail['gpus'][number];
export type Result = Schemas['TestResult'];
export type ResultsPage = Schemas['ResultsPage'];
export type Metrics = Schemas['Chart'];
export type MetricSeries = Schemas['ChartSeries'];
export type TestSpan = Schemas['TestLane'];
export type Performance = Schemas['Performance'];
export type TraceLatency = Schemas['TraceLatency'];
export type Operation = Schemas['Operation'];
export type Trace = Schemas['TraceDetail'];
/** The spans of a trace by column, depth first. */
export type TraceSpans = Schemas['SpanColumns'];
/** One row of [`TraceSpans`]. */
export type TraceSpan = { [Column in keyof TraceSpans]: TraceSpans[Column][number] };
export type SpanDetail = Schemas['Span'];
export type SpanEvent = Schemas['SpanEvent'];
export type DownloadTable = Schemas['DownloadTable'];
export type DownloadFormat = Schemas['DownloadFormat'];
export type RunsCompared = Schemas['RunsCompared'];
export type Comparison = Schemas['Comparison'];
export type Against = Schemas['Against'];
export type MetricDifference = Schemas['MetricDifference'];
export type TestLine = Schemas['TestLine'];
export type TestCell = Schemas['TestCell'];
export type Change = Schemas['Change'];
export type Verdict = Schemas['Verdict'];
export type PairBy = Schemas['PairBy'];
export type LiveRun = Schemas['LiveRun'];
export type LiveSpan = Schemas['LiveSpan'];
