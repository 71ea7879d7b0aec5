//! Points as the `resourceMetrics` of SMOLTRACE's `metrics.json`: one element a resource and time,
//! every point in it.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::Value;
use smoltrace_model::rows::{Instrument, PointRow, Temporality};

use super::traces::{object, otlp_scope};
use crate::{
    json::{Object, double, parse_object, text},
    otlp::{Origin, PointHead, attributes_to_json, point_from_json, point_row, wire_field},
    patch::{self, OURS},
};

/// Writes `{run_id, resourceMetrics, aggregates}`.
pub(super) fn write(
    out: &mut impl Write,
    run_id: &str,
    points: &[PointRow],
    aggregates: &[Value],
) -> io::Result<()> {
    write!(out, "{{\"run_id\":{},\"resourceMetrics\":[", Value::from(run_id))?;
    let mut order: Vec<&PointRow> = points.iter().collect();
    // Stable: within a time the order of the rows stays.
    order.sort_by(|a, b| (a.time_unix_nano, &a.resource).cmp(&(b.time_unix_nano, &b.resource)));
    let mut texts = Texts::default();
    let same_element =
        |a: &&PointRow, b: &&PointRow| a.time_unix_nano == b.time_unix_nano && a.resource == b.resource;
    for (index, element) in order.chunk_by(same_element).enumerate() {
        if index > 0 {
            out.write_all(b",\n")?;
        }
        let element = resource_metrics(element, &mut texts);
        serde_json::to_writer(&mut *out, &element)?;
    }
    out.write_all(b"],\"aggregates\":")?;
    serde_json::to_writer(&mut *out, aggregates)?;
    out.write_all(b"}\n")
}

/// Attribute texts already turned into key/value lists.
#[derive(Default)]
struct Texts<'a> {
    lists: HashMap<&'a str, Value>,
}

impl<'a> Texts<'a> {
    fn list(&mut self, json: &'a str) -> Value {
        self.lists.entry(json).or_insert_with(|| attributes_to_json(&parse_object(json))).clone()
    }
}

/// Metrics by their first point, each with its data points.
type Metrics<'a> = Vec<(&'a PointRow, Vec<Value>)>;

fn resource_metrics<'a>(points: &[&'a PointRow], texts: &mut Texts<'a>) -> Value {
    // Scope -> metric -> points, each in order of first appearance.
    let mut scopes: Vec<(&str, Metrics<'_>)> = Vec::new();
    for point in points {
        let metrics = match scopes.iter_mut().find(|(scope, _)| *scope == point.scope) {
            Some((_, metrics)) => metrics,
            None => {
                scopes.push((&point.scope, Vec::new()));
                &mut scopes.last_mut().expect("pushed above").1
            }
        };
        let json = data_point(point, texts);
        match metrics.iter_mut().find(|(first, _)| same_metric(first, point)) {
            Some((_, points)) => points.push(json),
            None => metrics.push((point, vec![json])),
        }
    }
    let scopes = scopes.into_iter().map(|(scope, metrics)| {
        let metrics: Vec<Value> = metrics.into_iter().map(|(first, points)| metric(first, points)).collect();
        object([("scope", otlp_scope(scope)), ("metrics", metrics.into())])
    });
    let scopes: Vec<Value> = scopes.collect();
    let attributes = points.first().map(|point| texts.list(&point.resource));
    object([
        ("resource", object([("attributes", attributes.unwrap_or_default())])),
        ("scopeMetrics", scopes.into()),
    ])
}

fn same_metric(a: &PointRow, b: &PointRow) -> bool {
    a.metric == b.metric
        && a.unit == b.unit
        && a.instrument == b.instrument
        && a.temporality == b.temporality
        && a.monotonic == b.monotonic
}

