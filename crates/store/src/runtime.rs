//! The store's own threads: one runtime for appends and upkeep, one for queries, so that a
//! heavy scan never delays an acknowledgement.

use std::{future::Future, path::Path};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::StoreError;

/// Both runtimes. Dropping it never blocks, so it may happen inside any other runtime.
#[derive(Debug)]
pub(crate) struct Runtimes {
    append: Option<Runtime>,
    query: Option<Runtime>,
}

impl Runtimes {
    pub(crate) fn new(dir: &Path, query_threads: usize) -> Result<Self, StoreError> {
        let build = |name: &str, threads: usize| {
            Builder::new_multi_thread()
                .worker_threads(threads.max(1))
                .thread_name(format!("smoltrace-{name}"))
                .enable_all()
                .build()
                .map_err(|e| StoreError::io(dir, &e))
        };
        Ok(Self { append: Some(build("append", 2)?), query: Some(build("query", query_threads)?) })
    }

    /// Handle of the runtime of appends and upkeep.
    pub(crate) fn append(&self) -> &Handle {
        self.append.as_ref().expect("taken only on drop").handle()
    }

    /// Handle of the runtime of queries.
    pub(crate) fn query(&self) -> &Handle {
        self.query.as_ref().expect("taken only on drop").handle()
    }
}

impl Drop for Runtimes {
    fn drop(&mut self) {
        for runtime in [self.append.take(), self.query.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `work` on `on` and waits for it from whatever executor the caller has. When the caller
/// stops waiting, the work stops too.
pub(crate) async fn run_on<T, F>(on: &Handle, dir: &Path, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let mut task = AbortOnDrop(on.spawn(work));
    match (&mut task.0).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::other(dir, format!("an internal task failed: {error}"))),
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
