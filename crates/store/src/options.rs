//! What a caller may choose. Nothing here is read from the environment.

use std::{sync::Arc, time::Duration};

use crate::{
    disk::{Disk, SyncedDisk},
    maintain::MaintenanceOptions,
};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Threads of the query runtime.
    pub query_threads: usize,
    /// Appends that may wait in the queue; one more is answered `Busy`.
    pub queue_batches: usize,
    /// Rows that may wait in the queue. A larger single batch passes when the queue is empty.
    pub queue_rows: usize,
    /// Row ids of recent runs that are kept in memory to recognise duplicates (some 40 bytes each);
    /// twice as many for the runs of the last append.
    pub known_rows: usize,
    /// Upkeep while the store is open. None, as by default, suits a process that ends soon.
    pub background: Option<Background>,
    /// How bytes reach the disk.
    pub disk: Arc<dyn Disk>,
    /// Told of every group of appends that was committed.
    pub observer: Option<Arc<dyn Observer>>,
}

/// Watches a store at work.
pub trait Observer: std::fmt::Debug + Send + Sync {
    /// A group of appends is durable, or failed.
    fn committed(&self, commit: &Commit);
}

/// One group commit over all tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Commit {
    /// Appends in the group.
    pub appends: usize,
    /// Of them, how many failed.
    pub failed: usize,
    /// Rows written.
    pub written: usize,
    /// Rows that were there already.
    pub duplicates: usize,
    pub took: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            query_threads: std::thread::available_parallelism().map_or(2, usize::from),
            queue_batches: 256,
            queue_rows: 2_000_000,
            known_rows: 2_000_000,
            background: None,
            disk: Arc::new(SyncedDisk),
            observer: None,
        }
    }
}

/// Upkeep by a task of the store itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Time between two looks at what is due.
    pub every: Duration,
    /// So many commits bring the next look forward.
    pub commits: u64,
    pub maintenance: MaintenanceOptions,
}

impl Default for Background {
    fn default() -> Self {
        Self { every: Duration::from_secs(60), commits: 20, maintenance: MaintenanceOptions::default() }
    }
}
