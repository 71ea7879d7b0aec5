//! `GET /api/v1/runs/{run_id}/report`: the run as one self-contained HTML file.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use crate::{
    ask::{self, Query},
    error::{ApiError, Problem},
    extract::ApiPath,
    report::{Report, render},
    respond,
    routes::download::attachment,
    state::AppState,
};

/// Points of a line: more than a report's charts are wide.
const MAX_POINTS: &str = "600";

/// The run as one HTML file to pass on: totals, outcome, time, environment, tests, and how the numbers were made. It
/// holds no script and loads nothing.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/report",
    tag = "runs",
    operation_id = "get_report",
    params(("run_id" = String, Path, description = "Run id, percent-encoded")),
    responses(
        (status = 200, description = "The report", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_report(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
) -> Result<Response, ApiError> {
    state.run(&run_id).await?;
    let of_run = |rest: &[&str]| {
        let mut segments = vec!["api", "v1", "runs", run_id.as_str()];
        segments.extend(rest);
        Query::at(&segments)
    };
    let (mut results, mut metrics) = (of_run(&["results"]), of_run(&["metrics"]));
    results.add("page_size", "10000");
    metrics.add("max_points", MAX_POINTS);
    // The same answers as anybody gets: a report cannot say anything else than the screens.
    let detail = answer(&state, &of_run(&[])).await?;
    let results = answer(&state, &results).await?;
    let chart = answer(&state, &metrics).await?;
    let performance = answer(&state, &of_run(&["performance"])).await?;
    let page = respond::compute(move || {
        Ok(render(&Report { detail: &detail, results: &results, chart: &chart, performance: &performance }))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_DISPOSITION, attachment(&format!("{run_id}.report.html"))),
    ];
    Ok((headers, page).into_response())
}

async fn answer<T: DeserializeOwned>(state: &AppState, query: &Query) -> Result<T, ApiError> {
    let body = ask::ask(state.clone(), query)
        .await
        .map_err(|problem| ApiError::Internal(format!("{}: {}", problem.title, problem.detail)))?;
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::Internal(format!("an answer is not as described: {error}")))
}
