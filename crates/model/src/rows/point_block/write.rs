//! Blocks as columns of the table.

use std::{borrow::Borrow, mem, sync::Arc};

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
        let mut sorted = Sorted::of(blocks);
        let stretches = sorted.stretches();
        batch_of::<PointRow>(|name| sorted.column(name, &stretches))
    }
}

impl Sorted<'_> {
    /// A column; one of numbers is there once.
    fn column(&mut self, name: &str, stretches: &[(&PointRow, i32)]) -> ArrayRef {
        let text = |of: fn(&PointRow) -> Option<&str>| {
            text_runs(stretches.iter().map(|(head, end)| (of(head), *end)))
        };
        match name {
            "run_id" => text(|head| Some(&head.run_id)),
            "service" => text(|head| Some(&head.service)),
            "metric" => text(|head| Some(&head.metric)),
            "unit" => text(|head| Some(&head.unit)),
            "instrument" => text(|head| Some(head.instrument.as_str())),
            "temporality" => text(|head| Some(head.temporality.as_str())),
            "monotonic" => {
                let mut monotonic = BooleanBufferBuilder::new(self.times.len());
                for (head, end) in stretches {
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
            "start_time_unix_nano" => Arc::new(Int64Array::from(mem::take(&mut self.starts))),
            "time_unix_nano" => Arc::new(Int64Array::from(mem::take(&mut self.times))),
            "value" => Arc::new(Float64Array::from(mem::take(&mut self.values))),
            "detail" if self.details.is_empty() => {
                text_runs(stretches.last().map(|(_, end)| (None, *end)).into_iter())
            }
            "detail" => Arc::new(StringArray::from_iter(&self.details)),
            "row_id" => row_ids(self.ids.iter().copied()),
            other => unreachable!("a column {other} that points do not have"),
        }
    }
}
