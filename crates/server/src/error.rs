//! Every error a client can see, and its one mapping to RFC 9457 problem details.
//!
//! An error is either logged (those of our own making) or returned with its reason (those of
//! the client's), never both.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use smoltrace_store::StoreError;
use utoipa::ToSchema;

/// Media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// RFC 9457 problem details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:smoltrace:problem:not-found",
    "title": "Not found",
    "status": 404,
    "detail": "there is no run `run-1`",
    "instance": "/api/v1/runs/run-1"
}))]
pub struct Problem {
    /// Stable name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here, and what mends it.
    pub detail: String,
    /// Path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// A parameter that is not understood; the text names it and what is allowed.
    #[error("{0}")]
    Invalid(String),
    /// Something that is not there; the text names it.
    #[error("{0}")]
    NotFound(String),
    #[error("`{0}` is not allowed here; this API is read with GET and HEAD")]
    MethodNotAllowed(String),
    #[error("the host `{0}` is not one of this server's names; add it to the allowed hosts")]
    Host(String),
    #[error("the address is longer than {limit} bytes")]
    TooLong { limit: usize },
    /// All places are taken; the client should come again.
    #[error("{0}")]
    Busy(String),
    #[error("the answer took longer than {seconds} s; ask for less")]
    Timeout { seconds: u64 },
    /// A fault on the server's side that a person can mend; the text says how.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours; logged in full.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid(detail.into())
    }

    pub fn no_run(run_id: &str) -> Self {
        Self::NotFound(format!("there is no run `{run_id}`"))
    }

    /// The problem as it is sent, without the request's path.
    fn problem(&self) -> Problem {
        let (status, name, title) = self.kind();
        Problem {
            kind: format!("urn:smoltrace:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            instance: None,
        }
    }

    /// HTTP status, stable name and title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid parameter"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::Host(_) => (StatusCode::MISDIRECTED_REQUEST, "unknown-host", "Unknown host"),
            Self::TooLong { .. } => (StatusCode::URI_TOO_LONG, "uri-too-long", "Address too long"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
            Self::Timeout { .. } => (StatusCode::SERVICE_UNAVAILABLE, "timeout", "Took too long"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NotFound { .. } => Self::NotFound(text),
            StoreError::Busy { .. } => Self::Busy(text),
            StoreError::InvalidQuery { .. } | StoreError::QueryLimit { .. } => Self::Invalid(text),
            StoreError::Corrupt { .. }
            | StoreError::NewerVersion { .. }
            | StoreError::Permission { .. }
            | StoreError::DiskFull { .. }
            | StoreError::ReadOnly { .. } => Self::Unavailable(text),
            StoreError::InvalidRow { .. } | StoreError::Other { .. } => Self::Internal(text),
        }
    }
}

impl IntoResponse for ApiError {
    /// The body is left to [`complete`], which knows the request's path.
    fn into_response(self) -> Response {
        if let Self::Internal(reason) | Self::Unavailable(reason) = &self {
            tracing::error!(%reason, "request failed");
        }
        let mut response = self.kind().0.into_response();
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed(_) => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Self::Busy(_) | Self::Timeout { .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self.problem());
        response
    }
}

/// Writes the problem that a response carries as its body, naming the request's path.
pub async fn complete(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.instance = Some(instance);
    // Strings and a number: writing them as JSON cannot fail.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}
