//! The rows of several batches as one sorted batch, column by column: a text that repeats is looked at once in each
//! batch, not once in every row, and long texts are not copied. Knows no file.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use ahash::RandomState;
use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryViewArray, ByteView, DictionaryArray, FixedSizeBinaryArray,
        Int32Array, MAX_INLINE_VIEW_LEN, StringArray, StringViewArray, make_view,
    },
    buffer::{Buffer, NullBuffer},
    compute::interleave,
    datatypes::{DataType, Field, Int32Type, Int64Type, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};
use smoltrace_model::{
    ids::hash_of_hex,
    rows::{ROWS_A_TEXT, batch_named},
};

use crate::layout::Layout;

/// Where a row stands: its batch and its place there.
type Place = (usize, usize);

/// The columns of a file with its texts as dictionaries, but those that hardly ever repeat as `unique`.
pub(crate) fn schema(layout: &Layout, schema: &Schema, unique: &DataType) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if layout.unique.contains(&field.name().as_str()) => {
            Field::new(field.name(), unique.clone(), field.is_nullable()).into()
        }
        DataType::Utf8 => {
            Field::new_dictionary(field.name(), DataType::Int32, DataType::Utf8, field.is_nullable()).into()
        }
        _ => field.clone(),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The rows of all batches, each in the columns of [`schema`] with views of unique texts, as the layout sorts them: texts
/// are dictionaries, binary views, or the bytes of which they are the hex digits. `None` when there are columns that this
/// program does not write.
///
/// # Errors
/// Arrow's, of columns that cannot be brought together.
pub(crate) fn sorted(layout: &Layout, batches: &[RecordBatch]) -> Result<Option<RecordBatch>, ArrowError> {
    let fields = layout.schema.fields();
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let parts: Option<Vec<&dyn Array>> =
            batches.iter().map(|batch| Some(batch.column_by_name(field.name())?.as_ref())).collect();
        let parts =
            parts.filter(|parts| field.is_nullable() || parts.iter().all(|part| part.null_count() == 0));
        let Some(column) = parts.and_then(Column::of) else { return Ok(None) };
        columns.push(column);
    }
    let sort = layout.sort.iter().map(|name| layout.schema.index_of(name).map(|place| &columns[place]));
    let sort = sort.collect::<Result<Vec<_>, _>>()?;
    let Some(places) = order(&sort, batches) else { return Ok(None) };
    let arrays = fields.iter().zip(&columns).map(|(field, column)| match column {
        Column::Repeated(parts) => {
            // The least and the greatest are found among the texts of a dictionary.
            let most = if layout.has_bounds(field.name()) { usize::MAX } else { places.len() / ROWS_A_TEXT };
            Ok(repeated(parts, &places, most))
        }
        Column::Texts(parts) => Ok(hashes(parts, &places).unwrap_or_else(|| texts(parts, &places))),
        Column::Other(parts) => interleave(parts, &places),
    });
    let arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>()?;
    batch_named(&layout.schema, arrays).map(Some)
}

/// A column in each of the batches.
enum Column<'a> {
    Repeated(Vec<Dictionary<'a>>),
    /// No nulls.
    Texts(Vec<&'a StringViewArray>),
    Other(Vec<&'a dyn Array>),
}

struct Dictionary<'a> {
    keys: &'a Int32Array,
    /// No nulls.
    texts: &'a StringArray,
}

impl<'a> Column<'a> {
    fn of(parts: Vec<&'a dyn Array>) -> Option<Self> {
        fn without_nulls<A: Array>(texts: &A) -> bool {
            texts.null_count() == 0
        }
        let data_type = parts.first()?.data_type();
        if parts.iter().any(|part| part.data_type() != data_type) {
            return None;
        }
        match data_type {
            DataType::Dictionary(..) => {
                let parts = parts.into_iter().map(|part| {
                    let dictionary: &DictionaryArray<Int32Type> = part.as_dictionary_opt()?;
                    let texts = dictionary.values().as_string_opt().filter(|texts| without_nulls(*texts))?;
                    Some(Dictionary { keys: dictionary.keys(), texts })
                });
                parts.collect::<Option<_>>().map(Self::Repeated)
            }
            DataType::Utf8View => {
                let parts = parts
                    .into_iter()
                    .map(|part| part.as_string_view_opt().filter(|texts| without_nulls(*texts)));
                parts.collect::<Option<_>>().map(Self::Texts)
            }
            _ => Some(Self::Other(parts)),
        }
    }
}

/// What rows are sorted by, for each row in the order in which they come.
enum Key<'a> {
    Numbers(Vec<i64>),
    Texts(Vec<&'a [u8]>),
}

/// The places of all rows in order. `None` for columns that have nulls or no order here.
fn order(sort: &[&Column<'_>], batches: &[RecordBatch]) -> Option<Vec<Place>> {
    let batch_rows = || batches.iter().map(RecordBatch::num_rows).enumerate();
    let places: Vec<Place> =
        batch_rows().flat_map(|(batch, rows)| (0..rows).map(move |row| (batch, row))).collect();
    let mut keys = Vec::with_capacity(sort.len());
    for column in sort {
        match column {
            Column::Repeated(parts) => keys.extend(ranks(parts)?.map(Key::Numbers)),
            Column::Texts(parts) => {
                let texts =
                    parts.iter().flat_map(|part| (0..part.len()).map(|row| part.value(row).as_bytes()));
                keys.push(Key::Texts(texts.collect()));
            }
            Column::Other(parts) => {
                let mut numbers = Vec::with_capacity(places.len());
                for part in parts {
                    let part = part.as_primitive_opt::<Int64Type>().filter(|part| part.null_count() == 0)?;
                    numbers.extend_from_slice(part.values());
                }
                keys.push(Key::Numbers(numbers));
            }
        }
    }
    let mut order: Vec<u32> = (0..u32::try_from(places.len()).ok()?).collect();
    // The batches mostly are sorted: a stable sort sees that, and merges them.
    order.sort_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        let by = |key: &Key<'_>| match key {
            Key::Numbers(numbers) => numbers[a].cmp(&numbers[b]),
            Key::Texts(texts) => texts[a].cmp(texts[b]),
        };
        keys.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Some(order.into_iter().map(|row| places[row as usize]).collect())
}

/// For each row the place of its text among all of them in order; no places when all rows say the same. `None` for a
/// column that has nulls.
fn ranks(parts: &[Dictionary<'_>]) -> Option<Option<Vec<i64>>> {
    if parts.iter().any(|part| part.keys.null_count() > 0) {
        return None;
    }
    let mut texts: Vec<&str> = parts.iter().flat_map(|part| part.texts.iter().flatten()).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.len() < 2 {
        return Some(None);
    }
    let ranks: HashMap<&str, i64, RandomState> = texts.into_iter().zip(0..).collect();
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.keys.len()).sum());
    for part in parts {
        let of_keys: Vec<i64> = part.texts.iter().flatten().map(|text| ranks[text]).collect();
        all.extend(part.keys.values().iter().map(|key| of_keys[*key as usize]));
    }
    Some(Some(all))
}

