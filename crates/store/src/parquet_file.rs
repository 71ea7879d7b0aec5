//! Rows to the bytes of one Parquet file and its log entry. Knows no store.

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryViewArray, FixedSizeBinaryArray},
    compute::{SortColumn, concat, interleave_record_batch, lexsort_to_indices},
    datatypes::{DataType, Field},
    error::ArrowError,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{
        ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata,
        arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, ParquetMetaData, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};

use crate::{
    column_chunk::ZSTD_LEVEL,
    dictionary_column::{self, Wanted},
    file_statistics::FileStatistics,
    id_column,
    layout::Layout,
    text_column::{self, PageLimits},
};

/// Rows of a row group: small enough to skip well, large enough to scan fast.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a page, the unit that page statistics skip.
const PAGE_ROWS: usize = 8_192;
/// Bytes of a page before it is compressed, about: a merge has a page of each of its files in memory, and a look-up of a
/// trace unpacks those that it stands in.
const PAGE_BYTES: usize = 256 << 10;
/// Bytes that a row takes in a file, at least about.
const LEAST_ROW_BYTES: usize = 32;
/// Chance that a bloom filter says "may be here" of a value that is not.
const BLOOM_FPP: f64 = 0.01;

/// A file ready to be put, and what the log says of it.
#[derive(Debug)]
pub(crate) struct EncodedFile {
    pub(crate) bytes: Vec<u8>,
    /// JSON of Delta's per-file statistics.
    pub(crate) stats: String,
    pub(crate) effort: Effort,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Somebody waits for it, and upkeep will write its rows again: it may be larger.
    Fresh,
    /// It is here to stay.
    Kept,
}

/// The rows of all batches as the layout sorts them.
pub(crate) fn sort(layout: &Layout, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(layout.sort.len());
    for name in layout.sort {
        let parts: Vec<&dyn Array> =
            batches.iter().filter_map(|batch| batch.column_by_name(name)).map(AsRef::as_ref).collect();
        let values = concat(&parts)?;
        // Mostly all rows are of one run.
        if !says_one_thing(&values) {
            columns.push(SortColumn { values, options: None });
        }
    }
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let mut places = Vec::with_capacity(batches.iter().map(|batch| batch.num_rows()).sum());
    for (at, batch) in batches.iter().enumerate() {
        places.extend((0..batch.num_rows()).map(|row| (at, row)));
    }
    if !columns.is_empty() {
        let order = lexsort_to_indices(&columns, None)?;
        places = order.values().iter().map(|row| places[*row as usize]).collect();
    }
    interleave_record_batch(&batches, &places)
}

/// Whether a column has the same text in every row.
fn says_one_thing(column: &dyn Array) -> bool {
    match column.as_string_opt::<i32>() {
        Some(texts) if texts.null_count() == 0 && !texts.is_empty() => {
            let first = texts.value(0);
            (1..texts.len()).all(|row| texts.value(row) == first)
        }
        _ => false,
    }
}

