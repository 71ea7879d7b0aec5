//! Group commit: one task takes all appends that are waiting and commits them together.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use deltalake::{
    kernel::Action,
    protocol::{DeltaOperation, SaveMode},
};
use smoltrace_model::rows::{EventRow, PointBlock, PointRow, ResultRow, RunRow, SpanRow, TableRow};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::{
    error::StoreError,
    known::Known,
    layout::{EVENTS, Identity, LAYOUTS, POINTS, RESULTS, SPANS, TABLES},
    options::{Commit, Observer, StoreOptions},
    query::Scanner,
    rows::Rows,
    table::{Committed, Table},
};

/// Rows to append. The `row_id` of all but points must be filled in (`sealed()`); versions are
/// assigned here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    pub spans: Vec<SpanRow>,
    pub points: PointBlock,
    pub events: Vec<EventRow>,
    pub results: Vec<ResultRow>,
    pub runs: Vec<RunRow>,
}

impl Batch {
    /// Rows over all tables.
    pub fn len(&self) -> usize {
        self.spans.len() + self.points.len() + self.events.len() + self.results.len() + self.runs.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of the rows of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows, now on disk.
    pub written: usize,
    /// Rows that were there already, or twice in the batch.
    pub duplicates: usize,
}

/// What an append did. When it is returned, all of it is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    pub spans: Counts,
    pub points: Counts,
    pub events: Counts,
    pub results: Counts,
    pub runs: Counts,
}

impl Receipt {
    /// New rows over all tables.
    pub fn written(&self) -> usize {
        self.tables().iter().map(|counts| counts.written).sum()
    }

    /// Rows over all tables that were there already.
    pub fn duplicates(&self) -> usize {
        self.tables().iter().map(|counts| counts.duplicates).sum()
    }

    fn tables(&self) -> [Counts; TABLES] {
        [self.spans, self.points, self.events, self.results, self.runs]
    }

    fn table(&mut self, table: usize) -> &mut Counts {
        match table {
            SPANS => &mut self.spans,
            POINTS => &mut self.points,
            EVENTS => &mut self.events,
            RESULTS => &mut self.results,
            _ => &mut self.runs,
        }
    }
}

/// One append on its way: a batch a table, in the order of `LAYOUTS`, empty ones left out.
pub(crate) struct Request {
    pub(crate) batches: [Option<Rows>; TABLES],
    pub(crate) reply: oneshot::Sender<Result<Receipt, StoreError>>,
    /// Its share of the queue, given back when it is answered.
    pub(crate) share: OwnedSemaphorePermit,
}

/// Requests that one group takes at most.
const GROUP_REQUESTS: usize = 1024;
/// Rows after which a group takes no further request.
const GROUP_ROWS: usize = 1_000_000;
/// Lost races for a version before an append gives up. Each means that another append succeeded.
const ATTEMPTS: usize = 1_000;

/// Columns for rows; refuses rows that could not be told apart later.
pub(crate) fn encode(batch: Batch) -> Result<[Option<Rows>; TABLES], StoreError> {
    fn table<T: TableRow>(
        rows: Vec<T>,
        ids: impl Fn(&T) -> (&str, &str),
    ) -> Result<Option<Rows>, StoreError> {
        for (row, (run_id, row_id)) in rows.iter().map(ids).enumerate() {
            let refuse = |cause: &str| StoreError::InvalidRow { table: T::TABLE, row, cause: cause.into() };
            if run_id.is_empty() {
                return Err(refuse("its run_id is empty"));
            }
            if row_id.len() != 32 || !row_id.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(refuse("its row_id is not 32 hex digits; seal the row first"));
            }
        }
        Ok((!rows.is_empty()).then(|| Rows::Columns(vec![T::to_batch(&rows)])))
    }
    fn points(points: PointBlock) -> Result<Option<Rows>, StoreError> {
        if let Some(row) = points.run_ids().position(str::is_empty) {
            let cause = "its run_id is empty".into();
            return Err(StoreError::InvalidRow { table: PointRow::TABLE, row, cause });
        }
        Ok((!points.is_empty()).then_some(Rows::Points(points)))
    }
    Ok([
        table(batch.spans, |row| (&row.run_id, &row.row_id))?,
        points(batch.points)?,
        table(batch.events, |row| (&row.run_id, &row.row_id))?,
        table(batch.results, |row| (&row.run_id, &row.row_id))?,
        table(batch.runs, |row| (&row.run_id, &row.row_id))?,
    ])
}

/// The task that owns all appends of a store.
pub(crate) struct Writer {
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    known: [Known; TABLES],
    observer: Option<Arc<dyn Observer>>,
    /// How many commits there were, of all tables.
    commits: watch::Sender<u64>,
}

impl Writer {
    pub(crate) fn new(
        tables: Arc<[Table; TABLES]>,
        scanner: Arc<Scanner>,
        options: &StoreOptions,
        commits: watch::Sender<u64>,
    ) -> Self {
        let known = std::array::from_fn(|table| Known::new(&LAYOUTS[table], options.known_rows / TABLES));
        Self { tables, scanner, known, observer: options.observer.clone(), commits }
    }

