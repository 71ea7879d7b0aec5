//! Log records: one that names a span becomes an event of it.

use std::collections::HashMap;

use serde_json::Value;
use smoltrace_model::{
    ids,
    rows::{EventRow, SpanRow},
};

use super::{
    Origin, Telemetry,
    attributes::{from_json, plain},
    span::{event_json, id, take, time},
};
use crate::json::{Object, canonical_array, text};

/// A record as the span event it becomes.
#[derive(Debug)]
pub struct LogEvent {
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    /// Unix ns.
    pub time: i64,
    pub name: String,
    pub event: Value,
    /// Of its resource.
    pub run_id: String,
    pub service: String,
}

impl LogEvent {
    /// The row, not sealed, of a GenAI event of a span; other records are no part of what is kept.
    pub fn into_row(self) -> Option<EventRow> {
        let (Some(trace_id), Some(span_id)) = (self.trace_id, self.span_id) else { return None };
        self.name.starts_with("gen_ai.").then(|| EventRow {
            run_id: self.run_id,
            trace_id,
            span_id,
            time_unix_nano: self.time,
            name: self.name,
            service: self.service,
            event: self.event.to_string(),
            row_id: String::new(),
        })
    }
}

/// What a record says, in the names of its fields.
pub struct LogRecord {
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    pub time: i64,
    pub event_name: String,
    pub severity: String,
    pub body: Value,
    pub attributes: Object,
}

impl LogRecord {
    /// The record with all that it says among its attributes.
    pub fn gathered(mut self) -> Self {
        let body = std::mem::take(&mut self.body);
        if !body.is_null() {
            self.attributes.entry("body").or_insert(body);
        }
        let severity = std::mem::take(&mut self.severity);
        if !severity.is_empty() {
            self.attributes.entry("severity").or_insert(severity.into());
        }
        self
    }

    /// The event of a gathered record.
    pub fn into_event(self, origin: &Origin) -> LogEvent {
        let named = self.attributes.get("event.name").and_then(text);
        let name = Some(self.event_name).filter(|name| !name.is_empty()).or(named);
        let name = name.unwrap_or_else(|| "log".into());
        LogEvent {
            trace_id: self.trace_id,
            span_id: self.span_id,
            time: self.time,
            event: event_json(name.clone(), self.time, self.attributes, 0),
            name,
            run_id: origin.run_id.clone(),
            service: origin.service.clone(),
        }
    }
}

/// A log record in JSON.
pub fn log_from_object(mut object: Object) -> Result<LogRecord, String> {
    let observed = time(&mut object, &["observedTimeUnixNano", "observed_time_unix_nano"])?;
    let time = time(&mut object, &["timeUnixNano", "time_unix_nano"])?;
    let word = |value: Option<Value>| value.as_ref().and_then(text).unwrap_or_default();
    Ok(LogRecord {
        trace_id: id(take(&mut object, &["traceId", "trace_id"]), ids::trace_id, 16)?,
        span_id: id(take(&mut object, &["spanId", "span_id"]), ids::span_id, 8)?,
        time: if time == 0 { observed } else { time },
        event_name: word(take(&mut object, &["eventName", "event_name"])),
        severity: word(take(&mut object, &["severityText", "severity_text"])),
        body: plain(take(&mut object, &["body"]).unwrap_or_default()),
        attributes: from_json(object.remove("attributes").unwrap_or_default())
            .ok_or("the attributes are neither an object nor a key/value list")?,
    })
}

/// Makes the records events of the spans they name; the rest is counted in a note.
pub(crate) fn attach(telemetry: &mut Telemetry) {
    let mut logs = std::mem::take(&mut telemetry.logs);
    if logs.is_empty() {
        return;
    }
    logs.sort_by_key(|log| log.time);
    let mut of_span: HashMap<(String, String), Vec<Value>> = HashMap::new();
    let mut apart = 0_u64;
    for log in logs {
        match (log.trace_id, log.span_id) {
            (Some(trace), Some(span)) => of_span.entry((trace, span)).or_default().push(log.event),
            _ => apart += 1,
        }
    }
    for span in &mut telemetry.spans {
        if let Some(events) = of_span.remove(&(span.trace_id.clone(), span.span_id.clone())) {
            append(span, events);
        }
    }
    apart += of_span.values().map(|events| events.len() as u64).sum::<u64>();
    if apart > 0 {
        telemetry.notes.add(format_args!("{apart} log records belong to no span here; they are left out"));
    }
}

fn append(span: &mut SpanRow, events: Vec<Value>) {
    let mut all: Vec<Value> = serde_json::from_str(&span.events).unwrap_or_default();
    all.extend(events);
    span.events = canonical_array(&all);
}
