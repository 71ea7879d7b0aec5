//! `GET /api/v1/runs/{run_id}/results/{test_uid}`: one execution of one test.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::{account::CallEnergyFigures, rows::ResultRow};
use utoipa::{IntoParams, ToSchema};

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

/// One execution, and what its LLM calls used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultDetail {
    #[serde(flatten)]
    pub result: TestResult,
    /// Energy of its LLM calls; null when no call of the run was long enough to be measured.
    pub call_energy: Option<CallEnergyFigures>,
}

/// [`ResultDetail`] as it is written.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    result: Projected<'a, ResultRow>,
    call_energy: Option<CallEnergyFigures>,
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
        (status = 200, description = "The execution", body = ResultDetail),
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
    let run = state.run(&run_id).await?;
    let (results, energies) = tokio::try_join!(state.results(&run_id), state.call_energies(&run))?;
    let row =
        results.iter().find(|row| row.test_uid == test_uid && row.attempt == attempt as i64).ok_or_else(
            || ApiError::NotFound(format!("run `{run_id}` has no attempt {attempt} of a test `{test_uid}`")),
        )?;
    let columns = columns::select(RESULT_COLUMNS, &[], &[])?;
    let trace_id = row.trace_id.as_deref();
    let call_energy = energies.zip(trace_id).and_then(|(energies, trace_id)| energies.of_trace(trace_id));
    respond::json(&Body { result: Projected { row, columns: &columns, beside: None }, call_energy })
}
