//! The newest versions in a table whose rows are versions of something: loaded a run at a time, kept
//! for the runs used last.

use std::collections::{BTreeSet, HashMap};

use arrow::{
    array::{Array, AsArray, BooleanArray, Int64Array, StringArray},
    compute::filter_record_batch,
    datatypes::Int64Type,
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::{Fresh, Looked, Reader, row_id, strings};
use crate::{
    error::StoreError,
    layout::{Identity, Layout},
    query::Scan,
    rows::Rows,
};

/// More runs than this are looked up with one scan of the whole table's key columns.
const MANY_RUNS: usize = 64;

/// What is known of one run.
#[derive(Debug, Default)]
struct RunVersions {
    /// Newest version of what the keys name, and its content.
    newest: HashMap<String, (i64, u128)>,
    used: u64,
}

#[derive(Debug)]
pub(super) struct Versions {
    runs: HashMap<String, RunVersions>,
    /// Whether all runs of the table are in `runs`, so that any other is new.
    complete: bool,
    limit: usize,
    clock: u64,
}

impl Versions {
    pub(super) fn new(limit: usize) -> Self {
        Self { runs: HashMap::new(), complete: false, limit, clock: 0 }
    }

    pub(super) fn forget(&mut self) {
        self.runs.clear();
        self.complete = false;
    }

    pub(super) async fn prepare(
        &mut self,
        reader: &mut Reader<'_>,
        batches: &[Rows],
    ) -> Result<Looked, StoreError> {
        if self.take_news(reader).await? == Looked::Amiss {
            return Ok(Looked::Amiss);
        }
        self.clock += 1;
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for run in batches.iter().flat_map(Rows::run_ids) {
            match self.runs.get_mut(run) {
                Some(known) => known.used = self.clock,
                None => {
                    missing.insert(run);
                }
            }
        }
        let key_scan = key_scan(reader.layout());
        if !missing.is_empty() && !self.complete && reader.layout().identity == Identity::Versioned(&[]) {
            // One row a run: to know them all costs less than to look up many.
            let Some(batches) = reader.scan(&key_scan).await? else { return Ok(Looked::Amiss) };
            for batch in &batches {
                absorb(&mut self.runs, reader.layout(), batch, true);
            }
            self.complete = true;
            missing.retain(|run| !self.runs.contains_key(*run));
        }
        let files = if self.complete { Vec::new() } else { reader.tail.files_of(&missing) };
        let mut loaded: HashMap<String, RunVersions> = HashMap::new();
        for run in &missing {
            loaded.insert((*run).into(), RunVersions { used: self.clock, ..RunVersions::default() });
        }
        if !files.is_empty() {
            let mut scan = Scan { files: Some(files), ..key_scan };
            if missing.len() <= MANY_RUNS {
                scan = scan.among("run_id", missing.iter().copied());
            }
            let Some(batches) = reader.scan(&scan).await? else { return Ok(Looked::Amiss) };
            for batch in &batches {
                absorb(&mut loaded, reader.layout(), batch, false);
            }
        }
        self.runs.extend(loaded);
        Ok(Looked::Well)
    }

    /// Takes in what others committed since the last look.
    async fn take_news(&mut self, reader: &mut Reader<'_>) -> Result<Looked, StoreError> {
        let files = match self.complete {
            true => reader.tail.all_news(),
            false => reader.tail.news_of(&self.runs.keys().map(String::as_str).collect()),
        };
        if !files.is_empty() {
            let scan = Scan { files: Some(files), ..key_scan(reader.layout()) };
            let Some(batches) = reader.scan(&scan).await? else { return Ok(Looked::Amiss) };
            for batch in &batches {
                absorb(&mut self.runs, reader.layout(), batch, self.complete);
            }
        }
        reader.tail.take_news();
        Ok(Looked::Well)
    }

    pub(super) fn fresh(&self, layout: &Layout, batches: &[Rows]) -> Result<Fresh, ArrowError> {
        let mut kept = Vec::with_capacity(batches.len());
        let mut written = Vec::with_capacity(batches.len());
        let mut newest: HashMap<(&str, String), (i64, u128)> = HashMap::new();
        for rows in batches {
            let batch = one_batch(rows);
            let keys = Keys::of(layout, batch);
            let mut mask = Vec::with_capacity(batch.num_rows());
            let mut versions = Vec::with_capacity(batch.num_rows());
            for row in 0..batch.num_rows() {
                let (run, id, name) = (keys.runs.value(row), row_id(keys.rows.value(row)), keys.name(row));
                let before = newest
                    .get(&(run, name.clone()))
                    .or_else(|| self.runs.get(run).and_then(|known| known.newest.get(&name)))
                    .copied();
                let version = before.map_or(1, |(version, _)| version + 1);
                versions.push(version);
                let changed = before.is_none_or(|(_, content)| content != id);
                if changed {
                    newest.insert((run, name), (version, id));
                }
                mask.push(changed);
            }
            let mask = BooleanArray::from(mask);
            written.push(mask.true_count());
            kept.push(filter_record_batch(&with_versions(batch, versions)?, &mask)?);
        }
        let rows = match written.iter().sum() {
            0 => None,
            _ => Some(Rows::Columns(vec![arrow::compute::concat_batches(&layout.schema, &kept)?])),
        };
        Ok(Fresh { rows, written })
    }

    pub(super) fn keep(&mut self, layout: &Layout, rows: &Rows) {
        absorb(&mut self.runs, layout, one_batch(rows), self.complete);
        let mut total: usize = self.runs.values().map(|run| run.newest.len()).sum();
        if total <= self.limit {
            return;
        }
        let mut by_age: Vec<(u64, usize, String)> =
            self.runs.iter().map(|(run, known)| (known.used, known.newest.len(), run.clone())).collect();
        by_age.sort();
        for (used, rows, run) in by_age {
            // The runs of this append are likely those of the next one.
            if total <= self.limit || used == self.clock {
                break;
            }
            self.runs.remove(&run);
            self.complete = false;
            total -= rows;
        }
    }
}

/// The rows of a table of versions.
fn one_batch(rows: &Rows) -> &RecordBatch {
    match rows {
        Rows::Columns(batches) if batches.len() == 1 => &batches[0],
        _ => unreachable!("versions come as the columns of one batch"),
    }
}

/// Adds to `runs` the rows of `batch` that belong to them; rows of other runs, too, if `all`.
fn absorb(runs: &mut HashMap<String, RunVersions>, layout: &Layout, batch: &RecordBatch, all: bool) {
    let keys = Keys::of(layout, batch);
    for row in 0..batch.num_rows() {
        let run = keys.runs.value(row);
        if all && !runs.contains_key(run) {
            runs.insert(run.to_owned(), RunVersions::default());
        }
        let Some(known) = runs.get_mut(run) else { continue };
        let (version, id) = (keys.versions.value(row), row_id(keys.rows.value(row)));
        let newest = known.newest.entry(keys.name(row)).or_insert((version, id));
        *newest = (*newest).max((version, id));
    }
}

fn with_versions(batch: &RecordBatch, versions: Vec<i64>) -> Result<RecordBatch, ArrowError> {
    let index = batch.schema().index_of("version")?;
    let mut columns = batch.columns().to_vec();
    columns[index] = std::sync::Arc::new(Int64Array::from(versions));
    RecordBatch::try_new(batch.schema(), columns)
}

fn names(layout: &Layout) -> &'static [&'static str] {
    match layout.identity {
        Identity::Content { .. } => &[],
        Identity::Versioned(names) => names,
    }
}

fn key_scan(layout: &Layout) -> Scan {
    Scan::default().columns(["run_id", "row_id", "version"].into_iter().chain(names(layout).iter().copied()))
}

/// The columns of a batch that tell rows apart.
struct Keys<'a> {
    runs: &'a StringArray,
    rows: &'a StringArray,
    names: Vec<&'a dyn Array>,
    versions: &'a Int64Array,
}

impl<'a> Keys<'a> {
    fn of(layout: &Layout, batch: &'a RecordBatch) -> Self {
        let column = |name: &&str| Some(batch.column_by_name(name)?.as_ref());
        let versions =
            batch.column_by_name("version").and_then(|column| column.as_primitive_opt::<Int64Type>());
        Self {
            runs: strings(batch, "run_id"),
            rows: strings(batch, "row_id"),
            names: names(layout).iter().filter_map(column).collect(),
            versions: versions.expect("every table of versions has their numbers"),
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
