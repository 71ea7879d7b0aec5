//! The rows of several data files as one file. Knows no log and no store.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, new_null_array},
    compute::SortOptions,
    datatypes::{DataType, SchemaRef},
    record_batch::RecordBatch,
};
use bytes::Bytes;
use datafusion::{
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream,
        memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool},
    },
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions},
    physical_plan::{
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet},
        sorts::streaming_merge::StreamingMergeBuilder,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt as _, executor::block_on, stream};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use smoltrace_model::rows::{PointBlock, PointRow, TableRow};

use crate::{
    error::StoreError,
    gather,
    layout::Layout,
    parquet_file::{self, Effort, EncodedFile, Encoder, Order},
};

/// Rows that are read of each file at a time, at most ...
const BATCH_ROWS: usize = 1_024;
/// ... and of all files together.
const ROWS_IN_MEMORY: usize = 32_768;
/// Files of so many rows together at most ...
const ROWS_AT_ONCE: usize = 131_072;
/// ... and bytes, before they are packed, are read whole.
const BYTES_AT_ONCE: i64 = 64 << 20;

/// A data file to be read.
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    /// Rows that it should have.
    pub(crate) rows: usize,
}

impl DataFile {
    /// # Errors
    /// As of any file that cannot be opened.
    pub(crate) fn open(path: PathBuf, rows: usize) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(|e| StoreError::io(&path, &e))?;
        Ok(Self { path, file, rows })
    }

    /// How large it is, as far as can be told.
    pub(crate) fn bytes(&self) -> usize {
        self.file.metadata().map_or(0, |metadata| metadata.len() as usize)
    }

    /// All of it.
    pub(crate) fn read(&self) -> Result<Bytes, StoreError> {
        let mut bytes = Vec::with_capacity(self.bytes());
        let read = (&self.file).rewind().and_then(|()| (&self.file).read_to_end(&mut bytes));
        read.map(|_| bytes.into()).map_err(|e| StoreError::io(&self.path, &e))
    }

    /// The file once more, for another reader.
    pub(crate) fn again(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(|e| StoreError::io(&self.path, &e))
    }

    pub(crate) fn corrupt(&self, cause: impl ToString) -> StoreError {
        StoreError::Corrupt { file: self.path.clone(), cause: cause.to_string() }
    }
}

/// One file of the rows of all, in the order of the layout.
///
/// # Errors
/// `Corrupt` for a file that cannot be read or has other rows than it should.
pub(crate) fn merge(layout: &Layout, files: Vec<DataFile>) -> Result<EncodedFile, StoreError> {
    if layout.name == PointRow::TABLE
        && let Some(points) = read_points(layout, &files)?
    {
        let sorted = PointBlock::to_sorted_batch(&points);
        drop(points);
        return parquet_file::encode(layout, &sorted, Effort::Kept).map_err(|e| unwritten(layout, e));
    }
    if files.iter().map(|file| file.rows).sum::<usize>() <= ROWS_AT_ONCE
        && let Some(batches) = read_at_once(layout, &files)?
    {
        let sorted = gather::sorted(layout, &batches).map_err(|e| unwritten(layout, e))?;
        if let Some(sorted) = sorted {
            return parquet_file::encode(layout, &sorted, Effort::Kept).map_err(|e| unwritten(layout, e));
        }
    }
    merge_sorted(layout, files)
}

/// All rows, a batch of each file, with their texts as dictionaries; `None` when they are too large.
fn read_at_once(layout: &Layout, files: &[DataFile]) -> Result<Option<Vec<RecordBatch>>, StoreError> {
    let mut metadata = Vec::with_capacity(files.len());
    for file in files {
        metadata.push(metadata_of(file)?);
    }
    let groups = metadata.iter().flat_map(|metadata| metadata.metadata().row_groups());
    if groups.map(|group| group.total_byte_size()).sum::<i64>() > BYTES_AT_ONCE {
        return Ok(None);
    }
    let mut batches = Vec::with_capacity(files.len());
    for (file, metadata) in files.iter().zip(metadata) {
        batches.extend(read_whole(layout, file, metadata, &DataType::Utf8View)?);
    }
    Ok(Some(batches))
}

