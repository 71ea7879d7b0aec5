//! Published Parquet datasets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, StringArray},
    record_batch::RecordBatch,
};
use parquet::arrow::ArrowWriter;
use smoltrace_exchange::InputErrorKind;
use smoltrace_model::{inputs::RunInputs, rows::PointRow, trace::summarize};

use crate::support::{import, import_bytes};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn only(runs: Vec<RunInputs>) -> RunInputs {
    assert_eq!(runs.len(), 1);
    runs.into_iter().next().unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Written by `datasets` from a run: spans are a list of structs with every attribute of any span.
#[test]
fn datasets_of_the_hub_say_what_the_folder_says() {
    let hub = only(import(&corpus("hub")).unwrap());
    let folder = only(import(&corpus("run_folder")).unwrap());
    assert_eq!((hub.run_id.as_str(), hub.origin.as_str()), (folder.run_id.as_str(), "parquet"));
    assert!(hub.declared.notes.is_empty(), "{:?}", hub.declared.notes);
    assert_eq!(hub.declared.leaderboard_row["total_tokens"], 78006);
    assert_eq!(hub.results, folder.results);
    assert_eq!(summarize(&hub.spans), summarize(&folder.spans));
    assert!(!hub.spans.is_empty() && hub.spans.iter().all(|span| !span.attributes.contains("null")));
}

#[test]
fn one_dataset_alone_is_read_too() {
    let check = |name: &str, spans: usize, results: usize| {
        let run = only(import(&corpus("parquet").join(name)).unwrap());
        assert_eq!((run.spans.len(), run.results.len()), (spans, results), "{name}");
    };
    check("traces.parquet", 6, 0);
    check("results.parquet", 0, 2);
    let run = only(import(&corpus("parquet/leaderboard.parquet")).unwrap());
    assert_eq!(run.declared.leaderboard_row["total_tokens"], 78006);
}

/// What a zero in the published metrics means.
#[test]
fn zeros_are_measured_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics/data/train-00000-of-00001.parquet");
    write(
        &path,
        vec![
            ("run_id", texts(&[Some("r"); 4])),
            ("service_name", texts(&[Some("s"); 4])),
            ("timestamp_unix_nano", texts(&[Some("10"), Some("20"), Some("30"), Some("40")])),
            ("co2_emissions_gco2e", numbers(&[0.0, 0.5, 0.0, 0.7])),
            ("power_cost_usd", numbers(&[0.0, 0.0, 0.0, 0.0])),
            ("gpu_utilization_percent", numbers(&[50.0, 0.0, 0.0, 10.0])),
            ("gpu_memory_used_mib", numbers(&[5.0, 5.0, 0.0, 0.0])),
            ("gpu_memory_total_mib", numbers(&[9.0, 9.0, 0.0, 0.0])),
            ("gpu_temperature_celsius", numbers(&[40.0, 41.0, 0.0, 0.0])),
            ("gpu_id", texts(&[Some("0"); 4])),
            ("gpu_name", texts(&[Some("G"); 4])),
        ],
    );
    let run = only(import(folder.path()).unwrap());
    let of = |metric: &str| -> Vec<(i64, f64)> {
        let points = run.points.iter().filter(|point: &&PointRow| point.metric == metric);
        points.map(|point| (point.time_unix_nano, point.value)).collect()
    };
    let check = |metric: &str, expected: &[(i64, f64)]| assert_eq!(of(metric), expected, "{metric}");
    check("gen_ai.co2.emissions", &[(10, 0.0), (20, 0.5), (40, 0.7)]);
    check("gen_ai.power.cost", &[]);
    // The third row has no gauge at all; in the second the GPU was idle.
    check("gen_ai.gpu.utilization", &[(10, 50.0), (20, 0.0), (40, 10.0)]);
    check("gen_ai.gpu.memory.used", &[(10, 5.0), (20, 5.0), (40, 0.0)]);
    check("gen_ai.gpu.memory.total", &[(10, 9.0), (20, 9.0)]);
    check("gen_ai.gpu.temperature", &[(10, 40.0), (20, 41.0)]);
    check("gen_ai.gpu.power", &[]);
    assert!(
        run.points.iter().all(|p| p.gpu_id.as_deref() == Some("0") && p.gpu_name.as_deref() == Some("G"))
    );
}

/// Older results name no run: their trace does.
#[test]
fn results_without_a_run_go_where_their_trace_is() {
    let folder = tempfile::tempdir().unwrap();
    let span =
        |id: &str| format!(r#"[{{"span_id": "0x{id}", "name": "x", "start_time": 5, "end_time": 6}}]"#);
    write(
        &folder.path().join("smoltrace-traces-1/data/train-0.parquet"),
        vec![
            ("trace_id", texts(&[Some("0xa"), Some("0xb")])),
            ("run_id", texts(&[Some("one"), Some("two")])),
            ("spans", texts(&[Some(&span("1")), Some(&span("2"))])),
        ],
    );
    write(
        &folder.path().join("smoltrace-results-1/data/train-0.parquet"),
        vec![
            ("task_id", texts(&[Some("t1"), Some("t2"), Some("t3")])),
            ("agent_type", texts(&[Some("tool"); 3])),
            ("success", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("trace_id", texts(&[Some("0x0b"), Some("0xa"), None])),
        ],
    );
    let runs = import(folder.path()).unwrap();
    let of = |id: &str| runs.iter().find(|run| run.run_id.starts_with(id)).unwrap();
    let tests = |id: &str| of(id).results.iter().map(|row| row.test_uid.clone()).collect::<Vec<_>>();
    assert_eq!(tests("one"), ["tool:t2"]);
    assert_eq!(tests("two"), ["tool:t1"]);
    assert_eq!(tests("import-"), ["tool:t3"]);
}

#[test]
fn errors_name_file_and_fix() {
    let check = |name: &str, bytes: &[u8], kind: InputErrorKind| {
        let error = import_bytes(name, bytes).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.input.ends_with(name) && !error.help.is_empty(), "{error}");
    };
    let whole = std::fs::read(corpus("parquet/results.parquet")).unwrap();
    check("cut.parquet", &whole[..whole.len() / 2], InputErrorKind::Syntax);
    check("head.parquet", b"PAR1", InputErrorKind::Syntax);
    check("tail.parquet", b"PAR1\xff\xff\xff\x7fPAR1", InputErrorKind::Syntax);
    // A schema of groups within groups: the decoder alone would run out of stack.
    let levels = 1_000_000_u64;
    let mut footer = vec![0x15, 2, 0x19, 0xfc];
    let mut count = levels;
    while count > 0x7f {
        footer.push((count & 0x7f) as u8 | 0x80);
        count >>= 7;
    }
    footer.push(count as u8);
    for _ in 0..levels {
        footer.extend([0x48, 1, b'g', 0x15, 2, 0]);
    }
    footer.extend([0x16, 0, 0x19, 0x0c, 0]);
    let mut deep = b"PAR1".to_vec();
    deep.extend(&footer);
    deep.extend((footer.len() as u32).to_le_bytes());
    deep.extend(b"PAR1");
    check("deep.parquet", &deep, InputErrorKind::TooDeep);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.parquet");
    write(&path, vec![("hello", texts(&[Some("x")]))]);
    assert_eq!(import(&path).unwrap_err().kind, InputErrorKind::Unrecognised);
}
