//! Reads the OTLP JSON of the metric vectors and of the recording into series. Knows just the
//! forms that they use.

use serde_json::{Map, Value, json};
use smoltrace_model::{
    rows::{Instrument, Temporality},
    series::{Sample, SeriesInfo, SeriesSet},
};

/// One point as the wire has it: its series, and its sample.
pub type Point = (SeriesInfo, Sample);

/// The set of points, in the order given.
pub fn set_of(points: &[Point]) -> SeriesSet {
    let mut set = SeriesSet::default();
    for (info, sample) in points {
        let slot = set.slot(info.clone());
        set.push(slot, *sample);
    }
    set
}

/// The points of a metrics document.
pub fn points(document: &Value) -> Vec<Point> {
    let mut points = Vec::new();
    for resource_metrics in list(&document["resourceMetrics"]) {
        let resource = attributes(&resource_metrics["resource"]["attributes"]);
        for scope_metrics in list(&resource_metrics["scopeMetrics"]) {
            for metric in list(&scope_metrics["metrics"]) {
                for (instrument, data) in
                    [(Instrument::Gauge, &metric["gauge"]), (Instrument::Sum, &metric["sum"])]
                {
                    for point in list(&data["dataPoints"]) {
                        let info = SeriesInfo {
                            metric: metric["name"].as_str().expect("name").into(),
                            unit: metric["unit"].as_str().unwrap_or_default().into(),
                            instrument,
                            temporality: match data["aggregationTemporality"].as_i64() {
                                Some(1) => Temporality::Delta,
                                Some(2) => Temporality::Cumulative,
                                _ => Temporality::Unspecified,
                            },
                            monotonic: data["isMonotonic"] == true,
                            scope: scope_metrics["scope"].to_string(),
                            ..info(&resource, &attributes(&point["attributes"]))
                        };
                        points.push((info, sample(point)));
                    }
                }
            }
        }
    }
    points
}

/// What resource and point attributes say of a series.
pub fn info(resource: &Map<String, Value>, attributes: &Map<String, Value>) -> SeriesInfo {
    let text = |map: &Map<String, Value>, key: &str| Some(map.get(key)?.as_str()?.to_owned());
    SeriesInfo {
        service: text(resource, "service.name").unwrap_or_else(|| "unknown".into()),
        gpu_id: text(attributes, "gpu_id"),
        gpu_name: text(attributes, "gpu_name"),
        attributes: Value::Object(attributes.clone()).to_string(),
        resource: Value::Object(resource.clone()).to_string(),
        scope: "{}".into(),
        ..SeriesInfo::default()
    }
}

/// A series of a GPU, or of the host.
pub fn gpu_series(metric: &str, host: &str, gpu: Option<&str>) -> SeriesInfo {
    let resource = json!({"service.name": "test", "host.name": host});
    let attributes = gpu.map_or(json!({}), |gpu| json!({"gpu_id": gpu, "gpu_name": "Test GPU"}));
    SeriesInfo { metric: metric.into(), ..info(&super::object(resource), &super::object(attributes)) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn attributes(list_of: &Value) -> Map<String, Value> {
    list(list_of)
        .iter()
        .map(|attribute| {
            let value = attribute["value"].as_object().and_then(|value| value.values().next());
            (attribute["key"].as_str().expect("key").to_owned(), value.cloned().unwrap_or(Value::Null))
        })
        .collect()
}

fn sample(point: &Value) -> Sample {
    let nanos = |value: &Value| value.as_str().map_or(0, |text| text.parse().expect("nanoseconds"));
    Sample {
        start_time_unix_nano: nanos(&point["startTimeUnixNano"]),
        time_unix_nano: nanos(&point["timeUnixNano"]),
        value: number(&point["asDouble"]).or_else(|| number(&point["asInt"])).expect("a value"),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => Some(text.parse().expect("a number")),
        other => other.as_f64(),
    }
}
