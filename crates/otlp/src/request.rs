//! One export request of a client, within bounds: item by item, so that what a request can cost is
//! bounded by the bounds and not by what its bytes unfold to.

use std::{borrow::Cow, cell::Cell, fmt, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope,
    logs::v1::LogRecord,
    metrics::v1::{Metric, NumberDataPoint},
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use smoltrace_model::rows::{PointBlock, PointBlockBuilder, PointSeries, SpanBlock, SpanBlockBuilder};

use crate::{
    LogEvent, Origin, Telemetry,
    metric::PointHead,
    names::Names,
    notes::{Notes, Spot},
    points::{Known, NumberMetric, SeriesCache, read_number, read_plain_number},
    request_json, request_proto,
    spans::{NotPlain, PlainSpan},
    wire::{Fields, Malformed},
};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// What the items of a request are called.
    pub const fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "data points",
            Self::Logs => "log records",
        }
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// What a request may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Spans, data points or log records.
    pub items: usize,
    /// Bytes of one span, metric, log record, resource or scope, as written.
    pub item_bytes: usize,
    /// Bytes of resources and scopes, counted for each item that they stand over: what they come to
    /// in rows.
    pub repeated_bytes: usize,
    pub attributes: AttributeBounds,
}

/// What the attributes of one thing may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeBounds {
    /// How many.
    pub count: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Levels of lists and objects.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            items: 100_000,
            item_bytes: 8 << 20,
            repeated_bytes: 256 << 20,
            attributes: AttributeBounds::default(),
        }
    }
}

impl Default for AttributeBounds {
    fn default() -> Self {
        // Whole prompts are attributes.
        Self { count: 1024, text_bytes: 4 << 20, depth: 16 }
    }
}

impl AttributeBounds {
    /// Says what of `attributes` is past the bounds.
    pub(crate) fn check(&self, attributes: &crate::json::Object) -> Result<(), String> {
        self.count(attributes.len())?;
        attributes.iter().try_for_each(|(name, value)| self.pair(name, value))
    }

    pub(crate) fn count(&self, count: usize) -> Result<(), String> {
        if count > self.count {
            return Err(format!("{count} attributes, the limit is {}", self.count));
        }
        Ok(())
    }

    /// Says what of one attribute is past the bounds.
    pub(crate) fn pair(&self, name: &str, value: &Value) -> Result<(), String> {
        self.text(name, "")?;
        self.value(value, 1).map_err(|reason| format!("attribute {}: {reason}", shown(name)))
    }

    /// As [`Self::pair`] of a text.
    pub(crate) fn text(&self, name: &str, text: &str) -> Result<(), String> {
        let limit = self.text_bytes;
        if name.len() > limit {
            return Err(format!("a key of {} bytes, the limit is {limit}", name.len()));
        }
        if text.len() > limit {
            let reason = format!("a text of {} bytes, the limit is {limit}", text.len());
            return Err(format!("attribute {}: {reason}", shown(name)));
        }
        Ok(())
    }

    fn value(&self, value: &Value, depth: usize) -> Result<(), String> {
        match value {
            Value::String(text) if text.len() > self.text_bytes => {
                Err(format!("a text of {} bytes, the limit is {}", text.len(), self.text_bytes))
            }
            Value::Array(_) | Value::Object(_) if depth > self.depth => {
                Err(format!("nested deeper than {} levels", self.depth))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(object) => object.values().try_for_each(|item| self.value(item, depth + 1)),
            _ => Ok(()),
        }
    }
}

fn shown(key: &str) -> String {
    key.chars().take(64).collect()
}

/// Why a request is refused as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// It is not what it says it is.
    Malformed(String),
    /// It is past a bound.
    TooLarge(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) | Self::TooLarge(cause) => f.write_str(cause),
        }
    }
}

impl From<Malformed> for Refused {
    fn from(error: Malformed) -> Self {
        Self::Malformed(format!("not an OTLP request in protobuf: {error}"))
    }
}