/// A column by the writer that it goes to.
enum Form<'a> {
    Repeated(dictionary_column::Column<'a>),
    Unique(&'a BinaryViewArray),
    Ids(&'a FixedSizeBinaryArray),
    General(&'a ArrayRef),
}

impl<'a> Form<'a> {
    fn of(layout: &Layout, field: &Field, column: &'a ArrayRef) -> Self {
        if let Some(texts) = dictionary_column::Column::of(column) {
            return Self::Repeated(texts);
        }
        if let Some(ids) = column.as_fixed_size_binary_opt() {
            return Self::Ids(ids);
        }
        let name = field.name().as_str();
        let unique = layout.unique.contains(&name) && !field.is_nullable() && !layout.has_bounds(name);
        match column.as_binary_view_opt().filter(|_| unique) {
            Some(texts) => Self::Unique(texts),
            None => Self::General(column),
        }
    }
}

/// Encodes a sorted batch, which may hold texts as dictionaries or runs, hex digits as the bytes that they are of, and
/// texts without statistics as bytes.
pub(crate) fn encode(
    layout: &Layout,
    batch: &RecordBatch,
    effort: Effort,
) -> Result<EncodedFile, ParquetError> {
    let fields = layout.schema.fields();
    let forms: Vec<Form<'_>> =
        fields.iter().zip(batch.columns()).map(|(field, column)| Form::of(layout, field, column)).collect();
    let mut properties = properties(layout, batch.num_rows());
    for (field, form) in fields.iter().zip(&forms) {
        let path = ColumnPath::from(field.name().as_str());
        let number = !matches!(field.data_type(), DataType::Utf8 | DataType::List(_));
        if !matches!(form, Form::General(_)) {
            // A general writer is made for it all the same, with a compressor.
            properties = properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        } else if effort == Effort::Fresh
            && (number || layout.unique.contains(&field.name().as_str()) && is_id(field.name()))
        {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        }
        if effort == Effort::Fresh && *field.data_type() == DataType::Int64 {
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    let schema = ArrowSchemaConverter::new().convert(&layout.schema)?;
    let mut properties = properties.build();
    add_encoded_arrow_schema_to_metadata(&layout.schema, &mut properties);
    let mut bytes = Vec::with_capacity(batch.num_rows() * LEAST_ROW_BYTES);
    let mut writer = SerializedFileWriter::new(&mut bytes, schema.root_schema_ptr(), properties.into())?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, layout.schema.clone());
    let mut start = 0;
    while start < batch.num_rows() {
        let rows = start..batch.num_rows().min(start + ROW_GROUP_ROWS);
        start = rows.end;
        let general = factory.create_column_writers(writer.flushed_row_groups().len())?;
        let mut group = writer.next_row_group()?;
        let columns = fields.iter().zip(schema.columns()).zip(&forms);
        for (((field, descriptor), form), mut general) in columns.zip(general) {
            let name = field.name().as_str();
            let (bytes, close) = match form {
                Form::Repeated(texts) => {
                    let wanted = Wanted {
                        page_rows: PAGE_ROWS,
                        statistics: layout.has_bounds(name),
                        bloom_fpp: layout.bloom.contains(&name).then_some(BLOOM_FPP),
                        compressed: effort == Effort::Kept,
                    };
                    dictionary_column::encode(descriptor, texts, rows.clone(), wanted)?
                }
                Form::Unique(texts) => {
                    let limits = PageLimits { rows: PAGE_ROWS, bytes: PAGE_BYTES };
                    let compressed = effort == Effort::Kept || !is_id(name);
                    text_column::encode(descriptor, texts, rows.clone(), limits, compressed)?
                }
                Form::Ids(ids) => id_column::encode(descriptor, ids, rows.clone(), PAGE_ROWS)?,
                Form::General(column) => {
                    let column = column.slice(rows.start, rows.len());
                    let field = Field::new(name, column.data_type().clone(), field.is_nullable());
                    for leaf in compute_leaves(&field, &column)? {
                        general.write(&leaf)?;
                    }
                    general.close()?.append_to_row_group(&mut group)?;
                    continue;
                }
            };
            group.append_column(&bytes, close)?;
        }
        group.close()?;
    }
    writer.close()?;
    let mut statistics = FileStatistics::default();
    statistics.add(layout, batch);
    Ok(EncodedFile { bytes, stats: statistics.to_json(), effort })
}

/// Encodes rows that come batch by batch in the order of the layout, to stay.
pub(crate) struct Encoder<'a> {
    layout: &'a Layout,
    writer: ArrowWriter<Vec<u8>>,
    statistics: FileStatistics,
}

impl<'a> Encoder<'a> {
    /// An encoder of about so many rows, which take about so many bytes.
    pub(crate) fn new(layout: &'a Layout, rows: usize, bytes: usize) -> Result<Self, ParquetError> {
        let properties = properties(layout, rows).build();
        let writer =
            ArrowWriter::try_new(Vec::with_capacity(bytes), layout.schema.clone(), Some(properties))?;
        Ok(Self { layout, writer, statistics: FileStatistics::default() })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.statistics.add(self.layout, batch);
        self.writer.write(batch)
    }

    pub(crate) fn finish(self) -> Result<EncodedFile, ParquetError> {
        let (bytes, stats) = (self.writer.into_inner()?, self.statistics.to_json());
        Ok(EncodedFile { bytes, stats, effort: Effort::Kept })
    }
}

/// How the rows of a file follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// All of them as the layout sorts them.
    File,
    /// Those of each row group.
    RowGroups,
    None,
}

/// What says of a file that each of its row groups is sorted.
pub(crate) fn sorted_row_groups() -> KeyValue {
    KeyValue::new("smoltrace.row_groups".to_owned(), "sorted".to_owned())
}

/// The order that a file says it has.
pub(crate) fn order(layout: &Layout, metadata: &ParquetMetaData) -> Order {
    let said = metadata.file_metadata().key_value_metadata();
    if said.is_some_and(|said| said.contains(&sorted_row_groups())) {
        return Order::RowGroups;
    }
    let columns = metadata.file_metadata().schema_descr().columns();
    let place = |name: &&str| columns.iter().position(|column| column.path().string() == *name);
    let Some(wanted) = layout.sort.iter().map(place).collect::<Option<Vec<usize>>>() else {
        return Order::None;
    };
    let sorted = metadata.row_groups().iter().all(|group| {
        let sorting = group.sorting_columns().into_iter().flatten();
        let ascending = sorting.map_while(|column| {
            let place = usize::try_from(column.column_idx).ok()?;
            (!column.descending && column.nulls_first).then_some(place)
        });
        ascending.take(wanted.len()).eq(wanted.iter().copied())
    });
    if sorted { Order::File } else { Order::None }
}

/// Hex digits of a hash: they neither repeat nor shrink much.
fn is_id(column: &str) -> bool {
    column.ends_with("_id")
}

pub(crate) fn properties(layout: &Layout, rows: usize) -> WriterPropertiesBuilder {
    let schema = &layout.schema;
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("a valid level");
    let sorting = layout.sort.iter().filter_map(|name| schema.index_of(name).ok());
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("smoltrace ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_sorting_columns(Some(
            sorting
                .map(|column| SortingColumn {
                    column_idx: column as i32,
                    descending: false,
                    nulls_first: true,
                })
                .collect(),
        ));
    for field in schema.fields() {
        let name = field.name().as_str();
        let path = ColumnPath::from(name);
        if layout.has_bounds(name) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
        } else if !matches!(field.data_type(), DataType::Utf8 | DataType::List(_)) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk);
        }
        if layout.bloom.contains(&name) {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FPP)
                // At most; the filter is folded to what it holds.
                .set_column_bloom_filter_max_ndv(path.clone(), rows.clamp(1, ROW_GROUP_ROWS) as u64);
        }
        if layout.unique.contains(&name) {
            properties = properties.set_column_dictionary_enabled(path, false);
        } else if name.ends_with("_unix_nano") {
            // Times hardly ever repeat, and those that follow each other are near.
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties
}
