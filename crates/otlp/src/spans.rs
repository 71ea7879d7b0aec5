//! Spans in protobuf, read in place: their attributes go from the wire straight to canonical JSON.
//!
//! Gives what the general decoder gives. Whatever is written in an unusual way is left to that one.

use std::rc::Rc;

use opentelemetry_proto::tonic::{
    common::v1::AnyValue,
    trace::v1::span::{Event, Link},
};
use prost::Message;
use serde_json::Value;
use smoltrace_model::{
    normalize::{Promoted, Scalar},
    rows::{BlockSpan, Repeated, SpanBlockBuilder, SpanKind, SpanStatus},
};

use crate::{
    attributes::any,
    json::{write, write_array, write_plain, write_text},
    names::Names,
    nanos,
    request::AttributeBounds,
    request_proto::{event_value, id_bytes as id, link_value},
    span::{Extras, lasts, otel_kind, otel_status},
    wire::{Field, Fields},
};

/// A value of an attribute.
enum Attribute<'a> {
    Text(&'a str),
    Whole(i64),
    Double(f64),
    Flag(bool),
    /// Anything else.
    Json(Value),
}

impl Attribute<'_> {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Whole(number) => Scalar::Whole(*number),
            Self::Double(number) => Scalar::Double(*number),
            Self::Flag(_) => Scalar::Other,
            Self::Json(value) => value.into(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Text(text) => {
                write_text(text, out);
                Ok(())
            }
            Self::Whole(number) => serde_json::to_writer(out, number),
            Self::Double(number) => serde_json::to_writer(out, number),
            Self::Flag(flag) => serde_json::to_writer(out, flag),
            Self::Json(value) => {
                write(value, out);
                Ok(())
            }
        };
        written.expect("a scalar can be written to memory");
    }
}

/// A span whose texts still stand in the request. The names of its attributes are the last ones in the [`Names`] with which
/// it was read.
pub(crate) struct PlainSpan<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: Option<&'a [u8]>,
    name: &'a str,
    /// Unix ns.
    start: i64,
    /// Unix ns.
    end: i64,
    status: SpanStatus,
    status_message: Option<&'a str>,
    /// As they came, and then those of the extras.
    attributes: Vec<Attribute<'a>>,
    /// Places of them in order of their names, each name once.
    order: Rc<[u16]>,
    /// How many came.
    came: usize,
    events: Vec<Value>,
    links: Vec<Value>,
}

/// Why there is no plain span.
pub(crate) enum NotPlain {
    /// The general decoder is to look at it.
    Unusual,
    /// It is wrong, and left out.
    Bad(String),
}

impl From<String> for NotPlain {
    fn from(reason: String) -> Self {
        Self::Bad(reason)
    }
}

impl<'a> PlainSpan<'a> {
    pub(crate) fn read(span: &'a [u8], names: &mut Names<'a>) -> Result<Self, NotPlain> {
        names.begin();
        let (mut trace_id, mut span_id, mut parent) = (&[][..], &[][..], &[][..]);
        let (mut name, mut status) = ("", (0, ""));
        let (mut kind, mut start, mut end) = (0, 0, 0);
        let mut extras = Extras::default();
        let mut attributes = Vec::with_capacity(16);
        let (mut events, mut links) = (Vec::new(), Vec::new());
        let mut fields = Fields::of(span);
        while let Some((number, field)) = fields.next().map_err(|_| NotPlain::Unusual)? {
            match (number, field) {
                (1, Field::Bytes(bytes)) => trace_id = bytes,
                (2, Field::Bytes(bytes)) => span_id = bytes,
                (3, Field::Bytes(bytes)) => extras.trace_state = text(bytes)?,
                (4, Field::Bytes(bytes)) => parent = bytes,
                (5, Field::Bytes(bytes)) => name = text(bytes)?,
                // As the general decoder: the lower half of the number.
                (6, Field::Varint(number)) => kind = i64::from(number as i32),
                (7, Field::Fixed64(nanos)) => start = nanos,
                (8, Field::Fixed64(nanos)) => end = nanos,
                (9, Field::Bytes(pair)) => attributes.push(attribute(pair, names)?),
                (10, Field::Varint(count)) => extras.dropped_attributes = u64::from(count as u32),
                (11, Field::Bytes(bytes)) => {
                    let event = Event::decode(bytes).map_err(|_| NotPlain::Unusual)?;
                    events.push(event_value(event)?);
                }
                (12, Field::Varint(count)) => extras.dropped_events = u64::from(count as u32),
                (13, Field::Bytes(bytes)) => {
                    let link = Link::decode(bytes).map_err(|_| NotPlain::Unusual)?;
                    links.push(link_value(link)?);
                }
                (14, Field::Varint(count)) => extras.dropped_links = u64::from(count as u32),
                (15, Field::Bytes(bytes)) if status == (0, "") => status = read_status(bytes)?,
                (16, Field::Fixed32(_)) => {}
                _ => return Err(NotPlain::Unusual),
            }
        }
        extras.otel_kind = otel_kind(kind);
        let came = attributes.len();
        for (name, value) in extras.given() {
            let value = match value {
                Scalar::Text(text) => Attribute::Text(text),
                Scalar::Whole(number) => Attribute::Whole(number),
                _ => continue,
            };
            if names.push_missing(name) {
                attributes.push(value);
            }
        }
        // Of a name that comes twice the last value counts.
        let order = names.order();
        let (start, end) = lasts(nanos(start)?, nanos(end)?)?;
        Ok(Self {
            trace_id: id(trace_id, 16, "trace id")?.ok_or_else(|| "the span has no trace id".to_owned())?,
            span_id: id(span_id, 8, "span id")?.ok_or_else(|| "the span has no span id".to_owned())?,
            parent_span_id: id(parent, 8, "parent span id")?,
            name,
            start,
            end,
            status: otel_status(status.0),
            status_message: Some(status.1).filter(|message| !message.is_empty()),
            came,
            order,
            attributes,
            events,
            links,
        })
    }

