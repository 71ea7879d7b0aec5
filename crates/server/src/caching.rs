//! Entity tags and `If-None-Match`.
//!
//! The tag is a hash of the body, so it is strong, the same on every server over the same
//! tables, and needs no table to say what changed. A compressed answer is another
//! representation and has a tag of its own.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::ApiError;

/// Ends the tag of a gzip representation.
const GZIP: &str = "-gzip";

/// Tags a successful answer, and answers 304 when the client has it. Belongs inside compression.
pub async fn tag(request: Request, next: Next) -> Result<Response, ApiError> {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    // A stream of events has no end to wait for.
    let endless = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/event-stream"));
    if response.status() != StatusCode::OK || endless {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| ApiError::Internal(format!("an answer could not be read back: {error}")))?
        .to_bytes();
    let etag = format!("\"{:032x}\"", xxh3_128(&body));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        parts.headers.insert(header::ETAG, value);
    }
    // Kept by the browser, but asked for each time.
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if known.as_ref().and_then(|known| known.to_str().ok()).is_some_and(|known| matches(known, &etag)) {
        return Ok(not_modified(&parts.headers));
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Gives a compressed answer its own tag. Belongs outside compression.
pub async fn tag_encoded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let gzip = headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    if gzip
        && let Some(etag) = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok())
        && let Some(inner) = etag.strip_suffix('"')
        && let Ok(value) = HeaderValue::from_str(&format!("{inner}{GZIP}\""))
    {
        headers.insert(header::ETAG, value);
    }
    response
}

/// Whether a list of tags holds this one; `If-None-Match` compares weakly.
fn matches(list: &str, etag: &str) -> bool {
    let plain = |tag: &str| tag.trim_matches('"').trim_end_matches(GZIP).to_owned();
    list.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || plain(tag.strip_prefix("W/").unwrap_or(tag)) == plain(etag))
}

fn not_modified(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_weakly() {
        let check = |list: &str, expected: bool| assert_eq!(matches(list, "\"abc\""), expected, "{list}");
        check("\"abc\"", true);
        check("W/\"abc\"", true);
        check("\"abc-gzip\"", true);
        check("\"x\", \"abc\"", true);
        check("*", true);
        check("\"abcd\"", false);
        check("", false);
    }
}