/// A dictionary of the texts in use, or views when they are more than so many.
fn repeated(parts: &[Dictionary<'_>], places: &[Place], most: usize) -> ArrayRef {
    let key = |(batch, row): Place| {
        let keys = parts[batch].keys;
        keys.is_valid(row).then(|| keys.value(row) as usize)
    };
    let mut texts: Vec<&str> = Vec::new();
    let mut known: HashMap<&str, i32, RandomState> = HashMap::default();
    // By the key that a part has for it.
    let mut of_keys: Vec<Vec<Option<i32>>> = parts.iter().map(|part| vec![None; part.texts.len()]).collect();
    let mut keys: Vec<Option<i32>> = Vec::with_capacity(places.len());
    for place in places {
        let found = key(*place).map(|key| {
            *of_keys[place.0][key].get_or_insert_with(|| {
                *known.entry(parts[place.0].texts.value(key)).or_insert_with_key(|text| {
                    texts.push(text);
                    (texts.len() - 1) as i32
                })
            })
        });
        keys.push(found);
        if texts.len() > most {
            let view = |place: &Place| {
                let (texts, key) = (parts[place.0].texts, key(*place)?);
                Some(make_view(
                    texts.value(key).as_bytes(),
                    place.0 as u32,
                    texts.value_offsets()[key] as u32,
                ))
            };
            return views(
                parts.iter().map(|part| part.texts.values().clone()).collect(),
                places.iter().map(view),
            );
        }
    }
    let texts = StringArray::from_iter_values(texts);
    let dictionary = DictionaryArray::<Int32Type>::try_new(keys.into(), Arc::new(texts));
    Arc::new(dictionary.expect("every key is the place of a text"))
}

/// The bytes of which the texts are the hex digits; `None` when one is no hash.
fn hashes(parts: &[&StringViewArray], places: &[Place]) -> Option<ArrayRef> {
    let mut bytes = Vec::with_capacity(16 * places.len());
    for (part, row) in places {
        bytes.extend_from_slice(&hash_of_hex(parts[*part].value(*row))?.to_be_bytes());
    }
    Some(Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), None)))
}

/// The texts at places of the parts, which are not copied.
fn texts(parts: &[&StringViewArray], places: &[Place]) -> ArrayRef {
    let mut buffers = Vec::new();
    let mut firsts = Vec::with_capacity(parts.len());
    for part in parts {
        firsts.push(buffers.len() as u32);
        buffers.extend(part.data_buffers().iter().cloned());
    }
    let view = |(part, row): &Place| {
        let view = parts[*part].views()[*row];
        let mut place = ByteView::from(view);
        if place.length <= MAX_INLINE_VIEW_LEN {
            return Some(view);
        }
        place.buffer_index += firsts[*part];
        Some(place.as_u128())
    };
    views(buffers, places.iter().map(view))
}

/// Texts by their views, each of one of the buffers.
fn views(buffers: Vec<Buffer>, found: impl Iterator<Item = Option<u128>>) -> ArrayRef {
    let (mut views, mut valid) = (Vec::new(), Vec::new());
    for view in found {
        valid.push(view.is_some());
        views.push(view.unwrap_or_default());
    }
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    let views = BinaryViewArray::try_new(views.into(), buffers, nulls);
    Arc::new(views.expect("every view is of a text in the buffers"))
}
