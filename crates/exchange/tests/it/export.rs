//! Exports, and that they read back.

use std::path::Path;

use smoltrace_exchange::export::{self, Format, RunExport, Table};
use smoltrace_model::{
    account::account_run,
    inputs::RunInputs,
    rows::{PointRow, SpanRow},
};

use crate::support::{fixture, import};

pub fn export_of(inputs: RunInputs) -> RunExport {
    let accounted = account_run(&inputs);
    RunExport { run: accounted.run, results: accounted.results, spans: inputs.spans, points: inputs.points }
}

/// Rows in an order of their own, copies once: as the tables hold them.
pub fn sorted(mut export: RunExport) -> RunExport {
    export.spans.sort_by(|a: &SpanRow, b| a.row_id.cmp(&b.row_id));
    export.spans.dedup();
    export.points.sort_by(|a: &PointRow, b| a.row_id.cmp(&b.row_id));
    export.points.dedup();
    export.results.sort_by(|a, b| (&a.test_uid, a.attempt).cmp(&(&b.test_uid, b.attempt)));
    export
}

fn assert_same(read: RunExport, written: RunExport) {
    let (read, written) = (sorted(read), sorted(written));
    for (read, written) in read.spans.iter().zip(&written.spans) {
        assert_eq!(read, written);
    }
    for (read, written) in read.points.iter().zip(&written.points) {
        assert_eq!(read, written);
    }
    for (read, written) in read.results.iter().zip(&written.results) {
        assert_eq!(read, written);
    }
    assert_eq!(read.run, written.run);
    let counts = |e: &RunExport| (e.spans.len(), e.points.len(), e.results.len());
    assert_eq!(counts(&read), counts(&written));
}

/// Writes, reads back, and compares row for row.
pub fn check_round_trip(
    written: &RunExport,
    write: fn(&RunExport, &Path) -> Result<(), export::ExportError>,
) {
    let folder = tempfile::tempdir().unwrap();
    write(written, folder.path()).unwrap();
    let runs = import(folder.path()).unwrap();
    assert_eq!(runs.len(), 1);
    let read = runs.into_iter().next().unwrap();
    assert_same(export_of(read), written.clone());
}

fn recordings() -> Vec<RunExport> {
    ["smoltrace_run_two_gpus", "smolagents_otlp/traces.pb"]
        .iter()
        .flat_map(|name| import(&fixture(name)).unwrap())
        .map(export_of)
        .collect()
}

#[test]
fn json_folders_read_back_row_for_row() {
    for run in recordings() {
        check_round_trip(&run, export::json_folder);
    }
}

#[test]
fn parquet_folders_read_back_row_for_row() {
    for run in recordings() {
        check_round_trip(&run, export::parquet_folder);
    }
}

#[test]
fn every_table_has_every_format() {
    let run = &recordings()[0];
    for table in [Table::Leaderboard, Table::Results, Table::Traces, Table::Metrics] {
        let bytes = |format| export::table_bytes(run, table, format).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&bytes(Format::Json)).unwrap();
        let expected = match table {
            Table::Leaderboard => 1,
            Table::Results | Table::Traces => 12,
            Table::Metrics => 8,
        };
        assert_eq!(rows.len(), expected, "{table:?}");
        assert!(bytes(Format::Parquet).starts_with(b"PAR1"));
        let csv = String::from_utf8(bytes(Format::Csv)).unwrap();
        assert!(csv.contains("\r\n"), "{table:?}");
    }
}

#[test]
fn csv_folders_have_a_header_and_a_row_each() {
    let run = &recordings()[0];
    let folder = tempfile::tempdir().unwrap();
    export::csv_folder(run, folder.path()).unwrap();
    let check = |name: &str, first: &str, rows: usize| {
        let mut reader = csv::Reader::from_path(folder.path().join(name)).unwrap();
        assert_eq!(reader.headers().unwrap().get(0), Some(first), "{name}");
        assert_eq!(reader.records().map(Result::unwrap).count(), rows, "{name}");
    };
    check("leaderboard.csv", "run_id", 1);
    check("results.csv", "model", 12);
    check("metrics.csv", "run_id", 8);
    check("spans.csv", "run_id", 117);
}
