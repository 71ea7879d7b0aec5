//! How a Rust value becomes a column and comes back. Knows Arrow, no table.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, ListBuilder,
        StringArray, StringBuilder,
    },
    compute::cast,
    datatypes::{DataType, Field},
    record_batch::RecordBatch,
};

use crate::ids;

/// A batch that is not of the table's schema.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    #[error("column `{0}` is missing")]
    Missing(String),
    #[error("column `{column}`: {source}")]
    Type { column: String, source: arrow::error::ArrowError },
    #[error("column `{0}` has a null where a value is required")]
    Null(String),
}

/// A value that can stand in a column.
pub trait Cell: Sized {
    fn field(name: &str) -> Field;
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
    where
        Self: 'a;
    /// Values in order; the error's column name is filled in by the caller.
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError>;
}

pub(crate) fn read_column<T: Cell>(batch: &RecordBatch, name: &str) -> Result<Vec<T>, RowError> {
    let named = |error| match error {
        RowError::Missing(_) => RowError::Missing(name.into()),
        RowError::Type { source, .. } => RowError::Type { column: name.into(), source },
        RowError::Null(_) => RowError::Null(name.into()),
    };
    match batch.column_by_name(name) {
        Some(array) => T::from_array(array).map_err(named),
        None if T::field(name).is_nullable() => {
            let nulls = arrow::array::new_null_array(T::field(name).data_type(), batch.num_rows());
            T::from_array(&nulls).map_err(named)
        }
        None => Err(RowError::Missing(name.into())),
    }
}

fn cast_to(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, RowError> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    cast(array, to).map_err(|source| RowError::Type { column: String::new(), source })
}

/// The strings of a column of any string type (Utf8, LargeUtf8, Utf8View, dictionary); of bytes of one width, their hex digits.
pub(crate) fn strings(array: &ArrayRef) -> Result<Vec<Option<String>>, RowError> {
    if let Some(bytes) = array.as_fixed_size_binary_opt() {
        return Ok(bytes.iter().map(|bytes| bytes.map(ids::hex)).collect());
    }
    let array = cast_to(array, &DataType::Utf8)?;
    let array = array.as_any().downcast_ref::<StringArray>().expect("cast to Utf8");
    Ok(array.iter().map(|value| value.map(str::to_owned)).collect())
}

fn required<T>(values: Vec<Option<T>>) -> Result<Vec<T>, RowError> {
    values.into_iter().map(|value| value.ok_or_else(|| RowError::Null(String::new()))).collect()
}

macro_rules! scalar_cell {
    ($rust:ty, $array:ty, $data_type:expr) => {
        impl Cell for Option<$rust> {
            fn field(name: &str) -> Field {
                Field::new(name, $data_type, true)
            }
            fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                Arc::new(values.copied().collect::<$array>())
            }
            fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError> {
                let array = cast_to(array, &$data_type)?;
                let array = array.as_any().downcast_ref::<$array>().expect("cast above");
                Ok(array.iter().collect())
            }
        }
        impl Cell for $rust {
            fn field(name: &str) -> Field {
                Field::new(name, $data_type, false)
            }
            fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                Arc::new(values.copied().map(Some).collect::<$array>())
            }
            fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError> {
                required(Option::<$rust>::from_array(array)?)
            }
        }
    };
}
scalar_cell!(i64, Int64Array, DataType::Int64);
scalar_cell!(f64, Float64Array, DataType::Float64);
scalar_cell!(bool, BooleanArray, DataType::Boolean);

impl Cell for Option<String> {
    fn field(name: &str) -> Field {
        Field::new(name, DataType::Utf8, true)
    }
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(values.map(Option::as_deref).collect::<StringArray>())
    }
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError> {
        strings(array)
    }
}

impl Cell for String {
    fn field(name: &str) -> Field {
        Field::new(name, DataType::Utf8, false)
    }
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values))
    }
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError> {
        required(strings(array)?)
    }
}

/// A list of strings; a null list reads as empty.
impl Cell for Vec<String> {
    fn field(name: &str) -> Field {
        Field::new_list(name, Field::new("element", DataType::Utf8, true), true)
    }
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        let mut builder =
            ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
        for list in values {
            for item in list {
                builder.values().append_value(item);
            }
            builder.append(true);
        }
        Arc::new(builder.finish())
    }
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>, RowError> {
        let field = Self::field("list");
        let array = cast_to(array, field.data_type())?;
        let array = array.as_any().downcast_ref::<ListArray>().expect("cast to list");
        array
            .iter()
            .map(|list| match list {
                Some(list) => Ok(strings(&list)?.into_iter().flatten().collect()),
                None => Ok(Vec::new()),
            })
            .collect()
    }
}
