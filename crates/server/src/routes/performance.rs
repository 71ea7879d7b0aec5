//! `GET /api/v1/runs/{run_id}/performance`: where the time of a run went.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{
    latency::{self, Operation},
    rows::{ResultRow, SpanRow},
    trace,
};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Problem},
    extract::ApiPath,
    respond,
    state::AppState,
};

/// A trace's wall clock in parts: at each instant a model call was open, else a tool, else neither.
/// `llm_ms`, `tool_ms` and `other_ms` add up to `duration_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceLatency {
    /// 32 hex digits.
    pub trace_id: String,
    /// `<agent_type>:<test_id>` of the test that the trace is of.
    pub test_uid: Option<String>,
    /// Attempt of the test; null when no execution names the trace.
    pub attempt: Option<i64>,
    /// The root's wall clock, ms.
    pub duration_ms: f64,
    /// A model call was open, ms.
    pub llm_ms: f64,
    /// No model call was open, but a tool, a retriever or an embedding, ms.
    pub tool_ms: f64,
    /// Neither, ms.
    pub other_ms: f64,
}

/// Where the time of a run went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Performance {
    /// Every trace, by start time.
    pub traces: Vec<TraceLatency>,
    /// Sums over the traces.
    pub totals: LatencyTotals,
    /// The operations with the most time of their own, at most 200.
    pub operations: Vec<Operation>,
    /// How many operations there are.
    pub operations_total: usize,
}

/// Sums over the traces of a run, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyTotals {
    pub duration_ms: f64,
    pub llm_ms: f64,
    pub tool_ms: f64,
    pub other_ms: f64,
}

const MAX_OPERATIONS: usize = 200;

/// Where the time went: each trace divided into model calls, tools and the rest, and the operations that took it.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/performance",
    tag = "runs",
    operation_id = "get_performance",
    params(("run_id" = String, Path, description = "Run id, percent-encoded")),
    responses(
        (status = 200, description = "Where the time went", body = Performance),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_performance(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let (spans, results) = tokio::try_join!(state.spans_of_run(&run_id), state.results(&run_id))?;
    respond::compute(move || respond::json(&performance(&spans, &results))).await
}

fn performance(spans: &[SpanRow], results: &[ResultRow]) -> Performance {
    let tests: HashMap<&str, &ResultRow> =
        results.iter().filter_map(|row| Some((row.trace_id.as_deref()?, row))).collect();
    let mut of_trace: HashMap<&str, Vec<&SpanRow>> = HashMap::new();
    for span in spans {
        of_trace.entry(&span.trace_id).or_default().push(span);
    }
    let traces: Vec<TraceLatency> = trace::summarize(spans)
        .into_iter()
        .filter_map(|summary| {
            let parts = latency::breakdown(of_trace.get(summary.trace_id.as_str())?)?;
            let test = tests.get(summary.trace_id.as_str());
            let ms = |ns: i64| ns as f64 / 1e6;
            Some(TraceLatency {
                test_uid: test.map(|row| row.test_uid.clone()).or(summary.test_uid),
                attempt: test.map(|row| row.attempt),
                duration_ms: summary.duration_ms,
                llm_ms: ms(parts.llm_ns),
                tool_ms: ms(parts.tool_ns),
                other_ms: ms(parts.other_ns),
                trace_id: summary.trace_id,
            })
        })
        .collect();
    let mut totals = LatencyTotals::default();
    for trace in &traces {
        totals.duration_ms += trace.duration_ms;
        totals.llm_ms += trace.llm_ms;
        totals.tool_ms += trace.tool_ms;
        totals.other_ms += trace.other_ms;
    }
    let mut operations = latency::operations(spans);
    let operations_total = operations.len();
    operations.truncate(MAX_OPERATIONS);
    Performance { traces, totals, operations, operations_total }
}
