//! A column of texts that hardly ever repeat to the bytes of a Parquet column chunk: each text is copied once, into its
//! page, and a page into the chunk. Knows no store.

use std::ops::Range;

use arrow::array::{Array as _, BinaryViewArray};
use bytes::Bytes;
use parquet::{
    basic::Encoding, column::writer::ColumnCloseResult, errors::ParquetError, schema::types::ColumnDescPtr,
};

use crate::column_chunk::{ColumnChunk, Described, compressor};

/// What a page holds at most; one text at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    pub(crate) rows: usize,
    /// Before it is compressed.
    pub(crate) bytes: usize,
}

/// The chunk of `rows` of a column.
///
/// # Panics
/// When the column may be null.
pub(crate) fn encode(
    descriptor: &ColumnDescPtr,
    column: &BinaryViewArray,
    rows: Range<usize>,
    limits: PageLimits,
    compressed: bool,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    assert!(descriptor.max_def_level() == 0 && column.null_count() == 0, "every row has its text");
    let (compression, mut zstd) = compressor(compressed)?;
    let mut chunk = ColumnChunk::new(Encoding::PLAIN, compression, 0);
    let mut page = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        page.clear();
        let mut end = start;
        while end < rows.end && end - start < limits.rows {
            let text = column.value(end);
            let size = page.len() + size_of::<u32>() + text.len();
            if size > limits.bytes && end > start {
                break;
            }
            page.extend_from_slice(&(text.len() as u32).to_le_bytes());
            page.extend_from_slice(text);
            end += 1;
        }
        match &mut zstd {
            Some(zstd) => chunk.data(zstd.compress(&page)?, page.len(), end - start)?,
            None => {
                let size = page.len();
                chunk.data(std::mem::replace(&mut page, Vec::with_capacity(size)), size, end - start)?;
            }
        }
        start = end;
    }
    chunk.finish(descriptor, Described::default())
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use parquet::file::page_index::offset_index::PageLocation;
    use proptest::prelude::*;

    use super::*;
    use crate::column_chunk::testing::{file, metadata, read_after};

    proptest! {
        #[test]
        fn texts_are_read(
            texts in prop::collection::vec("[a-zé]{0,40}", 1..300),
            rows in 1..200_usize,
            bytes in 1..2_000_usize,
            skip in 0..300_usize,
            compressed: bool,
        ) {
            let skip = skip % texts.len();
            let column: BinaryViewArray = texts.iter().map(|text| Some(text.as_bytes())).collect();
            let limits = PageLimits { rows, bytes };
            // A row group begins in the middle of the column.
            let groups = [0..skip, skip..texts.len()].into_iter().filter(|rows| !rows.is_empty());
            let file = file(groups, |descriptor, rows| encode(descriptor, &column, rows, limits, compressed));

            for page in metadata(&file).metadata().offset_index().expect("pages").iter().flatten() {
                let rows_of = |pair: &[PageLocation]| pair[1].first_row_index - pair[0].first_row_index;
                prop_assert!(page.page_locations().windows(2).all(|pair| (1..=rows as i64).contains(&rows_of(pair))));
            }
            for skip in [0, texts.len() - 1] {
                prop_assert_eq!(read_after(&file, skip), StringArray::from_iter_values(&texts[skip..]));
            }
        }
    }
}
