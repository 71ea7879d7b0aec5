//! Where what is received goes.

use std::time::Duration;

use async_trait::async_trait;
use smoltrace_model::rows::{EventRow, PointBlock, SpanBlock};

/// The rows of one request, sealed, each with the id of its run.
#[derive(Debug, Default)]
pub struct Received {
    pub spans: SpanBlock,
    pub points: PointBlock,
    pub events: Vec<EventRow>,
}

impl Received {
    /// Rows of all kinds.
    pub fn len(&self) -> usize {
        self.spans.len() + self.points.len() + self.events.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why rows were not taken. The client is asked to send them again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// There is no room now.
    #[error("{cause}")]
    Busy { retry_after: Duration, cause: String },
    /// They could not be stored.
    #[error("{0}")]
    Failed(String),
}

/// Takes rows.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Returns when all of `received` is durable. The same rows may come again.
    async fn store(&self, received: Received) -> Result<(), SinkError>;
}
