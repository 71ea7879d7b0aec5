//! Columns that blocks of rows write alike. Knows no table.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, StringArray},
    buffer::OffsetBuffer,
    datatypes::{Field, Int32Type, Schema},
    record_batch::RecordBatch,
};

use super::TableRow;
use crate::ids::push_hex;

/// The columns of a table by name, whose texts may be of other types than in the table.
pub(crate) fn batch_of<R: TableRow>(mut column: impl FnMut(&str) -> ArrayRef) -> RecordBatch {
    let schema = R::schema();
    let columns: Vec<ArrayRef> = schema.fields().iter().map(|field| column(field.name())).collect();
    let fields = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), field.is_nullable()));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns).expect("fields are those of the columns")
}

/// Texts by their places among `values`.
pub(crate) fn dictionary(keys: Int32Array, values: StringArray) -> ArrayRef {
    let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values));
    Arc::new(dictionary.expect("every key is the place of a value"))
}

/// Row ids as bytes: see [`hex_digits`] for the texts that they stand for.
pub(crate) fn row_ids(ids: impl Iterator<Item = u128>) -> ArrayRef {
    let bytes: Vec<[u8; 16]> = ids.map(u128::to_be_bytes).collect();
    Arc::new(FixedSizeBinaryArray::new(16, bytes.into_flattened().into(), None))
}

/// The texts of a column of hex digits that stands as the bytes that they are of.
pub fn hex_digits(column: &FixedSizeBinaryArray) -> StringArray {
    let (bytes, count) = (column.value_data(), column.len());
    let mut text = Vec::with_capacity(2 * bytes.len());
    push_hex(bytes, &mut text);
    let width = 2 * column.value_length() as usize;
    StringArray::new(OffsetBuffer::from_repeated_length(width, count), text.into(), None)
}