    /// Places of the attributes in order of their names.
    fn places(&self) -> impl Iterator<Item = usize> {
        self.order.iter().map(|place| usize::from(*place))
    }

    /// Says what of the attributes is past the bounds.
    pub(crate) fn check(&self, names: &Names<'_>, bounds: &AttributeBounds) -> Result<(), String> {
        let came = || self.places().filter(|place| *place < self.came);
        bounds.count(came().count())?;
        for place in came() {
            let name = names.at(place).text;
            match &self.attributes[place] {
                Attribute::Text(text) => bounds.text(name, text)?,
                Attribute::Json(value) => bounds.pair(name, value)?,
                _ => bounds.text(name, "")?,
            }
        }
        Ok(())
    }

    /// Adds it to spans, as one of the origin at a place.
    pub(crate) fn add_to(self, names: &Names<'_>, spans: &mut SpanBlockBuilder, origin: u32) {
        let meant = self
            .places()
            .filter_map(|place| Some((names.at(place).meaning?, self.attributes[place].scalar())));
        let said = Promoted::of(self.name, meant);
        let span = BlockSpan {
            trace_id: spans.repeat_hex(Repeated::TraceId, self.trace_id),
            span_id: spans.hex(self.span_id),
            parent_span_id: self.parent_span_id.map(|id| spans.repeat_hex(Repeated::ParentSpanId, id)),
            test_uid: said.test_uid.as_deref().map(|uid| spans.repeat_text(Repeated::TestUid, uid)),
            name: spans.repeat_text(Repeated::Name, self.name),
            kind: said.kind.unwrap_or(SpanKind::Other),
            start_time_unix_nano: self.start,
            end_time_unix_nano: self.end,
            status: self.status,
            status_message: self
                .status_message
                .map(|message| spans.repeat_text(Repeated::StatusMessage, message)),
            model: said.model.as_deref().map(|model| spans.repeat_text(Repeated::Model, model)),
            provider: said
                .provider
                .as_deref()
                .map(|provider| spans.repeat_text(Repeated::Provider, provider)),
            input_tokens: said.input_tokens,
            output_tokens: said.output_tokens,
            total_tokens: said.total(),
            cache_read_tokens: said.cache_read_tokens,
            cache_write_tokens: said.cache_write_tokens,
            reasoning_tokens: said.reasoning_tokens,
            emitted_cost_usd: said.emitted_cost_usd,
            attributes: spans.write(|out| self.write_attributes(names, out)),
            events: spans.repeat(Repeated::Events, |out| write_array(&self.events, out)),
            links: spans.repeat(Repeated::Links, |out| write_array(&self.links, out)),
        };
        spans.push(origin, span);
    }

    /// Canonical JSON of the attributes.
    fn write_attributes(&self, names: &Names<'_>, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, place) in self.places().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let name = names.at(place);
            match name.plain {
                true => write_plain(name.text, out),
                false => write_text(name.text, out),
            }
            out.push(b':');
            self.attributes[place].write(out);
        }
        out.push(b'}');
    }
}

fn text(bytes: &[u8]) -> Result<&str, NotPlain> {
    str::from_utf8(bytes).map_err(|_| NotPlain::Unusual)
}

fn read_status(status: &[u8]) -> Result<(i64, &str), NotPlain> {
    let (mut code, mut message) = (0, "");
    let mut fields = Fields::of(status);
    while let Some((number, field)) = fields.next().map_err(|_| NotPlain::Unusual)? {
        match (number, field) {
            (2, Field::Bytes(bytes)) => message = text(bytes)?,
            (3, Field::Varint(number)) => code = i64::from(number as i32),
            _ => return Err(NotPlain::Unusual),
        }
    }
    Ok((code, message))
}

fn attribute<'a>(pair: &'a [u8], names: &mut Names<'a>) -> Result<Attribute<'a>, NotPlain> {
    let (mut key, mut value) = (None, None);
    let mut fields = Fields::of(pair);
    while let Some((number, field)) = fields.next().map_err(|_| NotPlain::Unusual)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) if key.is_none() => key = Some(bytes),
            (2, Field::Bytes(bytes)) if value.is_none() => value = Some(any_value(bytes)?),
            _ => return Err(NotPlain::Unusual),
        }
    }
    names.push(key.unwrap_or_default()).ok_or(NotPlain::Unusual)?;
    Ok(value.unwrap_or(Attribute::Json(Value::Null)))
}

fn any_value(bytes: &[u8]) -> Result<Attribute<'_>, NotPlain> {
    let mut fields = Fields::of(bytes);
    let Some(first) = fields.next().map_err(|_| NotPlain::Unusual)? else {
        return Ok(Attribute::Json(Value::Null));
    };
    if fields.next().map_err(|_| NotPlain::Unusual)?.is_some() {
        return Err(NotPlain::Unusual);
    }
    Ok(match first {
        (1, Field::Bytes(bytes)) => Attribute::Text(text(bytes)?),
        (2, Field::Varint(flag)) => Attribute::Flag(flag != 0),
        (3, Field::Varint(number)) => Attribute::Whole(number as i64),
        (4, Field::Fixed64(bits)) if f64::from_bits(bits).is_finite() => {
            Attribute::Double(f64::from_bits(bits))
        }
        _ => Attribute::Json(any(Some(AnyValue::decode(bytes).map_err(|_| NotPlain::Unusual)?))),
    })
}
