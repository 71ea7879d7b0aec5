//! `GET /api/v1/events`: what changes, as it changes (server-sent events).

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    live::{Change, Listener},
    state::AppState,
};

/// The data of a `runs` event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunsChanged {
    /// Ids of the runs that are new, gone or changed; null when there are too many to name.
    pub runs: Option<Vec<String>>,
}

/// Events `runs`, each with the ids of runs whose rows changed. What changed before the connection was
/// made is not told: read once after connecting.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "server",
    operation_id = "listen",
    responses((
        status = 200,
        description = "An endless stream of events",
        content_type = "text/event-stream",
        body = RunsChanged
    ))
)]
pub async fn listen(
    State(state): State<AppState>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, ApiError> {
    let listener = state.listen()?;
    Ok(Sse::new(stream::unfold(listener, next)).keep_alive(KeepAlive::default()))
}

async fn next(mut listener: Listener) -> Option<(Result<Event, Infallible>, Listener)> {
    let change: Change = listener.next().await?;
    let runs = change.map(|runs| runs.to_vec());
    let data = serde_json::to_string(&RunsChanged { runs }).unwrap_or_default();
    Some((Ok(Event::default().event("runs").data(data)), listener))
}
