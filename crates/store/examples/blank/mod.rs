//! Rows to begin from.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array},
    datatypes::DataType,
    record_batch::RecordBatch,
};
use smoltrace_model::rows::TableRow;

/// A row of nulls, zeros and empty strings with `run_id` set.
pub fn blank<T: TableRow>(set: &[(&str, &str)]) -> T {
    let schema = T::schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let text = set.iter().find(|(name, _)| name == field.name()).map_or("", |(_, text)| text);
        match field.data_type() {
            DataType::Utf8 => Arc::new(StringArray::from(vec![text])),
            DataType::Int64 => Arc::new(Int64Array::from(vec![text.parse().unwrap_or(0)])),
            DataType::Float64 => Arc::new(Float64Array::from(vec![0.0])),
            DataType::Boolean => Arc::new(BooleanArray::from(vec![false])),
            other => new_null_array(other, 1),
        }
    });
    let batch = RecordBatch::try_new(schema.clone(), columns.collect()).expect("columns of the schema");
    T::from_batch(&batch).expect("a row of the schema").remove(0)
}
