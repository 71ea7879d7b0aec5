//! Blocks as columns of the table.

use std::{borrow::Borrow, mem, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray},
    buffer::BooleanBuffer,
    record_batch::RecordBatch,
};

use super::{PointBlock, sorted::Sorted};
use crate::rows::{
    PointRow,
    columns::{batch_of, dictionary, row_ids},
};

impl PointBlock {
    /// The columns of the table in order of run, metric, series and time. What a series says stands
    /// in dictionaries.
    pub fn to_sorted_batch<B: Borrow<PointBlock>>(blocks: &[B]) -> RecordBatch {
        let mut sorted = Sorted::of(blocks);
        let keys = Int32Array::from(mem::take(&mut sorted.keys));
        batch_of::<PointRow>(|name| sorted.column(name, &keys))
    }
}

impl Sorted<'_> {
    /// A column; one of numbers is there once.
    fn column(&mut self, name: &str, keys: &Int32Array) -> ArrayRef {
        let text = |of: fn(&PointRow) -> Option<&str>| {
            let values = StringArray::from_iter(self.heads.iter().map(|head| of(head)));
            if values.null_count() == 0 {
                return dictionary(keys.clone(), values);
            }
            // A null is one of the keys.
            let keys = keys.iter().map(|key| key.filter(|key| values.is_valid(*key as usize)));
            dictionary(keys.collect(), values)
        };
        match name {
            "run_id" => text(|head| Some(&head.run_id)),
            "service" => text(|head| Some(&head.service)),
            "metric" => text(|head| Some(&head.metric)),
            "unit" => text(|head| Some(&head.unit)),
            "instrument" => text(|head| Some(head.instrument.as_str())),
            "temporality" => text(|head| Some(head.temporality.as_str())),
            "monotonic" => {
                let keys = keys.values();
                let monotonic = |row| self.heads[keys[row] as usize].monotonic;
                Arc::new(BooleanArray::from(BooleanBuffer::collect_bool(keys.len(), monotonic)))
            }
            "gpu_id" => text(|head| head.gpu_id.as_deref()),
            "gpu_name" => text(|head| head.gpu_name.as_deref()),
            "attributes" => text(|head| Some(&head.attributes)),
            "resource" => text(|head| Some(&head.resource)),
            "scope" => text(|head| Some(&head.scope)),
            "series_id" => text(|head| Some(&head.series_id)),
            "start_time_unix_nano" => Arc::new(Int64Array::from(mem::take(&mut self.starts))),
            "time_unix_nano" => Arc::new(Int64Array::from(mem::take(&mut self.times))),
            "value" => Arc::new(Float64Array::from(mem::take(&mut self.values))),
            "detail" if self.details.is_empty() => Arc::new(StringArray::new_null(keys.len())),
            "detail" => Arc::new(StringArray::from_iter(&self.details)),
            "row_id" => row_ids(self.ids.iter().copied()),
            other => unreachable!("a column {other} that points do not have"),
        }
    }
}
