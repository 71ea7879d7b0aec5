//! What is measured, stored under one run while it goes on.

use std::{sync::Arc, time::Duration};

use smoltrace_collect::{Received, Sink, SinkError};
use tokio::{sync::oneshot, task::JoinHandle};

use super::Measuring;

/// How often rows are stored.
const EVERY: Duration = Duration::from_secs(1);
/// How often storing is tried when there is no room, before the rows are given up.
const ATTEMPTS: u32 = 5;

/// Stores samples under a run until it is finished.
pub struct Recording {
    measuring: Arc<Measuring>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Summary>,
}

/// What became of the samples of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that could not be.
    pub failed_rows: usize,
    /// Samples that were gone before they were stored.
    pub lost_samples: u64,
}

impl Recording {
    /// Stores what is sampled from now on under `run_id`, and the newest sample before.
    pub fn start(measuring: Arc<Measuring>, sink: Arc<dyn Sink>, run_id: String) -> Self {
        let (stop, stopped) = oneshot::channel();
        let from = measuring.sampler.since(0).1.saturating_sub(1);
        let task = tokio::spawn(record(measuring.clone(), sink, run_id, from, stopped));
        Self { measuring, stop, task }
    }

    /// Reads everything now: where a test starts or ends. Blocks for as long as a reading takes (about a
    /// millisecond).
    pub fn edge(&self) {
        self.measuring.sampler.read_now();
    }

    /// Reads a last time and returns when all rows are stored.
    pub async fn finish(self) -> Summary {
        self.edge();
        // The task may have ended by itself only when the runtime is going down.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn record(
    measuring: Arc<Measuring>,
    sink: Arc<dyn Sink>,
    run_id: String,
    mut next: u64,
    mut stopped: oneshot::Receiver<()>,
) -> Summary {
    let mut summary = Summary::default();
    loop {
        let is_last = tokio::time::timeout(EVERY, &mut stopped).await.is_ok();
        let (samples, after, lost) = measuring.sampler.since(next);
        next = after;
        summary.lost_samples += lost.0;
        let points = measuring.rows(&run_id, &samples);
        if !points.is_empty() {
            let rows = points.len();
            let received = || Received { points: points.clone().into(), ..Received::default() };
            match store(&*sink, received).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(run = run_id, %error, rows, "measured power could not be stored");
                    summary.failed_rows += rows;
                }
            }
        }
        if is_last {
            return summary;
        }
    }
}

async fn store(sink: &dyn Sink, received: impl Fn() -> Received) -> Result<(), SinkError> {
    let mut attempt = 1;
    loop {
        match sink.store(received()).await {
            Err(SinkError::Busy { retry_after, .. }) if attempt < ATTEMPTS => {
                tokio::time::sleep(retry_after).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
