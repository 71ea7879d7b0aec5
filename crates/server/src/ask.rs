//! The API asked in process: for the terminal, which must never say anything else than the browser.

use std::fmt::Write;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, Request, header},
};
use tower::ServiceExt;

use crate::{api::router, error::Problem, state::AppState};

/// Address of a resource with its parameters, percent-encoded as they are added.
#[derive(Debug, Clone, PartialEq)]
pub struct Query(String);

impl Query {
    /// The resource under `segments`, each of which may hold any character.
    pub fn at(segments: &[&str]) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            encode(segment, &mut path);
        }
        Self(path)
    }

    /// Adds a parameter.
    pub fn add(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        encode(name, &mut self.0);
        self.0.push('=');
        encode(value, &mut self.0);
        self
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The body of the answer to a GET.
///
/// # Errors
/// The problem that the API answered with.
pub async fn ask(state: AppState, query: &Query) -> Result<Bytes, Problem> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = query.0.parse().map_err(|error| failed(&format!("{}: {error}", query.0)))?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    let response = match router(state).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let body =
        to_bytes(response.into_body(), usize::MAX).await.map_err(|error| failed(&error.to_string()))?;
    if status.is_success() {
        return Ok(body);
    }
    Err(serde_json::from_slice(&body).unwrap_or_else(|_| failed(&String::from_utf8_lossy(&body))))
}

fn failed(detail: &str) -> Problem {
    Problem {
        kind: "about:blank".into(),
        title: "The request could not be made".into(),
        status: 500,
        detail: detail.into(),
        instance: None,
    }
}
