//! Group commit: one task takes all appends that are waiting and commits them together.
//!
//! Under load the next group is looked through and encoded while the one before it is put on disk. That is done from
//! memory alone, and only on tables that the group before commits to as well, so that memory is as of that commit.
//! Whenever memory does not tell enough, or the group before does not end as foreseen, the next one is begun anew
//! from a look at the table.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use deltalake::{
    kernel::{Action, Add},
    protocol::{DeltaOperation, SaveMode},
};
use parquet::errors::ParquetError;
use tokio::sync::watch;

use crate::{
    error::StoreError,
    group::{Group, Part},
    intake::Intake,
    known::{Known, Lent},
    layout::{Identity, LAYOUTS, TABLES},
    options::{Observer, StoreOptions},
    parquet_file::EncodedFile,
    query::Scanner,
    table::{Committed, Table},
};

/// Lost races for a version before an append gives up. Each means that another append succeeded.
const ATTEMPTS: usize = 1_000;

/// The task that owns all appends of a store.
pub(crate) struct Writer {
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    known: [Known; TABLES],
    observer: Option<Arc<dyn Observer>>,
    done: watch::Sender<Done>,
}

/// What a writer did since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// Commits to all tables.
    pub(crate) commits: u64,
    /// Time in which appends were at work.
    pub(crate) busy: Duration,
}

/// A group whose new rows, but those that are versions, are encoded and not yet on disk.
struct Flight {
    group: Group,
    parts: Vec<Encoded>,
}

/// What a part came to.
struct Encoded {
    table: usize,
    part: Part,
    /// New rows of each batch.
    written: Vec<usize>,
    /// All new rows; none when there is none.
    file: Option<EncodedFile>,
}

/// New rows of each batch of a part, and a file of all of them.
type New = Result<(Vec<usize>, Option<EncodedFile>), ParquetError>;

/// A part to look through, what is known to do it with, and what came of it.
struct Look {
    table: usize,
    part: Part,
    lent: Lent,
    new: Option<New>,
}

/// A part that was looked through, unless memory did not tell.
struct Looked {
    table: usize,
    part: Part,
    new: Option<New>,
}

impl Writer {
    pub(crate) fn new(
        tables: Arc<[Table; TABLES]>,
        scanner: Arc<Scanner>,
        options: &StoreOptions,
        done: watch::Sender<Done>,
    ) -> Self {
        let known = std::array::from_fn(|table| Known::new(&LAYOUTS[table], options.known_rows / TABLES));
        Self { tables, scanner, known, observer: options.observer.clone(), done }
    }

    /// Serves appends until all senders are gone.
    pub(crate) async fn serve(mut self, mut intake: Intake) {
        let mut flight: Option<Flight> = None;
        loop {
            let group = match flight {
                Some(_) => intake.try_next(),
                None => intake.next().await,
            };
            let start = Instant::now();
            flight = match (flight, group) {
                (None, None) => return,
                (None, Some(group)) => Some(self.begin(group).await),
                (Some(flight), None) => {
                    self.land(flight).await;
                    None
                }
                (Some(flight), Some(group)) => Some(self.land_and_begin(flight, group).await),
            };
            self.done.send_modify(|done| done.busy += start.elapsed());
        }
    }

    /// Looks at the tables for what is new in a group, and encodes it.
    async fn begin(&mut self, mut group: Group) -> Flight {
        let mut looks = Vec::new();
        for table in by_content() {
            let Some(part) = group.take(table) else { continue };
            match self.prepare(table, &part).await {
                Ok(()) => looks.push(self.lend(table, part)),
                Err(error) => group.note(table, &part, Err(error)),
            }
        }
        let looks = tokio::task::spawn_blocking(|| look_through(looks, true)).await;
        let looked = self.take_back(looks);
        self.flight(group, looked)
    }