/// What was in a request. Every row has a run: the service's name where its resource names none.
#[derive(Debug, Default)]
pub struct Request {
    pub spans: SpanBlock,
    pub points: PointBlock,
    pub logs: Vec<LogEvent>,
    /// Metric values that are NaN or infinite.
    pub dropped_non_finite: u64,
    /// Items that are left out, with a note each. Not those of `dropped_non_finite`.
    pub rejected: u64,
    pub notes: Notes,
}

impl Request {
    /// Spans, points and log records here.
    pub fn items(&self) -> usize {
        self.spans.len() + self.points.len() + self.logs.len()
    }
}

/// Bytes of a point in protobuf: with an attribute or two few have less.
const POINT_BYTES: usize = 64;
/// As few bytes as a span has: its ids and times.
const SPAN_BYTES: usize = 48;

/// Decodes the body of an export request. What is wrong with one item is counted in
/// [`Request::rejected`] with a note, and the rest goes on. One `cache` is to be used with the same
/// `bounds` always.
///
/// # Errors
/// When the body is no request of this signal, or holds more than `bounds` allow.
pub fn decode_request(
    signal: Signal,
    encoding: Encoding,
    body: &[u8],
    bounds: &Bounds,
    cache: &SeriesCache,
) -> Result<Request, Refused> {
    let mut decoder = Decoder {
        into: Telemetry { attribute_bounds: Some(bounds.attributes), ..Telemetry::default() },
        names: Names::default(),
        spans: SpanBlockBuilder::default(),
        points: PointBlockBuilder::default(),
        first_metric: None,
        signal,
        bounds,
        cache,
        items: 0,
        repeated: 0,
    };
    match (signal, encoding) {
        // JSON of attributes is about as long as their protobuf, and other texts mostly repeat.
        (Signal::Traces, _) => decoder.spans.expect(body.len()),
        (Signal::Metrics, Encoding::Protobuf) => decoder.points.reserve(body.len() / POINT_BYTES),
        _ => {}
    }
    match encoding {
        Encoding::Protobuf => decoder.protobuf(body)?,
        Encoding::Json => decoder.json(body)?,
    }
    let Decoder { into, mut spans, points, first_metric, .. } = decoder;
    let mut points = points.finish();
    if let Some(first) = first_metric {
        cache.expect(&first, points.series());
    }
    points.extend(into.points);
    into.spans.into_iter().for_each(|row| spans.push_row(row));
    Ok(Request {
        spans: spans.finish(),
        points,
        logs: into.logs,
        dropped_non_finite: into.dropped_non_finite.into_values().sum(),
        rejected: into.rejected,
        notes: into.notes,
    })
}

struct Decoder<'b> {
    into: Telemetry,
    /// Names of the attributes of spans.
    names: Names<'b>,
    /// Spans and points that did not need to become rows.
    spans: SpanBlockBuilder,
    points: PointBlockBuilder,
    /// The one that the first of these points are of.
    first_metric: Option<Arc<Known>>,
    signal: Signal,
    bounds: &'b Bounds,
    cache: &'b SeriesCache,
    items: usize,
    repeated: usize,
}

impl<'b> Decoder<'b> {
    /// Counts items, and what their rows repeat.
    fn count(&mut self, items: usize, origin: &Origin, scope: &str) -> Result<(), Refused> {
        self.items += items;
        let repeated = items.saturating_mul(origin.resource.len() + scope.len());
        self.repeated = self.repeated.saturating_add(repeated);
        if self.repeated > self.bounds.repeated_bytes {
            return Err(Refused::TooLarge(format!(
                "a resource and scope of {} bytes over too many {}; send smaller batches",
                origin.resource.len() + scope.len(),
                self.signal.items()
            )));
        }
        if self.items > self.bounds.items {
            let Bounds { items, .. } = self.bounds;
            return Err(Refused::TooLarge(format!("more than {items} {}", self.signal.items())));
        }
        Ok(())
    }

