//! OTLP files: JSON, JSON-lines and protobuf, gzipped or not.

use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use serde_json::{Value, json};
use smoltrace_exchange::{InputErrorKind, export::otlp_json, import::ImportOptions};
use smoltrace_model::{
    inputs::RunInputs,
    rows::{Instrument, PointRow, SpanStatus, Temporality},
    trace::summarize,
};

use crate::support::{fixture, import, import_bytes, vectors};

fn recorded() -> Vec<u8> {
    std::fs::read(fixture("smolagents_otlp/traces.pb")).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn only(runs: Vec<RunInputs>) -> RunInputs {
    assert_eq!(runs.len(), 1);
    runs.into_iter().next().unwrap()
}

fn sorted(mut run: RunInputs) -> RunInputs {
    run.spans.sort_by(|a, b| a.row_id.cmp(&b.row_id));
    run
}

#[test]
fn the_recorded_protobuf_body_has_its_totals() {
    let run = only(import(&fixture("smolagents_otlp/traces.pb")).unwrap());
    assert_eq!((run.run_id.as_str(), run.origin.as_str()), ("smolagents-demo-run", "otlp"));
    assert!(run.declared.notes.is_empty(), "{:?}", run.declared.notes);

    let expected = &vectors("traces.json")["recordings"][1]["traces"];
    let traces = summarize(&run.spans);
    assert_eq!(traces.len(), expected.as_object().unwrap().len());
    for (prefix, expected) in expected.as_object().unwrap() {
        let trace = traces.iter().find(|trace| trace.trace_id.starts_with(prefix)).unwrap();
        let is = |name: &str| expected[name].as_i64().unwrap();
        assert_eq!(trace.root_name, expected["root"].as_str().unwrap());
        assert_eq!(trace.spans, is("spans"));
        assert_eq!(trace.usage.input_tokens, Some(is("input_tokens")));
        assert_eq!(trace.usage.output_tokens, Some(is("output_tokens")));
        assert_eq!(trace.usage.llm_calls, is("llm_calls"));
        assert_eq!(trace.usage.tool_calls, is("tool_calls"));
    }
}

/// The same telemetry in every form gives the same rows.
#[test]
fn every_form_gives_the_same_rows() {
    let expected = sorted(only(import_bytes("traces.pb", &recorded()).unwrap()));
    let json = otlp_json(&expected.spans);
    let lines: String =
        expected.spans.iter().map(|span| format!("{}\n", otlp_json(std::slice::from_ref(span)))).collect();
    let mut framed = Vec::new();
    for _ in 0..2 {
        framed.extend_from_slice(&(recorded().len() as u32).to_be_bytes());
        framed.extend_from_slice(&recorded());
    }
    let snake = json.to_string().replace("scopeSpans", "scope_spans").replace("traceId", "trace_id");
    let check = |name: &str, bytes: &[u8]| {
        let mut run =
            sorted(only(import_bytes(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"))));
        run.spans.dedup();
        assert_eq!(run, expected, "{name}");
    };
    check("traces.json", json.to_string().as_bytes());
    check("pretty.json", serde_json::to_string_pretty(&json).unwrap().as_bytes());
    check("list.json", json!([json]).to_string().as_bytes());
    check("resource_spans.json", json["resourceSpans"].to_string().as_bytes());
    check("snake.json", snake.as_bytes());
    check("traces.jsonl", lines.as_bytes());
    check("traces.json.gz", &gzip(json.to_string().as_bytes()));
    check("traces.pb.gz", &gzip(&recorded()));
    check("framed.pb", &framed);
    check("no-extension", &recorded());
    check("space.json", format!("\n\n  {json}").as_bytes());
}

#[test]
fn a_folder_of_otlp_files_joins_by_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("traces.pb"), recorded()).unwrap();
    std::fs::write(folder.path().join("metrics.jsonl"), metrics().to_string()).unwrap();
    std::fs::write(folder.path().join("README.json"), "{\"about\": \"not telemetry\"}").unwrap();
    let run = only(import(folder.path()).unwrap());
    assert_eq!((run.run_id.as_str(), run.spans.len(), run.points.len()), ("smolagents-demo-run", 12, 6));
}

/// A metrics request with a point of each kind, in JSON.
fn metrics() -> Value {
    let exemplar = json!({"timeUnixNano": "7", "asInt": "3", "spanId": "00f067aa0ba902b7",
        "filteredAttributes": [{"key": "a", "value": {"boolValue": true}}]});
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "run.id", "value": {"stringValue": "smolagents-demo-run"}}]},
        "scopeMetrics": [{"scope": {"name": "s", "version": "1"}, "metrics": [
            {"name": "g", "unit": "W", "gauge": {"dataPoints": [
                {"timeUnixNano": "5", "asDouble": 1.5, "exemplars": [exemplar],
                 "attributes": [{"key": "gpu_id", "value": {"intValue": "0"}}]},
                {"timeUnixNano": "6", "asDouble": "NaN"},
                {"timeUnixNano": "7", "flags": 1}]}},
            {"name": "s", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
                {"startTimeUnixNano": "1", "timeUnixNano": "5", "asInt": "9007199254740993"},
                {"timeUnixNano": "6", "asInt": 0}]}},
            {"name": "h", "histogram": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
                "dataPoints": [{"timeUnixNano": "5", "count": "3", "sum": 4.5, "min": 1.0, "max": 2.0,
                    "bucketCounts": ["1", "2"], "explicitBounds": [1.5]}]}},
            {"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
                {"timeUnixNano": "5", "count": "3", "sum": 6.0, "scale": 1, "zeroCount": "1",
                 "positive": {"offset": 2, "bucketCounts": ["1", "1"]}}]}},
            {"name": "q", "summary": {"dataPoints": [{"timeUnixNano": "5", "count": "2", "sum": 3.0,
                "quantileValues": [{"quantile": 0.5, "value": 1.0}]}]}}
        ]}]
    }]})
}

