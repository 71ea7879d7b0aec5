//! Requests to decode.

use std::path::Path;

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{
        Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use smoltrace_model::rows::{PointBlock, PointRow};
use smoltrace_otlp::{Bounds, Encoding, Refused, Request, SeriesCache, Signal, decode_request};

pub fn recording() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/smolagents_otlp/traces.pb");
    std::fs::read(path).expect("the recording")
}

pub fn protobuf(signal: Signal, body: &[u8], bounds: &Bounds) -> Result<Request, Refused> {
    request(signal, Encoding::Protobuf, body, bounds)
}

/// Decodes a request twice with one cache, which must make no difference.
pub fn request(signal: Signal, encoding: Encoding, body: &[u8], bounds: &Bounds) -> Result<Request, Refused> {
    let cache = SeriesCache::new(1 << 20);
    let first = decode_request(signal, encoding, body, bounds, &cache);
    let second = decode_request(signal, encoding, body, bounds, &cache);
    match (&first, &second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(sorted(&first.points), sorted(&second.points));
            assert_eq!(first.spans, second.spans);
            assert_eq!(
                (first.rejected, first.dropped_non_finite),
                (second.rejected, second.dropped_non_finite)
            );
        }
        (first, second) => assert_eq!(first.as_ref().err(), second.as_ref().err()),
    }
    first
}

/// The rows of points in order of their ids.
pub fn sorted(points: &PointBlock) -> Vec<PointRow> {
    let mut rows = points.to_rows();
    rows.sort_by(|a, b| a.row_id.cmp(&b.row_id));
    rows
}

pub fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.into())) }
}

pub fn list(values: Vec<AnyValue>) -> AnyValue {
    AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }
}

pub fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![pair("run.id", text("run"))], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "scope".into(),
        version: "1".into(),
        ..InstrumentationScope::default()
    })
}

/// A request of spans with such attributes.
pub fn spans(attributes: Vec<Vec<KeyValue>>) -> Vec<u8> {
    let spans = attributes.into_iter().zip(1_u8..).map(|(attributes, number)| Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        name: "span".into(),
        start_time_unix_nano: 1_795_000_000_000_000_000,
        end_time_unix_nano: 1_795_000_001_000_000_000,
        kind: i32::from(number % 5),
        trace_state: if number % 2 == 0 { "a=1".into() } else { String::new() },
        attributes,
        ..Span::default()
    });
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: spans.collect(), ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

/// A request of a gauge with such values, a sum and a histogram of one point each.
pub fn metrics(values: &[f64]) -> Vec<u8> {
    let point = |value: f64| NumberDataPoint {
        time_unix_nano: 1_795_000_000_000_000_000,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    let gauge = Gauge { data_points: values.iter().copied().map(point).collect() };
    let sum = Sum { data_points: vec![point(1.0)], aggregation_temporality: 2, is_monotonic: true };
    let histogram = HistogramDataPoint {
        time_unix_nano: 1_795_000_000_000_000_000,
        count: 2,
        sum: Some(3.0),
        bucket_counts: vec![1, 1],
        explicit_bounds: vec![1.5],
        ..HistogramDataPoint::default()
    };
    let histogram = Histogram { data_points: vec![histogram], aggregation_temporality: 2 };
    let named = |name: &str, data: Data| Metric { name: name.into(), data: Some(data), ..Metric::default() };
    let metrics = vec![
        named("gauge", Data::Gauge(gauge)),
        named("sum", Data::Sum(sum)),
        named("histogram", Data::Histogram(histogram)),
    ];
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    let group = ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![group] }.encode_to_vec()
}
