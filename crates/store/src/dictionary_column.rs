//! A column of texts that comes in long runs, as such or as a dictionary, to the bytes of a Parquet column chunk.
//!
//! The general writer looks every value up by its bytes. Here each run of rows costs one look-up and a few
//! bytes, however long it is. What repeats is gone already, so that only long dictionaries are compressed. Knows no store.

use std::{collections::HashMap, ops::Range};

use ahash::RandomState;
use arrow::{
    array::{Array, AsArray, DictionaryArray, RunArray, StringArray},
    datatypes::Int32Type,
};
use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Encoding, Type},
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    data_type::ByteArray,
    errors::ParquetError,
    file::{metadata::ColumnIndexBuilder, statistics::Statistics},
    schema::types::ColumnDescPtr,
};

use crate::column_chunk::{ColumnChunk, Described, compressor};

/// Longer texts get no minimum and maximum.
const STATS_BYTES: usize = 64;
/// Shorter dictionaries are not compressed, nor the places in them.
const LONG_DICTIONARY: usize = if cfg!(test) { 100 } else { 4 << 10 };

/// What a column chunk is to have beside its pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) page_rows: usize,
    pub(crate) statistics: bool,
    /// Chance that the filter says "may be here" of a value that is not.
    pub(crate) bloom_fpp: Option<f64>,
    /// Compressed, where that saves anything.
    pub(crate) compressed: bool,
}

/// Rows that say the same thing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    /// Place in the chunk's dictionary; none is null.
    value: Option<u32>,
    rows: usize,
}

/// Texts of which equal ones mostly follow each other.
pub(crate) enum Column<'a> {
    Dictionary(&'a DictionaryArray<Int32Type>),
    Runs(&'a RunArray<Int32Type>),
}

impl<'a> Column<'a> {
    /// `None` when a column comes in another form.
    pub(crate) fn of(column: &'a dyn Array) -> Option<Self> {
        match column.as_dictionary_opt() {
            Some(dictionary) => Some(Self::Dictionary(dictionary)),
            None => column.as_run_opt().map(Self::Runs),
        }
    }
}

/// The chunk of `rows` of a column.
///
/// # Panics
/// When its values are no texts.
pub(crate) fn encode(
    descriptor: &ColumnDescPtr,
    column: &Column<'_>,
    rows: Range<usize>,
    wanted: Wanted,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let Distinct { texts, runs, .. } = match column {
        Column::Dictionary(column) => of_dictionary(column, rows),
        Column::Runs(column) => of_runs(column, rows),
    };
    let nullable = descriptor.max_def_level() > 0;

    let mut plain = Vec::new();
    for text in &texts {
        plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
    let (compression, mut zstd) = compressor(wanted.compressed && plain.len() > LONG_DICTIONARY)?;
    let mut packed = |page: Vec<u8>| match &mut zstd {
        Some(zstd) => zstd.compress(&page),
        None => Ok(page),
    };
    let mut chunk = ColumnChunk::new(Encoding::RLE_DICTIONARY, compression, 0);
    let size = plain.len();
    chunk.dictionary(packed(plain)?, size, texts.len())?;
    let mut column_index = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
    for page_runs in split(&runs, wanted.page_rows) {
        let page = data_page(&page_runs, texts.len(), nullable);
        let size = page.len();
        chunk.data(packed(page)?, size, row_count(&page_runs))?;
        match bounds(&texts, &page_runs) {
            Some((least, most)) if least.len() <= STATS_BYTES && most.len() <= STATS_BYTES => {
                column_index.append(false, least.into(), most.into(), null_rows(&page_runs) as i64);
            }
            Some(_) => column_index.to_invalid(),
            None => column_index.append(true, Vec::new(), Vec::new(), null_rows(&page_runs) as i64),
        }
    }
    column_index.set_boundary_order(BoundaryOrder::UNORDERED);

    let mut described = Described::default();
    if wanted.statistics {
        let short = |text: &str| (text.len() <= STATS_BYTES).then(|| ByteArray::from(text));
        let (least, most) = bounds(&texts, &runs).map_or((None, None), |(a, b)| (short(a), short(b)));
        let nulls = Some(null_rows(&runs) as u64);
        described.statistics = Some(Statistics::byte_array(least, most, None, nulls, false));
        if column_index.valid() {
            described.column_index = Some(column_index.build()?);
        }
    }
    if let Some(fpp) = wanted.bloom_fpp {
        let mut filter = Sbbf::new_with_ndv_fpp(texts.len() as u64, fpp)?;
        texts.iter().for_each(|text| filter.insert(*text));
        described.bloom_filter = Some(filter);
    }
    chunk.finish(descriptor, described)
}

/// The texts in use, each once, and the rows as runs of them.
#[derive(Default)]
struct Distinct<'a> {
    texts: Vec<&'a str>,
    runs: Vec<Run>,
    places: HashMap<&'a str, u32, RandomState>,
}

impl<'a> Distinct<'a> {
    fn place(&mut self, text: &'a str) -> u32 {
        *self.places.entry(text).or_insert_with_key(|text| {
            self.texts.push(text);
            (self.texts.len() - 1) as u32
        })
    }

    fn push(&mut self, value: Option<u32>, rows: usize) {
        match self.runs.last_mut() {
            Some(last) if last.value == value => last.rows += rows,
            _ => self.runs.push(Run { value, rows }),
        }
    }
}

fn of_runs<'a>(column: &'a RunArray<Int32Type>, rows: Range<usize>) -> Distinct<'a> {
    let values: &StringArray = column.values().as_string();
    let part = column.slice(rows.start, rows.len());
    let mut distinct = Distinct::default();
    let mut start = 0;
    for (at, end) in (part.get_start_physical_index()..).zip(part.run_ends().sliced_values()) {
        let value = values.is_valid(at).then(|| distinct.place(values.value(at)));
        distinct.push(value, end as usize - start);
        start = end as usize;
    }
    distinct
}

