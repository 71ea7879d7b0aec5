//! Spans of an execution, as rows of the table. A span that is dropped before its end was cut off, and says so.
//!
//! Names and attributes follow OpenTelemetry's GenAI conventions and OpenInference's kinds. Knows no agent.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use smoltrace_model::{
    ids::content_id,
    normalize,
    rows::{SpanRow, SpanStatus},
};

use crate::clock::Clock;

/// Collects the spans of one trace.
pub struct Tracer {
    run_id: String,
    trace_id: String,
    service: String,
    resource: String,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    started: u64,
    spans: Vec<SpanRow>,
}

/// The scope of all spans.
const SCOPE: &str = concat!("{\"name\":\"smoltrace.eval\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}");
/// Characters of a text attribute; more are left out.
const MOST_CHARACTERS: usize = 100_000;

impl Tracer {
    /// A tracer of the trace that `seed` names: the same seed gives the same ids.
    pub fn new(run_id: &str, seed: &[&str], resource: &Map<String, Value>, clock: Clock) -> Arc<Self> {
        let mut parts = vec![run_id.as_bytes()];
        parts.extend(seed.iter().map(|part| part.as_bytes()));
        let service = resource.get("service.name").and_then(Value::as_str).unwrap_or("smoltrace-eval");
        Arc::new(Self {
            run_id: run_id.into(),
            trace_id: content_id(parts),
            service: service.into(),
            resource: Value::Object(resource.clone()).to_string(),
            clock,
            state: Mutex::default(),
        })
    }

    /// 32 hex digits.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Begins a span beneath the one that has the id `parent`, which may have ended.
    pub fn start(self: &Arc<Self>, name: impl Into<String>, parent: Option<&str>) -> Span {
        let started = {
            let mut state = self.lock();
            state.started += 1;
            state.started
        };
        let mut id = content_id([self.trace_id.as_bytes(), &started.to_le_bytes()]);
        id.truncate(16);
        Span {
            tracer: self.clone(),
            id,
            parent: parent.map(str::to_owned),
            name: name.into(),
            start: (self.clock)(),
            attributes: Map::new(),
            events: Vec::new(),
            outcome: None,
        }
    }

    /// The spans that have ended, in the order of their starts.
    pub fn take(&self) -> Vec<SpanRow> {
        let mut spans = std::mem::take(&mut self.lock().spans);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span under way. Ends when it is dropped.
pub struct Span {
    tracer: Arc<Tracer>,
    id: String,
    parent: Option<String>,
    name: String,
    start: i64,
    attributes: Map<String, Value>,
    events: Vec<Value>,
    outcome: Option<Result<(), String>>,
}

impl Span {
    /// 16 hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn tracer(&self) -> &Arc<Tracer> {
        &self.tracer
    }

    /// As the `traceparent` header has it.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.tracer.trace_id, self.id)
    }

    /// A span beneath this one.
    pub fn child(&self, name: impl Into<String>) -> Span {
        self.tracer.start(name, Some(&self.id))
    }

    /// Sets an attribute; null leaves it out, long text is cut.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        match value.into() {
            Value::Null => {}
            Value::String(text) => {
                self.attributes.insert(key.into(), cut(text).into());
            }
            value => {
                self.attributes.insert(key.into(), value);
            }
        }
    }

    pub fn event(&mut self, name: &str, attributes: Value) {
        let time = (self.tracer.clock)();
        self.events.push(json!({"name": name, "time_unix_nano": time, "attributes": attributes}));
    }

    /// It did what it was to do.
    pub fn ok(&mut self) {
        self.outcome = Some(Ok(()));
    }

    /// It failed, for a reason that has a name.
    pub fn fail(&mut self, kind: &str, message: &str) {
        self.set("error.type", kind);
        self.event(
            "exception",
            json!({"exception.type": kind, "exception.message": cut(message.to_owned())}),
        );
        self.outcome = Some(Err(cut(message.to_owned())));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let tracer = self.tracer.clone();
        let end = (tracer.clock)().max(self.start);
        let (status, status_message) = match self.outcome.take() {
            Some(Ok(())) => (SpanStatus::Ok, None),
            Some(Err(message)) => (SpanStatus::Error, Some(message)),
            None => (SpanStatus::Error, Some("cut off".into())),
        };
        let mut row = SpanRow {
            run_id: tracer.run_id.clone(),
            trace_id: tracer.trace_id.clone(),
            span_id: std::mem::take(&mut self.id),
            parent_span_id: self.parent.take(),
            test_uid: None,
            name: std::mem::take(&mut self.name),
            kind: smoltrace_model::rows::SpanKind::Other,
            start_time_unix_nano: self.start,
            end_time_unix_nano: end,
            status,
            status_message,
            service: tracer.service.clone(),
            model: None,
            provider: None,
            input_tokens: None,
            output_tokens: None,
            total_tokens: None,
            cache_read_tokens: None,
            cache_write_tokens: None,
            reasoning_tokens: None,
            emitted_cost_usd: None,
            attributes: String::new(),
            events: Value::Array(std::mem::take(&mut self.events)).to_string(),
            links: "[]".into(),
            resource: tracer.resource.clone(),
            scope: SCOPE.into(),
            row_id: String::new(),
        };
        normalize::promote(&mut row, &self.attributes);
        row.attributes = Value::Object(std::mem::take(&mut self.attributes)).to_string();
        tracer.lock().spans.push(row);
    }
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        text.truncate(at);
        text.push('…');
    }
    text
}
