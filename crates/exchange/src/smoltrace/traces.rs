//! `traces.json`: a list of traces, each with its spans as SMOLTRACE's exporter dumps them.

use std::path::Path;

use serde_json::Value;
use smoltrace_model::{normalize, rows::SpanRow};

use super::{OURS, Reading, read_file};
use crate::{
    InputError,
    json::{Object, canonical_object, filled, parse_object, text},
    notes::Spot,
    otlp::{self, Origin, Telemetry, attributes_from_json, resource_spans, scope_json, span_from_object},
    patch,
    progress::Reporter,
    stream::Item,
};

pub(super) fn read(
    reading: &mut Reading,
    path: &Path,
    progress: &mut Reporter<'_>,
) -> Result<(), InputError> {
    read_file(reading, path, progress, |reading, item, file| match item {
        Item::Element { key, index, value } if key == "resourceSpans" => {
            resource_spans(&mut reading.telemetry, value, &file.key(&key).index(index));
        }
        Item::Element { key, index, value } => one(reading, value, &file.key(&key).index(index)),
        Item::Top { index, value } => one(reading, value, &file.index(index)),
        Item::Field { key, value } if key == "run_id" => {
            reading.run_ids.traces = reading.run_ids.traces.take().or(filled(Some(&value)));
        }
        Item::Field { .. } => {}
    })
}

fn one(reading: &mut Reading, value: Value, place: &Spot<'_>) {
    let run_id = trace(&mut reading.telemetry, value, place);
    reading.run_ids.traces = reading.run_ids.traces.take().or(run_id);
}

/// Adds the spans of one trace; returns the run id that the trace names.
pub(crate) fn trace(into: &mut Telemetry, value: Value, place: &Spot<'_>) -> Option<String> {
    let Value::Object(mut trace) = value else {
        into.notes.at(place, "is not an object; the trace is left out");
        return None;
    };
    let run_id = filled(trace.get("run_id"));
    let spans = match trace.remove("spans") {
        Some(Value::Array(spans)) => spans,
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(Value::Array(spans)) => spans,
            _ => {
                into.notes.at(place, "the spans are not a list; the trace is left out");
                return run_id;
            }
        },
        // A list of bare spans.
        None if trace.contains_key("span_id") || trace.contains_key("spanId") => {
            return bare_span(into, trace, place);
        }
        _ => {
            into.notes.at(place, "the trace has no spans; it is left out");
            return run_id;
        }
    };
    let first = into.spans.len();
    let trace_id = trace.get("trace_id").cloned().unwrap_or_default();
    let list = place.key("spans");
    for (index, value) in spans.into_iter().enumerate() {
        let Value::Object(mut object) = value else {
            into.notes.at(&list.index(index), "is not an object; the span is left out");
            continue;
        };
        if object.get("trace_id").is_none_or(Value::is_null) && !object.contains_key("traceId") {
            object.insert("trace_id".into(), trace_id.clone());
        }
        match span(object) {
            Ok(row) => into.spans.push(row),
            Err(reason) => {
                into.notes.at(&list.index(index), format_args!("{reason}; the span is left out"));
            }
        }
    }
    name_test(&mut into.spans[first..], &trace);
    run_id
}

fn bare_span(into: &mut Telemetry, object: Object, place: &Spot<'_>) -> Option<String> {
    let run_id = filled(object.get("run_id"));
    match span(object) {
        Ok(row) => into.spans.push(row),
        Err(reason) => into.notes.at(place, format_args!("{reason}; the span is left out")),
    }
    run_id
}

/// One dumped span.
pub(crate) fn span(mut object: Object) -> Result<SpanRow, String> {
    let origin = Origin::of(&resource(object.remove("resource")));
    let scope = scope(otlp::take(&mut object, &["scope", "instrumentation_scope", "instrumentationScope"]));
    let ours = object.remove(OURS);
    let row = span_from_object(object)?.into_row(&origin, &scope)?;
    patch::apply(row, ours)
}

/// `{attributes: ...}` or the attributes themselves.
fn resource(value: Option<Value>) -> Object {
    match value {
        Some(Value::Object(mut resource)) => match resource.remove("attributes") {
            Some(attributes) => attributes_from_json(attributes).unwrap_or_default(),
            None => attributes_from_json(Value::Object(resource)).unwrap_or_default(),
        },
        Some(list) => attributes_from_json(list).unwrap_or_default(),
        None => Object::new(),
    }
}

fn scope(value: Option<Value>) -> String {
    let Some(Value::Object(mut scope)) = value else { return scope_json("", "", Object::new()) };
    let attributes = attributes_from_json(scope.remove("attributes").unwrap_or_default());
    let part = |name| scope.get(name).and_then(text).unwrap_or_default();
    scope_json(&part("name"), &part("version"), attributes.unwrap_or_default())
}

/// Where no span of a trace names its test but the trace does, its root span gets the name.
fn name_test(spans: &mut [SpanRow], trace: &Object) {
    if spans.iter().any(|span| span.test_uid.is_some()) {
        return;
    }
    let only = |name: &str| match trace.get(name) {
        Some(Value::Array(list)) if list.len() == 1 => filled(list.first()),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Array(list)) if list.len() == 1 => filled(list.first()),
            _ => None,
        },
        _ => None,
    };
    let mut named = Object::new();
    for (attribute, value) in [
        ("test.case_uid", only("test_case_uids")),
        ("test.id", only("test_ids")),
        ("agent.type", filled(trace.get("agent_type"))),
    ] {
        if let Some(value) = value {
            named.insert(attribute.into(), value.into());
        }
    }
    let Some(uid) = normalize::test_uid(&named) else { return };
    let root = match spans.iter().position(|span| span.parent_span_id.is_none()) {
        Some(root) => root,
        None => return,
    };
    // Kept among the attributes, so that the span goes on naming its test wherever it is taken.
    let mut attributes = parse_object(&spans[root].attributes);
    for (name, value) in named {
        attributes.entry(name).or_insert(value);
    }
    spans[root].attributes = canonical_object(&attributes);
    spans[root].test_uid = Some(uid);
    normalize::promote(&mut spans[root], &attributes);
}
