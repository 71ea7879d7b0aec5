//! Request parts into typed values; what does not fit becomes a problem that names it.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Query parameters. Repeated names make lists; a name that the type does not have is refused
/// with the names that it has.
pub struct ApiQuery<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        serde_html_form::from_str(query).map(Self).map_err(|error| {
            let repeated = match repeated(query).as_slice() {
                [] => String::new(),
                names => format!(" (repeated: {})", names.join(", ")),
            };
            ApiError::invalid(format!("the query is not understood: {error}{repeated}"))
        })
    }
}

/// Names that occur more than once; some of them may.
fn repeated(query: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap_or_default();
    let mut names: Vec<String> = pairs.into_iter().map(|(name, _)| format!("`{name}`")).collect();
    names.sort();
    let mut repeated: Vec<String> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    repeated.dedup();
    repeated
}

/// Path parameters, percent-decoded: ids may contain any character.
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::from_request_parts(parts, state).await.map_err(|rejection| {
            ApiError::invalid(format!("the path is not understood: {}", rejection.body_text()))
        })?;
        Ok(Self(value))
    }
}
