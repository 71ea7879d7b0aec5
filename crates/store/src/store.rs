//! The store as its users see it.

use std::{
    collections::{BTreeSet, HashSet},
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{array::AsArray as _, record_batch::RecordBatch};
use object_store::ObjectStore;
use smoltrace_model::{
    events,
    rows::{EventRow, PointRow, ResultRow, RunRow, SpanRow},
    series::SeriesSet,
};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};

use crate::{
    append::{self, Batch, Receipt, Request},
    durable::{DurableFileSystem, create_folders},
    error::StoreError,
    intake::Intake,
    layout::{EVENTS, LAYOUTS, POINTS, RESULTS, RUNS, SPANS, TABLES},
    lookup::{Lookup, Wanted},
    maintain::{self, MaintenanceOptions, Upkeep},
    options::{Background, StoreOptions},
    outline::Outline,
    pace::Pacer,
    query::{self, RunData, Scan, Scanner},
    runtime::{Runtimes, run_on},
    sql::{self, SqlLimits, SqlOutput},
    table::Table,
    writer::{Done, Writer},
};

/// After how long an append that finds the queue full may come again.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// So many rows are columns before another thread is awake.
const FEW_ROWS: usize = 64;

/// The tables of one data directory. Cheap to clone; all clones share one writer, one
/// cache and two runtimes of their own, so a store works under any executor.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    /// By table; only those with a trace id are in use.
    lookups: Arc<[Lookup; TABLES]>,
    runtimes: Runtimes,
    queue: Option<mpsc::Sender<Request>>,
    shares: Arc<Semaphore>,
    queue_rows: usize,
    files: Arc<dyn ObjectStore>,
    query_threads: usize,
    /// Dropped with the store, which ends its background task.
    _open: watch::Sender<()>,
    runs: Mutex<RunsCache>,
}

