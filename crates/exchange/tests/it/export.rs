//! Exports, and that they read back.

use std::path::Path;

use smoltrace_exchange::export::{self, Format, RunExport, Table};
use smoltrace_model::{
    account::account_run,
    factors::{ElectricityPrice, Factors, GridIntensity, POWER_SOURCE},
    inputs::RunInputs,
    rows::{Instrument, PointRow, SpanRow},
    series::{Sample, SeriesInfo, SeriesSet},
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

/// A GPU at 100 W while the run lasted, as a sampler of ours reads it.
fn measured(mut inputs: RunInputs) -> RunInputs {
    let factors = Factors {
        pue: 1.5,
        intensity: GridIntensity { g_per_kwh: 400.0, source: "the test".into(), year: Some(2023) },
        price: ElectricityPrice { usd_per_kwh: 0.2, source: "default".into() },
    };
    let mut resource = factors.attributes();
    resource.insert(POWER_SOURCE.into(), "nvml".into());
    let mut set = SeriesSet::default();
    let slot = set.slot(SeriesInfo {
        metric: "hw.energy".into(),
        unit: "J".into(),
        instrument: Instrument::Sum,
        attributes: r#"{"gpu_id":"0","hw.id":"GPU-0","hw.type":"gpu"}"#.into(),
        gpu_id: Some("0".into()),
        service: "smoltrace-power".into(),
        resource: serde_json::Value::Object(resource).to_string(),
        ..SeriesInfo::default()
    });
    let from = inputs.spans.iter().map(|span| span.start_time_unix_nano).min().unwrap();
    let to = inputs.spans.iter().map(|span| span.end_time_unix_nano).max().unwrap();
    for time_unix_nano in [from, from / 2 + to / 2, to + 1] {
        let value = (time_unix_nano - from) as f64 / 1e9 * 100.0;
        set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano, value });
    }
    inputs.points = set.into_points(&inputs.run_id);
    inputs
}

#[test]
fn measured_energy_goes_along_with_its_sources() {
    let run = export_of(measured(import(&fixture("smoltrace_run_two_gpus")).unwrap().remove(0)));
    check_round_trip(&run, export::json_folder);
    check_round_trip(&run, export::parquet_folder);
    let rows = |table| -> Vec<serde_json::Value> {
        serde_json::from_slice(&export::table_bytes(&run, table, Format::Json).unwrap()).unwrap()
    };
    let row = &rows(Table::Leaderboard)[0];
    assert_eq!((&row["energy_source"], &row["co2_source"]), (&"measured".into(), &"measured".into()));
    let made_of: serde_json::Value =
        serde_json::from_str(row["energy_accounting"].as_str().unwrap()).unwrap();
    assert_eq!(made_of["factors"][0]["intensity"]["year"], 2023);
    let joules = made_of["devices"][0]["energy_j"].as_f64().unwrap();
    assert!((joules / 3600.0 - row["energy_wh"].as_f64().unwrap()).abs() < 1e-9);
    for result in rows(Table::Results) {
        assert!(result["energy_wh"].as_f64().unwrap() > 0.0 && result["energy_source"] == "measured");
    }
    // Nothing was read: nothing is said.
    let plain = export_of(import(&fixture("smolagents_otlp/traces.pb")).unwrap().remove(0));
    let bytes = export::table_bytes(&plain, Table::Leaderboard, Format::Json).unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
    assert!(rows[0]["energy_accounting"].is_null());
}
