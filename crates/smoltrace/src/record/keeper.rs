//! Keeps the rows of runs current while their telemetry comes in, and seals them when it ends.
//!
//! A run is accounted again from the tables soon after rows came, and never so often that accounting
//! takes more than a small part of the time. When nothing came for a while it is sealed; late rows
//! open it again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use smoltrace_model::{
    account::account_series,
    inputs::RunInputs,
    rows::{ResultRow, RunRow, RunStatus},
};
use smoltrace_store::{Batch, Store, StoreError};
use tokio::{sync::Notify, time::Instant};

/// When runs are accounted.
#[derive(Debug, Clone)]
pub struct KeeperOptions {
    /// Soonest time after rows came.
    pub refresh: Duration,
    /// A run of which nothing came for so long is sealed.
    pub seal_after: Duration,
    /// A run with more spans or points is accounted only when it is sealed: before, it would be read again
    /// and again.
    pub live: Size,
    /// A run with more spans is not accounted here at all: it would be read into memory whole.
    pub most_spans: usize,
}

/// How much there is of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub spans: usize,
    pub points: usize,
    pub events: usize,
}

impl Size {
    fn fits(self, within: Self) -> bool {
        self.spans <= within.spans && self.points <= within.points && self.events <= within.events
    }

    fn add(&mut self, more: Self) {
        self.spans += more.spans;
        self.points += more.points;
        self.events += more.events;
    }
}

impl Default for KeeperOptions {
    fn default() -> Self {
        Self {
            refresh: Duration::from_millis(500),
            seal_after: Duration::from_secs(60),
            live: Size { spans: 50_000, points: 2_000_000, events: 50_000 },
            most_spans: 1_000_000,
        }
    }
}

/// Accounting takes at most one part in so many of the time.
const SHARE: u32 = 10;
/// After an error the next attempt waits.
const RETRY: Duration = Duration::from_secs(5);

pub struct Keeper {
    store: Store,
    options: KeeperOptions,
    runs: Mutex<HashMap<String, Open>>,
    changed: Notify,
    sealed: Notify,
}

/// A run under way.
#[derive(Debug)]
struct Open {
    /// Whether its row says so.
    opened: bool,
    /// Appends that are not done.
    writing: usize,
    /// It is being sealed: rows wait, or the seal would say that they are in it.
    sealing: bool,
    /// What came, and how much of it was there when it was last accounted; `None` before.
    size: Size,
    accounted: Option<Size>,
    /// When rows came last.
    touched: Instant,
    /// Not accounted again before.
    not_before: Instant,
}

impl Open {
    fn new(touched: Instant, not_before: Instant) -> Self {
        Self {
            opened: false,
            writing: 0,
            sealing: false,
            size: Size::default(),
            accounted: None,
            touched,
            not_before,
        }
    }

    fn is_changed(&self) -> bool {
        self.accounted != Some(self.size)
    }
}

/// What is to be done for a run.
#[derive(Debug, Clone, PartialEq)]
struct Due {
    run_id: String,
    seal: bool,
    size: Size,
}

