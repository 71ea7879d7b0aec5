//! Writes what a fuzz target begins with: requests of every kind, as clients send them.
//!
//! `seeds TARGET FOLDER`

use std::{env, error::Error, fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
        exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
        summary_data_point::ValueAtQuantile,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use prost::Message;

const TIME: u64 = 1_795_000_000_000_000_000;

const JSON: [&str; 3] = [
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"run.id","value":{"stringValue":"run"}}]},"scopeSpans":[{"scope":{"name":"s","version":"1"},"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0101010101010101","parentSpanId":"0202020202020202","name":"chat","kind":3,"startTimeUnixNano":"1795000000000000000","endTimeUnixNano":1795000001000000000,"attributes":[{"key":"gen_ai.usage.input_tokens","value":{"intValue":"12"}},{"key":"list","value":{"arrayValue":{"values":[{"boolValue":true},{"doubleValue":1.5}]}}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"bytesValue":"AAE="}}]}}}],"events":[{"timeUnixNano":"1795000000500000000","name":"exception","attributes":[]}],"links":[{"traceId":"01010101010101010101010101010101","spanId":"0101010101010101"}],"status":{"code":2,"message":"no"}}]}]}]}"#,
    r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"run.id","value":{"stringValue":"run"}}]},"scopeMetrics":[{"scope":{"name":"s"},"metrics":[{"name":"gen_ai.gpu.power","unit":"W","gauge":{"dataPoints":[{"attributes":[{"key":"gpu_id","value":{"stringValue":"0"}}],"timeUnixNano":"1795000000000000000","asDouble":250.5},{"timeUnixNano":"1795000001000000000","asInt":"3"}]}},{"name":"c","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"startTimeUnixNano":"1795000000000000000","timeUnixNano":"1795000001000000000","asDouble":"NaN"}]}},{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"1795000001000000000","count":"2","sum":3,"bucketCounts":["1","1"],"explicitBounds":[1.5],"exemplars":[{"timeUnixNano":"1","asDouble":1}]}]}}]}]}]}"#,
    r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"1795000000000000000","severityNumber":9,"eventName":"gen_ai.evaluation.result","traceId":"01010101010101010101010101010101","spanId":"0101010101010101","body":{"stringValue":"text"},"attributes":[{"key":"gen_ai.evaluation.name","value":{"stringValue":"exact"}},{"key":"gen_ai.evaluation.score.value","value":{"doubleValue":1}}]}]}]}]}"#,
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, folder] = arguments.as_slice() else { return Err("seeds TARGET FOLDER".into()) };
    let protobuf = [traces(), metrics(), logs()];
    let seeds = match target.as_str() {
        "otlp_protobuf" => protobuf.to_vec(),
        "otlp_json" => JSON.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "otlp_http" => http(&protobuf)?,
        other => return Err(format!("no target {other}").into()),
    };
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(Path::new(folder).join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

/// The first byte says how the rest is sent, see the target.
fn http(protobuf: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let request = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    // SETTINGS, then HEADERS of a call with literal fields.
    let frames = [
        b"\0\0\0\x04\0\0\0\0\0".as_slice(),
        b"\0\0\x0a\x01\x04\0\0\0\x01\x83\x86\x44\x05/path",
        b"\0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0",
    ]
    .concat();
    let mut seeds = vec![
        [&[0], request.as_slice()].concat(),
        [&[1], request.as_slice()].concat(),
        [vec![2], frames].concat(),
    ];
    for (path, body) in (0_u8..).zip(protobuf) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(body)?;
        seeds.push([&[3, path], body.as_slice()].concat());
        seeds.push([vec![3, path + 12], gzip.finish()?].concat());
        seeds.push([vec![3, path + 24], zstd::encode_all(body.as_slice(), 1)?].concat());
    }
    seeds.extend((0_u8..).zip(JSON).map(|(path, text)| [&[3, path + 4], text.as_bytes()].concat()));
    Ok(seeds)
}

fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn pair(key: &str, of: Value) -> KeyValue {
    KeyValue { key: key.into(), value: value(of), ..KeyValue::default() }
}

