//! `GET /api/v1/runs/{run_id}/traces`: the traces of a run.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{
    rows::{ResultRow, Source},
    trace,
};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Problem},
    extract::ApiPath,
    respond,
    result_columns::Outcome,
    state::AppState,
};

/// One trace in short. Its duration is its root span's wall clock; tokens and cost count each
/// use once, however spans nest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceSummary {
    /// 32 hex digits.
    pub trace_id: String,
    /// `<agent_type>:<test_id>` of the test that the trace is of.
    pub test_uid: Option<String>,
    /// Attempt of the test; null when no execution names the trace.
    pub attempt: Option<i64>,
    /// Null when no execution names the trace.
    pub outcome: Option<Outcome>,
    pub root_span_id: String,
    pub root_name: String,
    /// `service.name` of the root.
    pub service: String,
    pub model: Option<String>,
    /// The root's start, Unix ns.
    pub start_time_unix_nano: String,
    /// The root's end, Unix ns.
    pub end_time_unix_nano: String,
    /// The root's wall clock, ms.
    pub duration_ms: f64,
    pub spans: i64,
    /// Spans whose parent is not in the trace.
    pub orphans: i64,
    /// Spans left out because another one has their id.
    pub duplicates: i64,
    /// Spans that ended in an error.
    pub errors: i64,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    /// Part of the input.
    pub cache_read_tokens: Option<i64>,
    /// Part of the input.
    pub cache_write_tokens: Option<i64>,
    /// Part of the output.
    pub reasoning_tokens: Option<i64>,
    /// USD of model calls.
    pub cost_usd: Option<f64>,
    pub cost_source: Source,
    pub llm_calls: i64,
    pub tool_calls: i64,
    /// Wh attributed to the execution.
    pub energy_wh: Option<f64>,
    /// g CO2e attributed to the execution.
    pub co2_emissions_g: Option<f64>,
    /// USD of electricity attributed to the execution.
    pub power_cost_usd: Option<f64>,
}

impl TraceSummary {
    pub fn new(summary: trace::TraceSummary, result: Option<&ResultRow>) -> Self {
        let usage = summary.usage;
        Self {
            trace_id: summary.trace_id,
            test_uid: result.map(|row| row.test_uid.clone()).or(summary.test_uid),
            attempt: result.map(|row| row.attempt),
            outcome: result.map(Outcome::of),
            root_span_id: summary.root_span_id,
            root_name: summary.root_name,
            service: summary.service,
            model: summary.model,
            start_time_unix_nano: summary.start_time_unix_nano.to_string(),
            end_time_unix_nano: summary.end_time_unix_nano.to_string(),
            duration_ms: summary.duration_ms,
            spans: summary.spans,
            orphans: summary.orphans,
            duplicates: summary.duplicates,
            errors: summary.errors,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            cost_usd: usage.cost_usd,
            cost_source: usage.cost_source,
            llm_calls: usage.llm_calls,
            tool_calls: usage.tool_calls,
            energy_wh: result.and_then(|row| row.energy_wh),
            co2_emissions_g: result.and_then(|row| row.co2_emissions_g),
            power_cost_usd: result.and_then(|row| row.power_cost_usd),
        }
    }
}

/// The execution that a trace belongs to.
pub fn result_of<'a>(results: &'a [ResultRow], trace_id: &str) -> Option<&'a ResultRow> {
    results.iter().find(|row| row.trace_id.as_deref() == Some(trace_id))
}

/// The traces of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceList {
    /// By start time.
    pub items: Vec<TraceSummary>,
}

/// All traces of a run in short.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/traces",
    tag = "traces",
    operation_id = "list_traces",
    params(("run_id" = String, Path, description = "Run id, percent-encoded")),
    responses(
        (status = 200, description = "The traces by start time", body = TraceList),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_traces(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let spans = state.spans_of_run(&run_id).await?;
    let results = state.results(&run_id).await?;
    respond::compute(move || {
        let items = trace::summarize(&spans)
            .into_iter()
            .map(|summary| {
                let result = result_of(&results, &summary.trace_id);
                TraceSummary::new(summary, result)
            })
            .collect();
        respond::json(&TraceList { items })
    })
    .await
}
