//! `GET /api/v1/runs/{run_id}/traces/{trace_id}`: the span tree, and its OTLP form.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use smoltrace_exchange::export;
use smoltrace_model::{
    rows::{ResultRow, SpanKind, SpanRow, SpanStatus},
    trace,
};
use utoipa::ToSchema;

use crate::{
    columns::{self, Projected},
    error::{ApiError, Problem},
    extract::ApiPath,
    respond,
    result_columns::{RESULT_COLUMNS, TestResult},
    routes::{
        download::attachment,
        traces::{TraceSummary, result_of},
    },
    state::AppState,
};

/// A trace with the execution that it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceHead {
    #[serde(flatten)]
    pub summary: TraceSummary,
    /// Null when no execution names the trace.
    pub test: Option<TestResult>,
}

/// A span's place in the timeline. Its attributes are read one span at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanNode {
    pub span_id: String,
    /// As emitted; the parent may be missing from the trace.
    pub parent_span_id: Option<String>,
    pub name: String,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub status_message: Option<String>,
    /// ms from `t0_unix_nano`.
    pub start_ms: f64,
    pub duration_ms: f64,
    /// Duration that no child covers, ms.
    pub self_ms: f64,
    /// 0 for a root.
    pub depth: usize,
    pub model: Option<String>,
    /// Tokens that the span itself carries; a parent may repeat its children's.
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    /// USD that the client emitted on this span.
    pub cost_usd: Option<f64>,
    /// Whether the span's tokens count in the trace's totals.
    pub counted: bool,
}

/// The span tree of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceDetail {
    pub summary: TraceHead,
    /// Origin of the times, Unix ns: the earliest start of any span.
    pub t0_unix_nano: String,
    /// Depth first, siblings by start.
    pub spans: Vec<SpanNode>,
}

/// [`TraceDetail`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    summary: HeadBody<'a>,
    t0_unix_nano: String,
    spans: Vec<NodeBody<'a>>,
}

#[derive(Serialize)]
struct HeadBody<'a> {
    #[serde(flatten)]
    summary: TraceSummary,
    test: Option<Projected<'a, ResultRow>>,
}

/// [`SpanNode`], borrowed: a trace may have 50,000 of them.
#[derive(Serialize)]
struct NodeBody<'a> {
    span_id: &'a str,
    parent_span_id: Option<&'a str>,
    name: &'a str,
    kind: SpanKind,
    status: SpanStatus,
    status_message: Option<&'a str>,
    start_ms: f64,
    duration_ms: f64,
    self_ms: f64,
    depth: usize,
    model: Option<&'a str>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    total_tokens: Option<i64>,
    cost_usd: Option<f64>,
    counted: bool,
}

impl<'a> NodeBody<'a> {
    fn new(span: &'a SpanRow, node: &trace::Node, t0: i64) -> Self {
        let ms = |ns: i64| ns as f64 / 1e6;
        let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano).max(0);
        Self {
            span_id: &span.span_id,
            parent_span_id: span.parent_span_id.as_deref(),
            name: &span.name,
            kind: span.kind,
            status: span.status,
            status_message: span.status_message.as_deref(),
            start_ms: ms(span.start_time_unix_nano.saturating_sub(t0)),
            duration_ms: ms(duration),
            self_ms: ms(node.self_ns),
            depth: node.depth,
            model: span.model.as_deref(),
            input_tokens: span.input_tokens,
            output_tokens: span.output_tokens,
            total_tokens: span.total_tokens,
            cost_usd: span.emitted_cost_usd,
            counted: node.counted,
        }
    }
}

/// The span tree of a trace, without attributes.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/traces/{trace_id}",
    tag = "traces",
    operation_id = "get_trace",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("trace_id" = String, Path, description = "32 hex digits"),
    ),
    responses(
        (status = 200, description = "The tree, depth first", body = TraceDetail),
        (status = 404, description = "There is no such run or trace", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_trace(
    State(state): State<AppState>,
    ApiPath((run_id, trace_id)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let spans = state.trace_compact(&run_id, &trace_id).await?;
    let results = state.results(&run_id).await?;
    respond::compute(move || {
        let spans: Vec<&SpanRow> = spans.iter().collect();
        let summary = trace::summary(&spans)
            .ok_or_else(|| ApiError::NotFound(format!("run `{run_id}` has no trace `{trace_id}`")))?;
        let t0 = summary.first_start_unix_nano;
        let result = result_of(&results, &trace_id);
        let columns = columns::select(RESULT_COLUMNS, &[], &[])?;
        respond::json(&Body {
            summary: HeadBody {
                summary: TraceSummary::new(summary, result),
                test: result.map(|row| Projected { row, columns: &columns, beside: None }),
            },
            t0_unix_nano: t0.to_string(),
            spans: trace::tree(&spans)
                .iter()
                .map(|node| NodeBody::new(spans[node.index], node, t0))
                .collect(),
        })
    })
    .await
}

/// The whole trace as OTLP JSON (`resourceSpans`), to load into any OpenTelemetry backend.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/traces/{trace_id}/otlp",
    tag = "traces",
    operation_id = "get_trace_otlp",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("trace_id" = String, Path, description = "32 hex digits"),
    ),
    responses(
        (status = 200, description = "OTLP JSON", body = Object),
        (status = 404, description = "There is no such run or trace", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_trace_otlp(
    State(state): State<AppState>,
    ApiPath((run_id, trace_id)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let spans = state.trace(&run_id, &trace_id).await?;
    respond::compute(move || {
        let mut response = respond::json(&export::otlp_json(&spans))?.into_response();
        let name = format!("{trace_id}.otlp.json");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(&name));
        Ok(response)
    })
    .await
}
