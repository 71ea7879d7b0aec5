//! Rows on their way into a table, in the form in which they came.

use std::sync::Arc;

use arrow::{array::AsArray, datatypes::Int64Type, record_batch::RecordBatch};
use parquet::errors::ParquetError;
use smoltrace_model::rows::{Block, PointBlock, SpanBlock};

use crate::{
    layout::Layout,
    parquet_file::{self, Effort, EncodedFile},
};

#[derive(Debug, Clone)]
pub(crate) enum Rows {
    /// Batches of the table's columns.
    Columns(Vec<RecordBatch>),
    Spans(Vec<Arc<SpanBlock>>),
    Points(Vec<Arc<PointBlock>>),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Columns(batches) => batches.iter().map(RecordBatch::num_rows).sum(),
            Self::Spans(blocks) => blocks.iter().map(|block| block.len()).sum(),
            Self::Points(blocks) => blocks.iter().map(|block| block.len()).sum(),
        }
    }

    /// Bytes of the texts that blocks of spans hold.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Spans(blocks) => blocks.iter().map(|block| block.text_bytes()).sum(),
            Self::Columns(_) | Self::Points(_) => 0,
        }
    }

    /// Run ids of the rows, each at least once.
    pub(crate) fn run_ids(&self) -> Vec<&str> {
        let mut runs: Vec<&str> = match self {
            Self::Columns(batches) => {
                let columns = batches.iter().filter_map(|batch| batch.column_by_name("run_id"));
                columns.filter_map(|runs| runs.as_string_opt::<i32>()).flatten().flatten().collect()
            }
            Self::Spans(blocks) => blocks.iter().flat_map(|block| block.run_ids()).collect(),
            Self::Points(blocks) => blocks.iter().flat_map(|block| block.run_ids()).collect(),
        };
        runs.dedup();
        runs
    }

    /// The time of the first row, Unix ns, which of columns stands in the one named.
    pub(crate) fn first_time(&self, column: &str) -> Option<i64> {
        fn of_block(block: Option<&Arc<impl Block>>) -> Option<i64> {
            block?.times().next().map(|(_, time, _)| time)
        }
        match self {
            Self::Columns(batches) => {
                let times = batches.first()?.column_by_name(column)?.as_primitive_opt::<Int64Type>()?;
                times.values().first().copied()
            }
            Self::Spans(blocks) => of_block(blocks.first()),
            Self::Points(blocks) => of_block(blocks.first()),
        }
    }

    /// A file of the rows in the order of the layout.
    pub(crate) fn encode(&self, layout: &Layout) -> Result<EncodedFile, ParquetError> {
        let sorted = match self {
            Self::Columns(batches) => parquet_file::sort(layout, batches)?,
            Self::Spans(blocks) => SpanBlock::to_sorted_batch(blocks),
            Self::Points(blocks) => PointBlock::to_sorted_batch(blocks),
        };
        parquet_file::encode(layout, &sorted, Effort::Fresh)
    }
}
