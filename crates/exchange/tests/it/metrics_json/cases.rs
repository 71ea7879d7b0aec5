//! Shapes that have to be read, the vectors, and a recording.

use std::path::Path;

use serde_json::Value;
use smoltrace_exchange::metrics_json::{MetricsDocument, read_path, read_reader};
use smoltrace_model::aggregate::aggregate_gpu_metrics;
use smoltrace_model::flatten::flatten_metrics;

use super::read;

/// Every sample as `metric gpu@time=value`, in order, and the aggregates' names.
fn summary(document: &MetricsDocument) -> Vec<String> {
    let samples = document.series.series().iter().flat_map(|series| {
        series.samples.iter().map(|sample| {
            let gpu = series.info.gpu_id.as_deref().unwrap_or("-");
            let start = match sample.start_time_unix_nano {
                0 => String::new(),
                start => format!("{start}.."),
            };
            format!("{} {gpu}@{start}{}={}", series.info.metric, sample.time_unix_nano, sample.value)
        })
    });
    let aggregates = document.aggregates.iter().map(|value| format!("aggregate {}", value["name"]));
    samples.chain(aggregates).collect()
}

#[test]
fn every_shape_is_read() {
    let check = |text: &str, expected: &[&str]| {
        let document = read(text.as_bytes()).unwrap();
        assert_eq!(summary(&document), expected, "{text}");
    };
    let point =
        r#"{"attributes":[{"key":"gpu_id","value":{"stringValue":"0"}}],"timeUnixNano":"5","asDouble":1.5}"#;
    let metric = format!(r#"{{"name":"m","gauge":{{"dataPoints":[{point}]}}}}"#);
    let element = format!(r#"{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}"#);
    let one = &["m 0@5=1.5"][..];
    let two = &["m 0@5=1.5", "m 0@5=1.5"][..];

    check(&format!(r#"{{"run_id":"r","resourceMetrics":[{element}],"aggregates":[]}}"#), one);
    check(
        &format!(r#"{{"aggregates":[{{"name":"a"}}],"resourceMetrics":[{element}]}}"#),
        &[one[0], "aggregate \"a\""],
    );
    check(&format!(r#"{{"resource_metrics" : [ {element} , {element} ] }}"#), two);
    check(&format!("[{element}]"), one);
    check(&format!("[{element},{{\"name\":\"a\",\"data_points\":[]}}]"), &[one[0], "aggregate \"a\""]);
    check(&format!(r#"[{{"resourceMetrics":[{element}]}},{{"resourceMetrics":[{element}]}}]"#), two);
    check(&format!("{{\"resourceMetrics\":[{element}]}}\n{{\"resourceMetrics\":[{element}]}}\n"), two);
    check(&format!("{element}\n{element}"), two);
    check(&format!("\u{feff}{element}"), one);
    check(r#"{"name":"a","type":"counter","data_points":[{"value":NaN}]}"#, &["aggregate \"a\""]);
    check(&element.replace("scopeMetrics", "scope_metrics").replace("dataPoints", "data_points"), one);
    check(&element.replace("timeUnixNano", "time_unix_nano").replace("asDouble", "as_double"), one);
    check(&element.replace(r#"[{"key":"gpu_id","value":{"stringValue":"0"}}]"#, r#"{"gpu_id":0}"#), one);
    check(&element.replace(r#""stringValue":"0""#, r#""intValue":"0""#), one);
    check(&element.replace("gauge", "su\\u006d"), one);
    check(&element.replace(r#""5""#, "5"), one);
    check(
        &element.replace(r#""timeUnixNano":"5""#, r#""startTimeUnixNano":"3","timeUnixNano":"5""#),
        &["m 0@3..5=1.5"],
    );
    check(&element.replace(r#""timeUnixNano":"5","#, ""), &["m 0@0=1.5"]);
    check(&element.replace("1.5", r#""1.5""#), one);
    check(&element.replace("1.5", r#"null,"asInt":"7""#), &["m 0@5=7"]);
    check(&element.replace("1.5", r#"null,"asInt":0"#), &["m 0@5=0"]);
    check(&element.replace("scopeMetrics", "instrumentationLibraryMetrics"), one);
}

#[test]
fn nothing_is_also_read() {
    let check = |text: &str| assert_eq!(summary(&read(text.as_bytes()).unwrap()), [""; 0], "{text}");
    check("{}");
    check("[]");
    check("[]\n[]");
    check(r#"{"resourceMetrics":null,"aggregates":null,"run_id":null}"#);
    check(r#"{"resourceMetrics":[],"aggregates":[]}"#);
    check(r#"{"resourceMetrics":[{}]}"#);
    check(r#"{"resourceMetrics":[{"scopeMetrics":null,"resource":null}]}"#);
    check(r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":null,"scope":null}]}]}"#);
    check(r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":null}]}]}]}"#);
    check(
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":null}}]}]}]}"#,
    );
}

#[test]
fn one_bad_point_does_not_cost_the_rest() {
    let check = |bad: &str, counts: [u64; 3], note: &str| {
        let text = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","gauge":{{"dataPoints":
            [{{"timeUnixNano":"1","asInt":1}},{bad},{{"timeUnixNano":"3","asInt":3}}]}}}}]}}]}}]}}"#
        );
        let document = read(text.as_bytes()).unwrap();
        assert_eq!(summary(&document), ["m -@1=1", "m -@3=3"], "{bad}");
        let left_out = &document.left_out;
        let dropped = document.series.dropped_non_finite;
        assert_eq!([left_out.bad_points, left_out.without_value, dropped], counts, "{bad}");
        assert_eq!(left_out.notes.join("\n"), note, "{bad}");
    };
    let note = |reason: &str| format!("in the element at byte 20: a data point of m: {reason}");
    check(r#"{"asInt":"many"}"#, [1, 0, 0], &note("asInt \"many\" is not a number"));
    check(r#"{"asDouble":[1]}"#, [1, 0, 0], &note("asDouble [1] is not a number"));
    check(r#"{"asInt":1,"timeUnixNano":-1}"#, [1, 0, 0], &note("-1 is not a time in Unix nanoseconds"));
    check(
        r#"{"asInt":1,"attributes":7}"#,
        [1, 0, 0],
        &note("the attributes are neither an object nor a key/value list"),
    );
    check("7", [1, 0, 0], &note("it is a number, not an object"));
    check("[[]]", [1, 0, 0], &note("it is a list, not an object"));
    check(r#"{"asInt":null,"asDouble":null}"#, [0, 1, 0], "");
    check("{}", [0, 1, 0], "");
    check(r#"{"asInt":1,"flags":1}"#, [0, 1, 0], "");
    check(r#"{"asDouble":"NaN"}"#, [0, 0, 1], "");
    check(r#"{"asDouble":NaN}"#, [0, 0, 1], "");
    check(r#"{"asDouble":-Infinity,"timeUnixNano":"2"}"#, [0, 0, 1], "");
}

#[test]
fn histograms_are_counted_and_left_to_the_import() {
    let text =
        br#"[{"scopeMetrics":[{"metrics":[{"name":"h","histogram":{"dataPoints":[{"count":3,"sum":4.5}]}},
        {"name":"m","sum":{"dataPoints":[{"asInt":1}],"aggregationTemporality":2,"isMonotonic":true}}]}]}]"#;
    let document = read(text).unwrap();
    assert_eq!(document.left_out.distributions, 1);
    assert_eq!(summary(&document), ["m -@0=1"]);
}

#[test]
fn run_ids_are_found() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(read(text.as_bytes()).unwrap().run_id.as_deref(), expected, "{text}");
    };
    let element = r#"{"resource":{"attributes":{"run.id":"inner"}},"scopeMetrics":[]}"#;
    check(&format!(r#"{{"run_id":"outer","resourceMetrics":[{element}]}}"#), Some("outer"));
    check(&format!(r#"{{"resourceMetrics":[{element}]}}"#), Some("inner"));
    check(&format!(r#"[{{"scopeMetrics":[]}},{element}]"#), Some("inner"));
    check("[]", None);
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

#[test]
fn vectors_pass() {
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(fixture("vectors/metrics.json")).unwrap()).unwrap();
    let tolerance = vectors["tolerance"].as_f64().unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 13);
    for case in cases {
        let name = &case["name"];
        let document = read(case["metrics"].to_string().as_bytes()).unwrap();
        let aggregates = serde_json::to_value(aggregate_gpu_metrics(&document.series)).unwrap();
        for (key, expected) in case["aggregate"].as_object().unwrap() {
            match (aggregates[key].as_f64(), expected.as_f64()) {
                (Some(actual), Some(expected)) => {
                    assert!((actual - expected).abs() <= tolerance, "{name}: {key} {actual} {expected}")
                }
                (actual, expected) => assert_eq!(actual, expected, "{name}: {key}"),
            }
        }
        if let Some(rows) = case["rows"].as_u64() {
            let run_id = document.run_id.as_deref().unwrap_or_default();
            assert_eq!(flatten_metrics(&document.series, run_id).len() as u64, rows, "{name}");
        }
    }
}

#[test]
fn the_recording_is_read_alike_from_file_stream_and_gzip() {
    let path = fixture("smoltrace_run_two_gpus/metrics.json");
    let document = read_path(&path).unwrap();
    let totals = aggregate_gpu_metrics(&document.series);
    assert_eq!(totals.co2_total.map(|grams| (grams * 1e4).round() / 1e4), Some(1.8413));
    assert_eq!(totals.power_cost_total.map(|usd| (usd * 1e6).round() / 1e6), Some(0.000465));
    assert_eq!(document.run_id.as_deref(), Some("5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11"));
    assert_eq!((document.aggregates.len(), document.left_out.bad_points), (6, 0));

    let text = std::fs::read(&path).unwrap();
    super::assert_same(&document, &read(&text).unwrap(), "bytes");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &text).unwrap();
    let packed = packed.finish().unwrap();
    super::assert_same(&document, &read_reader("x", &packed[..]).unwrap(), "gzip");
    super::assert_same(&document, &read(&packed).unwrap(), "gzip bytes");
}

/// Two decoders, one accounting: a series must have one identity whichever read it.
#[test]
fn the_import_gives_the_same_series() {
    use smoltrace_model::rows::Instrument;
    use smoltrace_model::series::{Sample, SeriesInfo, SeriesSet};
    type Series = (SeriesInfo, Vec<Sample>);
    let sorted = |set: &SeriesSet| -> Vec<Series> {
        let mut all: Vec<Series> = set
            .series()
            .iter()
            .filter(|series| matches!(series.info.instrument, Instrument::Gauge | Instrument::Sum))
            .map(|series| {
                let mut samples = series.samples.clone();
                samples.sort_by_key(|sample| (sample.time_unix_nano, sample.start_time_unix_nano));
                (series.info.clone(), samples)
            })
            .collect();
        all.sort_by_key(|(info, _)| info.identity());
        all
    };
    let check = |text: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        std::fs::write(&path, text).unwrap();
        let imported = crate::support::import(&path).unwrap();
        assert_eq!(imported.len(), 1);
        let document = read(text).unwrap();
        let expected = sorted(&SeriesSet::from_points(&imported[0].points));
        assert_eq!(sorted(&document.series), expected);
        assert_eq!(document.series.dropped_non_finite, imported[0].dropped_non_finite);
        assert!(!expected.is_empty());
    };
    check(&std::fs::read(fixture("smoltrace_run_two_gpus/metrics.json")).unwrap());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/metrics_json");
    for name in
        ["valid_smoltrace.json", "valid_bare_words.json", "valid_lines.jsonl", "valid_snake_case.json"]
    {
        check(&std::fs::read(corpus.join(name)).unwrap());
    }
}