fn of_dictionary<'a>(column: &'a DictionaryArray<Int32Type>, rows: Range<usize>) -> Distinct<'a> {
    let values: &StringArray = column.values().as_string();
    let keys = column.keys();
    // Keys of nulls mean nothing.
    let key =
        |at: usize| keys.is_valid(at).then(|| keys.value(at) as usize).filter(|key| values.is_valid(*key));
    let mut distinct = Distinct::default();
    // By key; several keys may say the same.
    let mut of_keys: Vec<Option<u32>> = vec![None; values.len()];
    let mut at = rows.start;
    while at < rows.end {
        let first = key(at);
        let alike = match keys.null_count() {
            0 => keys.values()[at..rows.end].iter().take_while(|next| **next == keys.value(at)).count(),
            _ => (at..rows.end).take_while(|at| key(*at) == first).count(),
        };
        let value = first.map(|key| *of_keys[key].get_or_insert_with(|| distinct.place(values.value(key))));
        distinct.push(value, alike);
        at += alike;
    }
    distinct
}

/// The runs of each page.
fn split(runs: &[Run], page_rows: usize) -> Vec<Vec<Run>> {
    let mut pages = Vec::new();
    let mut page: Vec<Run> = Vec::new();
    let mut room = page_rows;
    for run in runs {
        let mut left = run.rows;
        while left > 0 {
            let rows = left.min(room);
            page.push(Run { rows, ..*run });
            left -= rows;
            room -= rows;
            if room == 0 {
                pages.push(std::mem::take(&mut page));
                room = page_rows;
            }
        }
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}

fn row_count(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.rows).sum()
}

fn null_rows(runs: &[Run]) -> usize {
    runs.iter().filter(|run| run.value.is_none()).map(|run| run.rows).sum()
}

/// The least and the greatest text; none when all are null.
fn bounds<'a>(texts: &[&'a str], runs: &[Run]) -> Option<(&'a str, &'a str)> {
    let used = || runs.iter().filter_map(|run| run.value).map(|value| texts[value as usize]);
    Some((used().min()?, used().max()?))
}

/// Which rows are there, where a column may have nulls, then the places of their texts.
fn data_page(runs: &[Run], texts: usize, nullable: bool) -> Vec<u8> {
    let mut page = Vec::new();
    if nullable {
        let mut levels = Vec::new();
        for run in runs {
            repeat(&mut levels, u32::from(run.value.is_some()), run.rows, 1);
        }
        page.extend_from_slice(&(levels.len() as u32).to_le_bytes());
        page.append(&mut levels);
    }
    let width = usize::BITS - texts.saturating_sub(1).leading_zeros();
    page.push(width as u8);
    for run in runs {
        if let Some(value) = run.value {
            repeat(&mut page, value, run.rows, width);
        }
    }
    page
}

