//! `GET /api/v1/runs/{run_id}/results/{test_uid}`: one execution of one test.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    columns::{self, Projected},
    error::{ApiError, Problem},
    extract::{ApiPath, ApiQuery},
    leaderboard::number,
    respond,
    result_columns::{RESULT_COLUMNS, TestResult},
    state::AppState,
};

/// Which attempt.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResultQuery {
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    pub attempt: Option<String>,
}

/// One execution with its prompt and its answer.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/results/{test_uid}",
    tag = "results",
    operation_id = "get_result",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("test_uid" = String, Path, description = "`<agent_type>:<test_id>`, percent-encoded"),
        ResultQuery,
    ),
    responses(
        (status = 200, description = "The execution", body = TestResult),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run or execution", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_result(
    State(state): State<AppState>,
    ApiPath((run_id, test_uid)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<ResultQuery>,
) -> Result<Response, ApiError> {
    let attempt = number("attempt", query.attempt.as_deref(), 1, u32::MAX as usize, 1)?;
    state.run(&run_id).await?;
    let results = state.results(&run_id).await?;
    let row =
        results.iter().find(|row| row.test_uid == test_uid && row.attempt == attempt as i64).ok_or_else(
            || ApiError::NotFound(format!("run `{run_id}` has no attempt {attempt} of a test `{test_uid}`")),
        )?;
    let columns = columns::select(RESULT_COLUMNS, &[], &[])?;
    respond::json(&Projected { row, columns: &columns, beside: None })
}
