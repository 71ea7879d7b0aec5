//! What changed, told to whoever listens.
//!
//! One task looks at the runs while someone listens. It sees what any process commits, so an import
//! in another terminal shows up as well as what this server receives.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use smoltrace_model::rows::RunRow;
use smoltrace_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

/// Time between two looks. A look at unchanged tables costs a few file system calls.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Changes a slow listener may lag behind before it is told that everything may have changed.
const BACKLOG: usize = 64;
/// Runs that one change names; of more it says that everything may have changed.
const MOST_NAMED: usize = 500;

/// Browsers' windows, in effect.
const MOST_LISTENERS: usize = 256;

/// Ids of runs whose rows changed; `None` when there are too many to name.
pub(crate) type Change = Option<Arc<Vec<String>>>;

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub(crate) struct Live {
    changes: broadcast::Sender<Change>,
    looking: Arc<AtomicBool>,
    closed: watch::Sender<bool>,
    places: Arc<Semaphore>,
}

/// The changes from now on, until the server stops.
pub(crate) struct Listener {
    changes: broadcast::Receiver<Change>,
    closed: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            changes: broadcast::Sender::new(BACKLOG),
            looking: Arc::default(),
            closed: watch::Sender::new(false),
            places: Arc::new(Semaphore::new(MOST_LISTENERS)),
        }
    }

    /// Ends all listening.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Listens from now on; `None` when too many do.
    pub(crate) fn listen(&self, store: &Store) -> Option<Listener> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let listener =
            Listener { changes: self.changes.subscribe(), closed: self.closed.subscribe(), _place: place };
        if !self.looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.clone().look(store.clone()));
        }
        Some(listener)
    }

    async fn look(self, store: Store) {
        let mut known: Option<Arc<Vec<RunRow>>> = None;
        loop {
            match store.runs().await {
                Ok(runs) => {
                    if let Some(before) = known.as_ref().filter(|before| !Arc::ptr_eq(before, &runs)) {
                        let changed = changed(before, &runs);
                        if !changed.is_empty() {
                            let named = (changed.len() <= MOST_NAMED).then(|| Arc::new(changed));
                            let _ = self.changes.send(named);
                        }
                    }
                    known = Some(runs);
                }
                Err(error) => tracing::debug!(%error, "the runs cannot be looked at"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
            if self.changes.receiver_count() == 0 || *self.closed.borrow() {
                self.looking.store(false, Ordering::Release);
                // Someone may have come while this was decided.
                if self.changes.receiver_count() == 0 || self.looking.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        }
    }
}

impl Listener {
    /// The next change; `None` when the server stops.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        tokio::select! {
            _ = self.closed.wait_for(|closed| *closed) => None,
            change = self.changes.recv() => match change {
                Ok(change) => Some(change),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(None),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

/// Ids of the runs that are new, gone, or have another row.
fn changed(before: &[RunRow], now: &[RunRow]) -> Vec<String> {
    let mut known: HashMap<&str, (i64, &str)> =
        before.iter().map(|run| (run.run_id.as_str(), (run.version, run.row_id.as_str()))).collect();
    let mut changed: Vec<String> = now
        .iter()
        .filter(|run| known.remove(run.run_id.as_str()) != Some((run.version, run.row_id.as_str())))
        .map(|run| run.run_id.clone())
        .collect();
    changed.extend(known.into_keys().map(str::to_owned));
    changed
}
