//! A column chunk of pages that are written by hand. Knows no store.

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, PageType, ZstdLevel},
    bloom_filter::Sbbf,
    column::{
        page::{CompressedPage, Page, PageWriter as _},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats},
        page_index::column_index::ColumnIndexMetaData,
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};
use zstd::bulk::Compressor;

/// How hard compressed pages are compressed, whoever writes them.
pub(crate) const ZSTD_LEVEL: i32 = 1;

/// What pages are compressed with, if they are.
pub(crate) fn compressor(wanted: bool) -> Result<(Compression, Option<Compressor<'static>>), ParquetError> {
    Ok(match wanted {
        true => (Compression::ZSTD(ZstdLevel::default()), Some(Compressor::new(ZSTD_LEVEL)?)),
        false => (Compression::UNCOMPRESSED, None),
    })
}

/// The pages of a chunk so far.
pub(crate) struct ColumnChunk {
    sink: TrackedWrite<Vec<u8>>,
    /// How the values of its data pages are written.
    encoding: Encoding,
    /// What its pages were compressed with before they came here.
    compression: Compression,
    offset_index: OffsetIndexBuilder,
    dictionary: Option<u64>,
    first_page: Option<u64>,
    pages: i32,
    values: usize,
    written: u64,
    /// What `written` would be without compression.
    uncompressed: u64,
}

/// What is known of the values of a chunk.
#[derive(Default)]
pub(crate) struct Described {
    pub(crate) statistics: Option<Statistics>,
    pub(crate) column_index: Option<ColumnIndexMetaData>,
    pub(crate) bloom_filter: Option<Sbbf>,
}

impl ColumnChunk {
    /// A chunk of about so many bytes.
    pub(crate) fn new(encoding: Encoding, compression: Compression, bytes: usize) -> Self {
        Self {
            sink: TrackedWrite::new(Vec::with_capacity(bytes)),
            encoding,
            compression,
            offset_index: OffsetIndexBuilder::new(),
            dictionary: None,
            first_page: None,
            pages: 0,
            values: 0,
            written: 0,
            uncompressed: 0,
        }
    }

    /// Writes the dictionary, before any data, which takes `size` bytes when it is not compressed.
    pub(crate) fn dictionary(
        &mut self,
        page: Vec<u8>,
        size: usize,
        values: usize,
    ) -> Result<(), ParquetError> {
        let saved = size as i64 - page.len() as i64;
        let (buf, num_values) = (page.into(), values as u32);
        let page = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        let page = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, size))?;
        self.dictionary = Some(page.offset);
        self.written += page.bytes_written;
        self.uncompressed += page.bytes_written.saturating_add_signed(saved);
        Ok(())
    }

    /// Writes a page of so many values, nulls among them, which takes `size` bytes when it is not compressed.
    pub(crate) fn data(&mut self, page: Vec<u8>, size: usize, values: usize) -> Result<(), ParquetError> {
        let saved = size as i64 - page.len() as i64;
        let page = Page::DataPage {
            buf: page.into(),
            num_values: values as u32,
            encoding: self.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, size))?;
        self.first_page.get_or_insert(page.offset);
        self.offset_index.append_offset_and_size(page.offset as i64, page.compressed_size as i32);
        self.offset_index.append_row_count(values as i64);
        self.pages += 1;
        self.values += values;
        self.written += page.bytes_written;
        self.uncompressed += page.bytes_written.saturating_add_signed(saved);
        Ok(())
    }

    /// The bytes of the chunk, and what a row group has to know of them.
    pub(crate) fn finish(
        self,
        descriptor: &ColumnDescPtr,
        described: Described,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let mut encodings = vec![Encoding::RLE, self.encoding];
        let mut pages = vec![stats(PageType::DATA_PAGE, self.encoding, self.pages)];
        if self.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            pages.insert(0, stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let mut metadata = ColumnChunkMetaData::builder(descriptor.clone())
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(pages)
            .set_num_values(self.values as i64)
            .set_total_compressed_size(self.written as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_dictionary_page_offset(self.dictionary.map(|offset| offset as i64))
            .set_data_page_offset(self.first_page.unwrap_or_default() as i64);
        if let Some(statistics) = described.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: self.written,
            rows_written: self.values as u64,
            metadata: metadata.build()?,
            bloom_filter: described.bloom_filter,
            column_index: described.column_index,
            offset_index: Some(self.offset_index.build()),
        };
        Ok((self.sink.into_inner()?.into(), close))
    }
}

/// Files of one column of texts without nulls, for the tests of its writers.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use arrow::{
        array::{Array, ArrayRef, AsArray as _, StringArray},
        compute::concat,
        datatypes::{DataType, Field, Schema},
    };
    use parquet::{
        arrow::{
            ArrowSchemaConverter,
            arrow_reader::{
                ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
                RowSelector,
            },
        },
        file::{metadata::PageIndexPolicy, writer::SerializedFileWriter},
    };

    use super::*;

    /// A file of row groups of one chunk each.
    pub(crate) fn file<T>(
        groups: impl IntoIterator<Item = T>,
        encode: impl Fn(&ColumnDescPtr, T) -> Result<(Bytes, ColumnCloseResult), ParquetError>,
    ) -> Bytes {
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, false)]);
        let schema = ArrowSchemaConverter::new().convert(&schema).expect("a schema");
        let mut file = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut file, schema.root_schema_ptr(), Arc::default()).expect("a file");
        for of in groups {
            let mut group = writer.next_row_group().expect("a group");
            let (chunk, close) = encode(&schema.columns()[0], of).expect("a chunk");
            group.append_column(&chunk, close).expect("appended");
            group.close().expect("closed");
        }
        writer.close().expect("an end");
        file.into()
    }

    pub(crate) fn metadata(file: &Bytes) -> ArrowReaderMetadata {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        ArrowReaderMetadata::load(file, options).expect("a file")
    }

    /// The rows of a file after so many, read without the pages before them.
    pub(crate) fn read_after(file: &Bytes, skip: usize) -> StringArray {
        let metadata = metadata(file);
        let rows = metadata.metadata().file_metadata().num_rows() as usize;
        let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(rows - skip)]);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
        let reader = reader.with_row_selection(selection).build().expect("a reader");
        let read: Vec<ArrayRef> = reader.map(|batch| batch.expect("rows").column(0).clone()).collect();
        let read: Vec<&dyn Array> = read.iter().map(AsRef::as_ref).collect();
        concat(&read).expect("one column").as_string::<i32>().clone()
    }
}
