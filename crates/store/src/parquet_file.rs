//! Rows to the bytes of one Parquet file and its log entry. Knows no store.

use arrow::{
    array::{Array, AsArray, StringArray},
    compute::{SortColumn, lexsort_to_indices, max, max_string, min, min_string, take_record_batch},
    datatypes::{DataType, Int32Type, Int64Type},
    error::ArrowError,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{
        ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata,
        arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use serde_json::{Map, Value, json};

use crate::{
    dictionary_column::{self, Wanted},
    layout::Layout,
};

/// Rows of a row group: small enough to skip well, large enough to scan fast.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a page, the unit that page statistics skip.
const PAGE_ROWS: usize = 8_192;
/// Chance that a bloom filter says "may be here" of a value that is not.
const BLOOM_FPP: f64 = 0.01;
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

/// Encodes a sorted batch, compressed well.
pub(crate) fn encode(layout: &Layout, batch: &RecordBatch) -> Result<EncodedFile, ParquetError> {
    let mut bytes = Vec::new();
    let properties = properties(layout, batch).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(EncodedFile { bytes, stats: statistics(layout, batch).to_string() })
}

/// Encodes a sorted batch that somebody waits for. It may hold texts as dictionaries; the file is like any
/// other, but larger, until upkeep writes its rows together with others.
pub(crate) fn encode_fresh(layout: &Layout, batch: &RecordBatch) -> Result<EncodedFile, ParquetError> {
    let mut properties = properties(layout, batch);
    for field in layout.schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        let numbers = !matches!(field.data_type(), DataType::Utf8 | DataType::List(_));
        if numbers || layout.unique.contains(&field.name().as_str()) && is_id(field.name()) {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_compression(path, Compression::UNCOMPRESSED);
        }
    }
    let schema = ArrowSchemaConverter::new().convert(&layout.schema)?;
    let mut properties = properties.build();
    add_encoded_arrow_schema_to_metadata(&layout.schema, &mut properties);
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema.root_schema_ptr(), properties.into())?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, layout.schema.clone());
    let mut start = 0;
    while start < batch.num_rows() {
        let rows = start..batch.num_rows().min(start + ROW_GROUP_ROWS);
        start = rows.end;
        let general = factory.create_column_writers(writer.flushed_row_groups().len())?;
        let mut group = writer.next_row_group()?;
        let columns = batch.columns().iter().zip(layout.schema.fields()).zip(schema.columns());
        for (((column, field), descriptor), mut general) in columns.zip(general) {
            if let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() {
                let name = field.name().as_str();
                let wanted = Wanted {
                    page_rows: PAGE_ROWS,
                    statistics: layout.stats.contains(&name) || layout.sort.contains(&name),
                    bloom_fpp: layout.bloom.contains(&name).then_some(BLOOM_FPP),
                };
                let (bytes, close) = dictionary_column::encode(descriptor, dictionary, rows.clone(), wanted)?;
                group.append_column(&bytes, close)?;
            } else {
                for leaf in compute_leaves(field, &column.slice(rows.start, rows.len()))? {
                    general.write(&leaf)?;
                }
                general.close()?.append_to_row_group(&mut group)?;
            }
        }
        group.close()?;
    }
    let stats = statistics(layout, batch).to_string();
    writer.close()?;
    Ok(EncodedFile { bytes, stats })
}

/// Hex digits of a hash: they neither repeat nor shrink much.
fn is_id(column: &str) -> bool {
    column.ends_with("_id")
}

fn properties(layout: &Layout, batch: &RecordBatch) -> WriterPropertiesBuilder {
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
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FPP)
                .set_column_bloom_filter_max_ndv(path.clone(), distinct);
        }
        if layout.unique.contains(&name) {
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties
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
