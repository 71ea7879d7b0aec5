//! Samples as an OTLP metrics request, for servers elsewhere.

use std::{collections::BTreeMap, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    metrics::v1::{
        AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data, number_data_point::Value as Number,
    },
    resource::v1::Resource as OtlpResource,
};
use prost::Message;
use serde_json::{Map, Value};
use smoltrace_model::{rows::Instrument, series::Series};

use super::{
    device::Device,
    points::{PointForm, Resource, SCOPE, series},
    ring::PowerSample,
};

/// An `ExportMetricsServiceRequest` of the samples in protobuf, each quantity under both names; none when they
/// tell nothing. See [`super::points()`].
pub fn export_request(
    resource: &Resource,
    devices: &[Device],
    start_unix_nano: i64,
    samples: &[Arc<PowerSample>],
) -> Option<Vec<u8>> {
    let set = series(resource, devices, start_unix_nano, samples, PointForm::Both);
    let mut resources: BTreeMap<&str, Vec<Metric>> = BTreeMap::new();
    for series in set.series().iter().filter(|series| !series.samples.is_empty()) {
        resources.entry(&series.info.resource).or_default().push(metric(series));
    }
    let resource_metrics: Vec<ResourceMetrics> = resources
        .into_iter()
        .map(|(resource, metrics)| ResourceMetrics {
            resource: Some(OtlpResource { attributes: attributes(resource), ..OtlpResource::default() }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: SCOPE.into(),
                    version: env!("CARGO_PKG_VERSION").into(),
                    ..InstrumentationScope::default()
                }),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        })
        .collect();
    (!resource_metrics.is_empty()).then(|| ExportMetricsServiceRequest { resource_metrics }.encode_to_vec())
}

fn metric(series: &Series) -> Metric {
    let info = &series.info;
    let attributes = attributes(&info.attributes);
    let nanos = |time: i64| u64::try_from(time).unwrap_or(0);
    let data_points = series
        .samples
        .iter()
        .map(|sample| NumberDataPoint {
            attributes: attributes.clone(),
            start_time_unix_nano: nanos(sample.start_time_unix_nano),
            time_unix_nano: nanos(sample.time_unix_nano),
            value: Some(Number::AsDouble(sample.value)),
            ..NumberDataPoint::default()
        })
        .collect();
    let data = match info.instrument {
        Instrument::Sum => Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
        _ => Data::Gauge(Gauge { data_points }),
    };
    Metric { name: info.metric.clone(), unit: info.unit.clone(), data: Some(data), ..Metric::default() }
}

/// Attributes of a series, which are text, numbers and truths.
fn attributes(json: &str) -> Vec<KeyValue> {
    let object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let value = |value: Value| match value {
        Value::Bool(truth) => Any::BoolValue(truth),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Any::IntValue(integer),
            None => Any::DoubleValue(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Any::StringValue(text),
        other => Any::StringValue(other.to_string()),
    };
    let pair = |(key, of): (String, Value)| KeyValue {
        key,
        value: Some(AnyValue { value: Some(value(of)) }),
        ..KeyValue::default()
    };
    object.into_iter().map(pair).collect()
}