impl Keeper {
    /// A keeper of the runs that are under way according to the tables.
    pub async fn new(store: Store, options: KeeperOptions) -> Result<Arc<Self>, StoreError> {
        let now = Instant::now();
        let under_way = store.runs().await?;
        let under_way = under_way.iter().filter(|run| run.status == RunStatus::Running);
        let runs = under_way.map(|run| (run.run_id.clone(), Open { opened: true, ..Open::new(now, now) }));
        let runs = Mutex::new(runs.collect());
        Ok(Arc::new(Self { store, options, runs, changed: Notify::new(), sealed: Notify::new() }))
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that rows of runs are about to be stored, so many of each. Waits for runs that are being
    /// sealed.
    pub async fn enter(self: &Arc<Self>, rows: BTreeMap<String, Size>) -> Visit {
        loop {
            let sealed = self.sealed.notified();
            tokio::pin!(sealed);
            sealed.as_mut().enable();
            if let Some(unopened) = self.try_enter(&rows) {
                return Visit { keeper: self.clone(), rows, unopened, stored: false };
            }
            sealed.await;
        }
    }

    /// The runs whose rows do not say yet that they are under way; `None` while one is being sealed.
    fn try_enter(&self, rows: &BTreeMap<String, Size>) -> Option<Vec<String>> {
        let now = Instant::now();
        let mut runs = self.runs();
        if rows.keys().any(|run_id| runs.get(run_id).is_some_and(|open| open.sealing)) {
            return None;
        }
        let mut unopened = Vec::new();
        for run_id in rows.keys() {
            let fresh = || Open::new(now, now + self.options.refresh);
            let open = runs.entry(run_id.clone()).or_insert_with(fresh);
            open.writing += 1;
            if !open.opened {
                unopened.push(run_id.clone());
            }
        }
        Some(unopened)
    }

    fn leave(&self, visit: &Visit) {
        let now = Instant::now();
        let mut runs = self.runs();
        for (run_id, size) in &visit.rows {
            let Some(open) = runs.get_mut(run_id) else { continue };
            open.writing -= 1;
            // Also when storing failed: parts may have been stored.
            open.touched = now;
            open.size.add(*size);
            open.opened |= visit.stored;
        }
        drop(runs);
        self.changed.notify_one();
    }

    /// What is due now, or until when nothing is.
    fn next(&self, now: Instant) -> Result<Due, Option<Instant>> {
        let mut runs = self.runs();
        let mut wait: Option<Instant> = None;
        for (run_id, open) in runs.iter_mut().filter(|(_, open)| open.writing == 0) {
            let live = open.is_changed() && open.size.fits(self.options.live);
            let idle_at = open.touched + self.options.seal_after;
            let at = if live { open.not_before.min(idle_at) } else { idle_at };
            // After an error, sealing waits, too.
            let at = at.max(open.not_before);
            if at <= now {
                open.sealing = idle_at <= now;
                return Ok(Due { run_id: run_id.clone(), seal: open.sealing, size: open.size });
            }
            wait = Some(wait.map_or(at, |earliest| earliest.min(at)));
        }
        Err(wait)
    }

    /// Accounts a run and notes how that went.
    async fn attend(&self, due: Due) {
        let start = Instant::now();
        let outcome = self.account(&due).await;
        let now = Instant::now();
        let mut runs = self.runs();
        let Some(open) = runs.get_mut(&due.run_id) else { return };
        open.sealing = false;
        match outcome {
            Ok(()) if due.seal => {
                runs.remove(&due.run_id);
            }
            Ok(()) => {
                open.accounted = Some(due.size);
                open.not_before = now + self.options.refresh.max((now - start) * SHARE);
            }
            // Nothing of it was ever stored.
            Err(StoreError::NotFound { .. }) if open.writing == 0 => {
                runs.remove(&due.run_id);
            }
            Err(error) => {
                tracing::warn!(run = due.run_id, %error, "the run's totals are not current");
                open.not_before = now + RETRY;
            }
        }
        drop(runs);
        self.sealed.notify_waiters();
    }

    async fn account(&self, due: &Due) -> Result<(), StoreError> {
        let run = self.store.run(&due.run_id).await?;
        let spans = self.store.span_count(&due.run_id).await?;
        let most = self.options.most_spans;
        let (run, results) = if spans > most {
            tracing::warn!(run = due.run_id, spans, most, "the run is too large to be accounted here");
            let notes =
                format!("not accounted: {spans} spans, more than {most}; `smoltrace rebuild` accounts it");
            (RunRow { status: RunStatus::Completed, notes: Some(notes), ..run }, Vec::new())
        } else {
            self.totals(run).await?
        };
        let status = if due.seal { run.status } else { RunStatus::Running };
        let run = RunRow { status, ..run }.sealed();
        self.store.append(Batch { results, runs: vec![run], ..Batch::default() }).await?;
        Ok(())
    }

    /// The rows of a run as the tables tell them.
    async fn totals(&self, run: RunRow) -> Result<(RunRow, Vec<ResultRow>), StoreError> {
        let id = run.run_id.as_str();
        // Points are many: their series take a fraction of the memory of their rows.
        let (results, spans, series) = tokio::try_join!(
            self.store.results(id),
            self.store.spans_of_run_outline(id),
            self.store.series(id, &[])
        )?;
        let inputs = RunInputs::from_tables(&run, results, spans, Vec::new());
        let accounted = tokio::task::spawn_blocking(move || account_series(&inputs, &series))
            .await
            .map_err(|error| StoreError::Other { path: self.store.dir().into(), cause: error.to_string() })?;
        Ok((accounted.run, accounted.results))
    }

    /// Works until `shutdown` completes.
    pub async fn keep(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let work = async {
                match self.next(Instant::now()) {
                    Ok(due) => self.attend(due).await,
                    Err(wait) => {
                        let until = async {
                            match wait {
                                Some(at) => tokio::time::sleep_until(at).await,
                                None => std::future::pending().await,
                            }
                        };
                        tokio::select! {
                            () = until => {}
                            () = self.changed.notified() => {}
                        }
                    }
                }
            };
            tokio::select! {
                () = work => {}
                () = &mut shutdown => return,
            }
        }
    }

    /// Seals one run, if it is open: nothing more comes of it from here. Other processes may have others under way.
    pub async fn seal(&self, run_id: &str) {
        let size = self.runs().get(run_id).map(|open| open.size);
        if let Some(size) = size {
            self.attend(Due { run_id: run_id.to_owned(), seal: true, size }).await;
        }
    }

    /// Seals every run that is open: nothing more is received.
    pub async fn seal_all(&self) {
        let open: Vec<Due> = self
            .runs()
            .iter()
            .map(|(run_id, open)| Due { run_id: run_id.clone(), seal: true, size: open.size })
            .collect();
        for due in open {
            self.attend(due).await;
        }
    }
}

/// Rows on their way into the tables. Until it is dropped, their runs are not sealed.
pub struct Visit {
    keeper: Arc<Keeper>,
    rows: BTreeMap<String, Size>,
    unopened: Vec<String>,
    stored: bool,
}

impl Visit {
    /// Runs whose rows do not say yet that they are under way.
    pub fn unopened(&self) -> &[String] {
        &self.unopened
    }

    /// The rows are durable.
    pub fn stored(mut self) {
        self.stored = true;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.keeper.leave(self);
    }
}
