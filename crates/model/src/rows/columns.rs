//! Columns that blocks of rows write alike. Knows no table.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, DictionaryArray, Int32Array, StringArray},
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

/// Row ids as 32 hex digits.
pub(crate) fn row_ids(ids: impl ExactSizeIterator<Item = u128>) -> ArrayRef {
    const WIDTH: usize = 32;
    let count = ids.len();
    let mut text = Vec::with_capacity(count * WIDTH);
    for id in ids {
        push_hex(&id.to_be_bytes(), &mut text);
    }
    let offsets = OffsetBuffer::from_repeated_length(WIDTH, count);
    Arc::new(StringArray::new(offsets, text.into(), None))
}
