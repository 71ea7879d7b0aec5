//! Spans as SMOLTRACE's traces, and as an OTLP request.

use std::collections::HashMap;

use serde_json::Value;
use smoltrace_model::{
    rows::{SpanRow, SpanStatus},
    trace::summary,
};

use super::{RunExport, dataset::python_id};
use crate::{
    json::{Object, double, parse_object, text},
    otlp::attributes_to_json,
    patch,
    smoltrace::{OURS, span},
    smoltrace_dict::Record,
};

/// The spans of each trace, in order of first appearance.
fn by_trace(spans: &[SpanRow]) -> Vec<Vec<&SpanRow>> {
    let mut traces: Vec<Vec<&SpanRow>> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for row in spans {
        let slot = *index.entry(&row.trace_id).or_insert_with(|| {
            traces.push(Vec::new());
            traces.len() - 1
        });
        traces[slot].push(row);
    }
    traces
}

/// One record a trace, its spans whole.
pub(super) fn records(export: &RunExport) -> impl Iterator<Item = Record> + '_ {
    by_trace(&export.spans).into_iter().map(|spans| record(&export.run.run_id, &spans))
}

fn record(run_id: &str, spans: &[&SpanRow]) -> Record {
    let summary = summary(spans);
    let usage = summary.as_ref().map(|summary| &summary.usage);
    let mut uids: Vec<&str> = spans.iter().filter_map(|span| span.test_uid.as_deref()).collect();
    uids.sort_unstable();
    uids.dedup();
    let split = |uid: &str| uid.split_once(':').map(|(agent, id)| (agent.to_owned(), id.to_owned()));
    let ids: Vec<String> =
        uids.iter().map(|uid| split(uid).map_or_else(|| (*uid).to_owned(), |(_, id)| id)).collect();
    let mut record = Record::default();
    record.set("trace_id", spans.first().map(|span| python_id(&span.trace_id)));
    record.set("run_id", run_id);
    record.set("root_span_id", summary.as_ref().map(|summary| python_id(&summary.root_span_id)));
    record.set("test_ids", ids);
    record.set("agent_type", uids.first().and_then(|uid| split(uid)).map(|(agent, _)| agent));
    record.set("test_case_uids", uids);
    record.set("total_tokens", usage.and_then(|usage| usage.total_tokens).unwrap_or(0));
    record.set("total_prompt_tokens", usage.and_then(|usage| usage.input_tokens));
    record.set("total_completion_tokens", usage.and_then(|usage| usage.output_tokens));
    record.set("total_duration_ms", double(summary.as_ref().map_or(0.0, |summary| summary.duration_ms)));
    record.set("total_cost_usd", double(usage.and_then(|usage| usage.cost_usd).unwrap_or(0.0)));
    record.set("spans", spans.iter().map(|row| dump(row)).collect::<Vec<Value>>());
    record
}

/// A span as SMOLTRACE's exporter dumps it, with its links and scope, and what that does not say.
fn dump(row: &SpanRow) -> Value {
    let attributes = parse_object(&row.attributes);
    let mut out = Object::new();
    let mut set = |key: &str, value: Value| drop(out.insert(key.into(), value));
    set("trace_id", python_id(&row.trace_id));
    set("span_id", python_id(&row.span_id));
    set("parent_span_id", row.parent_span_id.as_deref().map_or(Value::Null, python_id));
    set("name", row.name.as_str().into());
    set("start_time", row.start_time_unix_nano.into());
    set("end_time", row.end_time_unix_nano.into());
    let nanos = row.end_time_unix_nano.saturating_sub(row.start_time_unix_nano);
    set("duration_ms", double(nanos as f64 / 1e6));
    set("status", status(row));
    set("kind", otel_kind(&attributes).into());
    if let Some(total) = attributes.get("llm.token_count.total") {
        set("total_tokens", total.clone());
    }
    if let (Some(output), Some(_)) =
        (attributes.get("output.value").and_then(text), attributes.get("tool.name"))
    {
        set("tool_output", output.chars().take(200).collect::<String>().into());
    }
    set("events", events(&row.events));
    set("links", serde_json::from_str(&row.links).unwrap_or_default());
    let mut resource = Object::new();
    resource.insert("attributes".into(), parse_object(&row.resource).into());
    set("resource", resource.into());
    set("scope", parse_object(&row.scope).into());
    set("attributes", attributes.into());

    let read_back = span(out.clone()).ok().map(|read_back| SpanRow {
        run_id: row.run_id.clone(),
        row_id: row.row_id.clone(),
        ..read_back
    });
    if read_back.as_ref() != Some(row) {
        // A span that cannot be read at all is dumped under ids that can.
        if read_back.is_none() {
            for (key, value) in [("trace_id", "0x1"), ("span_id", "0x1")] {
                out.insert(key.into(), value.into());
            }
            out.insert("parent_span_id".into(), Value::Null);
            for key in ["start_time", "end_time"] {
                out.insert(key.into(), 1.into());
            }
            for key in ["events", "links"] {
                out.insert(key.into(), Value::Array(Vec::new()));
            }
        }
        let read_back = span(out.clone()).ok();
        out.insert(OURS.into(), patch::difference(row, read_back.as_ref(), &[]));
    }
    out.into()
}

