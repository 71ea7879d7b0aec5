//! Columns that blocks of rows write alike. Knows no table.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, RunArray, StringArray},
    datatypes::{Field, Int32Type, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::TableRow;

/// A column of texts that may repeat is a dictionary when it has so many rows for each that is different.
pub const ROWS_A_TEXT: usize = 4;

/// The columns of a table by name, whose texts may be of other types than in the table.
pub(crate) fn batch_of<R: TableRow>(mut column: impl FnMut(&str) -> ArrayRef) -> RecordBatch {
    let schema = R::schema();
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    batch_named(&schema, columns).expect("the columns are those of the schema")
}

/// Columns that are named as those of a schema, whatever their types.
///
/// # Errors
/// When they differ in length, or one has nulls and the schema's has none.
pub fn batch_named(schema: &Schema, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let fields = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), field.is_nullable()));
    let fields: Vec<Field> = fields.collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Texts by their places among `values`.
pub(crate) fn dictionary(keys: Int32Array, values: StringArray) -> ArrayRef {
    let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values));
    Arc::new(dictionary.expect("every key is the place of a value"))
}

/// Texts of which each stands for all rows from the one before it up to a place.
pub(crate) fn text_runs<'a>(runs: impl Iterator<Item = (Option<&'a str>, i32)>) -> ArrayRef {
    let (mut texts, mut ends): (Vec<Option<&str>>, Vec<i32>) = Default::default();
    for (text, end) in runs {
        match ends.last_mut() {
            Some(last) if texts.last() == Some(&text) => *last = end,
            _ => {
                texts.push(text);
                ends.push(end);
            }
        }
    }
    let runs = RunArray::<Int32Type>::try_new(&ends.into(), &StringArray::from(texts));
    Arc::new(runs.expect("every run ends after the one before"))
}

/// Row ids as bytes: their lower-case hex digits are the texts of the table.
pub(crate) fn row_ids(ids: impl Iterator<Item = u128>) -> ArrayRef {
    let bytes: Vec<[u8; 16]> = ids.map(u128::to_be_bytes).collect();
    Arc::new(FixedSizeBinaryArray::new(16, bytes.into_flattened().into(), None))
}