fn text(key: &str, of: &str) -> KeyValue {
    pair(key, Value::StringValue(of.into()))
}

fn resource() -> Option<Resource> {
    let attributes = vec![text("run.id", "run"), text("service.name", "service")];
    Some(Resource { attributes, ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "scope".into(),
        version: "1".into(),
        ..InstrumentationScope::default()
    })
}

fn traces() -> Vec<u8> {
    let list = Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Value::IntValue(-1)) }] });
    let object =
        Value::KvlistValue(KeyValueList { values: vec![pair("key", Value::BytesValue(vec![0, 255]))] });
    let attributes = vec![
        text("gen_ai.request.model", "model"),
        text("openinference.span.kind", "LLM"),
        pair("gen_ai.usage.input_tokens", Value::IntValue(12)),
        pair("llm.token_count.completion", Value::IntValue(7)),
        pair("share", Value::DoubleValue(0.5)),
        pair("flag", Value::BoolValue(true)),
        pair("list", list),
        pair("object", object),
    ];
    let event = span::Event {
        time_unix_nano: TIME,
        name: "exception".into(),
        attributes: vec![text("exception.message", "no")],
        ..span::Event::default()
    };
    let link = span::Link { trace_id: vec![3; 16], span_id: vec![3; 8], ..span::Link::default() };
    let one = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        parent_span_id: vec![2; 8],
        name: "chat model".into(),
        kind: 3,
        start_time_unix_nano: TIME,
        end_time_unix_nano: TIME + 1_000_000_000,
        attributes,
        events: vec![event],
        links: vec![link],
        status: Some(Status { code: 2, message: "no".into() }),
        ..Span::default()
    };
    let spans = vec![one, Span { trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() }];
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

fn metrics() -> Vec<u8> {
    let point = |of: number_data_point::Value| NumberDataPoint {
        start_time_unix_nano: TIME,
        time_unix_nano: TIME + 1,
        attributes: vec![text("gpu_id", "0")],
        value: Some(of),
        ..NumberDataPoint::default()
    };
    let exemplar =
        Exemplar { time_unix_nano: TIME, span_id: vec![1; 8], trace_id: vec![1; 16], ..Exemplar::default() };
    let gauge = Gauge {
        data_points: vec![
            point(number_data_point::Value::AsDouble(250.5)),
            point(number_data_point::Value::AsInt(3)),
        ],
    };
    let sum = Sum {
        data_points: vec![NumberDataPoint {
            exemplars: vec![exemplar],
            ..point(number_data_point::Value::AsDouble(1.0))
        }],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let histogram = HistogramDataPoint {
        time_unix_nano: TIME,
        count: 2,
        sum: Some(3.0),
        bucket_counts: vec![1, 1],
        explicit_bounds: vec![1.5],
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        time_unix_nano: TIME,
        count: 2,
        scale: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![1, 1] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let summary = SummaryDataPoint {
        time_unix_nano: TIME,
        count: 2,
        sum: 3.0,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 1.5 }],
        ..SummaryDataPoint::default()
    };
    let data = [
        Data::Gauge(gauge),
        Data::Sum(sum),
        Data::Histogram(Histogram { data_points: vec![histogram], aggregation_temporality: 2 }),
        Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![exponential],
            aggregation_temporality: 1,
        }),
        Data::Summary(Summary { data_points: vec![summary] }),
    ];
    let named = |data| Metric {
        name: "gen_ai.gpu.power".into(),
        unit: "W".into(),
        data: Some(data),
        ..Metric::default()
    };
    let metrics = data.into_iter().map(named).collect();
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    let group = ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![group] }.encode_to_vec()
}

fn logs() -> Vec<u8> {
    let record = LogRecord {
        time_unix_nano: TIME,
        event_name: "gen_ai.evaluation.result".into(),
        attributes: vec![
            text("gen_ai.evaluation.name", "exact"),
            pair("gen_ai.evaluation.score.value", Value::DoubleValue(1.0)),
        ],
        body: value(Value::StringValue("text".into())),
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records: vec![record], ..ScopeLogs::default() }];
    let group = ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec()
}
