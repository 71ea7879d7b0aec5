//! One metric point to its row, and the readings of OTLP's JSON spelling of it.
//!
//! Histograms and summaries are worth their sum; all else they say stands in `detail`:
//! `count`, `sum`, `min`, `max`, `bucket_counts`, `explicit_bounds`, `scale`, `zero_count`,
//! `zero_threshold`, `positive`, `negative`, `quantile_values`, `exemplars`, `flags`. A number
//! point has a `detail` only for `exemplars`, `flags`, or an `as_int` that no double can hold.

use serde_json::{Number, Value};
use smoltrace_model::{
    ids,
    rows::{Instrument, PointRow, Temporality},
    series::SeriesInfo,
};

use super::{Origin, attributes::from_json, span};
use crate::json::{Object, boolean, canonical_object, double, filled, integer, number, text};

/// What all points of one metric share.
#[derive(Debug, Clone, Default)]
pub struct PointHead {
    pub metric: String,
    pub unit: String,
    pub instrument: Instrument,
    pub temporality: Temporality,
    pub monotonic: bool,
}

/// One point beneath its head.
#[derive(Debug, Default)]
pub struct PointValue {
    pub attributes: Object,
    /// Unix ns; 0 when not given.
    pub start: i64,
    /// Unix ns; 0 when not given.
    pub time: i64,
    pub value: f64,
    pub detail: Object,
}

/// Why a point has no row.
#[derive(Debug, PartialEq)]
pub enum NoPoint {
    /// NaN or infinite: dropped and counted.
    NonFinite,
    /// Flagged by its sender as not recorded.
    NotRecorded,
    Bad(String),
}

impl From<String> for NoPoint {
    fn from(reason: String) -> Self {
        Self::Bad(reason)
    }
}

/// OTLP's flag of a point that has no recorded value.
pub const NO_RECORDED_VALUE: u64 = 1;

/// The row, not sealed.
pub fn point_row(origin: &Origin, scope: &str, head: &PointHead, point: PointValue) -> PointRow {
    let info = SeriesInfo {
        service: origin.service.clone(),
        metric: head.metric.clone(),
        unit: head.unit.clone(),
        instrument: head.instrument,
        temporality: head.temporality,
        monotonic: head.monotonic,
        gpu_id: filled(point.attributes.get("gpu_id")),
        gpu_name: filled(point.attributes.get("gpu_name")),
        attributes: canonical_object(&point.attributes),
        resource: origin.resource.clone(),
        scope: scope.to_owned(),
    };
    PointRow {
        run_id: origin.run_id.clone(),
        series_id: ids::hash_hex(info.identity()),
        service: info.service,
        metric: info.metric,
        unit: info.unit,
        instrument: info.instrument,
        temporality: info.temporality,
        monotonic: info.monotonic,
        gpu_id: info.gpu_id,
        gpu_name: info.gpu_name,
        attributes: info.attributes,
        resource: info.resource,
        scope: info.scope,
        start_time_unix_nano: (point.start != 0).then_some(point.start),
        time_unix_nano: point.time,
        value: point.value,
        detail: (!point.detail.is_empty()).then(|| canonical_object(&point.detail)),
        row_id: String::new(),
    }
}

/// An integer value; what a double cannot hold exactly is kept in `detail`.
pub fn integer_value(value: i64, detail: &mut Object) -> f64 {
    let float = value as f64;
    if float as i128 != i128::from(value) {
        detail.insert("as_int".into(), value.into());
    }
    float
}

/// The data of a metric in JSON: its head and its points, or `None` when it has no data.
pub fn head_from_json(metric: &mut Object) -> Result<Option<(PointHead, Vec<Value>)>, String> {
    const DATA: &[(&[&str], Instrument)] = &[
        (&["gauge"], Instrument::Gauge),
        (&["sum"], Instrument::Sum),
        (&["histogram"], Instrument::Histogram),
        (&["exponentialHistogram", "exponential_histogram"], Instrument::ExponentialHistogram),
        (&["summary"], Instrument::Summary),
    ];
    let name = metric.get("name").and_then(text).filter(|name| !name.is_empty());
    let name = name.ok_or("the metric has no name")?;
    let found = DATA.iter().find_map(|(names, instrument)| Some((span::take(metric, names)?, *instrument)));
    let Some((data, instrument)) = found else { return Ok(None) };
    let Value::Object(mut data) = data else {
        return Err(format!("the {instrument} of {name} is not an object"));
    };
    let temporality = span::take(&mut data, &["aggregationTemporality", "aggregation_temporality"]);
    let monotonic = span::take(&mut data, &["isMonotonic", "is_monotonic"]);
    let points = match span::take(&mut data, &["dataPoints", "data_points"]) {
        None => Vec::new(),
        Some(Value::Array(points)) => points,
        Some(_) => return Err(format!("the data points of {name} are not a list")),
    };
    let head = PointHead {
        metric: name,
        unit: metric.get("unit").and_then(text).unwrap_or_default(),
        instrument,
        temporality: temporality_from_json(temporality.as_ref()),
        monotonic: monotonic.as_ref().and_then(boolean).unwrap_or(false),
    };
    Ok(Some((head, points)))
}

