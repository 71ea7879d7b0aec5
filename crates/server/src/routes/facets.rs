//! `GET /api/v1/facets`: what the leaderboard can be filtered by.

use axum::{extract::State, response::Response};

use crate::{
    error::{ApiError, Problem},
    extract::ApiQuery,
    leaderboard::{self, Facets, params::run_params},
    respond,
    state::AppState,
};

run_params! {
    /// The filter in force.
    pub struct FacetsQuery {}
}

/// Values of every filter field with the number of runs that each would leave.
#[utoipa::path(
    get,
    path = "/api/v1/facets",
    tag = "runs",
    operation_id = "list_facets",
    params(FacetsQuery),
    responses(
        (status = 200, description = "Values by field, most frequent first", body = Facets),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_facets(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<FacetsQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter()?;
    let index = state.run_index().await?;
    respond::compute(move || respond::json(&leaderboard::facets(&index, &filter))).await
}