    /// Serves appends until all senders are gone.
    pub(crate) async fn serve(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.recv().await {
            let mut rows = rows_of(&first);
            let mut group = vec![first];
            while rows < GROUP_ROWS && group.len() < GROUP_REQUESTS {
                let Ok(next) = queue.try_recv() else { break };
                rows += rows_of(&next);
                group.push(next);
            }
            self.commit_group(group).await;
        }
    }

    /// Commits a group table by table. A table that fails fails the appends that have rows in
    /// it; these take no part in later tables, so no run row goes ahead of its data.
    async fn commit_group(&mut self, mut group: Vec<Request>) {
        let start = Instant::now();
        let mut outcomes: Vec<Result<Receipt, StoreError>> = vec![Ok(Receipt::default()); group.len()];
        for table in 0..self.tables.len() {
            let (takers, batches): (Vec<usize>, Vec<Rows>) = group
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| outcomes[*index].is_ok())
                .filter_map(|(index, request)| Some((index, request.batches[table].take()?)))
                .unzip();
            if takers.is_empty() {
                continue;
            }
            let result = self.commit_table(table, &batches).await;
            for (place, index) in takers.into_iter().enumerate() {
                match &result {
                    Ok(written) => {
                        if let Ok(receipt) = &mut outcomes[index] {
                            let written = written[place];
                            let duplicates = batches[place].len() - written;
                            *receipt.table(table) = Counts { written, duplicates };
                        }
                    }
                    Err(error) => outcomes[index] = Err(error.clone()),
                }
            }
        }
        if let Some(observer) = &self.observer {
            let receipts = outcomes.iter().flatten();
            observer.committed(&Commit {
                appends: outcomes.len(),
                failed: outcomes.iter().filter(|outcome| outcome.is_err()).count(),
                written: receipts.clone().map(Receipt::written).sum(),
                duplicates: receipts.map(Receipt::duplicates).sum(),
                took: start.elapsed(),
            });
        }
        for (request, outcome) in group.into_iter().zip(outcomes) {
            let Request { reply, share, .. } = request;
            // First, so that a caller that has its answer finds room in the queue.
            drop(share);
            // A caller that no longer waits is no error: its rows are on disk.
            let _ = reply.send(outcome);
        }
    }

    /// Commits the new rows of `batches` to one table and returns how many each had.
    ///
    /// The commit is made as exactly the version after the one that was looked at for
    /// duplicates. When another process took it, all is looked at again, so no race can
    /// double a row.
    async fn commit_table(&mut self, index: usize, batches: &[Rows]) -> Result<Vec<usize>, StoreError> {
        let (table, known) = (&self.tables[index], &mut self.known[index]);
        let layout = &table.layout;
        let mut put: Option<(deltalake::kernel::Add, Vec<usize>)> = None;
        for attempt in 0..ATTEMPTS {
            let Some(version) = known.prepare(&self.scanner, table, batches).await? else { continue };
            let fresh = known.fresh(layout, batches).map_err(|e| table.foreign(&e))?;
            // A file of an earlier attempt serves again when the rows are still the same new ones.
            // Versions may have moved, so versioned rows are always encoded anew.
            let reusable = matches!(layout.identity, Identity::Content { .. });
            if let Some((add, written)) = put.take_if(|(_, written)| !reusable || *written != fresh.written) {
                drop(written);
                table.discard(&add).await;
            }
            let Some(rows) = fresh.rows else { return Ok(fresh.written) };
            let rows = Arc::new(rows);
            let add = match &put {
                Some((add, _)) => add.clone(),
                None => {
                    let layout = layout.clone();
                    let rows = rows.clone();
                    let file = tokio::task::spawn_blocking(move || rows.encode(&layout))
                        .await
                        .map_err(|e| StoreError::other(&table.dir, e))?
                        .map_err(|e| table.foreign(&e))?;
                    let add = table.put(file, true).await?;
                    put = Some((add.clone(), fresh.written.clone()));
                    add
                }
            };
            let operation =
                DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
            match table.commit(version, vec![Action::Add(add.clone())], operation).await? {
                Committed::Done => {
                    known.keep(layout, &rows, &add);
                    self.commits.send_modify(|commits| *commits += 1);
                    return Ok(fresh.written);
                }
                Committed::Conflict if attempt > 3 => {
                    // Many writers at once: let some go first.
                    let spread = u64::from(std::process::id()) % 7 + attempt as u64 % 11;
                    tokio::time::sleep(Duration::from_millis(spread)).await;
                }
                Committed::Conflict => {}
            }
        }
        if let Some((add, _)) = put {
            table.discard(&add).await;
        }
        Err(StoreError::Busy {
            retry_after: Duration::from_secs(1),
            cause: format!("other processes commit to {} without a pause", table.dir.display()),
        })
    }
}

fn rows_of(request: &Request) -> usize {
    request.batches.iter().flatten().map(Rows::len).sum()
}