fn temporality_from_json(value: Option<&Value>) -> Temporality {
    match value {
        Some(Value::String(name)) if name.to_ascii_uppercase().ends_with("DELTA") => Temporality::Delta,
        Some(Value::String(name)) if name.to_ascii_uppercase().ends_with("CUMULATIVE") => {
            Temporality::Cumulative
        }
        Some(value) => temporality(integer(value).unwrap_or(0)),
        None => Temporality::Unspecified,
    }
}

/// OpenTelemetry's number of a temporality.
pub fn temporality(number: i64) -> Temporality {
    match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

/// A data point in JSON.
pub fn point_from_json(instrument: Instrument, mut object: Object) -> Result<PointValue, NoPoint> {
    let flags = span::take(&mut object, &["flags"]).as_ref().and_then(integer).unwrap_or(0);
    let flags = u64::try_from(flags).unwrap_or(0);
    if flags & NO_RECORDED_VALUE != 0 {
        return Err(NoPoint::NotRecorded);
    }
    let mut point = PointValue {
        attributes: from_json(object.remove("attributes").unwrap_or_default())
            .ok_or_else(|| "the attributes are neither an object nor a key/value list".to_owned())?,
        start: span::time(&mut object, &["startTimeUnixNano", "start_time_unix_nano"])?,
        time: span::time(&mut object, &["timeUnixNano", "time_unix_nano"])?,
        ..PointValue::default()
    };
    if flags != 0 {
        point.detail.insert("flags".into(), flags.into());
    }
    if let Some(Value::Array(list)) = object.remove("exemplars")
        && !list.is_empty()
    {
        point.detail.insert("exemplars".into(), list.into_iter().map(exemplar).collect());
    }
    point.value = match instrument {
        Instrument::Gauge | Instrument::Sum => number_value(&mut object, &mut point.detail)?,
        _ => {
            distribution(instrument, &mut object, &mut point.detail);
            sum_of(&point.detail)?
        }
    };
    if point.value.is_finite() { Ok(point) } else { Err(NoPoint::NonFinite) }
}

fn number_value(object: &mut Object, detail: &mut Object) -> Result<f64, NoPoint> {
    if let Some(value) = span::take(object, &["asInt", "as_int"]) {
        return match integer(&value) {
            Some(whole) => Ok(integer_value(whole, detail)),
            None => number(&value)
                .ok_or_else(|| NoPoint::Bad(format!("asInt {} is not a number", span::short(&value)))),
        };
    }
    match span::take(object, &["asDouble", "as_double", "value"]) {
        Some(value) => number(&value)
            .ok_or_else(|| NoPoint::Bad(format!("asDouble {} is not a number", span::short(&value)))),
        None => Err(NoPoint::Bad("the point has no value".into())),
    }
}

/// The value of a histogram or summary: its sum, 0 when it is empty.
pub fn sum_of(detail: &Object) -> Result<f64, NoPoint> {
    match detail.get("sum").and_then(number) {
        Some(sum) => Ok(sum),
        None if detail.get("count").and_then(integer) == Some(0) => Ok(0.0),
        None => Err(NoPoint::Bad("the distribution has no sum".into())),
    }
}

/// How a field of a distribution is normalised.
#[derive(Clone, Copy)]
enum Field {
    Whole,
    Double,
    Wholes,
    Doubles,
    Buckets,
    Quantiles,
}

/// Wire name, name in `detail`, and form of every field of a distribution.
const FIELDS: &[(&str, &str, Field)] = &[
    ("count", "count", Field::Whole),
    ("sum", "sum", Field::Double),
    ("min", "min", Field::Double),
    ("max", "max", Field::Double),
    ("bucketCounts", "bucket_counts", Field::Wholes),
    ("explicitBounds", "explicit_bounds", Field::Doubles),
    ("scale", "scale", Field::Whole),
    ("zeroCount", "zero_count", Field::Whole),
    ("zeroThreshold", "zero_threshold", Field::Double),
    ("positive", "positive", Field::Buckets),
    ("negative", "negative", Field::Buckets),
    ("quantileValues", "quantile_values", Field::Quantiles),
];

/// The wire name of a field of `detail` that is written as it is; `None` for any other.
pub fn wire_field(name: &str) -> Option<&'static str> {
    let field = FIELDS.iter().find(|(_, ours, _)| *ours == name).map(|(wire, ..)| *wire);
    field.or((name == "flags").then_some("flags"))
}

