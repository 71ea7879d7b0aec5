//! The rows of several data files as one file. Knows no log and no store.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::PathBuf,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, new_null_array},
    compute::SortOptions,
    datatypes::{DataType, Field, Schema, SchemaRef},
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
    layout::Layout,
    parquet_file::{self, Effort, EncodedFile, Encoder},
};

/// Rows that are read of each file at a time, at most ...
const BATCH_ROWS: usize = 1_024;
/// ... and of all files together.
const ROWS_IN_MEMORY: usize = 32_768;

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
        && let Some(points) = read_points(&files)?
    {
        let sorted = PointBlock::to_sorted_batch(&points);
        drop(points);
        return parquet_file::encode(layout, &sorted, Effort::Kept).map_err(|e| unwritten(layout, e));
    }
    merge_sorted(layout, files)
}

pub(crate) fn unwritten(layout: &Layout, error: impl ToString) -> StoreError {
    StoreError::Other { path: layout.name.into(), cause: error.to_string() }
}

/// The points of all files in blocks; `None` when one says what a block cannot hold.
fn read_points(files: &[DataFile]) -> Result<Option<Vec<PointBlock>>, StoreError> {
    let mut blocks = Vec::with_capacity(files.len());
    for file in files {
        let mut found = 0;
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load(&file.file, options).map_err(|e| file.corrupt(e))?;
        let options = ArrowReaderOptions::new().with_schema(with_dictionaries(metadata.schema()));
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
            .map_err(|e| file.corrupt(e))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.again()?, metadata);
        let reader = reader.with_batch_size(file.rows.max(1)).build().map_err(|e| file.corrupt(e))?;
        for batch in reader {
            let Some(block) = PointBlock::of_batch(&batch.map_err(|e| file.corrupt(e))?) else {
                return Ok(None);
            };
            found += block.len();
            blocks.push(block);
        }
        check_rows(file, found)?;
    }
    Ok(Some(blocks))
}

/// The schema with the texts that repeat over a series as dictionaries.
fn with_dictionaries(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match (field.name().as_str(), field.data_type()) {
        ("row_id" | "detail", _) => field.clone(),
        (name, DataType::Utf8) => {
            Field::new_dictionary(name, DataType::Int32, DataType::Utf8, field.is_nullable()).into()
        }
        _ => field.clone(),
    });
    Schema::new(fields.collect::<Vec<_>>()).into()
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
    let batch_rows = (ROWS_IN_MEMORY / files.len().max(1)).clamp(1, BATCH_ROWS);
    let streams =
        files.into_iter().map(|file| rows_of(layout, file, batch_rows)).collect::<Result<_, _>>()?;
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

/// The rows of a file in the columns and the order of the layout.
fn rows_of(
    layout: &Layout,
    file: DataFile,
    batch_rows: usize,
) -> Result<SendableRecordBatchStream, StoreError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.again()?).map_err(|e| file.corrupt(e))?;
    let sorted = parquet_file::is_sorted(layout, builder.metadata());
    let reader = builder.with_batch_size(batch_rows).build().map_err(|e| file.corrupt(e))?;
    let schema = layout.schema.clone();
    let batches = Checked { file, reader, schema: schema.clone(), found: 0, done: false };
    if sorted {
        let batches = batches.map(|batch| batch.map_err(|error| DataFusionError::External(error.into())));
        return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches))));
    }
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    let batch = parquet_file::sort(layout, &batches).map_err(|e| unwritten(layout, e))?;
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter([Ok(batch)]))))
}

/// The batches of a file; a column that it does not have is null. Ends with an error unless it has the rows that it should.
struct Checked {
    file: DataFile,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    found: usize,
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
                self.found += batch.num_rows();
                Some(self.conform(&batch))
            }
            Some(Err(error)) => {
                self.done = true;
                Some(Err(self.file.corrupt(error)))
            }
            None => {
                self.done = true;
                check_rows(&self.file, self.found).err().map(Err)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use arrow::{array::AsArray, datatypes::Int64Type};
    use parquet::arrow::ArrowWriter;
    use smoltrace_model::rows::EventRow;

    use super::*;
    use crate::layout::{EVENTS, LAYOUTS};

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
        assert!(parquet_file::is_sorted(layout, reader.metadata()));
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let [batch] = &batches[..] else { panic!("{batches:?}") };
        assert_eq!(batch, &events(&[1, 2, 4, 5, 7, 9]));
        assert_eq!(batch.column(3).as_primitive::<Int64Type>().values(), &[1, 2, 4, 5, 7, 9]);
        let stats: serde_json::Value = serde_json::from_str(&merged.stats).unwrap();
        assert_eq!(stats["numRecords"], 6);
        assert_eq!(stats["minValues"]["time_unix_nano"], 1);
        assert_eq!(stats["maxValues"]["time_unix_nano"], 9);
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
