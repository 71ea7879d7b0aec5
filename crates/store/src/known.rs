//! Which rows a run has already, so that an append can leave them out.
//!
//! Loaded a run at a time from the table, kept for the runs used last, and brought up to date
//! with what other processes commit.

use std::collections::{BTreeSet, HashMap, HashSet};

use arrow::{
    array::{Array, AsArray, BooleanArray, Int64Array, StringArray},
    compute::filter_record_batch,
    datatypes::Int64Type,
    error::ArrowError,
    record_batch::RecordBatch,
};
use datafusion::logical_expr::{col, lit};
use deltalake::kernel::Add;

use crate::{
    error::StoreError,
    layout::{Identity, Layout},
    query::{Scan, Scanner},
    table::Table,
    tail::{Followed, Tail},
};

/// More runs than this are looked up with one scan of the whole table's key columns.
const MANY_RUNS: usize = 64;

/// How many times over its limit the memory may go for the runs of the last append.
const RECENT: usize = 8;

/// What is known of one run.
#[derive(Debug, Default)]
struct RunKeys {
    /// Rows, by content.
    rows: HashSet<u128>,
    /// Newest version of what the other keys name, and its content.
    newest: HashMap<String, (i64, u128)>,
    used: u64,
}

impl RunKeys {
    fn len(&self) -> usize {
        self.rows.len() + self.newest.len()
    }
}

/// Known rows of one table.
#[derive(Debug)]
pub(crate) struct Known {
    runs: HashMap<String, RunKeys>,
    /// The table as of which `runs` is right.
    tail: Tail,
    /// Whether all runs of the table are in `runs`, so that any other is new.
    complete: bool,
    limit: usize,
    clock: u64,
}

/// The rows of a batch that are new.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// New rows, versions filled in. `None` when there is none.
    pub(crate) batch: Option<RecordBatch>,
    /// New rows of each input batch.
    pub(crate) written: Vec<usize>,
}

impl Known {
    pub(crate) fn new(limit: usize) -> Self {
        Self { runs: HashMap::new(), tail: Tail::default(), complete: false, limit, clock: 0 }
    }

    /// Brings what is known up to date with the table, and loads the runs of `batches` that are
    /// not known. Returns the version that a commit of what is then [`fresh`](Self::fresh) must
    /// have, or `None` when the table changed meanwhile and all must be looked at again.
    pub(crate) async fn prepare(
        &mut self,
        scanner: &Scanner,
        table: &Table,
        batches: &[RecordBatch],
    ) -> Result<Option<u64>, StoreError> {
        if !self.catch_up(scanner, table).await? {
            return Ok(None);
        }
        self.clock += 1;
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for batch in batches {
            let runs = strings(batch, "run_id");
            let mut last = None;
            for run in (0..runs.len()).map(|i| runs.value(i)) {
                if last == Some(run) {
                    continue;
                }
                last = Some(run);
                match self.runs.get_mut(run) {
                    Some(keys) => keys.used = self.clock,
                    None => {
                        missing.insert(run);
                    }
                }
            }
        }
        if !missing.is_empty() && !self.complete && table.layout.identity == Identity::Versioned(&[]) {
            // One row a run: to know them all costs less than to look up many.
            let Some(batches) = self.scan(scanner, table, &key_scan(&table.layout)).await? else {
                return Ok(None);
            };
            for batch in &batches {
                absorb(&mut self.runs, &table.layout, batch, true);
            }
            self.complete = true;
            missing.retain(|run| !self.runs.contains_key(*run));
        }
        let files = if self.complete { Vec::new() } else { self.tail.files_of(&missing) };
        let mut loaded: HashMap<String, RunKeys> = HashMap::new();
        for run in &missing {
            loaded.insert((*run).into(), RunKeys { used: self.clock, ..RunKeys::default() });
        }
        if !files.is_empty() {
            let mut scan = Scan { files: Some(files), ..key_scan(&table.layout) };
            if missing.len() <= MANY_RUNS {
                let ids = missing.iter().map(|run| lit(*run)).collect();
                scan = scan.and(col("run_id").in_list(ids, false));
            }
            let Some(batches) = self.scan(scanner, table, &scan).await? else { return Ok(None) };
            for batch in &batches {
                absorb(&mut loaded, &table.layout, batch, false);
            }
        }
        self.runs.extend(loaded);
        Ok(Some(self.tail.next_version()))
    }

