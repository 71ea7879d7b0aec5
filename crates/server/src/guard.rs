//! What a request must be before it is worked on, and how long that may take.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    middleware::Next,
    response::Response,
};

use tokio::sync::Semaphore;

use crate::{error::ApiError, state::ServerOptions};

/// Refuses what this API never answers: other methods, foreign host names, endless addresses.
pub async fn admit(
    State(options): State<Arc<ServerOptions>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(ApiError::MethodNotAllowed(request.method().to_string()));
    }
    let length = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if length > options.max_uri_bytes {
        return Err(ApiError::TooLong { limit: options.max_uri_bytes });
    }
    if options.check_host {
        let host = host(request.uri(), request.headers());
        if !is_known(host, &options) {
            return Err(ApiError::Host(host.chars().take(256).collect()));
        }
    }
    Ok(next.run(request).await)
}

/// Bounds the requests in work and the time that each may take. Cheap to clone; clones share
/// their places.
#[derive(Clone)]
pub struct Limits {
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Limits {
    pub fn new(options: &ServerOptions) -> Self {
        Self {
            places: Arc::new(Semaphore::new(options.max_concurrent_requests)),
            timeout: options.request_timeout,
        }
    }
}

/// Applies the limits to a request.
pub async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Result<Response, ApiError> {
    let _place = limits
        .places
        .try_acquire()
        .map_err(|_| ApiError::Busy("all places for requests are taken; try again in a second".into()))?;
    tokio::time::timeout(limits.timeout, next.run(request))
        .await
        .map_err(|_| ApiError::Timeout { seconds: limits.timeout.as_secs() })
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(|authority| authority.as_str()).or(header).unwrap_or_default()
}

/// Whether `host`, with or without a port, is a loopback name or one of the configured.
fn is_known(host: &str, options: &ServerOptions) -> bool {
    let name = without_port(host);
    let loopback = name.eq_ignore_ascii_case("localhost")
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback
        || options
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(name))
}

/// The host of `host:port`; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A bare IPv6 address has no port.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;
    use crate::error::Problem;

    #[test]
    fn hosts_are_known_or_refused() {
        let options = ServerOptions {
            allowed_hosts: vec!["bench.example".into(), "other.example:8080".into()],
            ..ServerOptions::default()
        };
        let check = |host: &str, expected: bool| assert_eq!(is_known(host, &options), expected, "{host}");
        check("localhost", true);
        check("LOCALHOST:7860", true);
        check("127.0.0.1:7860", true);
        check("127.1.2.3", true);
        check("[::1]:7860", true);
        check("[::1]", true);
        check("::1", true);
        check("bench.example", true);
        check("bench.example:7860", true);
        check("other.example:8080", true);
        check("other.example:9090", false);
        check("evil.example", false);
        check("localhost.evil.example", false);
        check("127.0.0.1.evil.example:7860", false);
        check("10.0.0.1:7860", false);
        check("", false);
        check(":7860", false);
    }

    /// Asks a route that never answers.
    async fn ask(options: &ServerOptions) -> Response {
        let never = || std::future::pending::<()>();
        let limits = Limits::new(options);
        let app = Router::new().route("/", get(never)).layer(middleware::from_fn_with_state(limits, limit));
        app.oneshot(Request::new(Body::empty())).await.expect("a router always answers")
    }

    #[tokio::test]
    async fn no_place_is_busy() {
        let response = ask(&ServerOptions { max_concurrent_requests: 0, ..ServerOptions::default() }).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[tokio::test]
    async fn no_answer_in_time_is_a_timeout() {
        let response =
            ask(&ServerOptions { request_timeout: Duration::ZERO, ..ServerOptions::default() }).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let problem = response.extensions().get::<Problem>().expect("a problem");
        assert_eq!(problem.kind, "urn:smoltrace:problem:timeout");
    }
}
