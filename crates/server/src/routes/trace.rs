//! `GET /api/v1/runs/{run_id}/traces/{trace_id}`: the span tree, and its OTLP form.

use std::mem;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use smoltrace_exchange::export;
use smoltrace_model::{
    account::{CallEnergies, CallEnergyFigures},
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

/// The spans of a trace as columns, in the order of a timeline: depth first, siblings by start.
/// All have the same length. A trace may have 50,000 spans, and this is a third of the bytes that
/// a list of objects would be. Attributes are read one span at a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanColumns {
    pub span_id: Vec<String>,
    /// Index of the parent in these columns; null for a root, and for a span whose parent is
    /// not in the trace.
    pub parent: Vec<Option<usize>>,
    pub name: Vec<String>,
    pub kind: Vec<SpanKind>,
    pub status: Vec<SpanStatus>,
    pub status_message: Vec<Option<String>>,
    /// ms from `t0_unix_nano`.
    pub start_ms: Vec<f64>,
    pub duration_ms: Vec<f64>,
    /// Duration that no child covers, ms.
    pub self_ms: Vec<f64>,
    /// 0 for a root.
    pub depth: Vec<usize>,
    pub model: Vec<Option<String>>,
    /// Tokens that the span itself carries; a parent may repeat its children's.
    pub input_tokens: Vec<Option<i64>>,
    pub output_tokens: Vec<Option<i64>>,
    pub total_tokens: Vec<Option<i64>>,
    /// USD that the client emitted on this span.
    pub cost_usd: Vec<Option<f64>>,
    /// Whether the span's tokens count in the trace's totals.
    pub counted: Vec<bool>,
    /// Wh of an LLM call that lasted longer than the devices need to tell; null for every other span. Calls at the same
    /// time share equally.
    pub energy_wh: Vec<Option<f64>>,
}

/// The span tree of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceDetail {
    pub summary: TraceHead,
    /// Origin of the times, Unix ns: the earliest start of any span.
    pub t0_unix_nano: String,
    /// Energy of the trace's LLM calls; null when no call of the run was long enough to be measured.
    pub call_energy: Option<CallEnergyFigures>,
    pub spans: SpanColumns,
}

/// [`TraceDetail`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    summary: HeadBody<'a>,
    t0_unix_nano: String,
    call_energy: Option<CallEnergyFigures>,
    spans: SpanColumns,
}

#[derive(Serialize)]
struct HeadBody<'a> {
    #[serde(flatten)]
    summary: TraceSummary,
    test: Option<Projected<'a, ResultRow>>,
}

impl SpanColumns {
    /// Takes the rows apart: what they hold is moved, not copied.
    fn new(mut rows: Vec<SpanRow>, tree: &[trace::Node], t0: i64, energies: Option<&CallEnergies>) -> Self {
        let ms = |ns: i64| ns as f64 / 1e6;
        let mut columns = Self::default();
        for node in tree {
            let row = &mut rows[node.index];
            let duration = row.end_time_unix_nano.saturating_sub(row.start_time_unix_nano).max(0);
            let energy_wh = energies.and_then(|calls| calls.energy_wh(&row.trace_id, &row.span_id));
            columns.energy_wh.push(energy_wh);
            columns.span_id.push(mem::take(&mut row.span_id));
            columns.parent.push(node.parent);
            columns.name.push(mem::take(&mut row.name));
            columns.kind.push(row.kind);
            columns.status.push(row.status);
            columns.status_message.push(row.status_message.take());
            columns.start_ms.push(ms(row.start_time_unix_nano.saturating_sub(t0)));
            columns.duration_ms.push(ms(duration));
            columns.self_ms.push(ms(node.self_ns));
            columns.depth.push(node.depth);
            columns.model.push(row.model.take());
            columns.input_tokens.push(row.input_tokens);
            columns.output_tokens.push(row.output_tokens);
            columns.total_tokens.push(row.total_tokens);
            columns.cost_usd.push(row.emitted_cost_usd);
            columns.counted.push(node.counted);
        }
        columns
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
    let run = state.run(&run_id).await?;
    let (rows, results, energies) = tokio::try_join!(
        state.trace_compact(&run_id, &trace_id),
        state.results(&run_id),
        state.call_energies(&run)
    )?;
    respond::compute(move || {
        let spans: Vec<&SpanRow> = rows.iter().collect();
        let summary = trace::summary(&spans)
            .ok_or_else(|| ApiError::NotFound(format!("run `{run_id}` has no trace `{trace_id}`")))?;
        let tree = trace::tree(&spans);
        let t0 = summary.first_start_unix_nano;
        let result = result_of(&results, &trace_id);
        let columns = columns::select(RESULT_COLUMNS, &[], &[])?;
        respond::json(&Body {
            summary: HeadBody {
                summary: TraceSummary::new(summary, result),
                test: result.map(|row| Projected { row, columns: &columns, beside: None }),
            },
            t0_unix_nano: t0.to_string(),
            call_energy: energies.as_ref().and_then(|energies| energies.of_trace(&trace_id)),
            spans: SpanColumns::new(rows, &tree, t0, energies.as_deref()),
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
