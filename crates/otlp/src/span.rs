//! One span, from whatever wrote it, to its row.

use serde_json::Value;
use smoltrace_model::{
    ids,
    normalize::{self, Scalar},
    rows::{SpanKind, SpanRow, SpanStatus},
};

use super::{Origin, attributes::from_json};
use crate::json::{Object, canonical_array, canonical_object, integer, text};

/// A span before its row: what every form says of it.
#[derive(Debug, Default)]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub name: String,
    /// Unix ns.
    pub start: i64,
    /// Unix ns; 0 when it never ended.
    pub end: i64,
    /// OpenTelemetry kind, lower case; empty for internal.
    pub otel_kind: String,
    pub status: SpanStatus,
    pub status_message: Option<String>,
    pub attributes: Object,
    pub events: Vec<Value>,
    pub links: Vec<Value>,
    pub trace_state: String,
    pub dropped_attributes: u64,
    pub dropped_events: u64,
    pub dropped_links: u64,
}

/// Start and end of a span, Unix ns, each the other where it is 0.
pub(crate) fn lasts(start: i64, end: i64) -> Result<(i64, i64), String> {
    match (start, end) {
        (0, 0) => Err("the span has neither a start nor an end time".into()),
        (0, end) => Ok((end, end)),
        (start, 0) => Ok((start, start)),
        both => Ok(both),
    }
}

/// What has no column of its own and goes into the attributes under the names that OpenTelemetry
/// gives it in forms without a field for it.
#[derive(Debug, Default)]
pub(crate) struct Extras<'a> {
    /// OpenTelemetry kind, lower case; empty for internal.
    pub(crate) otel_kind: &'a str,
    pub(crate) trace_state: &'a str,
    pub(crate) dropped_attributes: u64,
    pub(crate) dropped_events: u64,
    pub(crate) dropped_links: u64,
}

impl<'a> Extras<'a> {
    /// Names and values of those that are given.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, Scalar<'a>)> + use<'a> {
        let texts = [("span.kind", self.otel_kind), ("w3c.tracestate", self.trace_state)];
        let counts = [
            ("otel.dropped_attributes_count", self.dropped_attributes),
            ("otel.dropped_events_count", self.dropped_events),
            ("otel.dropped_links_count", self.dropped_links),
        ];
        let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        texts
            .map(|(name, text)| (name, Scalar::Text(text)))
            .chain(counts.map(|(name, count)| (name, Scalar::Whole(count.try_into().unwrap_or(i64::MAX)))))
    }
}

impl Span {
    /// The row, not sealed.
    pub fn into_row(mut self, origin: &Origin, scope: &str) -> Result<SpanRow, String> {
        let extras = Extras {
            otel_kind: &self.otel_kind,
            trace_state: &self.trace_state,
            dropped_attributes: self.dropped_attributes,
            dropped_events: self.dropped_events,
            dropped_links: self.dropped_links,
        };
        for (name, value) in extras.given() {
            let value = match value {
                Scalar::Text(text) => Value::from(text),
                Scalar::Whole(number) => number.into(),
                _ => continue,
            };
            self.attributes.entry(name).or_insert(value);
        }
        let (start, end) = lasts(self.start, self.end)?;
        let mut row = SpanRow {
            run_id: origin.run_id.clone(),
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            test_uid: None,
            name: self.name,
            kind: SpanKind::Other,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            status: self.status,
            status_message: self.status_message.filter(|message| !message.is_empty()),
            service: origin.service.clone(),
            model: None,
            provider: None,
            input_tokens: None,
            output_tokens: None,
            total_tokens: None,
            cache_read_tokens: None,
            cache_write_tokens: None,
            reasoning_tokens: None,
            emitted_cost_usd: None,
            attributes: canonical_object(&self.attributes),
            events: canonical_array(&self.events),
            links: canonical_array(&self.links),
            resource: origin.resource.clone(),
            scope: scope.to_owned(),
            row_id: String::new(),
        };
        normalize::promote(&mut row, &self.attributes);
        Ok(row)
    }
}

