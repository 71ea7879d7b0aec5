//! `GET /healthz`: whether the server answers.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{error::ApiError, respond};

/// State of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    pub status: String,
    /// Version of smoltrace.
    #[schema(example = "0.1.0")]
    pub version: String,
}

/// Whether the server answers, and its version. Reads no table.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    operation_id = "get_health",
    responses((status = 200, description = "The server answers", body = Health))
)]
pub async fn get_health() -> Result<Response, ApiError> {
    respond::json(&Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into() })
}
