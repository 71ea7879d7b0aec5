//! Files put together without a look at their rows. Knows no log and no store.

use std::fs::File;

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
    file_statistics::FileStatistics,
    layout::Layout,
    parquet_file::{self, Effort, EncodedFile},
};

/// The row groups of files of this layout, one after the other as they are. `None` when one of them has other columns.
pub(crate) fn row_groups(layout: &Layout, files: &[File]) -> Result<Option<EncodedFile>, ParquetError> {
    let schema = ArrowSchemaConverter::new().convert(&layout.schema)?;
    // Each row group is sorted, the file is not.
    let mut properties = parquet_file::properties(layout, 0).set_sorting_columns(None).build();
    add_encoded_arrow_schema_to_metadata(&layout.schema, &mut properties);
    let bytes =
        files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len() as usize).sum();
    let mut writer =
        SerializedFileWriter::new(Vec::with_capacity(bytes), schema.root_schema_ptr(), properties.into())?;
    let mut statistics = FileStatistics::default();
    for file in files {
        let filters = ReaderProperties::builder().set_read_bloom_filter(true).build();
        let options = ReadOptionsBuilder::new().with_page_index().with_reader_properties(filters).build();
        let reader = SerializedFileReader::new_with_options(file.try_clone()?, options)?;
        let metadata = reader.metadata();
        if metadata.file_metadata().schema_descr().root_schema() != schema.root_schema() {
            return Ok(None);
        }
        for (at, from) in metadata.row_groups().iter().enumerate() {
            let reader = reader.get_row_group(at)?;
            let mut group = writer.next_row_group()?;
            for (column, chunk) in from.columns().iter().enumerate() {
                let index = metadata.column_index().and_then(|index| index.get(at)?.get(column)).cloned();
                let offsets = metadata.offset_index().and_then(|index| index.get(at)?.get(column)).cloned();
                let close = ColumnCloseResult {
                    bytes_written: chunk.compressed_size() as u64,
                    rows_written: from.num_rows() as u64,
                    metadata: chunk.clone(),
                    bloom_filter: reader.get_column_bloom_filter(column).cloned(),
                    column_index: index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
                    offset_index: offsets,
                };
                group.append_column(file, close)?;
            }
            group.close()?;
            statistics.add_row_group(layout, from);
        }
    }
    let (bytes, stats) = (writer.into_inner()?, statistics.to_json());
    Ok(Some(EncodedFile { bytes, stats, effort: Effort::Fresh }))
}
