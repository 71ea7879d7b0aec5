//! `GET /api/v1/compare`: runs side by side.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{
    compare::{Comparison, PairBy, RunOf, compare},
    rows::{ResultRow, RunRow},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    columns::{self, Cell, Projected},
    error::{ApiError, Problem},
    extract::ApiQuery,
    leaderboard::RunIndex,
    respond,
    run_columns::{RANK, RUN_COLUMNS, Run},
    state::AppState,
};

/// Runs that one comparison holds at most.
pub const MOST_RUNS: usize = 6;

/// Which runs, and what makes a pair.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// Ids of 2 to 6 runs, separated by commas or repeated; the first is the baseline.
    #[param(example = "run-1,run-2")]
    pub runs: Vec<String>,
    /// `test`: by test uid, attempts averaged. `attempt`: by test uid and attempt. `id`: by test id, whatever
    /// the agent type.
    #[param(value_type = Option<PairBy>, default = "test")]
    pub pair_by: Option<String>,
}

/// Runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsCompared {
    /// The runs' rows, as asked for; ranks are among all runs.
    pub runs: Vec<Run>,
    /// Over the tests, paired.
    pub comparison: Comparison,
}

/// [`RunsCompared`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    runs: Vec<Projected<'a, RunRow>>,
    comparison: Comparison,
}

impl CompareQuery {
    fn pair_by(&self) -> Result<PairBy, ApiError> {
        match self.pair_by.as_deref().unwrap_or_default() {
            "" | "test" => Ok(PairBy::Test),
            "attempt" => Ok(PairBy::Attempt),
            "id" => Ok(PairBy::Id),
            other => {
                Err(ApiError::invalid(format!("`pair_by` cannot be `{other}`; it takes test, attempt, id")))
            }
        }
    }

    /// Places of the runs in the index with their ranks, as asked for. A value with a comma is a list, unless a
    /// run is called that.
    fn find(&self, index: &RunIndex) -> Result<Vec<(usize, i64)>, ApiError> {
        let is_run = |id: &str| index.rows().iter().any(|run| run.run_id == id);
        let ids: Vec<&str> = self
            .runs
            .iter()
            .flat_map(|value| if is_run(value) { vec![value.as_str()] } else { value.split(',').collect() })
            .map(|id| if is_run(id) { id } else { id.trim() })
            .filter(|id| !id.is_empty())
            .collect();
        if !(2..=MOST_RUNS).contains(&ids.len()) {
            return Err(ApiError::invalid(format!(
                "`runs` must name 2 to {MOST_RUNS} runs, separated by commas, not {}",
                ids.len()
            )));
        }
        if let Some(twice) = ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
            return Err(ApiError::invalid(format!("`runs` names `{}` twice", twice.1)));
        }
        ids.into_iter()
            .map(|id| {
                let mut ranked = index.best_first().zip(1..);
                ranked.find(|(row, _)| index.rows()[*row].run_id == id).ok_or_else(|| ApiError::no_run(id))
            })
            .collect()
    }
}

/// Runs compared with the first of them: test by test, and metric by metric with intervals and verdicts.
#[utoipa::path(
    get,
    path = "/api/v1/compare",
    tag = "runs",
    operation_id = "compare_runs",
    params(CompareQuery),
    responses(
        (status = 200, description = "The comparison", body = RunsCompared),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn compare_runs(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<CompareQuery>,
) -> Result<Response, ApiError> {
    let pair_by = query.pair_by()?;
    let index = state.run_index().await?;
    let places = query.find(&index)?;
    let ids = places.iter().map(|(row, _)| index.rows()[*row].run_id.as_str());
    let results: Vec<Vec<ResultRow>> = futures::future::try_join_all(ids.map(|id| state.results(id))).await?;
    respond::compute(move || {
        let rows = index.rows();
        let sides: Vec<RunOf<'_>> = places
            .iter()
            .zip(&results)
            .map(|((row, _), results)| RunOf { run: &rows[*row], results })
            .collect();
        let columns = columns::select(RUN_COLUMNS, &[RANK], &[])?;
        let runs = places.iter().map(|(row, rank)| Projected {
            row: &rows[*row],
            columns: &columns,
            beside: Some((RANK, Cell::Int(*rank))),
        });
        respond::json(&Body { runs: runs.collect(), comparison: compare(&sides, pair_by) })
    })
    .await
}
