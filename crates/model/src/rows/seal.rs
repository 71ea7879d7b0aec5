//! The content hash of a row: what makes two rows the same row. Knows columns, no table. That of a point is made of two:
//! see [`PointBlock`](super::PointBlock).
//!
//! Every column but `row_id` and `version` takes part, by name, and only when it is not null:
//! a nullable column that a later release adds leaves the ids of older rows as they are.

use xxhash_rust::xxh3::xxh3_128;

use crate::ids;

use super::{
    EventRow, Instrument, ResultRow, RunRow, RunStatus, Source, SpanKind, SpanRow, SpanStatus, Temporality,
};

/// A value that takes part in the hash.
pub(crate) trait Content {
    /// A null takes no part.
    fn is_null(&self) -> bool {
        false
    }
    fn write(&self, out: &mut Vec<u8>);
}

/// A row whose columns can be written one after the other; implemented by `table_row!`.
pub(crate) trait RowContent {
    fn write_row(&self, out: &mut Vec<u8>);
}

/// Writes one column, unless it is null or no part of the content.
pub(crate) fn write_column<T: Content>(name: &str, value: &T, out: &mut Vec<u8>) {
    if name != "row_id" && name != "version" && !value.is_null() {
        write_text(name, out);
        value.write(out);
    }
}

/// The row id: 32 hex digits.
fn row_id<T: RowContent>(row: &T) -> String {
    let mut content = Vec::with_capacity(1024);
    row.write_row(&mut content);
    ids::hash_hex(xxh3_128(&content))
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    Bytes(text.as_bytes()).write(out);
}

impl Content for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Content for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        // The two zeros are equal, so they are one.
        let value = if *self == 0.0 { 0.0 } else { *self };
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

impl Content for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Content for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(self, out);
    }
}

/// A text that is known to be one.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Content for Bytes<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u64).to_le_bytes());
        out.extend_from_slice(self.0);
    }
}

/// A list; an empty one counts as null, since a null list reads as empty.
impl Content for Vec<String> {
    fn is_null(&self) -> bool {
        self.is_empty()
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u64).to_le_bytes());
        for item in self {
            write_text(item, out);
        }
    }
}

impl<T: Content> Content for Option<T> {
    fn is_null(&self) -> bool {
        self.as_ref().is_none_or(Content::is_null)
    }
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(out);
        }
    }
}

macro_rules! enum_content {
    ($($name:ty),*) => { $(
        impl Content for $name {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(self.as_str(), out);
            }
        }
    )* };
}
enum_content!(Instrument, Temporality, SpanKind, SpanStatus, Source, RunStatus);

macro_rules! sealed {
    ($($row:ty),*) => { $(
        impl $row {
            /// The row with its `row_id` filled in: 32 hex digits of the 128-bit XXH3 hash of
            /// all columns but `row_id` and `version`.
            #[must_use]
            pub fn sealed(mut self) -> Self {
                self.row_id = row_id(&self);
                self
            }
        }
    )* };
}
sealed!(SpanRow, EventRow, ResultRow, RunRow);
