//! The embedded web UI: hashed assets for ever, the page for every address that is a screen's.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Dist;

const PAGE: &str = "index.html";
/// Folder of files whose names carry a hash of their content.
const HASHED: &str = "assets/";

/// A file of the UI; its page for an address without a file extension; a problem for the rest,
/// and for addresses under `/api`.
pub async fn serve(request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Err(ApiError::NotFound(format!(
            "there is no `/{path}`; /api/v1/openapi.json describes what there is"
        )));
    }
    if let Some(file) = Dist::get(path) {
        return Ok(answer(path, &file));
    }
    // Run and trace ids may have dots: only the assets' folder and the root have files.
    let is_file = path.starts_with(HASHED) || (!path.contains('/') && path.contains('.'));
    match Dist::get(PAGE).filter(|_| !is_file) {
        Some(page) => Ok(answer(PAGE, &page)),
        None => Err(ApiError::NotFound(format!("there is no file `/{path}`"))),
    }
}

/// All files of the UI: path, content. What its build left for its tools is none of them.
pub fn files() -> impl Iterator<Item = (String, Vec<u8>)> {
    let files = Dist::iter().filter(|path| !path.starts_with('.'));
    files.filter_map(|path| Some((path.to_string(), Dist::get(&path)?.data.into_owned())))
}

fn answer(path: &str, file: &EmbeddedFile) -> Response {
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mime = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [(header::CONTENT_TYPE, mime), (header::CACHE_CONTROL, HeaderValue::from_static(cache))];
    (StatusCode::OK, headers, file.data.clone().into_owned()).into_response()
}
