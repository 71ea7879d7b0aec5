//! What is measured, stored under one run while it goes on.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use smoltrace_collect::{Received, Sink, SinkError};
use smoltrace_model::rows::PointRow;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Measuring, Now};

/// How often rows are stored.
const EVERY: Duration = Duration::from_secs(1);
/// How often storing is tried when there is no room, before the rows are given up.
const ATTEMPTS: u32 = 5;

/// The samples of one run that are not stored yet. Whoever stores other rows of the run takes them along, so that a test
/// is never durable without what was measured until it ended.
pub struct Pending {
    measuring: Arc<Measuring>,
    run_id: String,
    /// What the devices had used when this began, microjoules.
    before_uj: i128,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of the next sample.
    next: u64,
    lost_samples: u64,
}

impl Pending {
    /// What is sampled from now on, and the newest sample before.
    pub fn new(measuring: Arc<Measuring>, run_id: &str) -> Arc<Self> {
        let next = measuring.sampler.since(0).1.saturating_sub(1);
        let before_uj = measuring.now().energy_uj;
        let state = Mutex::new(State { next, lost_samples: 0 });
        Arc::new(Self { measuring, run_id: run_id.to_owned(), before_uj, state })
    }

    /// The rows of all samples that nobody took yet. They are the caller's to store.
    pub fn take(&self) -> Vec<PointRow> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (samples, after, lost) = self.measuring.sampler.since(state.next);
        state.next = after;
        state.lost_samples += lost.0;
        drop(state);
        self.measuring.recorded(&self.run_id, &samples)
    }

    /// Reads everything, and takes: what a test used until its end is known only with a sample after it.
    pub async fn take_with_now(self: &Arc<Self>) -> Vec<PointRow> {
        let this = self.clone();
        let taken = tokio::task::spawn_blocking(move || {
            this.measuring.sampler.read_now();
            this.take()
        });
        // Reading does not panic; if it ever did, the rows would come with the next ones.
        taken.await.unwrap_or_default()
    }

    /// One line on what is measured.
    pub fn describe(&self) -> String {
        self.measuring.describe()
    }

    /// What was used since this began.
    pub fn now(&self) -> Now {
        let now = self.measuring.now();
        Now { energy_uj: now.energy_uj - self.before_uj, ..now }
    }

    /// Asks for a reading of everything, and does not wait for it: where a test starts or ends.
    pub fn edge(&self) {
        self.measuring.sampler.read_soon();
    }

    fn lost_samples(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lost_samples
    }
}

/// Stores samples under a run until it is finished.
pub struct Recording {
    pending: Arc<Pending>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<usize>,
}

/// What became of the samples of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that could not be stored.
    pub failed_rows: usize,
    /// Samples that were gone before they were stored.
    pub lost_samples: u64,
}

impl Summary {
    /// What a person should know of it.
    pub fn trouble(self) -> Option<String> {
        (self != Self::default()).then(|| {
            format!(
                "{} rows of measured power could not be stored, {} samples came too fast",
                self.failed_rows, self.lost_samples
            )
        })
    }
}

impl Recording {
    /// Stores what is pending every second.
    pub fn start(pending: Arc<Pending>, sink: Arc<dyn Sink>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(record(pending.clone(), sink, stopped));
        Self { pending, stop, task }
    }

    /// Reads a last time and returns when all rows are stored.
    pub async fn finish(self) -> Summary {
        self.pending.measuring.sampler.read_now();
        // The task may have ended by itself only when the runtime is going down.
        let _ = self.stop.send(());
        let failed_rows = self.task.await.unwrap_or_default();
        Summary { failed_rows, lost_samples: self.pending.lost_samples() }
    }
}

/// Returns how many rows could not be stored.
async fn record(pending: Arc<Pending>, sink: Arc<dyn Sink>, mut stopped: oneshot::Receiver<()>) -> usize {
    let mut failed_rows = 0;
    loop {
        let is_last = tokio::time::timeout(EVERY, &mut stopped).await.is_ok();
        let points = pending.take();
        if !points.is_empty() {
            let rows = points.len();
            let received = || Received { points: points.clone().into(), ..Received::default() };
            if let Err(error) = store(&*sink, received).await {
                tracing::warn!(run = pending.run_id, %error, rows, "measured power could not be stored");
                failed_rows += rows;
            }
        }
        if is_last {
            return failed_rows;
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
