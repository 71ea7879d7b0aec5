//! Rows to the bytes of one Parquet file and its log entry. Knows no store.

use arrow::{
    array::{Array, AsArray, StringArray},
    compute::{SortColumn, lexsort_to_indices, max, max_string, min, min_string, take_record_batch},
    datatypes::{DataType, Int32Type, Int64Type},
    error::ArrowError,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use serde_json::{Map, Value, json};

use crate::layout::Layout;

/// Rows of a row group: small enough to skip well, large enough to scan fast.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a page, the unit that page statistics skip.
const PAGE_ROWS: usize = 8_192;
/// Longer strings stand in the log without a maximum, and their minimum is cut here.
const STATS_CHARS: usize = 64;

/// A file ready to be put, and what the log says of it.
#[derive(Debug)]
pub(crate) struct EncodedFile {
    pub(crate) bytes: Vec<u8>,
    /// JSON of Delta's per-file statistics.
    pub(crate) stats: String,
}

/// Sorts `batch` as the layout says.
pub(crate) fn sort(layout: &Layout, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<SortColumn> = layout
        .sort
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: None })
        .collect();
    take_record_batch(batch, &lexsort_to_indices(&columns, None)?)
}

/// Encodes a sorted batch.
pub(crate) fn encode(layout: &Layout, batch: &RecordBatch) -> Result<EncodedFile, ParquetError> {
    let mut bytes = Vec::new();
    let mut options = ArrowWriterOptions::new().with_properties(properties(layout, batch));
    if *batch.schema() != *layout.schema {
        // The file is to be like any other: that its rows came as dictionaries is no matter of its.
        options = options.with_skip_arrow_metadata(true);
    }
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options)?;
    writer.write(batch)?;
    writer.close()?;
    Ok(EncodedFile { bytes, stats: statistics(layout, batch).to_string() })
}

fn properties(layout: &Layout, batch: &RecordBatch) -> WriterProperties {
    let schema = batch.schema();
    let level = ZstdLevel::try_new(1).expect("1 is a valid level");
    let sorting = layout.sort.iter().filter_map(|name| schema.index_of(name).ok());
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("smoltrace ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_sorting_columns(Some(
            sorting
                .map(|column| SortingColumn {
                    column_idx: column as i32,
                    descending: false,
                    nulls_first: true,
                })
                .collect(),
        ));
    for field in schema.fields() {
        let name = field.name().as_str();
        let path = ColumnPath::from(name);
        if layout.stats.contains(&name) || layout.sort.contains(&name) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
        } else if !matches!(field.data_type(), DataType::Utf8 | DataType::List(_) | DataType::Dictionary(..))
        {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk);
        }
        if layout.bloom.contains(&name) {
            let distinct = distinct(batch, name).min(ROW_GROUP_ROWS as u64);
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), 0.01)
                .set_column_bloom_filter_max_ndv(path.clone(), distinct);
        }
        if layout.unique.contains(&name) {
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties.build()
}

/// The texts of a column, or those of its dictionary, all of which are in use.
fn texts(column: &dyn Array) -> Option<&StringArray> {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => dictionary.values().as_string_opt::<i32>(),
        None => column.as_string_opt::<i32>(),
    }
}

/// How many values a bloom filter must hold at most: changes of value from row to row, which is
/// exact in a sorted column and an upper bound in any other.
fn distinct(batch: &RecordBatch, column: &str) -> u64 {
    let Some(values) = batch.column_by_name(column).and_then(|column| texts(column)) else {
        return batch.num_rows() as u64;
    };
    let changes = (1..values.len()).filter(|&i| values.value(i) != values.value(i - 1)).count();
    changes as u64 + 1
}

/// Delta's per-file statistics of the layout's columns.
fn statistics(layout: &Layout, batch: &RecordBatch) -> Value {
    let (mut lowest, mut highest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in layout.stats {
        let Some(column) = batch.column_by_name(name) else { continue };
        nulls.insert((*name).into(), json!(column.null_count()));
        if let Some(values) = texts(column) {
            if let Some(value) = min_string(values) {
                lowest.insert((*name).into(), value.chars().take(STATS_CHARS).collect::<String>().into());
            }
            // A cut maximum would be too low.
            if let Some(value) = max_string(values).filter(|value| value.chars().count() <= STATS_CHARS) {
                highest.insert((*name).into(), value.into());
            }
        } else if let Some(values) = column.as_primitive_opt::<Int64Type>() {
            if let Some(value) = min(values) {
                lowest.insert((*name).into(), value.into());
            }
            if let Some(value) = max(values) {
                highest.insert((*name).into(), value.into());
            }
        }
    }
    json!({ "numRecords": batch.num_rows(), "minValues": lowest, "maxValues": highest, "nullCount": nulls })
}
