//! `GET /api/v1/runs/{run_id}/traces/{trace_id}/spans`: the spans of a trace, whole.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{
    rows::{SpanKind, SpanRow},
    trace,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    columns::{self, Projected},
    error::{ApiError, Problem},
    extract::{ApiPath, ApiQuery},
    leaderboard::{Page, comma_list},
    respond,
    routes::span::{SPAN_COLUMNS, Span},
    state::AppState,
};

/// Which spans, and which part of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SpansQuery {
    /// Only spans of this kind; repeat for alternatives.
    #[param(value_type = Vec<SpanKind>)]
    pub kind: Vec<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    pub page: Option<String>,
    /// Spans a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000, default = 100)]
    pub page_size: Option<String>,
}

/// A page of a trace's spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpansPage {
    /// In the order of the timeline: depth first, siblings by start.
    pub items: Vec<Span>,
    /// Spans that the filter leaves, on all pages.
    pub total: usize,
    pub page: usize,
    pub page_size: usize,
}

/// [`SpansPage`] as it is written.
#[derive(Serialize)]
struct Body<I: Serialize> {
    items: Vec<I>,
    total: usize,
    page: usize,
    page_size: usize,
}

/// The spans of a trace with their attributes, events, links, resource and scope.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/traces/{trace_id}/spans",
    tag = "traces",
    operation_id = "list_spans",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("trace_id" = String, Path, description = "32 hex digits"),
        SpansQuery,
    ),
    responses(
        (status = 200, description = "A page of spans", body = SpansPage),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run or trace", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_spans(
    State(state): State<AppState>,
    ApiPath((run_id, trace_id)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<SpansQuery>,
) -> Result<Response, ApiError> {
    let kinds = kinds(&query.kind)?;
    let page = Page::parse(query.page.as_deref(), query.page_size.as_deref())?;
    state.run(&run_id).await?;
    let rows = state.trace(&run_id, &trace_id).await?;
    respond::compute(move || {
        if rows.is_empty() {
            return Err(ApiError::NotFound(format!("run `{run_id}` has no trace `{trace_id}`")));
        }
        let spans: Vec<&SpanRow> = rows.iter().collect();
        let chosen: Vec<&SpanRow> = trace::tree(&spans)
            .into_iter()
            .map(|node| spans[node.index])
            .filter(|span| kinds.is_empty() || kinds.contains(&span.kind))
            .collect();
        let columns = columns::select(SPAN_COLUMNS, &[], &[])?;
        let items: Vec<_> =
            page.of(&chosen).iter().map(|&row| Projected { row, columns: &columns, beside: None }).collect();
        respond::json(&Body { items, total: chosen.len(), page: page.page, page_size: page.page_size })
    })
    .await
}

fn kinds(values: &[String]) -> Result<Vec<SpanKind>, ApiError> {
    comma_list(values)
        .into_iter()
        .map(|name| {
            SpanKind::parse(name).ok_or_else(|| {
                let known: Vec<&str> = SpanKind::ALL.iter().map(|kind| kind.as_str()).collect();
                ApiError::invalid(format!("`kind` cannot be `{name}`; it takes {}", known.join(", ")))
            })
        })
        .collect()
}
