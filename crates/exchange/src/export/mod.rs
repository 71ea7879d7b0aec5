//! Exports: a run as files that SMOLTRACE's readers, data tools and we ourselves read.
//!
//! The JSON and Parquet folders carry every row whole: what SMOLTRACE's form has no place for
//! stands under the extra key or column `smoltrace`, and [`crate::import`] gives the same rows
//! back. CSV is for people and spreadsheets and is not read back. Must not know the store.

mod dataset;
mod folder;
mod metrics;
mod traces;

use std::path::{Path, PathBuf};

use smoltrace_model::{
    flatten::{self, Missing, flatten_metrics},
    rows::{PointRow, ResultRow, RunRow, SpanRow, TableRow},
    series::SeriesSet,
};

use crate::{frame, smoltrace_dict::Record};

/// Everything that the tables hold of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunExport {
    pub run: RunRow,
    pub results: Vec<ResultRow>,
    pub spans: Vec<SpanRow>,
    pub points: Vec<PointRow>,
}

/// One of the published datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    Leaderboard,
    Results,
    Traces,
    Metrics,
}

/// How a dataset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Json,
    Csv,
    Parquet,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{}: writing failed: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("CSV: {0}")]
    Csv(#[from] csv::Error),
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

pub use folder::{csv_folder, json_folder, parquet_folder};
pub use traces::otlp_json;

/// One dataset of a run as the bytes of a file. A value that was not measured is null, an empty
/// cell in CSV. Traces come as one row a trace with their spans, in CSV as one row a span.
///
/// # Errors
/// What the writer of the format refuses.
pub fn table_bytes(export: &RunExport, table: Table, format: Format) -> Result<Vec<u8>, ExportError> {
    let batch = match (table, format) {
        (Table::Leaderboard, _) => {
            frame::batch(dataset::LEADERBOARD, &[dataset::leaderboard(&export.run, &export.results)])
        }
        (Table::Results, _) => {
            frame::batch(dataset::RESULTS, &dataset::results(&export.run, &export.results, false))
        }
        (Table::Metrics, _) => {
            let mut series = SeriesSet::from_points(&export.points);
            series.adopt_hardware();
            flatten::to_batch(&flatten_metrics(&series, &export.run.run_id), Missing::Null)
        }
        (Table::Traces, Format::Csv) => SpanRow::to_batch(&export.spans),
        (Table::Traces, Format::Json) => {
            let traces: Vec<Record> = traces::records(export).collect();
            return Ok(serde_json::to_vec(&traces)?);
        }
        (Table::Traces, Format::Parquet) => {
            frame::batch(dataset::TRACES, &traces::records(export).collect::<Vec<_>>())
        }
    };
    Ok(match format {
        Format::Json => frame::json_rows(&batch)?,
        Format::Csv => frame::csv(&batch)?,
        Format::Parquet => frame::parquet(&batch)?,
    })
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> ExportError + '_ {
    move |source| ExportError::Write { path: path.to_owned(), source }
}