    /// Puts a group on disk and answers it.
    async fn land(&mut self, mut flight: Flight) {
        if !self.put(&mut flight).await {
            self.known.iter_mut().for_each(Known::undo);
        }
        self.finish(flight.into_group()).await;
    }

    /// Puts one group on disk and looks through the next one meanwhile.
    async fn land_and_begin(&mut self, mut flight: Flight, mut group: Group) -> Flight {
        if !by_content().all(|table| flight.writes_to(table) || !group.has_rows_for(table)) {
            self.land(flight).await;
            return self.begin(group).await;
        }
        let parts = by_content().filter_map(|table| Some((table, group.take(table)?)));
        let looks: Vec<Look> = parts.map(|(table, part)| self.lend(table, part)).collect();
        let looking = tokio::task::spawn_blocking(|| look_through(looks, false));
        let landed = self.put(&mut flight).await;
        let looked = if landed {
            self.finish(flight.group).await;
            self.take_back(looking.await)
        } else {
            let looked = self.take_back(looking.await);
            self.known.iter_mut().for_each(Known::undo);
            self.finish(flight.into_group()).await;
            looked
        };
        match looked {
            Ok(looked) if !landed || looked.iter().any(|looked| looked.new.is_none()) => {
                looked.into_iter().for_each(|Looked { table, part, .. }| group.put_back(table, part));
                self.begin(group).await
            }
            looked => self.flight(group, looked),
        }
    }

    /// A group with what was found in it.
    fn flight(&self, mut group: Group, looked: Result<Vec<Looked>, StoreError>) -> Flight {
        let mut parts = Vec::new();
        for Looked { table, part, new } in looked.unwrap_or_else(|error| {
            group.fail(&error);
            Vec::new()
        }) {
            match new {
                Some(Ok((written, file))) => parts.push(Encoded { table, part, written, file }),
                Some(Err(error)) => group.note(table, &part, Err(self.tables[table].foreign(&error))),
                None => group.put_back(table, part),
            }
        }
        Flight { group, parts }
    }

    fn lend(&mut self, table: usize, part: Part) -> Look {
        Look { table, part, lent: self.known[table].lend(), new: None }
    }

    fn take_back(
        &mut self,
        looks: Result<Vec<Look>, tokio::task::JoinError>,
    ) -> Result<Vec<Looked>, StoreError> {
        match looks {
            Ok(looks) => {
                let taken = looks.into_iter().map(|Look { table, part, lent, new }| {
                    self.known[table].take_back(lent);
                    Looked { table, part, new }
                });
                Ok(taken.collect())
            }
            Err(error) => {
                self.known.iter_mut().for_each(Known::give_up);
                Err(StoreError::other(&self.tables[0].dir, error))
            }
        }
    }

    /// Puts the files of a flight on disk and commits them, table by table. Says `false` when one of them went another
    /// way than foreseen: what is still in `flight` was not written, and is to be looked at anew.
    async fn put(&mut self, flight: &mut Flight) -> bool {
        let mut parts = std::mem::take(&mut flight.parts).into_iter();
        while let Some(Encoded { table, part, written, file }) = parts.next() {
            let put = match file {
                Some(file) => self.put_file(table, file).await,
                None => Ok(true),
            };
            match put {
                Ok(true) => {
                    flight.group.note(table, &part, Ok(&written));
                    continue;
                }
                Ok(false) => flight.group.put_back(table, part),
                Err(error) => flight.group.note(table, &part, Err(error)),
            }
            flight.parts = parts.collect();
            return false;
        }
        true
    }

    /// Commits a file of new rows as of what is known of its table. Says `false` when others committed rows since.
    async fn put_file(&mut self, index: usize, file: EncodedFile) -> Result<bool, StoreError> {
        let (table, known) = (&self.tables[index], &mut self.known[index]);
        let add = table.put(file, true).await?;
        for _ in 0..ATTEMPTS {
            match commit(table, known.next_version(), &add).await? {
                Committed::Done => {
                    known.keep(&add, &table.layout);
                    self.done.send_modify(|done| done.commits += 1);
                    return Ok(true);
                }
                // Mostly the merges of upkeep.
                Committed::Conflict if known.pass_moves(table).await? => {}
                Committed::Conflict => break,
            }
        }
        table.discard(&add).await;
        Ok(false)
    }