/// The same request in protobuf.
fn metrics_protobuf() -> Vec<u8> {
    use opentelemetry_proto::tonic::{common::v1::*, metrics::v1::*, resource::v1::Resource};
    let pair = |key: &str, value: any_value::Value| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    let number =
        |time, value| NumberDataPoint { time_unix_nano: time, value: Some(value), ..Default::default() };
    use number_data_point::Value::{AsDouble, AsInt};
    let metric = |name: &str, unit: &str, data| Metric {
        name: name.into(),
        unit: unit.into(),
        data: Some(data),
        ..Default::default()
    };
    let exemplar = Exemplar {
        filtered_attributes: vec![pair("a", any_value::Value::BoolValue(true))],
        time_unix_nano: 7,
        span_id: vec![0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7],
        trace_id: Vec::new(),
        value: Some(exemplar::Value::AsInt(3)),
    };
    let metrics = vec![
        metric(
            "g",
            "W",
            metric::Data::Gauge(Gauge {
                data_points: vec![
                    NumberDataPoint {
                        attributes: vec![pair("gpu_id", any_value::Value::IntValue(0))],
                        exemplars: vec![exemplar],
                        ..number(5, AsDouble(1.5))
                    },
                    number(6, AsDouble(f64::NAN)),
                    NumberDataPoint { flags: 1, time_unix_nano: 7, ..Default::default() },
                ],
            }),
        ),
        metric(
            "s",
            "",
            metric::Data::Sum(Sum {
                data_points: vec![
                    NumberDataPoint { start_time_unix_nano: 1, ..number(5, AsInt(9007199254740993)) },
                    number(6, AsInt(0)),
                ],
                aggregation_temporality: 1,
                is_monotonic: true,
            }),
        ),
        metric(
            "h",
            "",
            metric::Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    time_unix_nano: 5,
                    count: 3,
                    sum: Some(4.5),
                    min: Some(1.0),
                    max: Some(2.0),
                    bucket_counts: vec![1, 2],
                    explicit_bounds: vec![1.5],
                    ..Default::default()
                }],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "e",
            "",
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint {
                    time_unix_nano: 5,
                    count: 3,
                    sum: Some(6.0),
                    scale: 1,
                    zero_count: 1,
                    positive: Some(exponential_histogram_data_point::Buckets {
                        offset: 2,
                        bucket_counts: vec![1, 1],
                    }),
                    ..Default::default()
                }],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "q",
            "",
            metric::Data::Summary(Summary {
                data_points: vec![SummaryDataPoint {
                    time_unix_nano: 5,
                    count: 2,
                    sum: 3.0,
                    quantile_values: vec![summary_data_point::ValueAtQuantile { quantile: 0.5, value: 1.0 }],
                    ..Default::default()
                }],
            }),
        ),
    ];
    let scope = InstrumentationScope { name: "s".into(), version: "1".into(), ..Default::default() };
    let run = pair("run.id", any_value::Value::StringValue("smolagents-demo-run".into()));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: vec![run], ..Default::default() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..Default::default() }],
            ..Default::default()
        }],
    }
    .encode_to_vec()
}

