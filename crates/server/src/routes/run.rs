//! `GET /api/v1/runs/{run_id}`: one run and how its numbers were made.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smoltrace_model::{
    account::{self, Accounting, Difference, GpuFigures},
    rows::RunRow,
};
use utoipa::ToSchema;

use crate::{
    columns::{self, Cell, Projected, json_text},
    error::{ApiError, Problem},
    extract::ApiPath,
    fields::{self, FieldName},
    respond,
    routes::results::Unattributed,
    run_columns::{RANK, RUN_COLUMNS, Run},
    state::AppState,
};

/// A run with everything behind its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDetail {
    /// The run's row; its rank is among all runs.
    pub run: Run,
    /// What the source said of itself: its own row, its metadata, its trace aggregates.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub declared: serde_json::Value,
    /// Numbers of the source's own row that its spans and points do not add up to.
    pub differences: Vec<Difference>,
    /// How the numbers were made: counts, totals per GPU, and the steps of each total.
    pub accounting: Accounting,
    /// What the fields of `differences` and of the chains in `accounting` are called, in the order to show them.
    pub fields: Vec<FieldName>,
    /// Totals and averages per GPU, as in `accounting`.
    pub gpus: Vec<GpuFigures>,
    pub unattributed: Unattributed,
}

/// [`RunDetail`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    run: Projected<'a, RunRow>,
    declared: Box<RawValue>,
    differences: Vec<Difference>,
    accounting: &'a Accounting,
    fields: Vec<FieldName>,
    gpus: &'a [GpuFigures],
    unattributed: Unattributed,
}

/// One run: its row, what its source declared, where the two differ, and how every total was made.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}",
    tag = "runs",
    operation_id = "get_run",
    params(("run_id" = String, Path, description = "Run id, percent-encoded")),
    responses(
        (status = 200, description = "The run", body = RunDetail),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_run(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
) -> Result<Response, ApiError> {
    let index = state.run_index().await?;
    let (row, rank) = index
        .best_first()
        .zip(1..)
        .map(|(at, rank)| (&index.rows()[at], rank))
        .find(|(row, _)| row.run_id == run_id)
        .ok_or_else(|| ApiError::no_run(&run_id))?;
    let accounting: Accounting = serde_json::from_str(&row.accounting).unwrap_or_default();
    let columns = columns::select(RUN_COLUMNS, &[RANK], &[])?;
    let differences = account::differences(row);
    respond::json(&Body {
        run: Projected { row, columns: &columns, beside: Some((RANK, Cell::Int(rank))) },
        declared: json_text(&row.declared),
        fields: fields::named(&differences, &accounting),
        differences,
        accounting: &accounting,
        gpus: &accounting.gpus,
        unattributed: Unattributed::of(row),
    })
}