/// A span in JSON: OTLP's camelCase or a Python dump's snake_case.
pub fn span_from_object(mut object: Object) -> Result<Span, String> {
    let trace_id = id(take(&mut object, &["traceId", "trace_id"]), ids::trace_id, 16)?
        .ok_or("the span has no trace id")?;
    let span_id =
        id(take(&mut object, &["spanId", "span_id"]), ids::span_id, 8)?.ok_or("the span has no span id")?;
    let parent = take(&mut object, &["parentSpanId", "parent_span_id", "parent_id"]);
    let mut attributes = attributes_of(&mut object, "the span")?;
    if !attributes.contains_key("llm.token_count.total")
        && let Some(total) = object.get("total_tokens").and_then(integer)
    {
        attributes.insert("llm.token_count.total".into(), total.into());
    }
    let (status, status_message) = status(object.remove("status"));
    Ok(Span {
        trace_id,
        span_id,
        parent_span_id: id(parent, ids::span_id, 8)?,
        name: take(&mut object, &["name"]).as_ref().and_then(text).unwrap_or_default(),
        start: time(&mut object, &["startTimeUnixNano", "start_time_unix_nano", "start_time"])?,
        end: time(&mut object, &["endTimeUnixNano", "end_time_unix_nano", "end_time"])?,
        otel_kind: kind(object.remove("kind")),
        status,
        status_message,
        attributes,
        events: items(object.remove("events"), event, "events")?,
        links: items(object.remove("links"), link, "links")?,
        trace_state: take(&mut object, &["traceState", "trace_state"])
            .as_ref()
            .and_then(text)
            .unwrap_or_default(),
        dropped_attributes: count(&mut object, &["droppedAttributesCount", "dropped_attributes_count"]),
        dropped_events: count(&mut object, &["droppedEventsCount", "dropped_events_count"]),
        dropped_links: count(&mut object, &["droppedLinksCount", "dropped_links_count"]),
    })
}

/// The first of `names` that is there and not null, taken out.
pub fn take(object: &mut Object, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| object.remove(*name).filter(|value| !value.is_null()))
}

fn count(object: &mut Object, names: &[&str]) -> u64 {
    take(object, names).as_ref().and_then(integer).and_then(|n| n.try_into().ok()).unwrap_or(0)
}

/// An id of `width` bytes: hex of any spelling, or the base64 that generic protobuf writers give.
/// `None` for nothing or zeros.
pub fn id(
    value: Option<Value>,
    canonical: fn(&str) -> Result<String, ids::IdError>,
    width: usize,
) -> Result<Option<String>, String> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => return Err(format!("id {other} is not a text")),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.ends_with('=')
        && let Ok(bytes) = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &text)
        && bytes.len() == width
    {
        return Ok(hex(&bytes));
    }
    match canonical(&text) {
        Ok(id) => Ok(Some(id)),
        Err(ids::IdError::Zero) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Lower-case hex of an id; `None` for nothing or zeros.
pub fn hex(bytes: &[u8]) -> Option<String> {
    not_zeros(bytes).map(ids::hex)
}

/// The bytes of an id; `None` for nothing or zeros.
pub(crate) fn not_zeros(bytes: &[u8]) -> Option<&[u8]> {
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// A time in Unix ns: a whole number or its text; 0 when not given.
pub fn time(object: &mut Object, names: &[&str]) -> Result<i64, String> {
    match take(object, names) {
        None => Ok(0),
        Some(value) => match integer(&value) {
            Some(nanos) if nanos >= 0 => Ok(nanos),
            _ => Err(format!("{} {} is not a time in Unix nanoseconds", names[0], short(&value))),
        },
    }
}

/// A value shortened for a note.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 40 { text.chars().take(40).chain("...".chars()).collect() } else { text }
}

fn attributes_of(object: &mut Object, what: &str) -> Result<Object, String> {
    from_json(object.remove("attributes").unwrap_or_default())
        .ok_or_else(|| format!("{what}'s attributes are neither an object nor a key/value list"))
}

fn items(
    value: Option<Value>,
    read: fn(Object) -> Result<Value, String>,
    name: &str,
) -> Result<Vec<Value>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|item| match item {
                Value::Object(object) => read(object),
                other => Err(format!("{name} holds {}, not an object", short(&other))),
            })
            .collect(),
        Some(other) => Err(format!("{name} is {}, not a list", short(&other))),
    }
}

fn event(mut object: Object) -> Result<Value, String> {
    let name = take(&mut object, &["name"]).as_ref().and_then(text).unwrap_or_default();
    let time = time(&mut object, &["timeUnixNano", "time_unix_nano", "timestamp", "time"])?;
    let attributes = attributes_of(&mut object, "an event")?;
    let dropped = count(&mut object, &["droppedAttributesCount", "dropped_attributes_count"]);
    Ok(event_json(name, time, attributes, dropped))
}

/// An event as it stands in the spans table.
pub fn event_json(name: String, time: i64, attributes: Object, dropped: u64) -> Value {
    let mut event = Object::new();
    event.insert("name".into(), name.into());
    event.insert("time_unix_nano".into(), time.into());
    event.insert("attributes".into(), attributes.into());
    if dropped > 0 {
        event.insert("dropped_attributes_count".into(), dropped.into());
    }
    event.into()
}

