//! A column of hex digits that comes as bytes, to the bytes of a Parquet column chunk: each text is written once,
//! where it stays. Knows no store.

use std::ops::Range;

use arrow::array::{Array as _, FixedSizeBinaryArray};
use bytes::Bytes;
use parquet::{
    basic::Encoding, column::writer::ColumnCloseResult, errors::ParquetError, schema::types::ColumnDescPtr,
};
use smoltrace_model::ids;

use crate::column_chunk::{ColumnChunk, Described};

/// Bytes that a page takes beside its values, at most.
const PAGE_HEAD: usize = 64;

/// The chunk of `rows` of a column, in pages of so many rows.
///
/// # Panics
/// When the column may be null.
pub(crate) fn encode(
    descriptor: &ColumnDescPtr,
    column: &FixedSizeBinaryArray,
    rows: Range<usize>,
    page_rows: usize,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    assert!(descriptor.max_def_level() == 0 && column.null_count() == 0, "every row has its id");
    let digits = 2 * column.value_length() as u32;
    let value_bytes = size_of_val(&digits) + digits as usize;
    let pages = rows.len().div_ceil(page_rows);
    let mut chunk = ColumnChunk::new(Encoding::PLAIN, rows.len() * value_bytes + pages * PAGE_HEAD);
    for start in rows.clone().step_by(page_rows) {
        let rows = start..rows.end.min(start + page_rows);
        let mut page = Vec::with_capacity(rows.len() * value_bytes);
        for row in rows.clone() {
            page.extend_from_slice(&digits.to_le_bytes());
            ids::push_hex(column.value(row), &mut page);
        }
        chunk.data(page, rows.len())?;
    }
    chunk.finish(descriptor, Described::default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, AsArray as _},
        compute::concat,
        datatypes::{DataType, Field, Schema},
    };
    use parquet::{
        arrow::{
            ArrowSchemaConverter,
            arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
        },
        file::{metadata::PageIndexPolicy, writer::SerializedFileWriter},
    };
    use proptest::prelude::*;
    use smoltrace_model::rows::hex_digits;

    use super::*;

    proptest! {
        #[test]
        fn digits_are_read(ids in prop::collection::vec(any::<u128>(), 1..200), page_rows in 1..50_usize) {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
            let column = FixedSizeBinaryArray::new(16, bytes.into(), None);
            let schema = Schema::new(vec![Field::new("id", DataType::Utf8, false)]);
            let schema = ArrowSchemaConverter::new().convert(&schema).expect("a schema");
            let mut file = Vec::new();
            let mut writer = SerializedFileWriter::new(&mut file, schema.root_schema_ptr(), Arc::default()).expect("a file");
            let mut group = writer.next_row_group().expect("a group");
            let (chunk, close) = encode(&schema.columns()[0], &column, 0..ids.len(), page_rows).expect("a chunk");
            group.append_column(&chunk, close).expect("appended");
            group.close().expect("closed");
            writer.close().expect("an end");

            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
            let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(file), options);
            let skip = ids.len() / 2;
            let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(ids.len() - skip)]);
            let reader = reader.expect("a file").with_row_selection(selection).build().expect("a reader");
            let read: Vec<ArrayRef> = reader.map(|batch| batch.expect("rows").column(0).clone()).collect();
            let read: Vec<_> = read.iter().map(AsRef::as_ref).collect();
            let read = concat(&read).expect("one column");
            let expected = hex_digits(&column);
            prop_assert_eq!(expected.value(0), format!("{:032x}", ids[0]));
            prop_assert_eq!(read.as_string::<i32>(), &expected.slice(skip, ids.len() - skip));
        }
    }
}
