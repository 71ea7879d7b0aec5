//! The plain way to read metrics: the whole text as a tree, then a walk. Slow, and short enough to be seen to be right.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use smoltrace_exchange::metrics_json::MetricsDocument;
use smoltrace_model::rows::{Instrument, Temporality};

/// Identity and head of a series; attributes and resource as trees.
pub type Key = (String, String, Instrument, Temporality, bool, String, String, String);
/// Start, time, bits of the value.
pub type Samples = Vec<(i64, i64, u64)>;

/// What a document holds, in a form that two decoders can be compared in.
#[derive(Debug, PartialEq, Default)]
pub struct Content {
    pub series: BTreeMap<Key, Samples>,
    pub non_finite: u64,
    pub without_value: u64,
    pub distributions: u64,
    pub aggregates: Vec<Value>,
}

pub fn of_decoded(document: &MetricsDocument) -> Content {
    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap().to_string();
    let series = document.series.series().iter().map(|series| {
        let info = &series.info;
        let key = (
            info.metric.clone(),
            info.unit.clone(),
            info.instrument,
            info.temporality,
            info.monotonic,
            tree(&info.attributes),
            tree(&info.resource),
            tree(&info.scope),
        );
        let samples = series.samples.iter();
        (key, samples.map(|s| (s.start_time_unix_nano, s.time_unix_nano, s.value.to_bits())).collect())
    });
    Content {
        series: series.filter(|(_, samples): &(Key, Samples)| !samples.is_empty()).collect(),
        non_finite: document.series.dropped_non_finite,
        without_value: document.left_out.without_value,
        distributions: document.left_out.distributions,
        aggregates: document.aggregates.clone(),
    }
}

/// Of an object with `resourceMetrics` and `aggregates`.
pub fn of_tree(document: &Value) -> Content {
    let mut content = Content { aggregates: list(&document["aggregates"]).to_vec(), ..Content::default() };
    for element in list(&document["resourceMetrics"]) {
        let resource = attributes(&element["resource"]["attributes"]);
        for group in list(&element["scopeMetrics"]) {
            let part = |name: &str| group["scope"][name].as_str().unwrap_or_default().to_owned();
            let scope = serde_json::json!({"name": part("name"), "version": part("version")});
            for metric in list(&group["metrics"]) {
                add_metric(&mut content, metric, &resource, &scope);
            }
        }
    }
    content
}

fn add_metric(content: &mut Content, metric: &Value, resource: &Value, scope: &Value) {
    let (instrument, data) = match (&metric["gauge"], &metric["sum"]) {
        (Value::Object(_), _) => (Instrument::Gauge, &metric["gauge"]),
        (_, Value::Object(_)) => (Instrument::Sum, &metric["sum"]),
        _ => {
            content.distributions += u64::from(metric["histogram"].is_object());
            return;
        }
    };
    let temporality = match data["aggregationTemporality"].as_i64() {
        Some(1) => Temporality::Delta,
        Some(2) => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    };
    for point in list(&data["dataPoints"]) {
        let value = match (&point["asInt"], &point["asDouble"]) {
            (Value::Null, Value::Null) => {
                content.without_value += 1;
                continue;
            }
            (Value::Null, value) => number(value),
            (value, _) => number(value),
        };
        if !value.is_finite() {
            content.non_finite += 1;
            continue;
        }
        let key = (
            metric["name"].as_str().unwrap().to_owned(),
            metric["unit"].as_str().unwrap_or_default().to_owned(),
            instrument,
            temporality,
            data["isMonotonic"].as_bool().unwrap_or(false),
            attributes(&point["attributes"]).to_string(),
            resource.to_string(),
            scope.to_string(),
        );
        let time = |name: &str| whole(&point[name]);
        let sample = (time("startTimeUnixNano"), time("timeUnixNano"), value.to_bits());
        content.series.entry(key).or_default().push(sample);
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

fn whole(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::String(text) => text.parse().unwrap(),
        value => value.as_i64().unwrap(),
    }
}

fn attributes(value: &Value) -> Value {
    let pairs = list(value).iter().map(|pair| {
        let inner = pair["value"].as_object().and_then(|object| object.values().next());
        (pair["key"].as_str().unwrap().to_owned(), inner.cloned().unwrap_or_default())
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}
