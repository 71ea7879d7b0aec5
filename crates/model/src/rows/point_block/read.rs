//! Columns of the table back into a block.

use arrow::{
    array::{Array, AsArray, StringArray},
    datatypes::{Float64Type, Int32Type, Int64Type},
    record_batch::RecordBatch,
};

use super::{PointBlock, PointSeries};
use crate::{
    ids::hash_of_hex,
    rows::{Instrument, PointRow, Temporality},
};

/// A column of texts, as they are or as places in a dictionary.
enum Texts<'a> {
    Plain(&'a StringArray),
    Dictionary(&'a [i32], &'a dyn Array, &'a StringArray),
}

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Option<Self> {
        let column = batch.column_by_name(name)?;
        match column.as_dictionary_opt::<Int32Type>() {
            Some(dictionary) => Some(Self::Dictionary(
                dictionary.keys().values(),
                dictionary.keys(),
                dictionary.values().as_string_opt::<i32>()?,
            )),
            None => Some(Self::Plain(column.as_string_opt::<i32>()?)),
        }
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Dictionary(keys, validity, texts) => {
                let place = validity.is_valid(row).then(|| keys[row] as usize)?;
                texts.is_valid(place).then(|| texts.value(place))
            }
        }
    }

    /// Notes in `changes` where a row says something else than the one before.
    fn mark(&self, changes: &mut [bool]) {
        match self {
            // Two places may hold one text: then the series is looked up once more than it need be.
            Self::Dictionary(keys, validity, _) if validity.null_count() == 0 => {
                let pairs = keys.iter().zip(keys.iter().skip(1));
                changes.iter_mut().skip(1).zip(pairs).for_each(|(change, (a, b))| *change |= a != b);
            }
            _ => (1..changes.len()).for_each(|row| changes[row] |= self.get(row) != self.get(row - 1)),
        }
    }
}

impl PointBlock {
    /// The points of a batch of the table, whose texts may be dictionaries. `None` when a row says something that a
    /// block cannot hold: it was not written by this program.
    pub fn of_batch(batch: &RecordBatch) -> Option<Self> {
        let text = |name| Texts::of(batch, name);
        let texts = [
            text("run_id")?,
            text("service")?,
            text("metric")?,
            text("unit")?,
            text("instrument")?,
            text("temporality")?,
            text("gpu_id")?,
            text("gpu_name")?,
            text("attributes")?,
            text("resource")?,
            text("scope")?,
            text("series_id")?,
        ];
        let monotonic = batch.column_by_name("monotonic")?.as_boolean_opt()?;
        let number = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let (starts, times) = (number("start_time_unix_nano")?, number("time_unix_nano")?);
        let values = batch.column_by_name("value")?.as_primitive_opt::<Float64Type>()?;
        let (details, ids) = (text("detail")?, batch.column_by_name("row_id")?.as_string_opt::<i32>()?);
        if monotonic.null_count() + times.null_count() + values.null_count() + ids.null_count() > 0 {
            return None;
        }
        let rows = batch.num_rows();
        let mut changes = vec![false; rows];
        texts.iter().for_each(|column| column.mark(&mut changes));
        (1..rows).for_each(|row| changes[row] |= monotonic.value(row) != monotonic.value(row - 1));

        let mut block = Self::default();
        block.points.series.reserve(rows);
        let mut start = 0;
        while start < rows {
            let end = (start + 1..rows).find(|row| changes[*row]).unwrap_or(rows);
            let series = PointSeries::of(head(&texts, monotonic.value(start), start)?);
            let place = block.add_series(series);
            block.points.series.extend(std::iter::repeat_n(place, end - start));
            start = end;
        }
        block.points.ids = (0..rows).map(|row| hash_of_hex(ids.value(row))).collect::<Option<_>>()?;
        block.points.starts = starts.iter().collect();
        block.points.times = times.values().to_vec();
        block.points.values = values.values().to_vec();
        block.points.details = (0..rows).filter_map(|row| Some((row, details.get(row)?.into()))).collect();
        Some(block)
    }
}

/// What the row's series says.
fn head(texts: &[Texts<'_>; 12], monotonic: bool, row: usize) -> Option<PointRow> {
    let [run_id, service, metric, unit, instrument, temporality, rest @ ..] =
        texts.each_ref().map(|column| column.get(row));
    let [gpu_id, gpu_name, attributes, resource, scope, series_id] = rest;
    Some(PointRow {
        run_id: run_id?.to_owned(),
        service: service?.to_owned(),
        metric: metric?.to_owned(),
        unit: unit?.to_owned(),
        instrument: Instrument::parse(instrument?)?,
        temporality: Temporality::parse(temporality?)?,
        monotonic,
        gpu_id: gpu_id.map(str::to_owned),
        gpu_name: gpu_name.map(str::to_owned),
        attributes: attributes?.to_owned(),
        resource: resource?.to_owned(),
        scope: scope?.to_owned(),
        series_id: series_id?.to_owned(),
        start_time_unix_nano: None,
        time_unix_nano: 0,
        value: 0.0,
        detail: None,
        row_id: String::new(),
    })
}