    /// Decodes one message in memory, which its size bounds.
    fn message<T: Message + Default>(&self, bytes: &[u8], what: &str) -> Result<T, Refused> {
        self.fits(bytes.len(), what)?;
        T::decode(bytes).map_err(|error| Refused::Malformed(format!("{what} cannot be read: {error}")))
    }

    fn fits(&self, length: usize, what: &str) -> Result<(), Refused> {
        let limit = self.bounds.item_bytes;
        if length > limit {
            return Err(Refused::TooLarge(format!("{what} of {length} bytes, the limit is {limit}")));
        }
        Ok(())
    }

    fn protobuf(&mut self, body: &'b [u8]) -> Result<(), Refused> {
        let mut groups = Fields::of(body);
        let mut index = 0;
        while let Some((number, field)) = groups.next()? {
            if let (1, Some(group)) = (number, field.bytes()) {
                self.resource_group(group, index)?;
                index += 1;
            }
        }
        Ok(())
    }

    /// ResourceSpans, ResourceMetrics and ResourceLogs alike: 1 is the resource, 2 the scope groups.
    fn resource_group(&mut self, group: &'b [u8], index: usize) -> Result<(), Refused> {
        let (resource_bytes, _) = head_and_items(group)?;
        let resource = self.message::<Resource>(&resource_bytes, "a resource")?;
        let origin = request_proto::origin(Some(resource)).named();
        let root = Spot::Root(self.signal.as_str());
        let place = root.index(index);
        let mut fields = Fields::of(group);
        while let Some((number, field)) = fields.next()? {
            let (2, Some(group)) = (number, field.bytes()) else { continue };
            let (scope_bytes, items) = head_and_items(group)?;
            let scope = self.message::<InstrumentationScope>(&scope_bytes, "a scope")?;
            let scope = Scope {
                json: request_proto::scope(Some(scope)),
                resource: &resource_bytes,
                bytes: &scope_bytes,
                place: Cell::new(None),
            };
            if self.signal == Signal::Traces {
                self.spans.reserve(items.min(group.len() / SPAN_BYTES).min(self.bounds.items));
            }
            let mut fields = Fields::of(group);
            let mut item = 0;
            while let Some((number, field)) = fields.next()? {
                let (2, Some(bytes)) = (number, field.bytes()) else { continue };
                self.item(bytes, &origin, &scope, &place.index(item))?;
                item += 1;
            }
        }
        Ok(())
    }

    fn item(
        &mut self,
        bytes: &'b [u8],
        origin: &Origin,
        scope: &Scope<'_>,
        place: &Spot<'_>,
    ) -> Result<(), Refused> {
        match self.signal {
            Signal::Traces => {
                self.count(1, origin, &scope.json)?;
                self.fits(bytes.len(), "a span")?;
                let span = PlainSpan::read(bytes, &mut self.names).and_then(|span| {
                    span.check(&self.names, &self.bounds.attributes)?;
                    Ok(span)
                });
                match span {
                    Ok(span) => {
                        let place = scope.place.get().unwrap_or_else(|| {
                            let Origin { run_id, service, resource } = origin;
                            self.spans.origin(run_id, service, resource, &scope.json)
                        });
                        scope.place.set(Some(place));
                        span.add_to(&self.names, &mut self.spans, place);
                    }
                    Err(NotPlain::Bad(reason)) => self.into.reject_span(place, &reason),
                    Err(NotPlain::Unusual) => {
                        let span = self.message::<Span>(bytes, "a span")?;
                        request_proto::add_span(&mut self.into, span, origin, &scope.json, place);
                    }
                }
            }
            Signal::Metrics => {
                self.count(data_points(bytes)?, origin, &scope.json)?;
                self.fits(bytes.len(), "a metric")?;
                match NumberMetric::of(bytes)? {
                    Some(metric) => self.numbers(&metric, origin, scope, place)?,
                    None => {
                        let metric = self.message::<Metric>(bytes, "a metric")?;
                        request_proto::metric(&mut self.into, origin, &scope.json, metric, place);
                    }
                }
            }
            Signal::Logs => {
                self.count(1, origin, &scope.json)?;
                let record = self.message::<LogRecord>(bytes, "a log record")?;
                request_proto::add_log(&mut self.into, record, origin, place);
            }
        }
        Ok(())
    }