fn metric(head: &PointRow, points: Vec<Value>) -> Value {
    let mut data = Object::new();
    data.insert("dataPoints".into(), points.into());
    match head.temporality {
        Temporality::Unspecified => {}
        Temporality::Delta => drop(data.insert("aggregationTemporality".into(), 1.into())),
        Temporality::Cumulative => drop(data.insert("aggregationTemporality".into(), 2.into())),
    }
    if head.instrument == Instrument::Sum || head.monotonic {
        data.insert("isMonotonic".into(), head.monotonic.into());
    }
    let kind = match head.instrument {
        Instrument::Gauge => "gauge",
        Instrument::Sum => "sum",
        Instrument::Histogram => "histogram",
        Instrument::ExponentialHistogram => "exponentialHistogram",
        Instrument::Summary => "summary",
    };
    object([
        ("name", head.metric.as_str().into()),
        ("description", "".into()),
        ("unit", head.unit.as_str().into()),
        (kind, data.into()),
    ])
}

fn data_point<'a>(row: &'a PointRow, texts: &mut Texts<'a>) -> Value {
    let mut out = Object::new();
    out.insert("attributes".into(), texts.list(&row.attributes));
    if let Some(start) = row.start_time_unix_nano {
        out.insert("startTimeUnixNano".into(), start.to_string().into());
    }
    if row.time_unix_nano != 0 {
        out.insert("timeUnixNano".into(), row.time_unix_nano.to_string().into());
    }
    let mut detail = row.detail.as_deref().map(parse_object).unwrap_or_default();
    if let Some(Value::Array(exemplars)) = detail.remove("exemplars") {
        out.insert("exemplars".into(), exemplars.into_iter().map(exemplar).collect());
    }
    match row.instrument {
        Instrument::Gauge | Instrument::Sum => match detail.remove("as_int") {
            Some(exact) => drop(out.insert("asInt".into(), text(&exact).into())),
            None => drop(out.insert("asDouble".into(), double(row.value))),
        },
        _ => {}
    }
    for (name, value) in detail {
        if let Some(field) = wire_field(&name) {
            out.insert(field.into(), wire_detail(value));
        }
    }
    let head = PointHead {
        metric: row.metric.clone(),
        unit: row.unit.clone(),
        instrument: row.instrument,
        temporality: row.temporality,
        monotonic: row.monotonic,
    };
    let origin = Origin::of(&parse_object(&row.resource));
    let read_back = |out: Object| {
        let point = point_from_json(row.instrument, out).ok()?;
        let read_back = point_row(&origin, &scope(row), &head, point);
        Some(PointRow { run_id: row.run_id.clone(), row_id: row.row_id.clone(), ..read_back })
    };
    let mut read = read_back(out.clone());
    if read.as_ref() != Some(row) {
        if read.is_none() {
            // A point that cannot be read at all is written as one that can.
            out.retain(|name, _| name == "attributes");
            out.insert("asDouble".into(), 0.0.into());
            out.insert("count".into(), 0.into());
            read = read_back(out.clone());
        }
        out.insert(OURS.into(), patch::difference(row, read.as_ref(), &[]));
    }
    out.into()
}

/// The scope as it is read back.
fn scope(row: &PointRow) -> String {
    let scope = parse_object(&row.scope);
    let part = |name: &str| scope.get(name).and_then(text).unwrap_or_default();
    let attributes = scope.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    crate::otlp::scope_json(&part("name"), &part("version"), attributes)
}

/// `bucket_counts` -> `bucketCounts`.
fn wire_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

fn wire_detail(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(name, value)| (wire_name(&name), value)).collect())
        }
        other => other,
    }
}

fn exemplar(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    let mut out = Object::new();
    if let Some(Value::Object(attributes)) = object.remove("attributes") {
        out.insert("filteredAttributes".into(), attributes_to_json(&attributes));
    }
    if let Some(time) = object.remove("time_unix_nano") {
        out.insert("timeUnixNano".into(), text(&time).into());
    }
    match object.remove("value") {
        Some(Value::Number(number)) if !number.is_f64() => {
            drop(out.insert("asInt".into(), number.to_string().into()));
        }
        Some(value) => drop(out.insert("asDouble".into(), value)),
        None => {}
    }
    for (name, value) in object {
        out.insert(wire_name(&name), value);
    }
    out.into()
}
