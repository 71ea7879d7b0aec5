//! A column of hex digits that comes as bytes, to the bytes of a Parquet column chunk. Its pages are compressed, which
//! takes no longer than copying the bytes would. Knows no store.

use std::ops::Range;

use arrow::array::{Array as _, FixedSizeBinaryArray};
use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    schema::types::ColumnDescPtr,
};

use crate::{
    column_chunk::{ColumnChunk, Described},
    hex_frame,
};

/// Bytes that the head of a page takes, at most.
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
    let width = column.value_length() as usize;
    let room = |lengths: &[u8], rows: usize| lengths.len() + rows * width + hex_frame::overhead(rows * width);
    let pages = rows.len().div_ceil(page_rows);
    let compression = Compression::ZSTD(ZstdLevel::default());
    let full = page_rows.min(rows.len());
    let size = pages * (room(&lengths(full, 2 * width), full) + PAGE_HEAD);
    let mut chunk = ColumnChunk::new(Encoding::DELTA_LENGTH_BYTE_ARRAY, compression, size);
    for start in rows.clone().step_by(page_rows) {
        let rows = rows.end.min(start + page_rows) - start;
        let lengths = lengths(rows, 2 * width);
        let mut page = Vec::with_capacity(room(&lengths, rows));
        // From the array's own start.
        let ids = column.slice(start, rows);
        hex_frame::push(&lengths, ids.value_data(), &mut page);
        chunk.data(page, lengths.len() + 2 * rows * width, rows)?;
    }
    chunk.finish(descriptor, Described::default())
}

/// So many texts of one length, as Parquet packs lengths: the first one, then differences in blocks of 128. None differs.
fn lengths(texts: usize, length: usize) -> Vec<u8> {
    const BLOCK: usize = 128;
    const MINIBLOCKS: usize = 4;
    let mut packed = Vec::with_capacity(16 + (1 + MINIBLOCKS) * texts.div_ceil(BLOCK));
    // A signed number has its sign in the lowest bit.
    for mut number in [BLOCK, MINIBLOCKS, texts, length << 1] {
        while number >= 0x80 {
            packed.push(number as u8 | 0x80);
            number >>= 7;
        }
        packed.push(number as u8);
    }
    // The least difference, and how many bits more each takes in every miniblock.
    let differences = texts.saturating_sub(1);
    packed.resize(packed.len() + (1 + MINIBLOCKS) * differences.div_ceil(BLOCK), 0);
    packed
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use proptest::prelude::*;
    use smoltrace_model::ids::hex;

    use super::*;
    use crate::column_chunk::testing::{file, read_after};

    proptest! {
        #[test]
        fn digits_are_read(ids in prop::collection::vec(any::<u128>(), 1..700), page_rows in 1..400_usize) {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
            let column = FixedSizeBinaryArray::new(16, bytes.into(), None);
            let file = file([page_rows], |descriptor, page_rows| encode(descriptor, &column, 0..ids.len(), page_rows));
            let skip = ids.len() / 2;
            let expected = StringArray::from_iter_values(column.iter().flatten().map(hex));
            prop_assert_eq!(expected.value(0), format!("{:032x}", ids[0]));
            prop_assert_eq!(read_after(&file, skip), expected.slice(skip, ids.len() - skip));
        }
    }
}