    /// The points of a gauge or a sum.
    fn numbers(
        &mut self,
        metric: &NumberMetric<'_>,
        origin: &Origin,
        scope: &Scope<'_>,
        place: &Spot<'_>,
    ) -> Result<(), Refused> {
        let known = self.cache.of_head(&scope.key(&metric.head));
        if self.first_metric.is_none() {
            if let Some(series) = known.expected() {
                self.points.expect(series);
            }
            self.first_metric = Some(known.clone());
        }
        let mut buffer = Vec::with_capacity(1024);
        // Places of the series before, among those known and in the block.
        let mut last: Option<(usize, u32)> = None;
        let mut unknown: Vec<(usize, &[u8])> = Vec::new();
        known.look_up(|known| {
            for (index, bytes) in metric.points().enumerate() {
                let guess = last.map_or(0, |(place, _)| place + 1);
                // What has the bytes of known attributes is just that.
                let found = read_plain_number(bytes)
                    .and_then(|(sample, rest)| Some((sample, known.find(rest, guess)?)))
                    .or_else(|| {
                        let (sample, attributes) = read_number(bytes)?;
                        Some((sample, known.find(attributes, guess)?))
                    });
                let Some((sample, place)) = found else {
                    unknown.push((index, bytes));
                    continue;
                };
                let series = match last {
                    Some((same, series)) if same == place => series,
                    _ => self.points.add_series(known.at(place)),
                };
                last = Some((place, series));
                self.points.push(series, sample, &mut buffer);
            }
        });
        for (index, bytes) in unknown {
            let point = self.message::<NumberDataPoint>(bytes, "a data point")?;
            let row = request_proto::number_row(&self.into, origin, &scope.json, &metric.head, point);
            match (row, read_number(bytes)) {
                (Ok(row), Some((sample, attributes))) => {
                    let series = PointSeries::of(row);
                    self.cache.insert(&known, attributes, &series);
                    let series = self.points.add_series(&series);
                    self.points.push(series, sample, &mut buffer);
                }
                (row, _) => self.into.add_point(row, origin, || {
                    format!("{place}: data point {index} of {}", metric.head.metric)
                }),
            }
        }
        Ok(())
    }

    fn json(&mut self, body: &[u8]) -> Result<(), Refused> {
        let malformed =
            |error: serde_json::Error| Refused::Malformed(format!("not an OTLP request in JSON: {error}"));
        let request: JsonRequest<'_> = serde_json::from_slice(body).map_err(malformed)?;
        let groups = match self.signal {
            Signal::Traces => request.spans,
            Signal::Metrics => request.metrics,
            Signal::Logs => request.logs,
        };
        let root = Spot::Root(self.signal.as_str());
        for (index, group) in groups.unwrap_or_default().into_iter().enumerate() {
            let place = root.index(index);
            let resource = group.resource.map(|raw| self.value(raw, "a resource")).transpose()?;
            let origin = request_json::origin(resource).named();
            for group in group.scopes.unwrap_or_default() {
                let scope = group.scope.map(|raw| self.value(raw, "a scope")).transpose()?;
                let scope = request_json::scope(scope);
                for (item, raw) in group.items.unwrap_or_default().into_iter().enumerate() {
                    let Value::Object(object) = self.value(raw, "an item")? else {
                        return Err(Refused::Malformed(format!("{}: not an object", place.index(item))));
                    };
                    let place = place.index(item);
                    self.count(points_of(&object), &origin, &scope)?;
                    request_json::item(&mut self.into, self.signal, &origin, &scope, object, &place);
                }
            }
        }
        Ok(())
    }