/// The newest run rows, as of a version of the table, and the data files they came from.
#[derive(Default)]
struct RunsCache {
    version: Option<u64>,
    files: HashSet<String>,
    rows: Arc<Vec<RunRow>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the data directory `dir`; creates it and its tables when missing.
    ///
    /// # Errors
    /// `Permission`, `DiskFull`, `Corrupt`, `NewerVersion`, or `Other` when `dir` is no directory.
    pub async fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        Self::open_as(dir, options, false).await
    }

    /// Opens an existing data directory without ever writing to it.
    ///
    /// # Errors
    /// As [`Self::open`], and `NotFound` when there are no tables.
    pub async fn open_read_only(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        Self::open_as(dir, options, true).await
    }

    async fn open_as(dir: &Path, options: StoreOptions, read_only: bool) -> Result<Self, StoreError> {
        let dir = prepare_folder(dir, &options, read_only)?;
        let runtimes = Runtimes::new(&dir, options.query_threads)?;
        let files: Arc<dyn ObjectStore> = Arc::new(
            DurableFileSystem::new(&dir, options.disk.clone()).map_err(|e| StoreError::foreign(&dir, &e))?,
        );
        let scanner =
            Scanner::new(options.query_threads, files.clone()).map_err(|e| StoreError::foreign(&dir, &e))?;
        let scanner = Arc::new(scanner);
        let (root, objects) = (dir.clone(), files.clone());
        let tables = run_on(runtimes.append(), &dir, async move {
            let open = |index: usize| Table::open(&LAYOUTS[index], &root, objects.clone(), read_only);
            let (spans, points, events, results, runs) =
                tokio::try_join!(open(SPANS), open(POINTS), open(EVENTS), open(RESULTS), open(RUNS))?;
            Ok(Arc::new([spans, points, events, results, runs]))
        })
        .await?;
        let (doing, done) = watch::channel(Done::default());
        let queue = (!read_only).then(|| {
            let (sender, receiver) = mpsc::channel(options.queue_batches.max(1));
            let writer = Writer::new(tables.clone(), scanner.clone(), &options, doing);
            runtimes.append().spawn(writer.serve(Intake::new(receiver)));
            sender
        });
        let lookups: Arc<[Lookup; TABLES]> = Arc::default();
        let (open, closed) = watch::channel(());
        if let (false, Some(background)) = (read_only, options.background) {
            let (tables, lookups) = (tables.clone(), lookups.clone());
            runtimes.append().spawn(keep_up(tables, lookups, dir.clone(), background, done, closed));
        }
        // A semaphore counts up to an eighth of what a machine word holds.
        let queue_rows = options.queue_rows.clamp(1, u32::MAX as usize >> 3);
        Ok(Self {
            inner: Arc::new(Inner {
                dir,
                tables,
                scanner,
                lookups,
                runtimes,
                queue,
                shares: Arc::new(Semaphore::new(queue_rows)),
                queue_rows,
                files,
                _open: open,
                query_threads: options.query_threads,
                runs: Mutex::default(),
            }),
        })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Appends rows and returns when they are durable. Rows that are there already are counted
    /// as duplicates and change nothing, so an append may be repeated after any error.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `InvalidRow` for rows without ids, `ReadOnly`, and those of
    /// [`Self::open`]. After an error, parts of the batch may have been written.
    pub async fn append(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let inner = &self.inner;
        let Some(queue) = &inner.queue else { return Err(StoreError::ReadOnly { path: inner.dir.clone() }) };
        if batch.is_empty() {
            return Ok(Receipt::default());
        }
        let busy = |cause: &str| StoreError::Busy { retry_after: RETRY_AFTER, cause: cause.into() };
        let share = batch.len().min(inner.queue_rows) as u32;
        let share = inner
            .shares
            .clone()
            .try_acquire_many_owned(share)
            .map_err(|_| busy("too many rows are waiting to be written"))?;
        let place = queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => busy("too many appends are waiting to be written"),
            mpsc::error::TrySendError::Closed(()) => StoreError::other(&inner.dir, "the store is closing"),
        })?;
        let batches = if batch.rows_to_encode() <= FEW_ROWS {
            append::encode(batch)?
        } else {
            let encoded = inner.runtimes.append().spawn_blocking(move || append::encode(batch));
            encoded.await.map_err(|e| StoreError::other(&inner.dir, e))??
        };
        let (reply, answer) = oneshot::channel();
        place.send(Request { batches, reply, share });
        answer
            .await
            .map_err(|_| StoreError::other(&inner.dir, "the store closed before the rows were written"))?
    }

    /// Rows that wait to be written.
    pub fn queued_rows(&self) -> usize {
        self.inner.queue_rows.saturating_sub(self.inner.shares.available_permits())
    }

    /// The newest row of every run, in order of run id. Cached until the table changes, by this
    /// process or another.
    pub async fn runs(&self) -> Result<Arc<Vec<RunRow>>, StoreError> {
        let inner = self.inner.clone();
        self.query(async move {
            let table = &inner.tables[RUNS];
            // Held while loading, so that many callers load once.
            let mut cache = inner.runs.lock().await;
            let state = table.latest().await?;
            if cache.version.is_some() && cache.version == state.version() {
                return Ok(cache.rows.clone());
            }
            let files = table.files(&state)?;
            let known = !cache.files.is_empty() && cache.files.is_subset(&files);
            let added = files.difference(&cache.files).cloned().collect();
            let scan = Scan { files: known.then_some(added), ..Scan::default() };
            let mut rows = inner.scanner.rows_of(table, &state, &scan).await?;
            if known {
                rows.extend(cache.rows.iter().cloned());
            }
            *cache = RunsCache { version: state.version(), files, rows: Arc::new(query::tidy_runs(rows)) };
            Ok(cache.rows.clone())
        })
        .await
    }

    /// Ids of all runs that have a run row, sorted.
    pub async fn run_ids(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.runs().await?.iter().map(|run| run.run_id.clone()).collect())
    }

    /// The newest row of one run.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn run(&self, run_id: &str) -> Result<RunRow, StoreError> {
        let runs = self.runs().await?;
        match runs.binary_search_by(|run| run.run_id.as_str().cmp(run_id)) {
            Ok(index) => Ok(runs[index].clone()),
            Err(_) => Err(StoreError::NotFound { what: format!("run `{run_id}`") }),
        }
    }

    /// The newest rows of a run's executions, in order of test and attempt.
    pub async fn results(&self, run_id: &str) -> Result<Vec<ResultRow>, StoreError> {
        let scan = Scan::of_run(run_id);
        self.rows(RESULTS, scan, query::tidy_results).await
    }

    /// A run's metric points in order of series and time.
    pub async fn points(&self, run_id: &str) -> Result<Vec<PointRow>, StoreError> {
        self.rows(POINTS, Scan::of_run(run_id), query::tidy_points).await
    }

    /// A run's metric series, those of `metrics` only unless it is empty. The same as the series of
    /// [`Self::points`], for a fraction of the memory.
    pub async fn series(&self, run_id: &str, metrics: &[&str]) -> Result<SeriesSet, StoreError> {
        let mut scan = Scan::of_run(run_id);
        if !metrics.is_empty() {
            scan = scan.among("metric", metrics.iter().copied());
        }
        let metrics: Vec<String> = metrics.iter().map(|name| (*name).to_owned()).collect();
        let inner = self.inner.clone();
        self.query(async move { inner.scanner.series(&inner.tables[POINTS], &scan, &metrics).await }).await
    }

    /// Names of the metrics that a run has, sorted.
    pub async fn metric_names(&self, run_id: &str) -> Result<Vec<String>, StoreError> {
        let scan = Scan::of_run(run_id).columns(["metric"]);
        let inner = self.inner.clone();
        self.query(async move {
            let mut names: BTreeSet<String> = BTreeSet::new();
            let add = |batch: RecordBatch| {
                for name in batch.column(0).as_string::<i32>().iter().flatten() {
                    if !names.contains(name) {
                        names.insert(name.to_owned());
                    }
                }
                Ok(())
            };
            inner.scanner.each_batch(&inner.tables[POINTS], &scan, add).await?;
            Ok(names.into_iter().collect())
        })
        .await
    }

    /// How many spans a run has, those that were sent in several versions as often.
    pub async fn span_count(&self, run_id: &str) -> Result<usize, StoreError> {
        let scan = Scan::of_run(run_id).columns(["run_id"]);
        let inner = self.inner.clone();
        self.query(async move {
            let mut spans = 0;
            let add = |batch: RecordBatch| {
                spans += batch.num_rows();
                Ok(())
            };
            inner.scanner.each_batch(&inner.tables[SPANS], &scan, add).await?;
            Ok(spans)
        })
        .await
    }

    /// All spans of a run in order of start, with their events.
    pub async fn spans_of_run(&self, run_id: &str) -> Result<Vec<SpanRow>, StoreError> {
        self.whole_spans(Scan::of_run(run_id)).await
    }

    /// The spans of a scan, with the events that came apart from them.
    async fn whole_spans(&self, scan: Scan) -> Result<Vec<SpanRow>, StoreError> {
        let (mut spans, events) = tokio::try_join!(
            self.rows(SPANS, scan.clone(), query::tidy_spans),
            self.rows(EVENTS, scan, |events: Vec<EventRow>| events)
        )?;
        events::attach(&mut spans, &events);
        Ok(spans)
    }

    /// All spans of a run without attributes, events, links, resource and scope, which read as empty.
    pub async fn spans_of_run_compact(&self, run_id: &str) -> Result<Vec<SpanRow>, StoreError> {
        let scan = Scan { columns: query::compact_columns(), ..Scan::of_run(run_id) };
        self.rows(SPANS, scan, query::tidy_spans).await
    }

    /// All spans of a run in order of start, as much of them as accounting needs. Those that may be the root of an
    /// execution have their attributes and events; each resource of the run stands at one span at least. All else of
    /// attributes, events, links, resource and scope reads as empty.
    pub async fn spans_of_run_outline(&self, run_id: &str) -> Result<Vec<SpanRow>, StoreError> {
        let (spans, events) = tokio::try_join!(
            self.spans_of_run_compact(run_id),
            self.rows(EVENTS, Scan::of_run(run_id), |events: Vec<EventRow>| events)
        )?;
        let inner = self.inner.clone();
        let scan = Scan::of_run(run_id).columns(Outline::COLUMNS);
        self.query(async move {
            let mut outline = Outline::new(spans);
            let add = |batch| outline.add(&batch);
            inner.scanner.each_batch(&inner.tables[SPANS], &scan, add).await?;
            Ok(outline.finish(&events))
        })
        .await
    }

    /// The spans of one trace in order of start, whole.
    ///
    /// # Errors
    /// `NotFound` when the run has no such trace.
    pub async fn trace(&self, run_id: &str, trace_id: &str) -> Result<Vec<SpanRow>, StoreError> {
        let spans = self.whole_spans_of_trace(wanted(run_id, trace_id)).await?;
        some(spans, || format!("trace `{trace_id}` of run `{run_id}`"))
    }

    /// As [`Self::trace`], without attributes, events, links, resource and scope, which read as empty.
    pub async fn trace_compact(&self, run_id: &str, trace_id: &str) -> Result<Vec<SpanRow>, StoreError> {
        let wanted = Wanted { left_out: &query::SPAN_DETAIL, ..wanted(run_id, trace_id) };
        let spans = self.of_trace(SPANS, wanted, query::tidy_spans).await?;
        some(spans, || format!("trace `{trace_id}` of run `{run_id}`"))
    }

    /// One span, whole.
    ///
    /// # Errors
    /// `NotFound` when the trace has no such span.
    pub async fn span(&self, run_id: &str, trace_id: &str, span_id: &str) -> Result<SpanRow, StoreError> {
        let wanted = Wanted { span_id: Some(span_id.to_owned()), ..wanted(run_id, trace_id) };
        let mut spans = self.whole_spans_of_trace(wanted).await?;
        spans.pop().ok_or_else(|| StoreError::NotFound {
            what: format!("span `{span_id}` of trace `{trace_id}` of run `{run_id}`"),
        })
    }

    /// Spans of a trace, with the events that came apart from them.
    async fn whole_spans_of_trace(&self, wanted: Wanted) -> Result<Vec<SpanRow>, StoreError> {
        let (mut spans, events) = tokio::try_join!(
            self.of_trace(SPANS, wanted.clone(), query::tidy_spans),
            self.of_trace(EVENTS, wanted, |events: Vec<EventRow>| events)
        )?;
        events::attach(&mut spans, &events);
        Ok(spans)
    }

    /// Rows of a trace, looked up in the files that may hold it, or scanned for when that fails.
    async fn of_trace<T>(
        &self,
        table: usize,
        wanted: Wanted,
        tidy: impl FnOnce(Vec<T>) -> Vec<T> + Send + 'static,
    ) -> Result<Vec<T>, StoreError>
    where
        T: smoltrace_model::rows::TableRow + Send + 'static,
    {
        let inner = self.inner.clone();
        self.query(async move {
            let (of, scan) = (&inner.tables[table], wanted.scan());
            let found = match inner.lookups[table].rows(of, wanted).await {
                Ok(Some(batches)) => query::decode(of, &batches).ok(),
                Ok(None) => None,
                Err(error) => {
                    tracing::debug!(%error, table = of.layout.name, "a look-up failed; the table is scanned");
                    None
                }
            };
            Ok(tidy(match found {
                Some(rows) => rows,
                None => inner.scanner.rows(of, &scan).await?,
            }))
        })
        .await
    }

    /// Everything of one run.
    ///
    /// # Errors
    /// `NotFound` when there is no run row.
    pub async fn run_data(&self, run_id: &str) -> Result<RunData, StoreError> {
        let run = self.run(run_id).await?;
        let (results, spans, points) =
            tokio::try_join!(self.results(run_id), self.spans_of_run(run_id), self.points(run_id))?;
        Ok(RunData { run, results, spans, points })
    }

    /// Answers read-only SQL over `spans`, `points`, `events`, `results`, `runs`, `leaderboard` and
    /// `metrics`, with at most `limit` rows and the default limits of [`SqlLimits`].
    ///
    /// # Errors
    /// `InvalidQuery` with the place in the query, `QueryLimit`.
    pub async fn sql(&self, query: &str, limit: usize) -> Result<Vec<RecordBatch>, StoreError> {
        let limits = SqlLimits { rows: limit, ..SqlLimits::default() };
        Ok(self.sql_within(query, limits).await?.batches)
    }

    /// As [`Self::sql`] within given limits.
    pub async fn sql_within(&self, query: &str, limits: SqlLimits) -> Result<SqlOutput, StoreError> {
        let (query, inner) = (query.to_owned(), self.inner.clone());
        self.query(async move {
            let (tables, scanner, files) = (inner.tables.clone(), inner.scanner.clone(), inner.files.clone());
            sql::answer(&query, limits, tables, scanner, files, inner.query_threads).await
        })
        .await
    }

    /// Does the upkeep that is due: checkpoints, merging of small files, clean-up.
    ///
    /// # Errors
    /// `ReadOnly`, and those of [`Self::open`]. What was done before the error stays done.
    pub async fn maintain(&self, options: &MaintenanceOptions) -> Result<Upkeep, StoreError> {
        let inner = self.inner.clone();
        if inner.queue.is_none() {
            return Err(StoreError::ReadOnly { path: inner.dir.clone() });
        }
        let options = options.clone();
        run_on(self.inner.runtimes.append(), &self.inner.dir, async move {
            let mut done = Upkeep::default();
            for table in inner.tables.iter() {
                let mut pace = || options.pace;
                done.add(maintain::maintain(table, &inner.dir, &options, true, &mut pace).await?);
            }
            Ok(done)
        })
        .await
    }

    async fn rows<T>(
        &self,
        table: usize,
        scan: Scan,
        tidy: impl FnOnce(Vec<T>) -> Vec<T> + Send + 'static,
    ) -> Result<Vec<T>, StoreError>
    where
        T: smoltrace_model::rows::TableRow + Send + 'static,
    {
        let inner = self.inner.clone();
        self.query(async move { Ok(tidy(inner.scanner.rows(&inner.tables[table], &scan).await?)) }).await
    }

    /// Runs `work` on the query runtime.
    async fn query<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        run_on(self.inner.runtimes.query(), &self.inner.dir, work).await
    }
}