    /// Commits what rows a group has left, and answers it. A table that fails fails the appends that have rows in
    /// it; these take no part in later tables, so no run row goes ahead of its data.
    async fn finish(&mut self, mut group: Group) {
        for table in 0..TABLES {
            let Some(part) = group.take(table) else { continue };
            match self.commit_table(table, &part).await {
                Ok(written) => group.note(table, &part, Ok(&written)),
                Err(error) => group.note(table, &part, Err(error)),
            }
        }
        if let Some(observer) = &self.observer {
            observer.committed(&group.summary());
        }
        group.answer();
    }

    /// Brings what is known up to date for a part.
    async fn prepare(&mut self, index: usize, part: &Part) -> Result<(), StoreError> {
        let (table, known) = (&self.tables[index], &mut self.known[index]);
        for _ in 0..ATTEMPTS {
            if known.prepare(&self.scanner, table, &part.batches).await? {
                return Ok(());
            }
        }
        Err(busy(table))
    }

    /// Commits the new rows of a part to one table and returns how many each batch had.
    ///
    /// The commit is made as exactly the version after the one that was looked at for
    /// duplicates. When another process took it, all is looked at again, so no race can
    /// double a row.
    async fn commit_table(&mut self, index: usize, part: &Part) -> Result<Vec<usize>, StoreError> {
        let (table, known) = (&self.tables[index], &mut self.known[index]);
        let layout = &table.layout;
        let mut put: Option<(Add, Vec<usize>)> = None;
        for attempt in 0..ATTEMPTS {
            if !known.prepare(&self.scanner, table, &part.batches).await? {
                continue;
            }
            let fresh = known.fresh(layout, &part.batches).map_err(|e| table.foreign(&e))?;
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
            match commit(table, known.next_version(), &add).await? {
                Committed::Done => {
                    known.keep(&add, layout);
                    known.keep_versions(layout, &rows);
                    self.done.send_modify(|done| done.commits += 1);
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
        Err(busy(table))
    }
}

impl Flight {
    /// Whether it will commit to a table, and so be as of its newest version.
    fn writes_to(&self, table: usize) -> bool {
        self.parts.iter().any(|part| part.table == table && part.file.is_some())
    }

    /// The group with the rows that were not written.
    fn into_group(mut self) -> Group {
        self.parts.into_iter().for_each(|encoded| self.group.put_back(encoded.table, encoded.part));
        self.group
    }
}

/// Tables whose rows are told apart by content: a look at them can be done ahead of a commit.
fn by_content() -> impl Iterator<Item = usize> {
    (0..TABLES).filter(|table| matches!(LAYOUTS[*table].identity, Identity::Content { .. }))
}

/// Finds out what is new and encodes it, if memory tells of all parts. It surely does after a look at the tables.
fn look_through(mut looks: Vec<Look>, surely: bool) -> Vec<Look> {
    let tells = |look: &mut Look| look.lent.knows_enough(&look.part.batches);
    if surely || looks.iter_mut().all(tells) {
        for look in &mut looks {
            look.new = Some(look.lent.encode_fresh(&LAYOUTS[look.table], &look.part.batches));
        }
    }
    looks
}

async fn commit(table: &Table, version: u64, add: &Add) -> Result<Committed, StoreError> {
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    table.commit(version, vec![Action::Add(add.clone())], operation).await
}

fn busy(table: &Table) -> StoreError {
    StoreError::Busy {
        retry_after: Duration::from_secs(1),
        cause: format!("other processes commit to {} without a pause", table.dir.display()),
    }
}
