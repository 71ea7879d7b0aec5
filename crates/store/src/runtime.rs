//! The store's own threads: one runtime for appends and upkeep, one for queries, so that a
//! heavy scan never delays an acknowledgement.

use std::{
    future::Future,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::StoreError;

/// Stack of a thread; memory only where it is used. Filters and plans are walked by recursion.
const STACK_BYTES: usize = 16 << 20;

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
                .thread_stack_size(STACK_BYTES)
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

/// How long work in progress may take to end after the store is gone.
const GRACE: Duration = Duration::from_secs(10);

impl Drop for Runtimes {
    fn drop(&mut self) {
        let runtimes: Vec<Runtime> = [self.append.take(), self.query.take()].into_iter().flatten().collect();
        let idle = |runtime: &Runtime| runtime.metrics().num_alive_tasks() == 0;
        let handed = Arc::new(Mutex::new(runtimes));
        let taken = handed.clone();
        let close = move || {
            let runtimes = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
            // What is being committed or read is let end: the Delta library panics when its
            // runtime goes away beneath it.
            let end = Instant::now() + GRACE;
            while !runtimes.iter().all(idle) && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
            runtimes.into_iter().for_each(Runtime::shutdown_background);
        };
        if thread::Builder::new().name("smoltrace-close".into()).spawn(close).is_err() {
            let mut left = handed.lock().unwrap_or_else(PoisonError::into_inner);
            left.drain(..).for_each(Runtime::shutdown_background);
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
