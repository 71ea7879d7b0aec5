//! The REST API, asked in process: one source for what the terminal and the browser show.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;
use smoltrace_server::{AppState, Query, ServerOptions, ask};
use smoltrace_store::Store;

use crate::exit::UsageError;

/// The answer to a GET, or the problem that the API names as an error.
pub async fn get<T: DeserializeOwned>(store: &Store, query: &Query) -> Result<T> {
    Ok(serde_json::from_slice(&bytes(store, query).await?)?)
}

/// The answer as it is.
pub async fn bytes(store: &Store, query: &Query) -> Result<Vec<u8>> {
    ask_state(AppState::new(store.clone(), ServerOptions::default()), query).await
}

/// The answer as it is; `state` keeps what it read for the next one.
pub async fn ask_state(state: AppState, query: &Query) -> Result<Vec<u8>> {
    match ask(state, query).await {
        Ok(body) => Ok(body.into()),
        Err(problem) if problem.status < 500 => Err(UsageError(problem.detail).into()),
        Err(problem) => Err(anyhow!("{}: {}", problem.title, problem.detail)),
    }
}
