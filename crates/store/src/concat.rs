//! Files put together without a look at their rows. Knows no log and no store.

use bytes::Bytes;
use parquet::{
    arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata},
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        page_index::column_index::ColumnIndexMetaData,
        properties::ReaderProperties,
        reader::{FileReader as _, SerializedFileReader},
        serialized_reader::ReadOptionsBuilder,
        writer::SerializedFileWriter,
    },
};

use crate::{
    error::StoreError,
    file_statistics::FileStatistics,
    layout::Layout,
    merge::{self, DataFile},
    parquet_file::{self, Effort, EncodedFile, Order},
};

/// The row groups of files of this layout, one after the other as they are: at next to no cost. `None` when one of them
/// has other columns.
///
/// # Errors
/// `Corrupt` for a file that cannot be read or has other rows than it should.
pub(crate) fn row_groups(layout: &Layout, files: &[DataFile]) -> Result<Option<EncodedFile>, StoreError> {
    let unwritten = |error: ParquetError| merge::unwritten(layout, error);
    let schema = ArrowSchemaConverter::new().convert(&layout.schema).map_err(unwritten)?;
    // The file is not sorted, and what its row groups said of themselves would be taken for all of it.
    let mut properties = parquet_file::properties(layout, 0).set_sorting_columns(None).build();
    add_encoded_arrow_schema_to_metadata(&layout.schema, &mut properties);
    let bytes = Vec::with_capacity(files.iter().map(DataFile::bytes).sum());
    let mut writer =
        SerializedFileWriter::new(bytes, schema.root_schema_ptr(), properties.into()).map_err(unwritten)?;
    let mut statistics = FileStatistics::default();
    let mut sorted = true;
    for file in files {
        let filters = ReaderProperties::builder().set_read_bloom_filter(true).build();
        let options = ReadOptionsBuilder::new().with_page_index().with_reader_properties(filters).build();
        // At once: it is small, and column by column it would be read in bits.
        let bytes = file.read()?;
        let reader =
            SerializedFileReader::new_with_options(bytes.clone(), options).map_err(|e| file.corrupt(e))?;
        let metadata = reader.metadata().file_metadata();
        merge::check_rows(file, metadata.num_rows() as usize)?;
        if metadata.schema_descr().root_schema() != schema.root_schema() {
            return Ok(None);
        }
        sorted &= parquet_file::order(layout, reader.metadata()) != Order::None;
        for (at, group) in reader.metadata().row_groups().iter().enumerate() {
            append(&mut writer, &bytes, &reader, at).map_err(|e| file.corrupt(e))?;
            statistics.add_row_group(layout, group);
        }
    }
    if sorted {
        writer.append_key_value_metadata(parquet_file::sorted_row_groups());
    }
    let bytes = writer.into_inner().map_err(unwritten)?;
    Ok(Some(EncodedFile { bytes, stats: statistics.to_json(), effort: Effort::Fresh }))
}

/// Appends the row group at a place of a file, with all that this knows of it.
fn append(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    bytes: &Bytes,
    reader: &SerializedFileReader<Bytes>,
    at: usize,
) -> Result<(), ParquetError> {
    let (metadata, from) = (reader.metadata(), reader.get_row_group(at)?);
    let rows = from.metadata().num_rows() as u64;
    let mut group = writer.next_row_group()?;
    for (column, chunk) in from.metadata().columns().iter().enumerate() {
        let index = metadata.column_index().and_then(|index| index.get(at)?.get(column)).cloned();
        let offsets = metadata.offset_index().and_then(|index| index.get(at)?.get(column)).cloned();
        let close = ColumnCloseResult {
            bytes_written: chunk.compressed_size() as u64,
            rows_written: rows,
            metadata: chunk.clone(),
            bloom_filter: from.get_column_bloom_filter(column).cloned(),
            column_index: index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
            offset_index: offsets,
        };
        group.append_column(bytes, close)?;
    }
    group.close()?;
    Ok(())
}