#[test]
fn metric_points_of_every_kind() {
    let run = only(import_bytes("metrics.json", metrics().to_string().as_bytes()).unwrap());
    assert_eq!(run.dropped_non_finite, 1);
    let find = |metric: &str, time: i64| -> &PointRow {
        run.points.iter().find(|p| p.metric == metric && p.time_unix_nano == time).unwrap()
    };
    let check = |metric: &str, time, instrument, value: f64, detail: Option<&str>| {
        let point = find(metric, time);
        assert_eq!((point.instrument, point.value, point.detail.as_deref()), (instrument, value, detail));
    };
    check(
        "g",
        5,
        Instrument::Gauge,
        1.5,
        Some(concat!(
            r#"{"exemplars":[{"attributes":{"a":true},"span_id":"00f067aa0ba902b7","#,
            r#""time_unix_nano":7,"value":3}]}"#
        )),
    );
    check("s", 5, Instrument::Sum, 9007199254740992.0, Some(r#"{"as_int":9007199254740993}"#));
    check("s", 6, Instrument::Sum, 0.0, None);
    check(
        "h",
        5,
        Instrument::Histogram,
        4.5,
        Some(r#"{"bucket_counts":[1,2],"count":3,"explicit_bounds":[1.5],"max":2.0,"min":1.0,"sum":4.5}"#),
    );
    check(
        "e",
        5,
        Instrument::ExponentialHistogram,
        6.0,
        Some(
            r#"{"count":3,"positive":{"bucket_counts":[1,1],"offset":2},"scale":1,"sum":6.0,"zero_count":1}"#,
        ),
    );
    check(
        "q",
        5,
        Instrument::Summary,
        3.0,
        Some(r#"{"count":2,"quantile_values":[{"quantile":0.5,"value":1.0}],"sum":3.0}"#),
    );
    assert_eq!(run.points.len(), 6);
    let gauge = find("g", 5);
    assert_eq!((gauge.gpu_id.as_deref(), gauge.unit.as_str()), (Some("0"), "W"));
    let sum = find("s", 5);
    assert_eq!(
        (sum.temporality, sum.monotonic, sum.start_time_unix_nano),
        (Temporality::Delta, true, Some(1))
    );
    assert_eq!(find("h", 5).temporality, Temporality::Cumulative);

    assert_eq!(only(import_bytes("metrics.pb", &metrics_protobuf()).unwrap()), run);
}

#[test]
fn one_file_may_hold_several_runs() {
    let span = |id: &str| json!({"traceId": "01", "spanId": id, "name": "x", "startTimeUnixNano": "1"});
    let resource = |attributes: Value, id: &str| json!({"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span(id)]}]});
    let check = |attributes: Value, expected: &str| {
        let request = json!({"resourceSpans": [resource(attributes, "a")]});
        let run = only(import_bytes("x.json", request.to_string().as_bytes()).unwrap());
        assert!(run.run_id.starts_with(expected), "{}", run.run_id);
    };
    check(json!({"run.id": "r", "service.instance.id": "i", "service.name": "n"}), "r");
    check(json!({"service.instance.id": "i", "service.name": "n"}), "i");
    check(json!({"service.name": "n"}), "n");
    check(json!({"service.name": "unknown_service:python"}), "import-");
    check(json!({}), "import-");
    let request = json!({"resourceSpans": [
        resource(json!({"run.id": "two"}), "a"), resource(json!({"run.id": "one"}), "b"),
        resource(json!({"run.id": "two"}), "c"),
    ]});
    let runs = import_bytes("x.json", request.to_string().as_bytes()).unwrap();
    let counts: Vec<(&str, usize)> = runs.iter().map(|run| (run.run_id.as_str(), run.spans.len())).collect();
    assert_eq!(counts, [("two", 2), ("one", 1)]);
}

#[test]
fn a_span_is_kept_whole() {
    let request = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "run.id", "value": {"stringValue": "r"}}]},
        "scopeSpans": [{"scope": {"name": "lib", "version": "2"}, "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
            "parentSpanId": "", "name": "chat", "kind": 3, "traceState": "a=b",
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000i64,
            "droppedAttributesCount": 2,
            "attributes": [
                {"key": "z", "value": {"intValue": "9223372036854775807"}},
                {"key": "bytes", "value": {"bytesValue": "AAEC"}},
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}],
            "events": [{"timeUnixNano": "5", "name": "e", "attributes": [{"key": "k", "value": {"doubleValue": 1}}]}],
            "links": [{"traceId": "01", "spanId": "02"}],
            "status": {"code": 2, "message": "no"}}]}]}]});
    let run = only(import_bytes("x.json", request.to_string().as_bytes()).unwrap());
    let span = &run.spans[0];
    assert_eq!(span.trace_id, "5b8efff798038103d269b633813fc60c");
    assert_eq!((span.parent_span_id.as_deref(), span.status), (None, SpanStatus::Error));
    assert_eq!((span.kind.as_str(), span.input_tokens, span.total_tokens), ("LLM", Some(7), Some(7)));
    assert_eq!(
        span.attributes,
        concat!(
            r#"{"bytes":"AAEC","gen_ai.operation.name":"chat","gen_ai.usage.input_tokens":7,"#,
            r#""otel.dropped_attributes_count":2,"span.kind":"client","w3c.tracestate":"a=b","z":9223372036854775807}"#
        )
    );
    assert_eq!(span.events, r#"[{"attributes":{"k":1.0},"name":"e","time_unix_nano":5}]"#);
    assert_eq!(
        span.links,
        format!(r#"[{{"attributes":{{}},"span_id":"{:0>16}","trace_id":"{:0>32}"}}]"#, "02", "01")
    );
    assert_eq!(span.scope, r#"{"name":"lib","version":"2"}"#);
    // And it leaves as it came.
    let again = only(import_bytes("y.json", otlp_json(&run.spans).to_string().as_bytes()).unwrap());
    assert_eq!(again.spans, run.spans);
}

#[test]
fn log_records_become_events_of_their_spans() {
    let spans = json!({"resourceSpans": [{"resource": {"attributes": {"run.id": "r"}}, "scopeSpans": [{"spans": [
        {"traceId": "01", "spanId": "0a", "name": "x", "startTimeUnixNano": "1"}]}]}]});
    let record = |span: &str| {
        json!({"timeUnixNano": "9", "severityText": "INFO", "traceId": "01", "spanId": span,
        "body": {"stringValue": "hello"}, "eventName": "gen_ai.choice"})
    };
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record("0a"), record("0b")]}]}]});
    let run = only(import_bytes("x.jsonl", format!("{spans}\n{logs}\n").as_bytes()).unwrap());
    assert_eq!(
        run.spans[0].events,
        r#"[{"attributes":{"body":"hello","severity":"INFO"},"name":"gen_ai.choice","time_unix_nano":9}]"#
    );
    assert_eq!(run.declared.notes, ["1 log records belong to no span here; they are left out"]);
}

