//! The rows of one trace, straight from the files that may hold them.
//!
//! A scan is planned over all files of a table, and takes the longer the more there are. Here the files are followed
//! log entry by log entry, and what tells of a file whether it may hold a trace is remembered. Knows no query: whoever
//! asks makes a scan when this fails, as it does when a file is merged away and removed meanwhile.

use std::{
    collections::HashMap,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{ArrayRef, AsArray as _, BooleanArray, StringArray},
    compute::{and, kernels::cmp::eq},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
            RowFilter, RowSelection, RowSelector,
        },
    },
    bloom_filter::Sbbf,
    errors::ParquetError,
    file::{metadata::PageIndexPolicy, page_index::column_index::ColumnIndexMetaData},
};

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::{
    error::StoreError,
    query::{self, Scan, equals},
    table::Table,
    tail::Tail,
};

/// Bytes of filters that are remembered, roughly: those of a hundred million spans of a few to a trace ...
const FILTER_BYTES: usize = 24 << 20;
/// ... and bytes of footers, which are larger and mostly not needed.
const FOOTER_BYTES: usize = 8 << 20;

/// What rows are wanted: those of a run that have these texts in these columns, of which one is a trace id.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) run_id: String,
    pub(crate) trace_id: String,
    /// All rows of the trace when none.
    pub(crate) span_id: Option<String>,
    /// Columns that are not read, and what stands in them instead.
    pub(crate) left_out: &'static [(&'static str, &'static str)],
}

impl Wanted {
    /// The scan that finds the same.
    pub(crate) fn scan(&self) -> Scan {
        let scan = Scan::of_run(&self.run_id).and(equals("trace_id", &self.trace_id));
        let scan = match &self.span_id {
            Some(id) => scan.and(equals("span_id", id)),
            None => scan,
        };
        match self.left_out {
            [] => scan,
            _ => Scan { columns: query::compact_columns(), ..scan },
        }
    }
}

/// Looks traces up in one table.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    tail: AsyncMutex<Tail>,
    known: Arc<Known>,
}

/// What is remembered of files.
#[derive(Debug)]
struct Known {
    filters: Mutex<Remembered<Filters>>,
    footers: Mutex<Remembered<Footer>>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            filters: Mutex::new(Remembered::new(FILTER_BYTES)),
            footers: Mutex::new(Remembered::new(FOOTER_BYTES)),
        }
    }
}

/// What was used last, by path, as far as there is room for it.
#[derive(Debug)]
struct Remembered<T> {
    files: HashMap<String, (u64, Arc<T>)>,
    bytes: usize,
    most_bytes: usize,
    clock: u64,
}

/// Takes memory.
trait Weighed {
    /// Bytes, roughly.
    fn bytes(&self) -> usize;
}

/// Of each row group, which traces it may hold; any without.
#[derive(Debug)]
struct Filters(Vec<Option<Sbbf>>);

/// What a file says of itself at its end.
#[derive(Debug)]
struct Footer(ArrowReaderMetadata);

impl Lookup {
    /// Reads what was committed since the last look.
    pub(crate) async fn follow(&self, table: &Table) -> Result<MutexGuard<'_, Tail>, StoreError> {
        let mut tail = self.tail.lock().await;
        tail.follow(table).await?;
        tail.take_news();
        Ok(tail)
    }

    /// The rows in no order; `None` when the table's files are not such that they can be read one by one.
    pub(crate) async fn rows(
        &self,
        table: &Table,
        wanted: Wanted,
    ) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        let tail = self.follow(table).await?;
        let files = tail.files_from(&wanted.run_id, i64::MIN);
        drop(tail);
        let paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
        if !table.has_plain_files().await {
            return Ok(None);
        }
        let (dir, known) = (table.dir.clone(), self.known.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut batches = Vec::new();
            for path in paths {
                read(&dir, &path, &known, &wanted, &mut batches)?;
            }
            Ok::<_, ParquetError>(batches)
        });
        let batches = read.await.map_err(|e| StoreError::other(&table.dir, e))?;
        batches.map(Some).map_err(|e| table.foreign(&e))
    }
}

/// Adds the rows of one file.
fn read(
    dir: &Path,
    path: &str,
    known: &Known,
    wanted: &Wanted,
    batches: &mut Vec<RecordBatch>,
) -> Result<(), ParquetError> {
    let mut file = None;
    let mut open = || -> Result<File, ParquetError> {
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(File::open(dir.join(path))?),
        };
        Ok(file.try_clone()?)
    };
    let footer = |file| remembered(&known.footers, path, || Footer::read(&file));
    // Not asked within the match, which would keep the lock.
    let filters = lock(&known.filters).get(path);
    let filters = match filters {
        Some(filters) => filters,
        None => {
            let (file, again) = (open()?, open()?);
            let footer = footer(file)?;
            remembered(&known.filters, path, || Filters::read(again, &footer))?
        }
    };
    for (group, traces) in filters.0.iter().enumerate() {
        if traces.as_ref().is_some_and(|traces| !traces.check(wanted.trace_id.as_str())) {
            continue;
        }
        let footer = footer(open()?)?;
        let Some(selection) = footer.pages(group, &wanted.trace_id) else { continue };
        footer.read_rows(open()?, group, selection, wanted, batches)?;
    }
    Ok(())
}

