//! Reads a SMOLTRACE run folder of the recordings, as far as these tests need it. The tolerant
//! reader of every age of that format is an importer's work; this one only knows its fixture.

use serde_json::{Value, json};
use smoltrace_model::{
    ids, normalize,
    rows::{SpanKind, SpanRow, SpanStatus},
};

use super::{fixture, object};

/// The spans of the folder's traces.json.
pub fn spans(folder: &str, run_id: &str) -> Vec<SpanRow> {
    let traces = fixture(&format!("{folder}/traces.json"));
    let spans = traces.as_array().expect("a list of traces").iter();
    spans
        .flat_map(|trace| trace["spans"].as_array().expect("spans"))
        .map(|span| read_span(span, run_id))
        .collect()
}

fn read_span(span: &Value, run_id: &str) -> SpanRow {
    let text = |key: &str| span[key].as_str().expect(key).to_owned();
    let attributes = object(span["attributes"].clone());
    let resource = span["resource"]["attributes"].clone();
    let mut row = SpanRow {
        run_id: run_id.into(),
        trace_id: ids::trace_id(&text("trace_id")).expect("trace id"),
        span_id: ids::span_id(&text("span_id")).expect("span id"),
        parent_span_id: span["parent_span_id"].as_str().map(|id| ids::span_id(id).expect("span id")),
        test_uid: None,
        name: text("name"),
        kind: SpanKind::Other,
        start_time_unix_nano: span["start_time"].as_i64().expect("start"),
        end_time_unix_nano: span["end_time"].as_i64().expect("end"),
        status: SpanStatus::parse(span["status"]["code"].as_str().expect("code")).expect("status"),
        status_message: span["status"]["description"].as_str().map(str::to_owned),
        service: resource["service.name"].as_str().unwrap_or("unknown").into(),
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
        events: span["events"].to_string(),
        links: json!([]).to_string(),
        resource: resource.to_string(),
        scope: json!({}).to_string(),
        row_id: String::new(),
    };
    normalize::promote(&mut row, &attributes);
    row.attributes = Value::Object(attributes).to_string();
    row
}
