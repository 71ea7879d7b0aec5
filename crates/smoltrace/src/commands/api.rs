//! The REST API, asked in process: one source for what the terminal and the browser show.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;
use smoltrace_server::{AppState, Query, ServerOptions, ask};
use smoltrace_store::Store;

use crate::exit::UsageError;

/// The answer to a GET, or the problem that the API names as an error.
pub async fn get<T: DeserializeOwned>(store: &Store, query: &Query) -> Result<T> {
    match ask(AppState::new(store.clone(), ServerOptions::default()), query).await {
        Ok(body) => Ok(serde_json::from_slice(&body)?),
        Err(problem) if problem.status < 500 => Err(UsageError(problem.detail).into()),
        Err(problem) => Err(anyhow!("{}: {}", problem.title, problem.detail)),
    }
}