fn lock<T>(remembered: &Mutex<Remembered<T>>) -> std::sync::MutexGuard<'_, Remembered<T>> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is remembered of a file, or is to be from now on.
fn remembered<T: Weighed>(
    remembered: &Mutex<Remembered<T>>,
    path: &str,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<Arc<T>, ParquetError> {
    if let Some(known) = lock(remembered).get(path) {
        return Ok(known);
    }
    let known = Arc::new(read()?);
    lock(remembered).insert(path, known.clone());
    Ok(known)
}

impl<T: Weighed> Remembered<T> {
    fn new(most_bytes: usize) -> Self {
        Self { files: HashMap::new(), bytes: 0, most_bytes, clock: 0 }
    }

    fn insert(&mut self, path: &str, file: Arc<T>) {
        self.clock += 1;
        self.bytes += file.bytes();
        if let Some((_, before)) = self.files.insert(path.to_owned(), (self.clock, file)) {
            self.bytes -= before.bytes();
        }
        if self.bytes <= self.most_bytes {
            return;
        }
        // Room is made for a while, so that not every file that comes in looks for the oldest one.
        let mut by_age: Vec<(u64, String)> =
            self.files.iter().map(|(path, (used, _))| (*used, path.clone())).collect();
        by_age.sort();
        for (_, path) in by_age {
            if self.bytes <= self.most_bytes / 4 * 3 {
                return;
            }
            self.bytes -= self.files.remove(&path).map_or(0, |(_, file)| file.bytes());
        }
    }
}

impl<T> Remembered<T> {
    fn get(&mut self, path: &str) -> Option<Arc<T>> {
        self.clock += 1;
        let (used, file) = self.files.get_mut(path)?;
        *used = self.clock;
        Some(file.clone())
    }
}

impl Weighed for Filters {
    fn bytes(&self) -> usize {
        // A block of a filter has 32 bytes.
        self.0.iter().map(|filter| 32 * (1 + filter.as_ref().map_or(0, Sbbf::num_blocks))).sum()
    }
}

impl Filters {
    fn read(file: File, footer: &Footer) -> Result<Self, ParquetError> {
        let mut traces = vec![None; footer.0.metadata().num_row_groups()];
        if let Some(column) = leaf(&footer.0, "trace_id") {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.0.clone());
            for (group, traces) in traces.iter_mut().enumerate() {
                *traces = reader.get_row_group_column_bloom_filter(group, column)?;
            }
        }
        Ok(Self(traces))
    }
}

impl Weighed for Footer {
    fn bytes(&self) -> usize {
        self.0.metadata().memory_size()
    }
}

impl Footer {
    fn read(file: &File) -> Result<Self, ParquetError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        ArrowReaderMetadata::load(file, options).map(Self)
    }

    /// The pages of a row group that may hold a trace; `None` when there is none.
    fn pages(&self, group: usize, trace_id: &str) -> Option<RowSelection> {
        let metadata = self.0.metadata();
        let rows = metadata.row_group(group).num_rows() as usize;
        let all = || Some(vec![RowSelector::select(rows)].into());
        let Some(column) = leaf(&self.0, "trace_id") else { return all() };
        let bounds = metadata.column_index().and_then(|index| index.get(group)?.get(column));
        let places = metadata.offset_index().and_then(|index| index.get(group)?.get(column));
        let (Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)), Some(places)) = (bounds, places) else {
            return all();
        };
        let starts = places.page_locations().iter().map(|page| page.first_row_index as usize);
        let ends = starts.clone().skip(1).chain([rows]);
        let selectors: Vec<RowSelector> = starts
            .zip(ends)
            .enumerate()
            .map(|(page, (start, end))| {
                let least = bounds.min_value(page).unwrap_or_default();
                let most = bounds.max_value(page).unwrap_or_default();
                match (least..=most).contains(&trace_id.as_bytes()) {
                    true => RowSelector::select(end - start),
                    false => RowSelector::skip(end - start),
                }
            })
            .collect();
        selectors.iter().any(|selector| !selector.skip).then(|| selectors.into())
    }

    fn read_rows(
        &self,
        file: File,
        group: usize,
        selection: RowSelection,
        wanted: &Wanted,
        batches: &mut Vec<RecordBatch>,
    ) -> Result<(), ParquetError> {
        let schema = self.0.metadata().file_metadata().schema_descr();
        let mut keys = vec![("run_id", wanted.run_id.clone()), ("trace_id", wanted.trace_id.clone())];
        keys.extend(wanted.span_id.clone().map(|id| ("span_id", id)));
        let mask = ProjectionMask::columns(schema, keys.iter().map(|(name, _)| *name));
        let is_wanted = move |batch: RecordBatch| -> Result<BooleanArray, ArrowError> {
            let all = BooleanArray::from(vec![true; batch.num_rows()]);
            keys.iter().try_fold(all, |all, (name, value)| {
                let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
                let column =
                    column.ok_or_else(|| ArrowError::SchemaError(format!("no column {name} of texts")))?;
                and(&all, &eq(column, &StringArray::new_scalar(value))?)
            })
        };
        let names = self.0.schema().fields().iter().map(|field| field.name().as_str());
        let names = names.filter(|name| wanted.left_out.iter().all(|(left_out, _)| left_out != name));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.0.clone())
            .with_row_groups(vec![group])
            .with_row_selection(selection)
            .with_row_filter(RowFilter::new(vec![Box::new(ArrowPredicateFn::new(mask, is_wanted))]))
            .with_projection(ProjectionMask::columns(schema, names))
            .build()?;
        for batch in reader {
            batches.push(filled(&batch?, wanted.left_out)?);
        }
        Ok(())
    }
}