/// Commits after which background upkeep cleans up before its time.
const CLEAN_UP_COMMITS: u64 = 100;

/// The background task of upkeep. An error of one round is logged; the next round tries again.
async fn keep_up(
    tables: Arc<[Table; TABLES]>,
    lookups: Arc<[Lookup; TABLES]>,
    dir: PathBuf,
    background: Background,
    mut done: watch::Receiver<Done>,
    mut closed: watch::Receiver<()>,
) {
    let every = background.every.max(Duration::from_millis(1));
    // Not at once: the first queries after a start have the machine for themselves.
    let mut rounds = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pacer = Pacer::new(Instant::now(), every);
    let mut cleaned_up = 0;
    loop {
        let enough = done.borrow_and_update().commits + background.commits.max(1);
        let is_time = tokio::select! {
            Ok(_) = done.wait_for(|done| done.commits >= enough) => false,
            _ = rounds.tick() => true,
            _ = closed.changed() => return,
        };
        let commits = done.borrow().commits;
        let clean_up = is_time || commits >= cleaned_up + CLEAN_UP_COMMITS;
        if clean_up {
            cleaned_up = commits;
        }
        for table in tables.iter() {
            let mut last = None;
            let mut pace = || *last.insert(pacer.next(Instant::now(), *done.borrow()));
            match maintain::maintain(table, &dir, &background.maintenance, clean_up, &mut pace).await {
                Ok(done) => tracing::debug!(table = table.layout.name, pace = ?last, ?done, "upkeep"),
                Err(error) => tracing::warn!(table = table.layout.name, %error, "upkeep failed"),
            }
            if closed.has_changed().is_err() {
                return;
            }
        }
        // So that the first look-up after many commits has few to follow.
        for table in [SPANS, EVENTS] {
            if let Err(error) = lookups[table].follow(&tables[table]).await {
                tracing::debug!(table = tables[table].layout.name, %error, "the log could not be followed");
            }
        }
    }
}

fn wanted(run_id: &str, trace_id: &str) -> Wanted {
    Wanted { run_id: run_id.into(), trace_id: trace_id.into(), span_id: None, left_out: &[] }
}

fn some<T>(rows: Vec<T>, what: impl FnOnce() -> String) -> Result<Vec<T>, StoreError> {
    if rows.is_empty() { Err(StoreError::NotFound { what: what() }) } else { Ok(rows) }
}

/// The data directory as an absolute path, made when it may be.
fn prepare_folder(dir: &Path, options: &StoreOptions, read_only: bool) -> Result<PathBuf, StoreError> {
    if !read_only {
        create_folders(dir, options.disk.as_ref()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                StoreError::other(dir, "not a directory; choose another data directory")
            }
            _ => StoreError::io(dir, &error),
        })?;
    }
    match dir.canonicalize() {
        Ok(found) if found.is_dir() => Ok(found),
        Ok(_) => Err(StoreError::other(dir, "not a directory; choose another data directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::NotFound { what: format!("data directory {}", dir.display()) })
        }
        Err(error) => Err(StoreError::io(dir, &error)),
    }
}
