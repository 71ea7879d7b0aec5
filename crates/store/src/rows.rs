//! Rows on their way into a table, in the form in which they came.

use arrow::{array::AsArray, record_batch::RecordBatch};
use parquet::errors::ParquetError;
use smoltrace_model::rows::PointBlock;

use crate::{
    layout::Layout,
    parquet_file::{self, EncodedFile},
};

#[derive(Debug, Clone)]
pub(crate) enum Rows {
    Columns(RecordBatch),
    Points(PointBlock),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Columns(batch) => batch.num_rows(),
            Self::Points(points) => points.len(),
        }
    }

    /// Run ids of the rows, each at least once.
    pub(crate) fn run_ids(&self) -> Vec<&str> {
        let mut runs: Vec<&str> = match self {
            Self::Columns(batch) => {
                let column = batch.column_by_name("run_id").and_then(|runs| runs.as_string_opt::<i32>());
                column.map(|runs| runs.iter().flatten().collect()).unwrap_or_default()
            }
            Self::Points(points) => points.run_ids().collect(),
        };
        runs.dedup();
        runs
    }

    /// A file of the rows in the order of the layout.
    pub(crate) fn encode(&self, layout: &Layout) -> Result<EncodedFile, ParquetError> {
        let sorted = match self {
            Self::Columns(batch) => parquet_file::sort(layout, batch)?,
            Self::Points(points) => points.to_sorted_batch(),
        };
        parquet_file::encode_fresh(layout, &sorted)
    }
}
