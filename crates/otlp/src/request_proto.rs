//! OTLP protobuf: export requests of traces, metrics or logs, recognised by trying.
//!
//! Also the framing of the OpenTelemetry Collector's file exporter: each message after its
//! length as four big-endian bytes. Nesting is bounded by the protobuf library (100 levels).

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::InstrumentationScope,
    logs::v1 as wire_log,
    metrics::v1::{
        Exemplar, Metric, NumberDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric::Data,
        number_data_point,
    },
    resource::v1::Resource,
    trace::v1 as trace,
};
use prost::Message;
use serde_json::Value;
use smoltrace_model::{
    ids,
    rows::{Instrument, PointRow},
};

use super::{
    Origin, Telemetry,
    attributes::{any, from_proto},
    logs::LogRecord,
    metric::{
        NO_RECORDED_VALUE, NoPoint, PointHead, PointValue, buckets_value, exemplar_value, integer_value,
        point_row, quantile_value, sum_of, temporality,
    },
    nanos, scope_json,
    span::{Span, event_json, hex, link_json, not_zeros, otel_kind, otel_status},
};
use crate::{
    json::{Object, double},
    notes::Spot,
};

/// Adds everything in a protobuf body; the error says at which byte it stops being one.
pub fn decode(into: &mut Telemetry, bytes: &[u8], place: &Spot<'_>) -> Result<(), (u64, String)> {
    // A message starts with a field number, never with a zero byte: that is a short length.
    if bytes.first() != Some(&0) {
        return message(into, bytes, place).map_err(|reason| (0, reason));
    }
    let mut at = 0;
    let mut index = 0;
    while at < bytes.len() {
        let body = bytes[at..]
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?));
        let Some(body) = body else {
            return Err((at as u64, "the message is cut off".into()));
        };
        message(into, body, &place.index(index)).map_err(|reason| (at as u64, reason))?;
        at += 4 + body.len();
        index += 1;
    }
    Ok(())
}

fn message(into: &mut Telemetry, bytes: &[u8], place: &Spot<'_>) -> Result<(), String> {
    let traces = ExportTraceServiceRequest::decode(bytes);
    if let Ok(request) = &traces
        && are_spans(request)
    {
        let place = place.key("resource_spans");
        for (index, group) in traces.unwrap_or_default().resource_spans.into_iter().enumerate() {
            spans(into, group, &place.index(index));
        }
        return Ok(());
    }
    if let Ok(request) = ExportMetricsServiceRequest::decode(bytes) {
        let place = place.key("resource_metrics");
        for (index, group) in request.resource_metrics.into_iter().enumerate() {
            let origin = origin(group.resource);
            for scope_group in group.scope_metrics {
                let scope = scope(scope_group.scope);
                for metric in scope_group.metrics {
                    self::metric(into, &origin, &scope, metric, &place.index(index));
                }
            }
        }
        return Ok(());
    }
    if let Ok(request) = ExportLogsServiceRequest::decode(bytes) {
        logs(into, request, place);
        return Ok(());
    }
    match traces {
        Ok(_) => Err("the spans have no valid ids".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Metrics can decode as spans by chance; then the ids do not have the lengths of ids.
fn are_spans(request: &ExportTraceServiceRequest) -> bool {
    let mut spans =
        request.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans);
    match spans.next() {
        Some(first) => {
            let sound = |span: &trace::Span| span.trace_id.len() == 16 && span.span_id.len() == 8;
            sound(first) || spans.any(sound)
        }
        None => true,
    }
}

pub(crate) fn origin(resource: Option<Resource>) -> Origin {
    Origin::of(&from_proto(resource.unwrap_or_default().attributes))
}

pub(crate) fn scope(scope: Option<InstrumentationScope>) -> String {
    let scope = scope.unwrap_or_default();
    scope_json(&scope.name, &scope.version, from_proto(scope.attributes))
}

fn spans(into: &mut Telemetry, group: trace::ResourceSpans, place: &Spot<'_>) {
    let origin = origin(group.resource);
    let scopes = place.key("scope_spans");
    for (scope_index, scope_group) in group.scope_spans.into_iter().enumerate() {
        let scope = scope(scope_group.scope);
        let place = scopes.index(scope_index);
        let list = place.key("spans");
        for (index, wire) in scope_group.spans.into_iter().enumerate() {
            add_span(into, wire, &origin, &scope, &list.index(index));
        }
    }
}

pub(crate) fn add_span(
    into: &mut Telemetry,
    wire: trace::Span,
    origin: &Origin,
    scope: &str,
    place: &Spot<'_>,
) {
    into.add_span(span(wire), origin, scope, place);
}

/// Lower-case hex of an id of `width` bytes; `None` for nothing or zeros.
fn id(bytes: &[u8], width: usize, what: &str) -> Result<Option<String>, String> {
    Ok(id_bytes(bytes, width, what)?.map(ids::hex))
}

/// An id of `width` bytes; `None` for nothing or zeros.
pub(crate) fn id_bytes<'a>(bytes: &'a [u8], width: usize, what: &str) -> Result<Option<&'a [u8]>, String> {
    if bytes.is_empty() || bytes.len() == width {
        Ok(not_zeros(bytes))
    } else {
        Err(format!("the {what} has {} bytes, not {width}", bytes.len()))
    }
}

