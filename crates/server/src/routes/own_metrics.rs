//! `GET /metrics`: what this server itself does, in the text that Prometheus reads.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{error::ApiError, state::AppState};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters, gauges and histograms of this server, as OpenMetrics text.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    operation_id = "get_own_metrics",
    responses((status = 200, description = "OpenMetrics text", content_type = "text/plain", body = String))
)]
pub async fn get_own_metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, state.registry())
        .map_err(|error| ApiError::Internal(format!("the metrics cannot be written: {error}")))?;
    let content_type = HeaderValue::from_static(OPEN_METRICS);
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
