//! A block as columns of the table.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    },
    datatypes::{Field, Int32Type, Schema},
    record_batch::RecordBatch,
};

use super::{BlockRow, PointBlock, PointSeries};
use crate::{
    ids::push_hex,
    rows::{PointRow, TableRow},
};

impl PointBlock {
    /// The columns of the table in order of run, metric, series and time. What a series says stands
    /// in dictionaries.
    pub fn to_sorted_batch(&self) -> RecordBatch {
        let mut order: Vec<usize> = (0..self.series.len()).collect();
        order.sort_by_key(|place| sort_key(&self.series[*place]));
        let mut rank = vec![0_i32; order.len()];
        for (nth, place) in order.iter().enumerate() {
            rank[*place] = nth as i32;
        }
        let rows = self.sorted(&order, &rank);

        let keys = Int32Array::from_iter_values(rows.iter().map(|(rank, _)| *rank));
        let heads: Vec<&PointRow> = order.iter().map(|place| self.series[*place].head()).collect();
        let schema = PointRow::schema();
        let mut fields = Vec::with_capacity(schema.fields().len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = self.column(field, &rows, &keys, &heads);
            fields.push(Field::new(field.name(), column.data_type().clone(), field.is_nullable()));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("fields are those of the columns")
    }

    /// The points, each with the rank of its series, in order of run, metric, series id and time.
    fn sorted(&self, order: &[usize], rank: &[i32]) -> Vec<(i32, &BlockRow)> {
        let Some(first) = self.rows.first() else { return Vec::new() };
        // Series with one id may still say different things beside it: together they are one group.
        let mut group = vec![0; order.len()];
        for at in 1..order.len() {
            let same = sort_key(&self.series[order[at]]) == sort_key(&self.series[order[at - 1]]);
            group[at] = group[at - 1] + usize::from(!same);
        }
        let group_of = |row: &BlockRow| group[rank[row.series as usize] as usize];
        // Counted into place: there are few groups, and rows come in order of time mostly.
        let mut ends = vec![0; group.last().map_or(0, |last| last + 1)];
        self.rows.iter().for_each(|row| ends[group_of(row)] += 1);
        let mut next = 0;
        let mut starts = Vec::with_capacity(ends.len());
        for end in &mut ends {
            starts.push(next);
            next += *end;
            *end = next;
        }
        let mut places = starts.clone();
        let mut sorted = vec![(0, first); self.rows.len()];
        for row in &self.rows {
            let place = &mut places[group_of(row)];
            sorted[*place] = (rank[row.series as usize], row);
            *place += 1;
        }
        for (start, end) in starts.into_iter().zip(ends) {
            let rows = &mut sorted[start..end];
            if !rows.is_sorted_by_key(|(_, row)| row.sample.time) {
                rows.sort_by_key(|(_, row)| row.sample.time);
            }
        }
        sorted
    }

    fn column(
        &self,
        field: &Field,
        rows: &[(i32, &BlockRow)],
        keys: &Int32Array,
        heads: &[&PointRow],
    ) -> ArrayRef {
        let text = |of: fn(&PointRow) -> Option<&str>| -> ArrayRef {
            let values = StringArray::from_iter(heads.iter().map(|head| of(head)));
            if values.null_count() == 0 {
                let dictionary = DictionaryArray::<Int32Type>::try_new(keys.clone(), Arc::new(values));
                return Arc::new(dictionary.expect("every key is the place of a head"));
            }
            // A null is one of the keys.
            let keys = keys.iter().map(|key| key.filter(|key| values.is_valid(*key as usize)));
            let dictionary = DictionaryArray::<Int32Type>::try_new(keys.collect(), Arc::new(values));
            Arc::new(dictionary.expect("every key is the place of a head"))
        };
        let samples = || rows.iter().map(|(_, row)| &row.sample);
        match field.name().as_str() {
            "run_id" => text(|head| Some(&head.run_id)),
            "service" => text(|head| Some(&head.service)),
            "metric" => text(|head| Some(&head.metric)),
            "unit" => text(|head| Some(&head.unit)),
            "instrument" => text(|head| Some(head.instrument.as_str())),
            "temporality" => text(|head| Some(head.temporality.as_str())),
            "monotonic" => Arc::new(BooleanArray::from_iter(
                rows.iter().map(|(rank, _)| Some(heads[*rank as usize].monotonic)),
            )),
            "gpu_id" => text(|head| head.gpu_id.as_deref()),
            "gpu_name" => text(|head| head.gpu_name.as_deref()),
            "attributes" => text(|head| Some(&head.attributes)),
            "resource" => text(|head| Some(&head.resource)),
            "scope" => text(|head| Some(&head.scope)),
            "series_id" => text(|head| Some(&head.series_id)),
            "start_time_unix_nano" => Arc::new(Int64Array::from_iter(samples().map(|sample| sample.start))),
            "time_unix_nano" => Arc::new(Int64Array::from_iter_values(samples().map(|sample| sample.time))),
            "value" => Arc::new(Float64Array::from_iter_values(samples().map(|sample| sample.value))),
            "detail" => Arc::new(StringArray::from_iter(samples().map(|sample| sample.detail.as_deref()))),
            "row_id" => Arc::new(row_ids(rows.iter().map(|(_, row)| row.id))),
            other => unreachable!("a column {other} that points do not have"),
        }
    }
}

/// What orders the rows of different series.
fn sort_key(series: &PointSeries) -> (&str, &str, &str) {
    let head = series.head();
    (&head.run_id, &head.metric, &head.series_id)
}

pub(crate) fn row_ids(ids: impl ExactSizeIterator<Item = u128>) -> StringArray {
    const WIDTH: usize = 32;
    let count = ids.len();
    let mut text = Vec::with_capacity(count * WIDTH);
    for id in ids {
        push_hex(&id.to_be_bytes(), &mut text);
    }
    let offsets = arrow::buffer::OffsetBuffer::from_repeated_length(WIDTH, count);
    StringArray::new(offsets, text.into(), None)
}