fn link(mut object: Object) -> Result<Value, String> {
    let trace_id = id(take(&mut object, &["traceId", "trace_id"]), ids::trace_id, 16)?;
    let span_id = id(take(&mut object, &["spanId", "span_id"]), ids::span_id, 8)?;
    let attributes = attributes_of(&mut object, "a link")?;
    let state = take(&mut object, &["traceState", "trace_state"]).as_ref().and_then(text);
    Ok(link_json(trace_id, span_id, attributes, state.unwrap_or_default()))
}

/// A link as it stands in the spans table.
pub fn link_json(
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Object,
    state: String,
) -> Value {
    let mut link = Object::new();
    link.insert("trace_id".into(), trace_id.into());
    link.insert("span_id".into(), span_id.into());
    link.insert("attributes".into(), attributes.into());
    if !state.is_empty() {
        link.insert("trace_state".into(), state.into());
    }
    link.into()
}

/// `SpanKind.CLIENT`, `SPAN_KIND_CLIENT`, `CLIENT` or 3 as `client`; empty for internal.
fn kind(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => {
            let name = text.trim();
            let name = name.strip_prefix("SpanKind.").unwrap_or(name);
            let name = name.strip_prefix("SPAN_KIND_").unwrap_or(name);
            otel_kind_name(name)
        }
        Some(number) => otel_kind(integer(&number).unwrap_or(0)).to_owned(),
        None => String::new(),
    }
}

fn otel_kind_name(name: &str) -> String {
    match name.to_ascii_lowercase() {
        internal if internal == "internal" || internal == "unspecified" => String::new(),
        other => other,
    }
}

/// OpenTelemetry's number of a kind as its name; empty for internal and unspecified.
pub fn otel_kind(number: i64) -> &'static str {
    match number {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    }
}

/// A status as a word, a number, or an object of code and description.
fn status(value: Option<Value>) -> (SpanStatus, Option<String>) {
    match value {
        Some(Value::Object(mut object)) => {
            let code = take(&mut object, &["code", "status_code", "statusCode"]);
            let message = take(&mut object, &["message", "description"]).as_ref().and_then(text);
            (status_code(code.as_ref()), message)
        }
        other => (status_code(other.as_ref()), None),
    }
}

fn status_code(value: Option<&Value>) -> SpanStatus {
    match value {
        Some(Value::String(text)) => {
            let name = text.trim().to_ascii_uppercase();
            let name = name.strip_prefix("STATUSCODE.").unwrap_or(&name);
            let name = name.strip_prefix("STATUS_CODE_").unwrap_or(name);
            match name {
                "OK" | "1" => SpanStatus::Ok,
                "ERROR" | "2" => SpanStatus::Error,
                _ => SpanStatus::Unset,
            }
        }
        Some(number) => otel_status(integer(number).unwrap_or(0)),
        None => SpanStatus::Unset,
    }
}

/// OpenTelemetry's number of a status.
pub fn otel_status(code: i64) -> SpanStatus {
    match code {
        1 => SpanStatus::Ok,
        2 => SpanStatus::Error,
        _ => SpanStatus::Unset,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_and_statuses_of_every_spelling() {
        let check = |value: Value, expected: &str| assert_eq!(kind(Some(value.clone())), expected, "{value}");
        check(json!("SpanKind.INTERNAL"), "");
        check(json!("SpanKind.CLIENT"), "client");
        check(json!("SPAN_KIND_SERVER"), "server");
        check(json!("INTERNAL"), "");
        check(json!(3), "client");
        check(json!(null), "");
        let check = |value: Value, expected: (SpanStatus, Option<&str>)| {
            let (code, message) = status(Some(value.clone()));
            assert_eq!((code, message.as_deref()), expected, "{value}");
        };
        check(json!("OK"), (SpanStatus::Ok, None));
        check(json!("StatusCode.OK"), (SpanStatus::Ok, None));
        check(json!({"code": "ERROR", "description": "bad"}), (SpanStatus::Error, Some("bad")));
        check(json!({"code": 2, "message": "bad"}), (SpanStatus::Error, Some("bad")));
        check(json!({"code": "STATUS_CODE_OK"}), (SpanStatus::Ok, None));
        check(json!({"code": "UNKNOWN", "description": null}), (SpanStatus::Unset, None));
        check(json!({}), (SpanStatus::Unset, None));
    }

    #[test]
    fn ids_of_every_spelling() {
        let check = |value: Value, expected: Result<Option<&str>, ()>| {
            let read = id(Some(value.clone()), ids::span_id, 8);
            assert_eq!(read.as_ref().map(Option::as_deref).map_err(|_| ()), expected, "{value}");
        };
        check(json!("0xeabf0617c6596a"), Ok(Some("00eabf0617c6596a")));
        check(json!("AAECAwQFBgc="), Ok(Some("0001020304050607")));
        check(json!("0x0"), Ok(None));
        check(json!(""), Ok(None));
        check(json!("no id"), Err(()));
        check(json!(17), Err(()));
    }
}