fn span(wire: trace::Span) -> Result<Span, String> {
    let status = wire.status.unwrap_or_default();
    let events = wire.events.into_iter().map(event_value);
    let links = wire.links.into_iter().map(link_value);
    Ok(Span {
        trace_id: id(&wire.trace_id, 16, "trace id")?.ok_or("the span has no trace id")?,
        span_id: id(&wire.span_id, 8, "span id")?.ok_or("the span has no span id")?,
        parent_span_id: id(&wire.parent_span_id, 8, "parent span id")?,
        name: wire.name,
        start: nanos(wire.start_time_unix_nano)?,
        end: nanos(wire.end_time_unix_nano)?,
        otel_kind: otel_kind(wire.kind.into()).to_owned(),
        status: otel_status(status.code.into()),
        status_message: Some(status.message),
        attributes: from_proto(wire.attributes),
        events: events.collect::<Result<_, String>>()?,
        links: links.collect::<Result<_, String>>()?,
        trace_state: wire.trace_state,
        dropped_attributes: wire.dropped_attributes_count.into(),
        dropped_events: wire.dropped_events_count.into(),
        dropped_links: wire.dropped_links_count.into(),
    })
}

/// An event as it stands in the spans table.
pub(crate) fn event_value(event: trace::span::Event) -> Result<Value, String> {
    let attributes = from_proto(event.attributes);
    let dropped = event.dropped_attributes_count.into();
    Ok(event_json(event.name, nanos(event.time_unix_nano)?, attributes, dropped))
}

/// A link as it stands in the spans table.
pub(crate) fn link_value(link: trace::span::Link) -> Result<Value, String> {
    let trace_id = id(&link.trace_id, 16, "trace id of a link")?;
    let span_id = id(&link.span_id, 8, "span id of a link")?;
    Ok(link_json(trace_id, span_id, from_proto(link.attributes), link.trace_state))
}

fn logs(into: &mut Telemetry, request: ExportLogsServiceRequest, place: &Spot<'_>) {
    for group in request.resource_logs {
        let origin = origin(group.resource);
        let records = group.scope_logs.into_iter().flat_map(|scope| scope.log_records);
        for (index, wire) in records.enumerate() {
            add_log(into, wire, &origin, &place.index(index));
        }
    }
}

pub(crate) fn add_log(into: &mut Telemetry, wire: wire_log::LogRecord, origin: &Origin, place: &Spot<'_>) {
    let record = || -> Result<LogRecord, String> {
        let time = match wire.time_unix_nano {
            0 => wire.observed_time_unix_nano,
            time => time,
        };
        Ok(LogRecord {
            trace_id: id(&wire.trace_id, 16, "trace id")?,
            span_id: id(&wire.span_id, 8, "span id")?,
            time: nanos(time)?,
            event_name: wire.event_name,
            severity: wire.severity_text,
            body: any(wire.body),
            attributes: from_proto(wire.attributes),
        })
    };
    into.add_log(record(), origin, place);
}

pub(crate) fn metric(into: &mut Telemetry, origin: &Origin, scope: &str, metric: Metric, place: &Spot<'_>) {
    let head = |instrument, number: i32, monotonic| PointHead {
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        instrument,
        temporality: temporality(number.into()),
        monotonic,
    };
    let mut add = |head: &PointHead, index: usize, point: Result<PointValue, NoPoint>| {
        let row = row(into, origin, scope, head, point);
        into.add_point(row, origin, || format!("{place}: data point {index} of {}", head.metric));
    };
    match metric.data {
        None => {}
        Some(Data::Gauge(data)) => {
            let head = head(Instrument::Gauge, 0, false);
            for (index, point) in data.data_points.into_iter().enumerate() {
                add(&head, index, number_point(point));
            }
        }
        Some(Data::Sum(data)) => {
            let head = head(Instrument::Sum, data.aggregation_temporality, data.is_monotonic);
            for (index, point) in data.data_points.into_iter().enumerate() {
                add(&head, index, number_point(point));
            }
        }
        Some(Data::Histogram(data)) => {
            let head = head(Instrument::Histogram, data.aggregation_temporality, false);
            for (index, point) in data.data_points.into_iter().enumerate() {
                let mut detail = Object::new();
                wholes(&mut detail, "bucket_counts", &point.bucket_counts);
                doubles(&mut detail, "explicit_bounds", &point.explicit_bounds);
                extremes(&mut detail, point.sum, point.min, point.max);
                detail.insert("count".into(), point.count.into());
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                add(
                    &head,
                    index,
                    distribution(point.attributes, times, detail, point.exemplars, point.flags),
                );
            }
        }
        Some(Data::ExponentialHistogram(data)) => {
            let head = head(Instrument::ExponentialHistogram, data.aggregation_temporality, false);
            for (index, point) in data.data_points.into_iter().enumerate() {
                let mut detail = Object::new();
                extremes(&mut detail, point.sum, point.min, point.max);
                detail.insert("count".into(), point.count.into());
                detail.insert("scale".into(), point.scale.into());
                detail.insert("zero_count".into(), point.zero_count.into());
                if point.zero_threshold != 0.0 {
                    detail.insert("zero_threshold".into(), double(point.zero_threshold));
                }
                buckets(&mut detail, "positive", point.positive);
                buckets(&mut detail, "negative", point.negative);
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                add(
                    &head,
                    index,
                    distribution(point.attributes, times, detail, point.exemplars, point.flags),
                );
            }
        }
        Some(Data::Summary(data)) => {
            let head = head(Instrument::Summary, 0, false);
            for (index, point) in data.data_points.into_iter().enumerate() {
                let mut detail = Object::new();
                extremes(&mut detail, Some(point.sum), None, None);
                detail.insert("count".into(), point.count.into());
                let quantiles = point.quantile_values.iter();
                let list: Vec<Value> =
                    quantiles.map(|q| quantile_value(double(q.quantile), double(q.value))).collect();
                if !list.is_empty() {
                    detail.insert("quantile_values".into(), list.into());
                }
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                add(&head, index, distribution(point.attributes, times, detail, Vec::new(), point.flags));
            }
        }
    }
}