/// The batch with the columns that were left out.
fn filled(batch: &RecordBatch, left_out: &[(&str, &str)]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    for (name, value) in left_out {
        fields.push(Field::new(*name, DataType::Utf8, false).into());
        columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, batch.num_rows()))));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Place of a column among those of a file.
fn leaf(metadata: &ArrowReaderMetadata, name: &str) -> Option<usize> {
    let columns = metadata.metadata().file_metadata().schema_descr().columns();
    columns.iter().position(|column| column.path().string() == name)
}

#[cfg(test)]
mod tests {
    use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
    use smoltrace_model::rows::{EventRow, TableRow as _};

    use super::*;
    use crate::{
        layout::{EVENTS, LAYOUTS},
        parquet_file::{self, Effort},
    };

    /// Events of two runs, of which some traces and spans have the same id.
    fn events() -> Vec<EventRow> {
        let event = |number: usize| EventRow {
            run_id: format!("r{}", number % 2),
            trace_id: format!("t{:03}", number / 7 % 40),
            span_id: format!("s{}", number % 5),
            time_unix_nano: number as i64,
            name: "e".into(),
            service: "a service".into(),
            event: format!("at {number}"),
            row_id: format!("{number:032x}"),
        };
        let mut events: Vec<EventRow> = (0..2_000).map(event).collect();
        events.sort_by_key(|event| {
            (event.run_id.clone(), event.trace_id.clone(), event.span_id.clone(), event.time_unix_nano)
        });
        events
    }

    /// As another program may write them: with an index of small pages, in groups, without a filter.
    fn foreign(batch: &RecordBatch) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_data_page_row_count_limit(10)
            .set_write_batch_size(10)
            .set_max_row_group_row_count(Some(700));
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_trace_is_found_whoever_wrote_the_file() {
        let (events, layout) = (events(), &LAYOUTS[EVENTS]);
        let batch = EventRow::to_batch(&events);
        let fresh = parquet_file::encode(layout, &batch, Effort::Fresh).unwrap();
        let kept = parquet_file::encode(layout, &batch, Effort::Kept).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let known = Known::default();
        for (path, bytes) in [("fresh", fresh.bytes), ("kept", kept.bytes), ("foreign", foreign(&batch))] {
            std::fs::write(dir.path().join(path), bytes).unwrap();
            let traces = ["t000", "t013", "t039", "t040", ""];
            for (trace, span) in traces.into_iter().flat_map(|trace| [(trace, None), (trace, Some("s3"))]) {
                let wanted = Wanted {
                    run_id: "r1".into(),
                    trace_id: trace.into(),
                    span_id: span.map(str::to_owned),
                    left_out: &[("event", "left out")],
                };
                let expected = events.iter().filter(|event| {
                    event.run_id == "r1"
                        && event.trace_id == trace
                        && span.is_none_or(|span| event.span_id == span)
                });
                let expected: Vec<EventRow> =
                    expected.map(|event| EventRow { event: "left out".into(), ..event.clone() }).collect();
                // Once from the file, once with what is remembered of it.
                for _ in 0..2 {
                    let mut batches = Vec::new();
                    read(dir.path(), path, &known, &wanted, &mut batches).unwrap();
                    let found: Vec<EventRow> =
                        batches.iter().flat_map(|batch| EventRow::from_batch(batch).unwrap()).collect();
                    assert_eq!(found, expected, "{path}, {trace}, {span:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let filters = || {
            let filter = Sbbf::new_with_ndv_fpp(1_000, 0.01).expect("a filter");
            Arc::new(Filters(vec![Some(filter), None]))
        };
        let one = filters().bytes();
        assert!(one > 1_000, "{one}");
        let mut known = Remembered::new(10 * one);
        for file in 0..100 {
            known.insert(&format!("file {file}"), filters());
            assert!(known.get("file 0").is_some(), "in use: {file}");
            assert!(known.bytes <= 10 * one);
            assert_eq!(known.bytes, known.files.len() * one);
        }
        known.insert("file 0", filters());
        assert_eq!(known.bytes, known.files.len() * one);
    }
}