    /// Takes in what others committed since the last look; false as [`Self::prepare`]'s `None`.
    async fn catch_up(&mut self, scanner: &Scanner, table: &Table) -> Result<bool, StoreError> {
        if self.tail.follow(table).await? == Followed::Anew || self.tail.lost_news() {
            self.runs.clear();
            self.complete = false;
            self.tail.take_news();
            return Ok(true);
        }
        let files = match self.complete {
            true => self.tail.all_news(),
            false => self.tail.news_of(&self.runs.keys().map(String::as_str).collect()),
        };
        if !files.is_empty() {
            let scan = Scan { files: Some(files), ..key_scan(&table.layout) };
            let Some(batches) = self.scan(scanner, table, &scan).await? else { return Ok(false) };
            for batch in &batches {
                absorb(&mut self.runs, &table.layout, batch, self.complete);
            }
        }
        self.tail.take_news();
        Ok(true)
    }

    /// Scans files of the version that was followed to. `None`, and all must be looked at again,
    /// when one of them was merged into another since.
    async fn scan(
        &mut self,
        scanner: &Scanner,
        table: &Table,
        scan: &Scan,
    ) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        let state = table.latest().await?;
        match scanner.batches(table, &state, scan).await {
            Ok(batches) => Ok(Some(batches)),
            Err(error) => {
                let moved = state.version().map(|version| version + 1) != Some(self.tail.next_version());
                self.tail = Tail::default();
                if moved { Ok(None) } else { Err(error) }
            }
        }
    }

    /// The rows that are new, over all batches in order. Nothing is remembered: call
    /// [`Self::remember`] once they are committed.
    pub(crate) fn fresh(&self, layout: &Layout, batches: &[RecordBatch]) -> Result<Fresh, ArrowError> {
        let mut kept = Vec::with_capacity(batches.len());
        let mut written = Vec::with_capacity(batches.len());
        let mut here: HashSet<(&str, u128)> = HashSet::new();
        let mut newest: HashMap<(&str, String), (i64, u128)> = HashMap::new();
        for batch in batches {
            let keys = Keys::of(layout, batch);
            let mut mask = Vec::with_capacity(batch.num_rows());
            let mut versions = Vec::new();
            for row in 0..batch.num_rows() {
                let (run, id) = (keys.runs.value(row), row_id(keys.rows.value(row)));
                let known = self.runs.get(run);
                mask.push(match layout.identity {
                    Identity::Content => {
                        !known.is_some_and(|known| known.rows.contains(&id)) && here.insert((run, id))
                    }
                    Identity::Versioned(_) => {
                        let name = keys.name(row);
                        let before = newest
                            .get(&(run, name.clone()))
                            .or_else(|| known.and_then(|known| known.newest.get(&name)))
                            .copied();
                        let version = before.map_or(1, |(version, _)| version + 1);
                        versions.push(version);
                        let changed = before.is_none_or(|(_, content)| content != id);
                        if changed {
                            newest.insert((run, name), (version, id));
                        }
                        changed
                    }
                });
            }
            let mask = BooleanArray::from(mask);
            written.push(mask.true_count());
            let batch = match layout.identity {
                Identity::Content => batch.clone(),
                Identity::Versioned(_) => with_versions(batch, versions)?,
            };
            kept.push(filter_record_batch(&batch, &mask)?);
        }
        let batch = match written.iter().sum() {
            0 => None,
            _ => Some(arrow::compute::concat_batches(&layout.schema, &kept)?),
        };
        Ok(Fresh { batch, written })
    }

    /// Notes that `batch` was committed as `add`.
    pub(crate) fn remember(&mut self, layout: &Layout, batch: &RecordBatch, add: &Add) {
        self.tail.committed(add.path.clone(), add.stats.as_deref());
        absorb(&mut self.runs, layout, batch, self.complete);
        let mut total: usize = self.runs.values().map(RunKeys::len).sum();
        if total <= self.limit {
            return;
        }
        let mut by_age: Vec<(u64, usize, String)> =
            self.runs.iter().map(|(run, keys)| (keys.used, keys.len(), run.clone())).collect();
        by_age.sort();
        for (used, rows, run) in by_age {
            // The runs of this append are likely those of the next one.
            let wanted = used == self.clock && total <= self.limit.saturating_mul(RECENT);
            if total <= self.limit || wanted {
                break;
            }
            self.runs.remove(&run);
            self.complete = false;
            total -= rows;
        }
    }
}

