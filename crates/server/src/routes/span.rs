//! `GET /api/v1/runs/{run_id}/traces/{trace_id}/spans/{span_id}`: everything of one span.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::rows::{SpanKind, SpanRow, SpanStatus};
use utoipa::ToSchema;

use crate::{
    columns::{self, Cell, Projected, columns},
    error::{ApiError, Problem},
    extract::ApiPath,
    respond,
    state::AppState,
};

columns! {
    /// One span whole. Token counts and cost are those that the span itself carries.
    pub struct Span of row: SpanRow as SPAN_COLUMNS {
        /// Run that the span belongs to.
        run_id: String,
        /// 32 hex digits.
        trace_id: String,
        /// 16 hex digits.
        span_id: String,
        /// 16 hex digits; null on a root.
        parent_span_id: Option<String>,
        /// `<agent_type>:<test_id>` when the span itself names a test.
        test_uid: Option<String>,
        /// Name as emitted.
        name: String,
        /// Canonical kind.
        kind: SpanKind,
        /// Unix ns.
        start_time_unix_nano: String = Cell::Nanos(row.start_time_unix_nano),
        /// Unix ns.
        end_time_unix_nano: String = Cell::Nanos(row.end_time_unix_nano),
        /// ms.
        duration_ms: f64 = Cell::Float(duration_ms(row)),
        /// Status code.
        status: SpanStatus,
        /// Status description or exception message.
        status_message: Option<String>,
        /// `service.name`, or "unknown".
        service: String,
        /// Response model, else request model.
        model: Option<String>,
        /// Provider of the model.
        provider: Option<String>,
        /// Cached ones included.
        input_tokens: Option<i64>,
        /// Reasoning ones included.
        output_tokens: Option<i64>,
        /// Total as emitted, else input and output.
        total_tokens: Option<i64>,
        /// Part of the input.
        cache_read_tokens: Option<i64>,
        /// Part of the input.
        cache_write_tokens: Option<i64>,
        /// Part of the output.
        reasoning_tokens: Option<i64>,
        /// USD that the client emitted on this span.
        emitted_cost_usd: Option<f64>,
        /// All attributes.
        #[schema(value_type = BTreeMap<String, serde_json::Value>)]
        attributes: serde_json::Value = Cell::Json(&row.attributes),
        /// What happened within the span, exceptions among it.
        #[schema(value_type = Vec<SpanEvent>)]
        events: serde_json::Value = Cell::Events(&row.events),
        /// Other spans that the span points at.
        #[schema(value_type = Vec<SpanLink>)]
        links: serde_json::Value = Cell::Json(&row.links),
        /// Resource attributes.
        #[schema(value_type = BTreeMap<String, serde_json::Value>)]
        resource: serde_json::Value = Cell::Json(&row.resource),
        /// Instrumentation scope: `{name, version}`.
        #[schema(value_type = BTreeMap<String, serde_json::Value>)]
        scope: serde_json::Value = Cell::Json(&row.scope),
    }
}

/// Something that happened at one moment of a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanEvent {
    pub name: String,
    /// Unix ns.
    pub time_unix_nano: String,
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A span of this or another trace that a span points at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanLink {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    pub attributes: BTreeMap<String, serde_json::Value>,
}

fn duration_ms(row: &SpanRow) -> f64 {
    row.end_time_unix_nano.saturating_sub(row.start_time_unix_nano).max(0) as f64 / 1e6
}

/// One span with its attributes, events, links, resource and scope.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/traces/{trace_id}/spans/{span_id}",
    tag = "traces",
    operation_id = "get_span",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("trace_id" = String, Path, description = "32 hex digits"),
        ("span_id" = String, Path, description = "16 hex digits"),
    ),
    responses(
        (status = 200, description = "The span", body = Span),
        (status = 404, description = "There is no such run, trace or span", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_span(
    State(state): State<AppState>,
    ApiPath((run_id, trace_id, span_id)): ApiPath<(String, String, String)>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let span = state.span(&run_id, &trace_id, &span_id).await?;
    let columns = columns::select(SPAN_COLUMNS, &[], &[])?;
    respond::json(&Projected { row: &span, columns: &columns, beside: None })
}