/// The rows of a file, all of them in one batch mostly, with their texts as dictionaries, but those that hardly ever
/// repeat as `unique`.
fn read_whole(
    layout: &Layout,
    file: &DataFile,
    metadata: ArrowReaderMetadata,
    unique: &DataType,
) -> Result<Vec<RecordBatch>, StoreError> {
    let schema = gather::schema(layout, metadata.schema(), unique);
    let options = ArrowReaderOptions::new().with_schema(schema.into());
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
        file.again()?,
        metadata.map_err(|e| file.corrupt(e))?,
    );
    let reader = reader.with_batch_size(file.rows.max(1)).build().map_err(|e| file.corrupt(e))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| file.corrupt(e))?;
    check_rows(file, batches.iter().map(RecordBatch::num_rows).sum())?;
    Ok(batches)
}

fn metadata_of(file: &DataFile) -> Result<ArrowReaderMetadata, StoreError> {
    ArrowReaderMetadata::load(&file.file, ArrowReaderOptions::new()).map_err(|e| file.corrupt(e))
}

pub(crate) fn unwritten(layout: &Layout, error: impl ToString) -> StoreError {
    StoreError::Other { path: layout.name.into(), cause: error.to_string() }
}

/// The points of all files in blocks; `None` when one says what a block cannot hold.
fn read_points(layout: &Layout, files: &[DataFile]) -> Result<Option<Vec<PointBlock>>, StoreError> {
    let mut blocks = Vec::with_capacity(files.len());
    for file in files {
        for batch in read_whole(layout, file, metadata_of(file)?, &DataType::Utf8)? {
            let Some(block) = PointBlock::of_batch(&batch) else { return Ok(None) };
            blocks.push(block);
        }
    }
    Ok(Some(blocks))
}

pub(crate) fn check_rows(file: &DataFile, found: usize) -> Result<(), StoreError> {
    if found == file.rows {
        Ok(())
    } else {
        Err(file.corrupt(format!("{found} rows, the log says {}", file.rows)))
    }
}

/// The rows of all files, a few of each in memory at a time.
fn merge_sorted(layout: &Layout, files: Vec<DataFile>) -> Result<EncodedFile, StoreError> {
    let other = |error: DataFusionError| unwritten(layout, error);
    let (rows, bytes) = (files.iter().map(|file| file.rows).sum(), files.iter().map(DataFile::bytes).sum());
    let mut parts = Vec::with_capacity(files.len());
    for file in files {
        parts.extend(parts_of(layout, file)?);
    }
    let batch_rows = (ROWS_IN_MEMORY / parts.len().max(1)).clamp(1, BATCH_ROWS);
    let streams = parts.into_iter().map(|part| part.rows(layout, batch_rows)).collect::<Result<_, _>>()?;
    let order = layout.sort.iter().map(|name| {
        Ok(PhysicalSortExpr::new(expressions::col(name, &layout.schema)?, SortOptions::default()))
    });
    let order = order.collect::<Result<Vec<_>, DataFusionError>>().map_err(other)?;
    let order = LexOrdering::new(order).expect("every layout sorts by something");
    // What is in memory is bounded by the files: a few rows of each.
    let unbounded: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let mut merged = StreamingMergeBuilder::new()
        .with_schema(layout.schema.clone())
        .with_streams(streams)
        .with_expressions(&order)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(BATCH_ROWS)
        .with_reservation(MemoryConsumer::new("merge").register(&unbounded))
        .build()
        .map_err(other)?;
    let mut encoder = Encoder::new(layout, rows, bytes).map_err(|e| unwritten(layout, e))?;
    while let Some(batch) = block_on(merged.next()) {
        let batch =
            batch.map_err(|error| own_error(error).unwrap_or_else(|error| unwritten(layout, error)))?;
        encoder.write(&batch).map_err(|e| unwritten(layout, e))?;
    }
    encoder.finish().map_err(|e| unwritten(layout, e))
}

/// The error of ours that a stream passed on.
fn own_error(error: DataFusionError) -> Result<StoreError, DataFusionError> {
    match error {
        DataFusionError::External(error) => {
            error.downcast::<StoreError>().map(|error| *error).map_err(DataFusionError::External)
        }
        other => Err(other),
    }
}

/// Row groups of a file that are read one after the other.
struct Part {
    file: Arc<DataFile>,
    metadata: ArrowReaderMetadata,
    groups: Range<usize>,
    /// Whether its rows are in the order of the layout.
    sorted: bool,
}

