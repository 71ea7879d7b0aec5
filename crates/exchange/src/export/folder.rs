//! Folders: SMOLTRACE's JSON, Parquet in the layout of Hugging Face datasets, CSV.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow::record_batch::RecordBatch;
use serde_json::Value;
use smoltrace_model::{
    flatten::{self, Missing, flatten_metrics},
    rows::{PointRow, SpanRow, TableRow},
    series::SeriesSet,
};

use super::{ExportError, Format, RunExport, Table, dataset, metrics, table_bytes, traces, write_error};
use crate::{
    frame,
    json::{double, parse_object},
    smoltrace::OURS,
    smoltrace_dict::Record,
};

/// Numbers that SMOLTRACE's readers add up without looking: unknown is 0 there.
const ZERO_WHEN_UNKNOWN: [&str; 3] = ["execution_time_ms", "total_tokens", "cost_usd"];

/// Writes the run as SMOLTRACE writes one: `results.json`, `traces.json`, `metrics.json`,
/// `leaderboard_row.json`, `metadata.json`. Its readers take it as their own; [`crate::import`]
/// gives the same rows back.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn json_folder(export: &RunExport, dir: &Path) -> Result<(), ExportError> {
    create(dir)?;
    let mut results = dataset::results(&export.run, &export.results, true);
    for record in &mut results {
        for key in ZERO_WHEN_UNKNOWN {
            if record.get(key).is_none_or(Value::is_null) {
                record.set(key, if key == "total_tokens" { 0.into() } else { double(0.0) });
            }
        }
    }
    write_list(&dir.join("results.json"), results.iter())?;
    write_list(&dir.join("traces.json"), traces::records(export))?;
    let declared = parse_object(&export.run.declared);
    let aggregates = declared.get("aggregates").and_then(Value::as_array).cloned().unwrap_or_default();
    write(&dir.join("metrics.json"), |out| {
        metrics::write(out, &export.run.run_id, &export.points, &aggregates)
    })?;
    let row = dataset::leaderboard(&export.run, &export.results);
    write_value(&dir.join("leaderboard_row.json"), &row)?;
    write_value(&dir.join("metadata.json"), &metadata(export, &row))
}

/// SMOLTRACE's metadata, and the run row whole.
fn metadata(export: &RunExport, row: &Record) -> Record {
    let get = |key: &str| row.get(key).cloned().unwrap_or_default();
    let traces: std::collections::HashSet<&str> = export.spans.iter().map(|s| s.trace_id.as_str()).collect();
    let mut metadata = Record::default();
    for key in ["model", "agent_type", "dataset_used", "timestamp"] {
        metadata.set(key, get(key));
    }
    metadata.set("num_results", export.results.len());
    metadata.set("num_traces", traces.len());
    metadata.set("num_metrics", export.points.len());
    for key in ["hardware", "hardware_detail", "hardware_scope"] {
        metadata.set(key, get(key));
    }
    metadata.set(OURS, whole_run(export));
    metadata
}

/// `{"run": ...}`: the run row, for our own importer.
fn whole_run(export: &RunExport) -> Value {
    let run = serde_json::to_value(&export.run).unwrap_or_default();
    traces::object([("run", run)])
}

/// Writes the run as four datasets in the layout of Hugging Face's Hub, `results`, `traces`,
/// `metrics` and `leaderboard`, each `data/train-00000-of-00001.parquet`. A metric that was not
/// measured is 0.0 in `metrics`, as SMOLTRACE's readers expect; a fifth folder `points` has every
/// metric point as it was, and the column `smoltrace` what the others cannot say, so that
/// [`crate::import`] gives the same rows back.
///
/// # Errors
/// When a folder or a file cannot be written.
pub fn parquet_folder(export: &RunExport, dir: &Path) -> Result<(), ExportError> {
    let mut row = dataset::leaderboard(&export.run, &export.results);
    row.set(OURS, whole_run(export));
    write_dataset(dir, "leaderboard", &frame::batch(dataset::LEADERBOARD, &[row]))?;
    let results = dataset::results(&export.run, &export.results, true);
    write_dataset(dir, "results", &frame::batch(dataset::RESULTS, &results))?;
    let traces: Vec<Record> = traces::records(export).collect();
    write_dataset(dir, "traces", &frame::batch(dataset::TRACES, &traces))?;
    drop(traces);
    let mut series = SeriesSet::from_points(&export.points);
    series.adopt_hardware();
    let metrics = flatten_metrics(&series, &export.run.run_id);
    write_dataset(dir, "metrics", &flatten::to_batch(&metrics, Missing::Zero))?;
    write_dataset(dir, "points", &PointRow::to_batch(&export.points))
}

/// File name of the only shard of a split.
const SHARD: &str = "train-00000-of-00001.parquet";

fn write_dataset(dir: &Path, name: &str, batch: &RecordBatch) -> Result<(), ExportError> {
    let data = dir.join(name).join("data");
    create(&data)?;
    let bytes = frame::parquet(batch)?;
    write(&data.join(SHARD), |out| out.write_all(&bytes))
}

/// Writes `results.csv`, `metrics.csv`, `leaderboard.csv` and `spans.csv` as RFC 4180. A null is an
/// empty cell. Cells are exact: text that a spreadsheet would take for a formula is not changed.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn csv_folder(export: &RunExport, dir: &Path) -> Result<(), ExportError> {
    create(dir)?;
    for (name, table) in
        [("results", Table::Results), ("metrics", Table::Metrics), ("leaderboard", Table::Leaderboard)]
    {
        let bytes = table_bytes(export, table, Format::Csv)?;
        write(&dir.join(format!("{name}.csv")), |out| out.write_all(&bytes))?;
    }
    let spans = frame::csv(&SpanRow::to_batch(&export.spans))?;
    write(&dir.join("spans.csv"), |out| out.write_all(&spans))
}

fn create(dir: &Path) -> Result<(), ExportError> {
    fs::create_dir_all(dir).map_err(write_error(dir))
}

fn write(
    path: &Path,
    body: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), ExportError> {
    let file = File::create(path).map_err(write_error(path))?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    body(&mut out).and_then(|()| out.flush()).map_err(write_error(path))
}

fn write_value(path: &Path, value: &impl serde::Serialize) -> Result<(), ExportError> {
    write(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// A JSON list, an element a line, made one by one.
fn write_list<T: serde::Serialize>(path: &Path, items: impl Iterator<Item = T>) -> Result<(), ExportError> {
    write(path, |out| {
        out.write_all(b"[")?;
        for (index, item) in items.enumerate() {
            out.write_all(if index > 0 { b",\n" } else { b"\n" })?;
            serde_json::to_writer(&mut *out, &item)?;
        }
        out.write_all(b"\n]\n")
    })
}
