// The API's shapes under the names the screens use.

export type Source =
  'none' | 'measured' | 'reported' | 'trace_aggregate' | 'price_table' | 'estimated' | 'simulated';

export type Run = {
  run_id: string;
  version: number;
  model: string;
  agent_type: string;
  provider: string | null;
  timestamp: string | null;
  submitted_by: string | null;
  use_case: string | null;
  team: string | null;
  purpose: string | null;
  suite_version: string | null;
  hardware: string | null;
  results_dataset: string | null;
  traces_dataset: string | null;
  metrics_dataset: string | null;
  dataset_used: string | null;
  status: 'completed' | 'partial' | 'failed' | 'running';
  simulated: boolean;
  total_tests: number;
  successful_tests: number;
  failed_tests: number;
  unscored_tests: number;
  interrupted_tests: number;
  success_rate: number | null;
  success_rate_ci_low: number | null;
  success_rate_ci_high: number | null;
  attempts: number;
  pass_at_1: number | null;
  pass_at_k: number | null;
  pass_hat_k: number | null;
  avg_steps: number | null;
  avg_duration_ms: number | null;
  total_duration_ms: number | null;
  wall_ms: number | null;
  total_tokens: number | null;
  total_input_tokens: number | null;
  total_output_tokens: number | null;
  avg_tokens_per_test: number | null;
  total_cost_usd: number | null;
  avg_cost_per_test_usd: number | null;
  cost_source: Source;
  energy_wh: number | null;
  energy_source: Source;
  co2_emissions_g: number | null;
  co2_source: Source;
  power_cost_total_usd: number | null;
  power_cost_source: Source;
  unattributed_co2_g: number | null;
  unattributed_power_cost_usd: number | null;
  unattributed_energy_wh: number | null;
  gpu_count: number;
  gpu_utilization_avg: number | null;
  gpu_utilization_max: number | null;
  gpu_memory_avg_mib: number | null;
  gpu_memory_max_mib: number | null;
  gpu_temperature_avg: number | null;
  gpu_temperature_max: number | null;
  gpu_power_avg_w: number | null;
  notes: string | null;
  start_time_unix_nano: string | null;
  end_time_unix_nano: string | null;
  origin: string;
  co2_per_success_g: number | null;
  energy_per_success_wh: number | null;
  cost_per_success_usd: number | null;
  rank: number;
};

export type RunsSummary = {
  runs: number;
  tests: number;
  successful_tests: number;
  success_rate: number | null;
  total_tokens: number | null;
  total_cost_usd: number | null;
  energy_wh: number | null;
  co2_emissions_g: number | null;
  power_cost_total_usd: number | null;
  simulated_runs: number;
};

export type RunsPage = { items: Run[]; total: number; page: number; page_size: number; summary: RunsSummary };

export type FacetValue = { value: string; count: number };
export type Facets = Record<string, FacetValue[]>;

export type Difference = {
  field: string;
  declared: number | null;
  computed: number | null;
  ratio: number | null;
};

export type GpuTotals = {
  gpu_id: string | null;
  gpu_name: string | null;
  co2_emissions_g: number | null;
  power_cost_usd: number | null;
  energy_wh: number | null;
  utilization_avg: number | null;
  utilization_max: number | null;
  memory_avg_mib: number | null;
  memory_max_mib: number | null;
  temperature_avg: number | null;
  temperature_max: number | null;
  power_avg_w: number | null;
};

export type Unattributed = {
  co2_emissions_g: number | null;
  power_cost_usd: number | null;
  energy_wh: number | null;
};

export type RunDetail = {
  run: Run;
  declared: Record<string, unknown>;
  differences: Difference[];
  accounting: Record<string, unknown>;
  gpus: GpuTotals[];
  unattributed: Unattributed;
};

export type Result = {
  run_id: string;
  test_uid: string;
  test_id: string;
  agent_type: string;
  attempt: number;
  model: string | null;
  evaluation_date: string | null;
  difficulty: string | null;
  category: string | null;
  prompt: string | null;
  success: boolean | null;
  tool_called: boolean | null;
  correct_tool: boolean | null;
  final_answer_called: boolean | null;
  response_correct: boolean | null;
  expected_tool: string | null;
  tools_used: string[];
  steps: number | null;
  response: string | null;
  error: string | null;
  stop_reason: string | null;
  timed_out: boolean | null;
  trace_id: string | null;
  span_id: string | null;
  start_time_unix_nano: string | null;
  end_time_unix_nano: string | null;
  duration_ms: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  llm_calls: number | null;
  tool_calls: number | null;
  span_count: number | null;
  error_count: number | null;
  cost_usd: number | null;
  cost_source: Source;
  energy_wh: number | null;
  energy_source: Source;
  co2_emissions_g: number | null;
  co2_source: Source;
  power_cost_usd: number | null;
  power_cost_source: Source;
};

export type ResultTotals = Unattributed & {
  total_tokens: number | null;
  cost_usd: number | null;
  duration_ms: number | null;
};

export type ResultsPage = {
  items: Result[];
  total: number;
  page: number;
  page_size: number;
  totals: ResultTotals;
  unattributed: Unattributed;
};

export type MetricSeries = {
  metric: string;
  column: string | null;
  unit: string;
  instrument: string;
  gpu_id: string | null;
  gpu_name: string | null;
  total_points: number;
  t_ms: number[];
  value: (number | null)[];
};

export type TestSpan = {
  test_uid: string;
  attempt: number;
  trace_id: string | null;
  success: boolean | null;
  start_ms: number;
  end_ms: number;
};

export type Metrics = {
  t0_unix_nano: string;
  from_ms: number;
  to_ms: number;
  series: MetricSeries[];
  tests: TestSpan[];
};

export type TraceSummary = {
  trace_id: string;
  test_uid: string | null;
  root_name: string | null;
  start_time_unix_nano: string | null;
  end_time_unix_nano: string | null;
  duration_ms: number | null;
  spans: number;
  errors: number;
  total_tokens: number | null;
  cost_usd: number | null;
};

export type TraceSpan = {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  status: string;
  status_message: string | null;
  start_ms: number;
  duration_ms: number;
  self_ms: number;
  depth: number;
  model: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cost_usd: number | null;
  counted: boolean;
};

export type Trace = {
  summary: TraceSummary & { test: Result | null };
  t0_unix_nano: string;
  spans: TraceSpan[];
};

export type SpanEvent = { name: string; time_unix_nano: string; attributes: Record<string, unknown> };
export type SpanLink = { trace_id: string; span_id: string; attributes: Record<string, unknown> };

export type SpanDetail = {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  test_uid?: string | null;
  name: string;
  kind: string;
  start_time_unix_nano: string;
  end_time_unix_nano: string;
  status: string;
  status_message: string | null;
  service: string;
  model: string | null;
  provider: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  emitted_cost_usd: number | null;
  attributes: Record<string, unknown>;
  events: SpanEvent[];
  links: SpanLink[];
  resource: Record<string, unknown>;
  scope: Record<string, unknown>;
};