/// The file in the fewest parts that are sorted, if it is.
fn parts_of(layout: &Layout, file: DataFile) -> Result<Vec<Part>, StoreError> {
    let metadata = metadata_of(&file)?;
    check_rows(&file, metadata.metadata().file_metadata().num_rows() as usize)?;
    let order = parquet_file::order(layout, metadata.metadata());
    let (file, all) = (Arc::new(file), 0..metadata.metadata().num_row_groups());
    let part = |groups| Part {
        file: file.clone(),
        metadata: metadata.clone(),
        groups,
        sorted: order != Order::None,
    };
    Ok(match order {
        Order::RowGroups => all.map(|group| part(group..group + 1)).collect(),
        Order::File | Order::None => vec![part(all)],
    })
}

impl Part {
    /// Its rows in the columns and the order of the layout.
    fn rows(self, layout: &Layout, batch_rows: usize) -> Result<SendableRecordBatchStream, StoreError> {
        let groups = &self.metadata.metadata().row_groups()[self.groups.clone()];
        let missing = groups.iter().map(|group| group.num_rows() as usize).sum();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.again()?, self.metadata);
        let builder = builder.with_row_groups(self.groups.collect()).with_batch_size(batch_rows);
        let reader = builder.build().map_err(|e| self.file.corrupt(e))?;
        let schema = layout.schema.clone();
        let batches = Checked { file: self.file, reader, schema: schema.clone(), missing, done: false };
        if self.sorted {
            let batches = batches.map(|batch| batch.map_err(|error| DataFusionError::External(error.into())));
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches))));
        }
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        let batch = parquet_file::sort(layout, &batches).map_err(|e| unwritten(layout, e))?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter([Ok(batch)]))))
    }
}

/// The batches of a part; a column that it does not have is null. Ends with an error unless it has the rows that it should.
struct Checked {
    file: Arc<DataFile>,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    missing: usize,
    done: bool,
}

impl Checked {
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let columns: Vec<ArrayRef> = self
            .schema
            .fields()
            .iter()
            .map(|field| {
                let column = batch.column_by_name(field.name()).cloned();
                column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
            })
            .collect();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| self.file.corrupt(e))
    }
}

