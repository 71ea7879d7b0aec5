//! The rows of the five tables with their Arrow schemas.
//!
//! One file a table: row type, schema and conversion come from one declaration
//! ([`table_row!`]), so they cannot disagree.

mod block;
mod cell;
mod columns;
mod event;
mod point;
mod point_block;
mod result;
mod run;
pub(crate) mod seal;
mod span;
mod span_block;

pub use block::Block;
pub use cell::{Cell, RowError};
pub use columns::{ROWS_A_TEXT, batch_named};
pub use event::EventRow;
pub use point::{Instrument, PointRow, Temporality};
pub use point_block::{PointBlock, PointBlockBuilder, PointSample, PointSeries, SeriesList};
pub use result::ResultRow;
pub use run::{RunRow, RunStatus, Source};
pub use span::{SpanKind, SpanRow, SpanStatus};
pub use span_block::{BlockSpan, Repeated, SpanBlock, SpanBlockBuilder, SpanOrigin, Text};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};

/// A row of one of the tables.
pub trait TableRow: Sized {
    /// Folder name of the table.
    const TABLE: &'static str;
    /// The Arrow schema, in column order.
    fn schema() -> SchemaRef;
    /// Columns from rows; never fails for rows that exist.
    fn to_batch(rows: &[Self]) -> RecordBatch;
    /// Rows from a batch that has at least the columns of [`Self::schema`], in any order;
    /// a missing nullable column reads as null.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, RowError>;
}

/// Declares a row struct, its schema and both conversions.
macro_rules! table_row {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $table:literal {
            $( $(#[$fmeta:meta])* pub $field:ident : $ty:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $ty, )*
        }

        impl $crate::rows::seal::RowContent for $name {
            fn write_row(&self, out: &mut Vec<u8>) {
                $( $crate::rows::seal::write_column(stringify!($field), &self.$field, out); )*
            }
        }

        impl $crate::rows::TableRow for $name {
            const TABLE: &'static str = $table;

            fn schema() -> arrow::datatypes::SchemaRef {
                static SCHEMA: std::sync::LazyLock<arrow::datatypes::SchemaRef> =
                    std::sync::LazyLock::new(|| {
                        std::sync::Arc::new(arrow::datatypes::Schema::new(vec![
                            $( <$ty as $crate::rows::Cell>::field(stringify!($field)), )*
                        ]))
                    });
                SCHEMA.clone()
            }

            fn to_batch(rows: &[Self]) -> arrow::record_batch::RecordBatch {
                let columns: Vec<arrow::array::ArrayRef> = vec![
                    $( <$ty as $crate::rows::Cell>::to_array(rows.iter().map(|row| &row.$field)), )*
                ];
                arrow::record_batch::RecordBatch::try_new(Self::schema(), columns)
                    .expect("columns and schema come from one declaration")
            }

            fn from_batch(
                batch: &arrow::record_batch::RecordBatch,
            ) -> Result<Vec<Self>, $crate::rows::RowError> {
                $( let mut $field =
                    $crate::rows::cell::read_column::<$ty>(batch, stringify!($field))?.into_iter(); )*
                Ok((0..batch.num_rows())
                    .map(|_| Self { $( $field: $field.next().expect("column length is the batch's"), )* })
                    .collect())
            }
        }
    };
}
use table_row;

/// Declares an enum that is stored as a string; an unknown string reads as the default.
macro_rules! string_enum {
    (
        $(#[$meta:meta])*
        // The text is a token, not a `literal`: the schema's derive cannot see through the latter.
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:tt, )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default,
                 serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name { $( $(#[$vmeta])* #[serde(rename = $text)] $variant, )* }

        impl $name {
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::rows::Cell for $name {
            fn field(name: &str) -> arrow::datatypes::Field {
                arrow::datatypes::Field::new(name, arrow::datatypes::DataType::Utf8, false)
            }
            fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> arrow::array::ArrayRef {
                std::sync::Arc::new(arrow::array::StringArray::from_iter_values(values.map(|v| v.as_str())))
            }
            fn from_array(array: &arrow::array::ArrayRef) -> Result<Vec<Self>, $crate::rows::RowError> {
                Ok($crate::rows::cell::strings(array)?
                    .into_iter()
                    .map(|text| text.as_deref().and_then(Self::parse).unwrap_or_default())
                    .collect())
            }
        }
    };
}
use string_enum;
