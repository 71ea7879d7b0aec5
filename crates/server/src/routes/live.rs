//! `GET /api/v1/live`: the runs in progress.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{
    progress,
    rows::{RunRow, RunStatus, SpanKind, SpanRow, SpanStatus},
};
use utoipa::ToSchema;

use crate::{
    columns::{self, Column, Projected},
    error::{ApiError, Problem},
    respond,
    run_columns::{RANK, RUN_COLUMNS, Run},
    state::AppState,
};

/// Runs that are told of in detail, the newest; more are counted.
const MOST_RUNS: usize = 12;
/// Spans of a run that are told of.
const MOST_SPANS: usize = 12;

/// What is going on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveRuns {
    /// The runs in progress, the newest first; of more than 12 the rest is only counted.
    pub items: Vec<LiveRun>,
    /// All runs in progress.
    pub total: usize,
}

/// A run in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveRun {
    /// Its row so far; its rank is null.
    pub run: Run,
    #[serde(flatten)]
    pub so_far: SoFar,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SoFar {
    /// Tests whose root span is there.
    pub tests_done: i64,
    /// Tests under way: spans of them are there, but not the root; or as many as the run said that it runs at a time.
    pub tests_running: i64,
    /// Tests still to come; null when the run did not say how many there are.
    pub tests_queued: Option<i64>,
    /// Power of all GPUs by their newest samples, W.
    pub power_w: Option<f64>,
    /// When the newest of these samples was taken, Unix ns.
    pub power_time_unix_nano: Option<String>,
    /// The spans that ended last, newest first.
    pub latest_spans: Vec<LiveSpan>,
}

/// A span that has just ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveSpan {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    pub name: String,
    pub kind: SpanKind,
    pub status: SpanStatus,
    /// Test that it names.
    pub test_uid: Option<String>,
    pub model: Option<String>,
    /// Unix ns.
    pub end_time_unix_nano: String,
    pub duration_ms: f64,
    /// Tokens that the span itself carries.
    pub total_tokens: Option<i64>,
}

impl LiveSpan {
    fn of(span: &SpanRow) -> Self {
        let duration_ns = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano).max(0);
        Self {
            trace_id: span.trace_id.clone(),
            span_id: span.span_id.clone(),
            name: span.name.clone(),
            kind: span.kind,
            status: span.status,
            test_uid: span.test_uid.clone(),
            model: span.model.clone(),
            end_time_unix_nano: span.end_time_unix_nano.to_string(),
            duration_ms: duration_ns as f64 / 1e6,
            total_tokens: span.total_tokens,
        }
    }
}

/// [`LiveRuns`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    items: Vec<Item<'a>>,
    total: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    run: Projected<'a, RunRow>,
    #[serde(flatten)]
    so_far: SoFar,
}

/// The runs in progress: tests so far, power now, and the spans that came last. Ask again when `/api/v1/events`
/// names one of them.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "runs",
    operation_id = "list_live",
    responses(
        (status = 200, description = "The runs in progress", body = LiveRuns),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_live(State(state): State<AppState>) -> Result<Response, ApiError> {
    let index = state.run_index().await?;
    let rows = index.rows();
    let mut running: Vec<usize> =
        (0..rows.len()).filter(|row| rows[*row].status == RunStatus::Running).collect();
    running.sort_by_key(|row| index.age(*row));
    let total = running.len();
    running.truncate(MOST_RUNS);
    let columns: Vec<&Column<RunRow>> = columns::select(RUN_COLUMNS, &[RANK], &[])?;
    let so_far = running.iter().map(|row| so_far(&state, &rows[*row]));
    let so_far = futures::future::try_join_all(so_far).await?;
    let items = running.iter().zip(so_far).map(|(row, so_far)| Item {
        run: Projected { row: &rows[*row], columns: &columns, beside: Some((RANK, columns::Cell::Null)) },
        so_far,
    });
    respond::json(&Body { items: items.collect(), total })
}

async fn so_far(state: &AppState, run: &RunRow) -> Result<SoFar, ApiError> {
    let (spans, series) = tokio::try_join!(state.spans_of_run(&run.run_id), state.series(run))?;
    let run = run.clone();
    respond::compute(move || {
        let tests = progress::tests_so_far(&run, &spans);
        let power = progress::power_now(&series);
        Ok(SoFar {
            tests_done: tests.done,
            tests_running: tests.running,
            tests_queued: tests.queued,
            power_w: power.map(|(watts, _)| watts),
            power_time_unix_nano: power.map(|(_, at)| at.to_string()),
            latest_spans: progress::latest(&spans, MOST_SPANS).into_iter().map(LiveSpan::of).collect(),
        })
    })
    .await
}