fn distribution(instrument: Instrument, object: &mut Object, detail: &mut Object) {
    for (wire, name, field) in FIELDS {
        let Some(value) = span::take(object, &[wire, name]) else { continue };
        let normal = match (field, value) {
            (Field::Whole, value) => whole(&value),
            (Field::Double, value) => number(&value).map(double),
            (Field::Wholes, Value::Array(list)) => filled_list(list.iter().filter_map(whole).collect()),
            (Field::Doubles, Value::Array(list)) => {
                filled_list(list.iter().filter_map(number).map(double).collect())
            }
            (Field::Buckets, Value::Object(buckets)) => buckets_json(buckets),
            (Field::Quantiles, Value::Array(list)) => {
                filled_list(list.into_iter().filter_map(quantile).collect())
            }
            _ => None,
        };
        if let Some(normal) = normal {
            detail.insert((*name).into(), normal);
        }
    }
    let needs_scale = instrument == Instrument::ExponentialHistogram;
    if needs_scale {
        detail.entry("scale").or_insert(0.into());
        detail.entry("zero_count").or_insert(0.into());
    }
    detail.entry("count").or_insert(0.into());
}

fn filled_list(list: Vec<Value>) -> Option<Value> {
    (!list.is_empty()).then_some(Value::Array(list))
}

/// A whole number as a JSON number; counts may be past `i64`.
fn whole(value: &Value) -> Option<Value> {
    if let Some(number) = integer(value) {
        return Some(number.into());
    }
    match value {
        Value::Number(number) => number.as_u64().map(Value::from),
        Value::String(text) => text.trim().parse::<u64>().ok().map(|n| Value::Number(Number::from(n))),
        _ => None,
    }
}

fn buckets_json(mut buckets: Object) -> Option<Value> {
    let offset = span::take(&mut buckets, &["offset"]).as_ref().and_then(integer).unwrap_or(0);
    let counts = match span::take(&mut buckets, &["bucketCounts", "bucket_counts"]) {
        Some(Value::Array(list)) => list.iter().filter_map(whole).collect(),
        _ => Vec::new(),
    };
    (offset != 0 || !counts.is_empty()).then(|| buckets_value(offset, counts))
}

pub fn buckets_value(offset: i64, counts: Vec<Value>) -> Value {
    let mut out = Object::new();
    out.insert("offset".into(), offset.into());
    out.insert("bucket_counts".into(), counts.into());
    out.into()
}

fn quantile(value: Value) -> Option<Value> {
    let at = |name| double(value.get(name).and_then(number).unwrap_or(0.0));
    value.is_object().then(|| quantile_value(at("quantile"), at("value")))
}

pub fn quantile_value(quantile: Value, value: Value) -> Value {
    let mut out = Object::new();
    out.insert("quantile".into(), quantile);
    out.insert("value".into(), value);
    out.into()
}

/// An exemplar as it stands in `detail`: `{attributes, time_unix_nano, value, trace_id?, span_id?}`.
fn exemplar(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    let attributes = span::take(&mut object, &["filteredAttributes", "filtered_attributes", "attributes"]);
    let time = span::time(&mut object, &["timeUnixNano", "time_unix_nano"]).unwrap_or(0);
    let value = span::take(&mut object, &["asInt", "as_int"])
        .as_ref()
        .and_then(whole)
        .or_else(|| number(&span::take(&mut object, &["asDouble", "as_double", "value"])?).map(double));
    let trace_id = span::id(span::take(&mut object, &["traceId", "trace_id"]), ids::trace_id, 16);
    let span_id = span::id(span::take(&mut object, &["spanId", "span_id"]), ids::span_id, 8);
    exemplar_value(
        attributes.and_then(from_json).unwrap_or_default(),
        time,
        value.unwrap_or_default(),
        trace_id.ok().flatten(),
        span_id.ok().flatten(),
    )
}

pub fn exemplar_value(
    attributes: Object,
    time: i64,
    value: Value,
    trace_id: Option<String>,
    span_id: Option<String>,
) -> Value {
    let mut out = Object::new();
    out.insert("attributes".into(), attributes.into());
    out.insert("time_unix_nano".into(), time.into());
    out.insert("value".into(), value);
    for (name, id) in [("trace_id", trace_id), ("span_id", span_id)] {
        if let Some(id) = id {
            out.insert(name.into(), id.into());
        }
    }
    out.into()
}