fn row(
    into: &Telemetry,
    origin: &Origin,
    scope: &str,
    head: &PointHead,
    point: Result<PointValue, NoPoint>,
) -> Result<PointRow, NoPoint> {
    let point = point?;
    if !point.value.is_finite() {
        return Err(NoPoint::NonFinite);
    }
    into.check(&point.attributes)?;
    Ok(point_row(origin, scope, head, point))
}

/// The row of a point of a gauge or a sum, not sealed.
pub(crate) fn number_row(
    into: &Telemetry,
    origin: &Origin,
    scope: &str,
    head: &PointHead,
    point: NumberDataPoint,
) -> Result<PointRow, NoPoint> {
    row(into, origin, scope, head, number_point(point))
}

fn number_point(point: NumberDataPoint) -> Result<PointValue, NoPoint> {
    let mut detail = shared_detail(point.exemplars, point.flags)?;
    let value = match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => integer_value(value, &mut detail),
        None => return Err(NoPoint::Bad("the point has no value".into())),
    };
    Ok(PointValue {
        attributes: from_proto(point.attributes),
        start: nanos(point.start_time_unix_nano)?,
        time: nanos(point.time_unix_nano)?,
        value,
        detail,
    })
}

fn distribution(
    attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
    (start, time): (u64, u64),
    mut detail: Object,
    exemplars: Vec<Exemplar>,
    flags: u32,
) -> Result<PointValue, NoPoint> {
    detail.extend(shared_detail(exemplars, flags)?);
    Ok(PointValue {
        attributes: from_proto(attributes),
        start: nanos(start)?,
        time: nanos(time)?,
        value: sum_of(&detail)?,
        detail,
    })
}

/// What every kind of point may carry.
fn shared_detail(exemplars: Vec<Exemplar>, flags: u32) -> Result<Object, NoPoint> {
    if u64::from(flags) & NO_RECORDED_VALUE != 0 {
        return Err(NoPoint::NotRecorded);
    }
    let mut detail = Object::new();
    if flags != 0 {
        detail.insert("flags".into(), flags.into());
    }
    if !exemplars.is_empty() {
        let list = exemplars.into_iter().map(|wire| -> Result<Value, String> {
            let value = match wire.value {
                Some(exemplar::Value::AsDouble(value)) => double(value),
                Some(exemplar::Value::AsInt(value)) => value.into(),
                None => Value::Null,
            };
            let attributes = from_proto(wire.filtered_attributes);
            let time = nanos(wire.time_unix_nano)?;
            Ok(exemplar_value(attributes, time, value, hex(&wire.trace_id), hex(&wire.span_id)))
        });
        detail.insert("exemplars".into(), Value::Array(list.collect::<Result<_, _>>()?));
    }
    Ok(detail)
}

fn extremes(detail: &mut Object, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            detail.insert(name.into(), double(value));
        }
    }
}

fn wholes(detail: &mut Object, name: &str, counts: &[u64]) {
    if !counts.is_empty() {
        detail.insert(name.into(), counts.iter().copied().map(Value::from).collect());
    }
}

fn doubles(detail: &mut Object, name: &str, values: &[f64]) {
    if !values.is_empty() {
        detail.insert(name.into(), values.iter().copied().map(double).collect());
    }
}

fn buckets(detail: &mut Object, name: &str, buckets: Option<Buckets>) {
    if let Some(buckets) = buckets
        && (buckets.offset != 0 || !buckets.bucket_counts.is_empty())
    {
        let counts = buckets.bucket_counts.into_iter().map(Value::from).collect();
        detail.insert(name.into(), buckets_value(buckets.offset.into(), counts));
    }
}