    fn value(&self, raw: &RawValue, what: &str) -> Result<Value, Refused> {
        self.fits(raw.get().len(), what)?;
        serde_json::from_str(raw.get())
            .map_err(|error| Refused::Malformed(format!("{what} cannot be read: {error}")))
    }
}

/// The scope of items, with the bytes that it and its resource were written in.
struct Scope<'a> {
    json: String,
    resource: &'a [u8],
    bytes: &'a [u8],
    /// The place of its spans' origin, once there is one.
    place: Cell<Option<u32>>,
}

impl Scope<'_> {
    /// What names the series of a metric, their attributes apart.
    fn key(&self, head: &PointHead) -> Vec<u8> {
        let parts = [
            self.resource,
            self.bytes,
            head.metric.as_bytes(),
            head.unit.as_bytes(),
            head.instrument.as_str().as_bytes(),
            head.temporality.as_str().as_bytes(),
            &[u8::from(head.monotonic)],
        ];
        let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            key.extend_from_slice(&(part.len() as u64).to_le_bytes());
            key.extend_from_slice(part);
        }
        key
    }
}

/// The message in field 1, of no bytes without, and how many there are in field 2. Field 1 said more than once is all of
/// what was said, one after the other.
fn head_and_items(message: &[u8]) -> Result<(Cow<'_, [u8]>, usize), Malformed> {
    let mut fields = Fields::of(message);
    let (mut head, mut items): (Cow<'_, [u8]>, usize) = (Cow::default(), 0);
    while let Some((number, field)) = fields.next()? {
        match (number, field.bytes()) {
            (1, Some(bytes)) if head.is_empty() => head = bytes.into(),
            (1, Some(bytes)) => head.to_mut().extend_from_slice(bytes),
            (2, Some(_)) => items += 1,
            _ => {}
        }
    }
    Ok((head, items))
}

/// How many data points a metric has: the field 1 of whichever of its fields 5 to 11 holds data.
fn data_points(metric: &[u8]) -> Result<usize, Malformed> {
    let mut points = 0;
    let mut fields = Fields::of(metric);
    while let Some((number, field)) = fields.next()? {
        let (5..=11, Some(data)) = (number, field.bytes()) else { continue };
        let mut data = Fields::of(data);
        while let Some((number, _)) = data.next()? {
            points += usize::from(number == 1);
        }
    }
    Ok(points)
}

/// How many data points a metric in JSON has; 1 for a span or a log record.
fn points_of(item: &crate::json::Object) -> usize {
    let lists = item.values().filter_map(|data| data.get("dataPoints").or_else(|| data.get("data_points")));
    lists.filter_map(Value::as_array).map(Vec::len).sum::<usize>().max(1)
}

/// The outer levels of a request in JSON; the rest is read item by item.
#[derive(Deserialize)]
struct JsonRequest<'a> {
    #[serde(borrow, rename = "resourceSpans", alias = "resource_spans")]
    spans: Option<Vec<ResourceGroup<'a>>>,
    #[serde(borrow, rename = "resourceMetrics", alias = "resource_metrics")]
    metrics: Option<Vec<ResourceGroup<'a>>>,
    #[serde(borrow, rename = "resourceLogs", alias = "resource_logs")]
    logs: Option<Vec<ResourceGroup<'a>>>,
}

#[derive(Deserialize)]
struct ResourceGroup<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(
        borrow,
        rename = "scopeSpans",
        alias = "scopeMetrics",
        alias = "scopeLogs",
        alias = "scope_spans",
        alias = "scope_metrics",
        alias = "scope_logs"
    )]
    scopes: Option<Vec<ScopeGroup<'a>>>,
}

#[derive(Deserialize)]
struct ScopeGroup<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow, rename = "spans", alias = "metrics", alias = "logRecords", alias = "log_records")]
    items: Option<Vec<&'a RawValue>>,
}
