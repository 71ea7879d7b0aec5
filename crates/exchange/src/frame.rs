//! Records as columns: one declaration of names and types gives Parquet, CSV and JSON.
//!
//! Must not know which table it is.

use std::sync::Arc;

use ::parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListBuilder, StringArray,
        StringBuilder,
    },
    datatypes::{DataType, Field, Float64Type, Int64Type, Schema},
    record_batch::RecordBatch,
};
use serde_json::Value;

use crate::{
    json::{Object, boolean, canonical, double, integer, number, text},
    record::Record,
};

/// The type of a column. All are plain: texts, numbers, truth values and lists of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bool,
    Texts,
    /// A value of any shape, as JSON text in a column.
    Json,
}

/// Names and types of the columns of a table, in order.
pub(crate) type Columns = [(&'static str, Kind)];

/// The records as columns; a value that is not of its column's type is null.
pub(crate) fn batch(columns: &Columns, records: &[Record]) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind)| Field::new(*name, data_type(*kind), true)).collect();
    let arrays = columns.iter().map(|(name, kind)| array(*kind, records.iter().map(|row| row.get(name))));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect())
        .expect("fields and arrays come from one declaration")
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Json => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Texts => DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
    }
}

fn array<'a>(kind: Kind, values: impl Iterator<Item = Option<&'a Value>>) -> ArrayRef {
    match kind {
        Kind::Text => Arc::new(values.map(|value| value.and_then(text)).collect::<StringArray>()),
        Kind::Json => {
            let json = |value: &Value| (!value.is_null()).then(|| canonical(value));
            Arc::new(values.map(|value| value.and_then(json)).collect::<StringArray>())
        }
        Kind::Int => Arc::new(values.map(|value| value.and_then(integer)).collect::<Int64Array>()),
        Kind::Float => Arc::new(values.map(|value| value.and_then(number)).collect::<Float64Array>()),
        Kind::Bool => Arc::new(values.map(|value| value.and_then(boolean)).collect::<BooleanArray>()),
        Kind::Texts => {
            let field = Field::new("element", DataType::Utf8, true);
            let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
            for value in values {
                let list = value.and_then(Value::as_array);
                for item in list.into_iter().flatten() {
                    builder.values().append_option(text(item));
                }
                builder.append(list.is_some());
            }
            Arc::new(builder.finish())
        }
    }
}

/// Parquet with zstd.
pub(crate) fn parquet(batch: &RecordBatch) -> Result<Vec<u8>, ::parquet::errors::ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by(concat!("smoltrace ", env!("CARGO_PKG_VERSION")).into())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.into_inner()
}

/// CSV as RFC 4180: a header, CRLF, quotes where needed. A null is an empty cell, a list is its
/// JSON. Cells are exact: one that begins with `=` is left as it is, so open files from sources
/// that are not trusted as text, not as formulas.
pub(crate) fn csv(batch: &RecordBatch) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::with_capacity(4096));
    writer.write_record(batch.schema().fields().iter().map(|field| field.name()))?;
    for row in 0..batch.num_rows() {
        let cells = batch.columns().iter().map(|column| text(&value(column, row)).unwrap_or_default());
        writer.write_record(cells)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A JSON list of objects, keys in the order of the columns; nulls are written.
pub(crate) fn json_rows(batch: &RecordBatch) -> serde_json::Result<Vec<u8>> {
    let schema = batch.schema();
    let records: Vec<Record> = (0..batch.num_rows())
        .map(|row| {
            let mut record = Record::default();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                record.set(field.name().clone(), value(column, row));
            }
            record
        })
        .collect();
    serde_json::to_vec(&records)
}

/// The row of a batch as an object.
pub(crate) fn object(batch: &RecordBatch, row: usize) -> Object {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    cells.map(|(field, column)| (field.name().clone(), value(column, row))).collect()
}

/// The value of a cell: structs become objects, lists and maps likewise, whatever has no JSON
/// form its text.
pub(crate) fn value(array: &dyn Array, row: usize) -> Value {
    value_within(array, row, 0)
}

/// Deeper values are not looked into; published schemas have a handful of levels.
const MAX_LEVELS: usize = 32;

fn value_within(array: &dyn Array, row: usize, level: usize) -> Value {
    if array.is_null(row) || level > MAX_LEVELS {
        return Value::Null;
    }
    let list = |items: ArrayRef| -> Value {
        (0..items.len()).map(|item| value_within(&items, item, level + 1)).collect()
    };
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let cells = fields.iter().zip(columns);
            Value::Object(
                cells
                    .map(|(field, column)| (field.name().clone(), value_within(column, row, level + 1)))
                    .collect(),
            )
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row)),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            Value::Object(
                (0..entries.len())
                    .map(|entry| {
                        let key = text(&value_within(keys, entry, level + 1)).unwrap_or_default();
                        (key, value_within(values, entry, level + 1))
                    })
                    .collect(),
            )
        }
        other => cast_value(array, row, other, level),
    }
}

/// Other numbers, dictionaries, times: as the nearest of the types above.
fn cast_value(array: &dyn Array, row: usize, data_type: &DataType, level: usize) -> Value {
    let target = match data_type {
        DataType::UInt64 => {
            return array.as_primitive::<arrow::datatypes::UInt64Type>().value(row).into();
        }
        data_type if data_type.is_integer() => DataType::Int64,
        data_type if data_type.is_floating() => DataType::Float64,
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        _ => DataType::Utf8,
    };
    let cell = array.slice(row, 1);
    match arrow::compute::cast(&cell, &target) {
        Ok(cell) if !cell.is_empty() && cell.data_type() != data_type => value_within(&cell, 0, level + 1),
        _ => Value::Null,
    }
}