/// A run in Parquet's hybrid encoding of numbers of so many bits.
fn repeat(out: &mut Vec<u8>, value: u32, times: usize, width: u32) {
    let mut header = (times as u64) << 1;
    while header >= 0x80 {
        out.push(header as u8 | 0x80);
        header >>= 7;
    }
    out.push(header as u8);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, Int32Array},
        compute::cast,
        datatypes::{DataType, Field, Schema},
    };
    use parquet::{
        arrow::{
            ArrowSchemaConverter,
            arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
        },
        file::{metadata::PageIndexPolicy, writer::SerializedFileWriter},
    };
    use proptest::prelude::*;

    use super::*;

    /// Writes files of one column in row groups of `group_rows`, in every form that it may have, and reads them back.
    fn check(
        keys: Vec<Option<i32>>,
        texts: Vec<Option<String>>,
        nullable: bool,
        page_rows: usize,
        group_rows: usize,
    ) {
        let column =
            DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), Arc::new(StringArray::from(texts)));
        let column = column.expect("keys are places");
        let expected = cast(&column, &DataType::Utf8).expect("texts");
        let runs: RunArray<Int32Type> = expected.as_string::<i32>().iter().collect();
        for compressed in [false, true] {
            check_form(&column, &expected, nullable, page_rows, group_rows, compressed);
            check_form(&runs, &expected, nullable, page_rows, group_rows, compressed);
        }
    }

    fn check_form(
        column: &dyn Array,
        expected: &ArrayRef,
        nullable: bool,
        page_rows: usize,
        group_rows: usize,
        compressed: bool,
    ) {
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, nullable)]);
        let schema = ArrowSchemaConverter::new().convert(&schema).expect("a schema");
        let mut bytes = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut bytes, schema.root_schema_ptr(), Arc::default()).expect("a file");
        let wanted = Wanted { page_rows, statistics: true, bloom_fpp: Some(0.01), compressed };
        for start in (0..column.len()).step_by(group_rows) {
            let rows = start..column.len().min(start + group_rows);
            let mut group = writer.next_row_group().expect("a group");
            let column = Column::of(column).expect("a known form");
            let (bytes, close) = encode(&schema.columns()[0], &column, rows, wanted).expect("a chunk");
            group.append_column(&bytes, close).expect("appended");
            group.close().expect("closed");
        }
        writer.close().expect("an end");
        let bytes = Bytes::from(bytes);

        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options);
        let reader = reader.expect("a file");
        let offsets = reader.metadata().offset_index().expect("pages").clone();
        for group in &offsets {
            assert!(
                group[0]
                    .page_locations()
                    .windows(2)
                    .all(|pair| pair[0].first_row_index < pair[1].first_row_index)
            );
        }
        for (group, metadata) in reader.metadata().row_groups().iter().enumerate() {
            let start = group * group_rows;
            let part = expected.slice(start, metadata.num_rows() as usize);
            let part: &StringArray = part.as_string();
            let statistics = metadata.column(0).statistics().expect("statistics");
            assert_eq!(statistics.null_count_opt(), Some(part.null_count() as u64));
            let (least, most) = (part.iter().flatten().min(), part.iter().flatten().max());
            assert_eq!(
                statistics.min_bytes_opt(),
                least.filter(|text| text.len() <= STATS_BYTES).map(str::as_bytes)
            );
            assert_eq!(
                statistics.max_bytes_opt(),
                most.filter(|text| text.len() <= STATS_BYTES).map(str::as_bytes)
            );
        }
        let batches = reader.with_batch_size(7).build().expect("a reader");
        let read: Vec<ArrayRef> = batches.map(|batch| batch.expect("rows").column(0).clone()).collect();
        let read: Vec<&dyn Array> = read.iter().map(AsRef::as_ref).collect();
        assert_eq!(&arrow::compute::concat(&read).expect("one column"), expected);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            runs in proptest::collection::vec((0..6_i32, 1..40_usize), 1..20),
            texts in proptest::collection::vec("[a-zé]{0,80}", 6),
            page_rows in 1..50_usize,
            group_rows in 1..200_usize,
        ) {
            let keys = runs.iter().flat_map(|(key, rows)| std::iter::repeat_n(Some(*key), *rows)).collect();
            check(keys, texts.into_iter().map(Some).collect(), false, page_rows, group_rows);
        }

        #[test]
        fn nulls_are_read_as_nulls(
            runs in proptest::collection::vec((proptest::option::of(0..4_i32), 1..40_usize), 1..20),
            mut texts in proptest::collection::vec(proptest::option::of("[a-z]{0,3}"), 4),
            page_rows in 1..50_usize,
            group_rows in 1..200_usize,
        ) {
            // One of the dictionary's own is null too.
            texts[3] = None;
            let keys = runs.iter().flat_map(|(key, rows)| std::iter::repeat_n(*key, *rows)).collect();
            check(keys, texts, true, page_rows, group_rows);
        }
    }
}