/// Adds to `runs` the rows of `batch` that belong to them; rows of other runs, too, if `all`.
fn absorb(runs: &mut HashMap<String, RunKeys>, layout: &Layout, batch: &RecordBatch, all: bool) {
    let keys = Keys::of(layout, batch);
    for row in 0..batch.num_rows() {
        let run = keys.runs.value(row);
        if all && !runs.contains_key(run) {
            runs.insert(run.to_owned(), RunKeys::default());
        }
        let Some(known) = runs.get_mut(run) else { continue };
        let id = row_id(keys.rows.value(row));
        match layout.identity {
            Identity::Content => {
                known.rows.insert(id);
            }
            Identity::Versioned(_) => {
                let version = keys.versions.map_or(0, |versions| versions.value(row));
                let newest = known.newest.entry(keys.name(row)).or_insert((version, id));
                *newest = (*newest).max((version, id));
            }
        }
    }
}

fn with_versions(batch: &RecordBatch, versions: Vec<i64>) -> Result<RecordBatch, ArrowError> {
    let index = batch.schema().index_of("version")?;
    let mut columns = batch.columns().to_vec();
    columns[index] = std::sync::Arc::new(Int64Array::from(versions));
    RecordBatch::try_new(batch.schema(), columns)
}

fn key_scan(layout: &Layout) -> Scan {
    let names: &[&str] = match layout.identity {
        Identity::Content => &[],
        Identity::Versioned(names) => names,
    };
    let version = matches!(layout.identity, Identity::Versioned(_)).then_some("version");
    Scan::default().columns(["run_id", "row_id"].into_iter().chain(names.iter().copied()).chain(version))
}

/// The columns of a batch that tell rows apart.
struct Keys<'a> {
    runs: &'a StringArray,
    rows: &'a StringArray,
    names: Vec<&'a dyn Array>,
    versions: Option<&'a Int64Array>,
}

impl<'a> Keys<'a> {
    fn of(layout: &Layout, batch: &'a RecordBatch) -> Self {
        let names = match layout.identity {
            Identity::Content => &[],
            Identity::Versioned(names) => names,
        };
        Self {
            runs: strings(batch, "run_id"),
            rows: strings(batch, "row_id"),
            names: names.iter().filter_map(|name| Some(batch.column_by_name(name)?.as_ref())).collect(),
            versions: batch
                .column_by_name("version")
                .and_then(|column| column.as_primitive_opt::<Int64Type>()),
        }
    }

    fn name(&self, row: usize) -> String {
        let mut name = String::new();
        for column in &self.names {
            match (column.as_string_opt::<i32>(), column.as_primitive_opt::<Int64Type>()) {
                (Some(text), _) => name.push_str(text.value(row)),
                (_, Some(number)) => name.push_str(&number.value(row).to_string()),
                _ => {}
            }
            name.push('\0');
        }
        name
    }
}

fn strings<'a>(batch: &'a RecordBatch, column: &str) -> &'a StringArray {
    batch
        .column_by_name(column)
        .and_then(|values| values.as_string_opt::<i32>())
        .expect("every table has run_id and row_id as strings")
}

/// A row id as a number: 32 hex digits, which [`crate::Store::append`] makes sure of.
pub(crate) fn row_id(text: &str) -> u128 {
    u128::from_str_radix(text, 16).unwrap_or_default()
}
