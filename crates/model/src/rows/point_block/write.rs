//! Blocks as columns of the table.

use std::{borrow::Borrow, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBufferBuilder, Float64Array, Int64Array, StringArray},
    record_batch::RecordBatch,
};

use super::{PointBlock, sorted::Sorted};
use crate::rows::{
    PointRow,
    columns::{batch_of, row_ids, text_runs},
};

impl PointBlock {
    /// The columns of the table in order of run, metric, series and time. What a series says stands once for the
    /// stretch of its points, and row ids stand as bytes.
    pub fn to_sorted_batch<B: Borrow<PointBlock>>(blocks: &[B]) -> RecordBatch {
        let sorted = Sorted::of(blocks);
        batch_of::<PointRow>(|name| sorted.column(name))
    }
}

impl Sorted<'_> {
    fn column(&self, name: &str) -> ArrayRef {
        let text = |of: fn(&PointRow) -> Option<&str>| {
            text_runs(self.stretches.iter().map(|(head, end)| (of(head), *end)))
        };
        match name {
            "run_id" => text(|head| Some(&head.run_id)),
            "service" => text(|head| Some(&head.service)),
            "metric" => text(|head| Some(&head.metric)),
            "unit" => text(|head| Some(&head.unit)),
            "instrument" => text(|head| Some(head.instrument.as_str())),
            "temporality" => text(|head| Some(head.temporality.as_str())),
            "monotonic" => {
                let mut monotonic = BooleanBufferBuilder::new(self.len());
                for (head, end) in &self.stretches {
                    monotonic.append_n(*end as usize - monotonic.len(), head.monotonic);
                }
                Arc::new(BooleanArray::from(monotonic.finish()))
            }
            "gpu_id" => text(|head| head.gpu_id.as_deref()),
            "gpu_name" => text(|head| head.gpu_name.as_deref()),
            "attributes" => text(|head| Some(&head.attributes)),
            "resource" => text(|head| Some(&head.resource)),
            "scope" => text(|head| Some(&head.scope)),
            "series_id" => text(|head| Some(&head.series_id)),
            "start_time_unix_nano" => {
                Arc::new(self.each(|points, at| points.starts[at]).collect::<Int64Array>())
            }
            "time_unix_nano" => {
                Arc::new(Int64Array::from_iter_values(self.each(|points, at| points.times[at])))
            }
            "value" => Arc::new(Float64Array::from_iter_values(self.each(|points, at| points.values[at]))),
            "detail" if self.has_details() => {
                Arc::new(self.each(|points, at| points.detail(at)).collect::<StringArray>())
            }
            "detail" => text(|_| None),
            "row_id" => row_ids(self.each(|points, at| points.ids[at])),
            other => unreachable!("a column {other} that points do not have"),
        }
    }
}