#[test]
fn errors_name_file_place_and_fix() {
    let check = |name: &str, bytes: &[u8], kind: InputErrorKind| {
        let error = import_bytes(name, bytes).unwrap_err();
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.input.ends_with(name) && !error.help.is_empty(), "{error}");
        error
    };
    let whole = recorded();
    let json = otlp_json(&only(import_bytes("x.pb", &whole).unwrap()).spans).to_string();
    check("cut.json", &json.as_bytes()[..json.len() / 2], InputErrorKind::Syntax);
    check("cut.pb", &whole[..whole.len() / 2], InputErrorKind::Syntax);
    check("cut.json.gz", &gzip(json.as_bytes())[..2000], InputErrorKind::Syntax);
    check("empty.json", b"", InputErrorKind::Empty);
    check("blank.json", b" \n ", InputErrorKind::Unrecognised);
    check("deep.json", "{\"a\":".repeat(3000).as_bytes(), InputErrorKind::TooDeep);
    check("other.json", b"{\"hello\": [1, 2]}", InputErrorKind::Unrecognised);
    check("none.json", b"{\"resourceSpans\": []}", InputErrorKind::Unrecognised);
    check("text.txt", b"hello", InputErrorKind::Unrecognised);
    check("garbage.bin", &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3], InputErrorKind::Syntax);
    check("framed.pb", &[0, 0, 0, 9, 1], InputErrorKind::Syntax);
    let mut bomb = vec![b' '; 100 << 20];
    bomb[0] = b'[';
    check("bomb.json.gz", &gzip(&bomb), InputErrorKind::TooLarge);
    // Values within values, deeper than any telemetry.
    let mut value = opentelemetry_proto::tonic::common::v1::AnyValue::default();
    for _ in 0..500 {
        use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
        value = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    let mut request = ExportTraceServiceRequest::decode(whole.as_slice()).unwrap();
    request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value = Some(value);
    check("deep.pb", &request.encode_to_vec(), InputErrorKind::Syntax);
}

#[test]
fn elements_beyond_the_limit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.json");
    let span =
        json!({"traceId": "01", "spanId": "02", "startTimeUnixNano": "1", "name": "x".repeat(1 << 20)});
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    std::fs::write(&path, request.to_string()).unwrap();
    let check = |max_element_bytes: usize, expected: Option<InputErrorKind>| {
        let options = ImportOptions { max_element_bytes, ..ImportOptions::default() };
        let read = smoltrace_exchange::import::read(&path, &options, &mut |_| ());
        assert_eq!(read.err().map(|error| error.kind), expected);
    };
    check(2 << 20, None);
    check(1 << 19, Some(InputErrorKind::TooLarge));
}

#[test]
fn progress_reaches_the_end() {
    let path: PathBuf = fixture("smolagents_otlp/traces.pb");
    let mut steps = Vec::new();
    let options = ImportOptions::default();
    smoltrace_exchange::import::read(&path, &options, &mut |step| steps.push(step)).unwrap();
    let last = steps.last().unwrap();
    assert_eq!((last.bytes_done, last.bytes_total), (48289, 48289));
    assert!(steps.iter().all(|step| step.bytes_done <= step.bytes_total && step.path == path));
}
