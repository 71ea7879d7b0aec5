//! Shared by the test modules: builders of rows, and a plain reader of the recordings.

pub mod metrics;
pub mod recording;

use serde_json::{Map, Value};
use smoltrace_model::{
    normalize,
    rows::{ResultRow, SpanKind, SpanRow, SpanStatus},
};

pub const SECOND: i64 = 1_000_000_000;

/// A file under `fixtures/`.
pub fn fixture(path: &str) -> Value {
    let full = format!("{}/../../fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{full}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{full}: {error}"))
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// A span of trace 1 that lasts from `start` to `end` seconds.
pub fn span(id: u64, parent: Option<u64>, start: i64, end: i64) -> SpanRow {
    SpanRow {
        run_id: "run".into(),
        trace_id: format!("{:032x}", 1),
        span_id: format!("{id:016x}"),
        parent_span_id: parent.map(|parent| format!("{parent:016x}")),
        test_uid: None,
        name: format!("span {id}"),
        kind: SpanKind::Other,
        start_time_unix_nano: start * SECOND,
        end_time_unix_nano: end * SECOND,
        status: SpanStatus::Unset,
        status_message: None,
        service: "unknown".into(),
        model: None,
        provider: None,
        input_tokens: None,
        output_tokens: None,
        total_tokens: None,
        cache_read_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
        emitted_cost_usd: None,
        attributes: "{}".into(),
        events: "[]".into(),
        links: "[]".into(),
        resource: "{}".into(),
        scope: "{}".into(),
        row_id: String::new(),
    }
}

/// `span` with its attributes set and promoted.
pub fn with_attributes(mut span: SpanRow, attributes: Value) -> SpanRow {
    let attributes = object(attributes);
    normalize::promote(&mut span, &attributes);
    span.attributes = Value::Object(attributes).to_string();
    span
}

/// An LLM span with its token counts.
pub fn llm(id: u64, parent: Option<u64>, input: i64, output: i64) -> SpanRow {
    SpanRow {
        kind: SpanKind::Llm,
        input_tokens: Some(input),
        output_tokens: Some(output),
        total_tokens: Some(input + output),
        ..span(id, parent, id as i64, id as i64 + 1)
    }
}

/// An execution of the test `uid` (`agent:id`), as listed, with nothing known but that.
pub fn result(uid: &str) -> ResultRow {
    let (agent_type, test_id) = uid.split_once(':').expect("agent:id");
    ResultRow {
        run_id: "run".into(),
        test_uid: uid.into(),
        test_id: test_id.into(),
        agent_type: agent_type.into(),
        attempt: 0,
        ..ResultRow::blank()
    }
}
