//! Spans in protobuf, read in place: their attributes go from the wire straight to canonical JSON.
//!
//! Gives what the general decoder gives. Whatever is written in an unusual way is left to that one.

use opentelemetry_proto::tonic::{
    common::v1::AnyValue,
    trace::v1::span::{Event, Link},
};
use prost::Message;
use serde_json::Value;
use smoltrace_model::{
    normalize::{self, Scalar},
    rows::SpanRow,
};

use crate::{
    Origin,
    attributes::any,
    json::{canonical_array, write},
    nanos,
    request::AttributeBounds,
    request_proto::{event_value, id, link_value},
    span::{Extras, SpanHead, otel_kind, otel_status},
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
            Self::Text(text) => serde_json::to_writer(out, text),
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

/// A span whose texts still stand in the request.
pub(crate) struct PlainSpan<'a> {
    head: SpanHead,
    extras: Extras<'a>,
    /// In order of their names, each name once.
    attributes: Vec<(&'a str, Attribute<'a>)>,
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
    pub(crate) fn read(span: &'a [u8]) -> Result<Self, NotPlain> {
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
                (9, Field::Bytes(pair)) => attributes.push(attribute(pair)?),
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
        // Of a name that comes twice the last value counts.
        attributes.sort_by_key(|(name, _)| *name);
        attributes.reverse();
        attributes.dedup_by_key(|(name, _)| *name);
        attributes.reverse();
        let head = SpanHead {
            trace_id: id(trace_id, 16, "trace id")?.ok_or_else(|| "the span has no trace id".to_owned())?,
            span_id: id(span_id, 8, "span id")?.ok_or_else(|| "the span has no span id".to_owned())?,
            parent_span_id: id(parent, 8, "parent span id")?,
            name: name.to_owned(),
            start: nanos(start)?,
            end: nanos(end)?,
            status: otel_status(status.0),
            status_message: Some(status.1).filter(|message| !message.is_empty()).map(str::to_owned),
        };
        Ok(Self { head, extras, attributes, events, links })
    }

    /// Says what of the attributes is past the bounds.
    pub(crate) fn check(&self, bounds: &AttributeBounds) -> Result<(), String> {
        bounds.count(self.attributes.len())?;
        for (name, value) in &self.attributes {
            match value {
                Attribute::Text(text) => bounds.text(name, text)?,
                Attribute::Json(value) => bounds.pair(name, value)?,
                _ => bounds.text(name, "")?,
            }
        }
        Ok(())
    }

    /// The row, not sealed.
    pub(crate) fn into_row(mut self, origin: &Origin, scope: &str) -> Result<SpanRow, String> {
        for (name, value) in self.extras.given() {
            if let Err(place) = self.attributes.binary_search_by(|(known, _)| (*known).cmp(name)) {
                let value = match value {
                    Scalar::Text(text) => Attribute::Text(text),
                    Scalar::Whole(number) => Attribute::Whole(number),
                    _ => continue,
                };
                self.attributes.insert(place, (name, value));
            }
        }
        let texts = [self.attributes_json(), canonical_array(&self.events), canonical_array(&self.links)];
        let mut row = self.head.into_row(origin, scope, texts)?;
        let scalars = self.attributes.iter().map(|(name, value)| (*name, value.scalar()));
        normalize::promote_pairs(&mut row, scalars);
        Ok(row)
    }

    /// Canonical JSON of the attributes.
    fn attributes_json(&self) -> String {
        // Names, what stands around them, and texts that need no escapes.
        let room = self.attributes.iter().map(|(name, value)| {
            name.len()
                + match value {
                    Attribute::Text(text) => text.len() + 6,
                    _ => 24,
                }
        });
        let mut out = Vec::with_capacity(room.sum::<usize>() + 2);
        out.push(b'{');
        for (index, (name, value)) in self.attributes.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, name).expect("a text can be written to memory");
            out.push(b':');
            value.write(&mut out);
        }
        out.push(b'}');
        String::from_utf8(out).expect("JSON is written as UTF-8")
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

fn attribute(pair: &[u8]) -> Result<(&str, Attribute<'_>), NotPlain> {
    let (mut key, mut value) = (None, None);
    let mut fields = Fields::of(pair);
    while let Some((number, field)) = fields.next().map_err(|_| NotPlain::Unusual)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) if key.is_none() => key = Some(text(bytes)?),
            (2, Field::Bytes(bytes)) if value.is_none() => value = Some(any_value(bytes)?),
            _ => return Err(NotPlain::Unusual),
        }
    }
    Ok((key.unwrap_or_default(), value.unwrap_or(Attribute::Json(Value::Null))))
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