fn status(row: &SpanRow) -> Value {
    let mut status = Object::new();
    status.insert("code".into(), row.status.as_str().into());
    status.insert("description".into(), row.status_message.clone().into());
    status.into()
}

fn otel_kind(attributes: &Object) -> String {
    let kind = attributes.get("span.kind").and_then(Value::as_str).filter(|kind| !kind.is_empty());
    kind.unwrap_or("internal").to_uppercase()
}

/// Events with their times under SMOLTRACE's name.
fn events(json: &str) -> Value {
    let events: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    events
        .into_iter()
        .map(|event| match event {
            Value::Object(mut event) => {
                if let Some(time) = event.remove("time_unix_nano") {
                    event.insert("timestamp".into(), time);
                }
                Value::Object(event)
            }
            other => other,
        })
        .collect()
}

/// Scopes, each with its spans.
type Scopes<'a> = Vec<(&'a str, Vec<Value>)>;

/// Spans as an OTLP trace request in JSON: `resourceSpans`, one element a resource.
pub fn otlp_json(spans: &[SpanRow]) -> Value {
    // Resource -> scope -> spans, each in order of first appearance.
    let mut resources: Vec<(&str, Scopes<'_>)> = Vec::new();
    for row in spans {
        let scopes = match resources.iter_mut().find(|(resource, _)| *resource == row.resource) {
            Some((_, scopes)) => scopes,
            None => {
                resources.push((&row.resource, Vec::new()));
                &mut resources.last_mut().expect("pushed above").1
            }
        };
        match scopes.iter_mut().find(|(scope, _)| *scope == row.scope) {
            Some((_, spans)) => spans.push(otlp_span(row)),
            None => scopes.push((&row.scope, vec![otlp_span(row)])),
        }
    }
    let resource_spans = resources.into_iter().map(|(resource, scopes)| {
        let scopes = scopes
            .into_iter()
            .map(|(scope, spans)| object([("scope", otlp_scope(scope)), ("spans", spans.into())]));
        let attributes = attributes_to_json(&parse_object(resource));
        object([
            ("resource", object([("attributes", attributes)])),
            ("scopeSpans", scopes.collect::<Vec<_>>().into()),
        ])
    });
    object([("resourceSpans", resource_spans.collect::<Vec<_>>().into())])
}

pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A scope column as OTLP's `{name, version, attributes}`.
pub(super) fn otlp_scope(scope: &str) -> Value {
    let mut scope = parse_object(scope);
    if let Some(Value::Object(attributes)) = scope.remove("attributes") {
        scope.insert("attributes".into(), attributes_to_json(&attributes));
    }
    scope.into()
}

fn otlp_span(row: &SpanRow) -> Value {
    let mut attributes = parse_object(&row.attributes);
    let mut out = Object::new();
    let mut set = |key: &str, value: Value| drop(out.insert(key.into(), value));
    set("traceId", row.trace_id.as_str().into());
    set("spanId", row.span_id.as_str().into());
    if let Some(parent) = &row.parent_span_id {
        set("parentSpanId", parent.as_str().into());
    }
    set("name", row.name.as_str().into());
    set("startTimeUnixNano", row.start_time_unix_nano.to_string().into());
    set("endTimeUnixNano", row.end_time_unix_nano.to_string().into());
    let kind = match attributes.get("span.kind").and_then(Value::as_str) {
        Some("server") => 2,
        Some("client") => 3,
        Some("producer") => 4,
        Some("consumer") => 5,
        _ => 1,
    };
    set("kind", kind.into());
    if kind > 1 {
        attributes.remove("span.kind");
    }
    let fields = [
        ("w3c.tracestate", "traceState"),
        ("otel.dropped_attributes_count", "droppedAttributesCount"),
        ("otel.dropped_events_count", "droppedEventsCount"),
        ("otel.dropped_links_count", "droppedLinksCount"),
    ];
    for (attribute, field) in fields {
        if let Some(value) = attributes.remove(attribute) {
            set(field, value);
        }
    }
    let code = match row.status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    };
    let mut status = Object::new();
    status.insert("code".into(), code.into());
    if let Some(message) = &row.status_message {
        status.insert("message".into(), message.as_str().into());
    }
    set("status", status.into());
    set("events", otlp_items(&row.events));
    set("links", otlp_items(&row.links));
    set("attributes", attributes_to_json(&attributes));
    out.into()
}

/// Events or links with OTLP's names.
fn otlp_items(json: &str) -> Value {
    let items: Vec<Object> = serde_json::from_str(json).unwrap_or_default();
    let names = [
        ("dropped_attributes_count", "droppedAttributesCount"),
        ("trace_id", "traceId"),
        ("span_id", "spanId"),
        ("trace_state", "traceState"),
    ];
    let rename = |mut item: Object| {
        if let Some(time) = item.remove("time_unix_nano") {
            item.insert("timeUnixNano".into(), text(&time).into());
        }
        if let Some(Value::Object(attributes)) = item.remove("attributes") {
            item.insert("attributes".into(), attributes_to_json(&attributes));
        }
        for (ours, wire) in names {
            if let Some(value) = item.remove(ours).filter(|value| !value.is_null()) {
                item.insert(wire.into(), value);
            }
        }
        Value::Object(item)
    };
    items.into_iter().map(rename).collect()
}
