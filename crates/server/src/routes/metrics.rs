//! `GET /api/v1/runs/{run_id}/metrics`: metric series to draw, with a lane per test.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    chart::{self, Chart, ChartRequest},
    error::{ApiError, Problem},
    extract::{ApiPath, ApiQuery},
    leaderboard::{comma_list, number},
    respond,
    state::AppState,
};

/// Which series, which window, how finely.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// Metric names; repeat for several. The seven of the metrics dataset when left out, and
    /// `*` for all that there are.
    #[param(example = json!(["gen_ai.gpu.power"]))]
    pub metric: Vec<String>,
    /// Only this GPU; repeat for several.
    pub gpu_id: Vec<String>,
    /// Start of the window, ms from `t0_unix_nano`.
    #[param(value_type = Option<f64>)]
    pub from_ms: Option<String>,
    /// End of the window, ms from `t0_unix_nano`.
    #[param(value_type = Option<f64>)]
    pub to_ms: Option<String>,
    /// Most points of a series. A longer one is thinned to the least and the greatest value of equal parts.
    #[param(value_type = Option<u32>, minimum = 5, maximum = 100000, default = 1000)]
    pub max_points: Option<String>,
}

impl MetricsQuery {
    fn request(&self) -> Result<ChartRequest, ApiError> {
        let owned = |values: &[String]| comma_list(values).into_iter().map(str::to_owned).collect();
        let (from_ms, to_ms) = (offset("from_ms", &self.from_ms)?, offset("to_ms", &self.to_ms)?);
        if let (Some(from), Some(to)) = (from_ms, to_ms)
            && from > to
        {
            return Err(ApiError::invalid(format!("`from_ms` ({from}) must not be beyond `to_ms` ({to})")));
        }
        Ok(ChartRequest {
            metrics: owned(&self.metric),
            gpu_ids: self.gpu_id.iter().filter(|id| !id.is_empty()).cloned().collect(),
            from_ms,
            to_ms,
            max_points: number("max_points", self.max_points.as_deref(), 5, 100_000, 1_000)?,
        })
    }
}

fn offset(name: &str, text: &Option<String>) -> Result<Option<f64>, ApiError> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(Some)
        .ok_or_else(|| ApiError::invalid(format!("`{name}` must be a number of milliseconds, not `{text}`")))
}

/// Metric series of a run, a line per GPU, on one axis with its tests.
///
/// A counter comes accumulated from 0 across resets, so its last value is the series' total. A
/// null value is a gap: nothing was measured for more than three times the usual interval.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/metrics",
    tag = "metrics",
    operation_id = "get_metrics",
    params(("run_id" = String, Path, description = "Run id, percent-encoded"), MetricsQuery),
    responses(
        (status = 200, description = "The series and the tests on one axis", body = Chart),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get_metrics(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
    ApiQuery(query): ApiQuery<MetricsQuery>,
) -> Result<Response, ApiError> {
    let request = query.request()?;
    let run = state.run(&run_id).await?;
    let series = state.series(&run).await?;
    let results = state.results(&run_id).await?;
    respond::compute(move || respond::json(&chart::chart(&run, &series, &results, &request)?)).await
}