impl Iterator for Checked {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.reader.next() {
            Some(Ok(batch)) => {
                self.missing = self.missing.saturating_sub(batch.num_rows());
                Some(self.conform(&batch))
            }
            Some(Err(error)) => {
                self.done = true;
                Some(Err(self.file.corrupt(error)))
            }
            None => {
                self.done = true;
                (self.missing > 0)
                    .then(|| Err(self.file.corrupt(format!("{} rows are missing", self.missing))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use arrow::{array::AsArray, datatypes::Int64Type};
    use parquet::arrow::ArrowWriter;
    use proptest::{collection::vec, option, prelude::*};
    use smoltrace_model::rows::{EventRow, SpanBlock, SpanKind, SpanRow, SpanStatus};

    use super::*;
    use crate::layout::{EVENTS, LAYOUTS, SPANS};

    fn events(times: &[i64]) -> RecordBatch {
        let event = |time: &i64| EventRow {
            run_id: "r".into(),
            trace_id: "t".into(),
            span_id: "s".into(),
            time_unix_nano: *time,
            name: "e".into(),
            service: "a service".into(),
            event: format!("at {time}"),
            row_id: format!("{time:032x}"),
        };
        EventRow::to_batch(&times.iter().map(event).collect::<Vec<_>>())
    }

    /// A file as another program may write it, which says nothing of any order.
    fn foreign(batch: &RecordBatch) -> Vec<u8> {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn file(bytes: Vec<u8>, rows: usize) -> DataFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        DataFile { path: "a file".into(), file, rows }
    }

    #[test]
    fn files_become_one_in_order_whoever_wrote_them() {
        let layout = &LAYOUTS[EVENTS];
        let ours = parquet_file::encode(layout, &events(&[1, 4, 9]), Effort::Fresh).unwrap();
        let merged = merge(layout, vec![file(foreign(&events(&[7, 2, 5])), 3), file(ours.bytes, 3)]).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(merged.bytes)).unwrap();
        assert_eq!(parquet_file::order(layout, reader.metadata()), Order::File);
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let [batch] = &batches[..] else { panic!("{batches:?}") };
        assert_eq!(batch, &events(&[1, 2, 4, 5, 7, 9]));
        assert_eq!(batch.column(3).as_primitive::<Int64Type>().values(), &[1, 2, 4, 5, 7, 9]);
        let stats: serde_json::Value = serde_json::from_str(&merged.stats).unwrap();
        assert_eq!(stats["numRecords"], 6);
        assert_eq!(stats["minValues"]["time_unix_nano"], 1);
        assert_eq!(stats["maxValues"]["time_unix_nano"], 9);
    }

    /// Spans of a few runs and traces, of which some say the same.
    fn spans() -> impl Strategy<Value = Vec<SpanRow>> {
        let ids = (0..3_u8, 0..9_u8, any::<u64>(), option::of(0..40_u64));
        let texts = ("[a-z]{0,20}", option::of("[ab]"), "[a-zé\"]{0,40}", option::of(any::<i64>()));
        let span = (ids, texts, 0..50_i64, any::<bool>()).prop_map(|(ids, texts, start, alike)| {
            let (run, trace, span, parent) = ids;
            let (name, model, attributes, input_tokens) = texts;
            SpanRow {
                run_id: format!("run {run}"),
                trace_id: format!("{trace:032x}"),
                span_id: format!("{span:016x}"),
                parent_span_id: parent.map(|parent| format!("{parent:016x}")),
                name: if alike { "chat".into() } else { name },
                start_time_unix_nano: start,
                end_time_unix_nano: start + 1,
                model,
                input_tokens,
                attributes,
                test_uid: None,
                kind: SpanKind::Llm,
                status: SpanStatus::Ok,
                status_message: None,
                service: "a service".into(),
                provider: None,
                output_tokens: None,
                total_tokens: None,
                cache_read_tokens: None,
                cache_write_tokens: None,
                reasoning_tokens: None,
                emitted_cost_usd: input_tokens.map(|tokens| tokens as f64),
                events: "[]".into(),
                links: "[]".into(),
                resource: "{}".into(),
                scope: "{}".into(),
                row_id: String::new(),
            }
            .sealed()
        });
        vec(span, 1..60)
    }

    fn rows(encoded: &EncodedFile) -> Vec<SpanRow> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(encoded.bytes.clone())).unwrap();
        reader.build().unwrap().flat_map(|batch| SpanRow::from_batch(&batch.unwrap()).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn reading_whole_files_and_streaming_them_come_to_the_same(files in vec((spans(), 0..4_u8), 1..5)) {
            let layout = &LAYOUTS[SPANS];
            let mut all = Vec::new();
            let mut encoded = Vec::new();
            for (spans, form) in files {
                let sorted = SpanBlock::to_sorted_batch(&[SpanBlock::from(spans.clone())]);
                let bytes = match form {
                    0 => foreign(&SpanRow::to_batch(&spans)),
                    1 => parquet_file::encode(layout, &sorted, Effort::Kept).unwrap().bytes,
                    2 => parquet_file::encode(layout, &sorted, Effort::Fresh).unwrap().bytes,
                    _ => {
                        let bytes = parquet_file::encode(layout, &sorted, Effort::Fresh).unwrap().bytes;
                        let files = [file(bytes.clone(), spans.len()), file(bytes, spans.len())];
                        all.extend(spans.iter().cloned());
                        crate::concat::row_groups(layout, &files).unwrap().unwrap().bytes
                    }
                };
                let rows = spans.len() * if form == 3 { 2 } else { 1 };
                all.extend(spans);
                encoded.push((bytes, rows));
            }
            all.sort_by(|a, b| {
                let key = |row: &SpanRow| (row.run_id.clone(), row.trace_id.clone(), row.start_time_unix_nano, row.span_id.clone());
                key(a).cmp(&key(b))
            });
            let files = || encoded.iter().map(|(bytes, rows)| file(bytes.clone(), *rows)).collect::<Vec<_>>();
            let batches = read_at_once(layout, &files()).unwrap().unwrap();
            let gathered = gather::sorted(layout, &batches).unwrap().unwrap();
            let gathered = parquet_file::encode(layout, &gathered, Effort::Kept).unwrap();
            let streamed = merge_sorted(layout, files()).unwrap();
            prop_assert_eq!(&gathered.stats, &streamed.stats);
            prop_assert_eq!(&rows(&gathered), &all);
            prop_assert_eq!(&rows(&streamed), &all);
        }
    }

    #[test]
    fn a_file_with_other_rows_than_the_log_says_is_named() {
        let layout = &LAYOUTS[EVENTS];
        for bytes in [foreign(&events(&[1, 2])), b"no such file".to_vec()] {
            let sound = file(foreign(&events(&[3])), 1);
            match merge(layout, vec![sound, file(bytes, 3)]) {
                Err(StoreError::Corrupt { file, .. }) => assert_eq!(file, PathBuf::from("a file")),
                other => panic!("{other:?}"),
            }
        }
    }
}
