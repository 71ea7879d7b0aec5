//! Reads a SMOLTRACE run folder of the recordings, as far as these tests need it. The tolerant
//! reader of every age of that format is an importer's work; this one only knows its fixture.

use serde_json::{Value, json};
use smoltrace_model::{
    ids,
    inputs::{Declared, RunInputs},
    normalize,
    rows::{ResultRow, SpanKind, SpanRow, SpanStatus},
};

use super::{fixture, metrics, object, result};

/// Everything the folder holds.
pub fn run(folder: &str) -> RunInputs {
    let metrics = fixture(&format!("{folder}/metrics.json"));
    let run_id = metrics["run_id"].as_str().expect("run id").to_owned();
    let results = fixture(&format!("{folder}/results.json"));
    RunInputs {
        declared: Declared {
            leaderboard_row: object(fixture(&format!("{folder}/leaderboard_row.json"))),
            metadata: object(fixture(&format!("{folder}/metadata.json"))),
            aggregates: metrics["aggregates"].as_array().expect("aggregates").clone(),
            ..Declared::default()
        },
        origin: "smoltrace-json".into(),
        spans: spans(folder, &run_id),
        points: metrics::set_of(&metrics::points(&metrics)).into_points(&run_id),
        results: results.as_array().expect("results").iter().map(|row| read_result(row, &run_id)).collect(),
        dropped_non_finite: 0,
        run_id,
    }
}

fn read_result(row: &Value, run_id: &str) -> ResultRow {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    let uid = text("test_case_uid").expect("uid");
    ResultRow {
        run_id: run_id.into(),
        test_id: text("task_id").expect("task id"),
        agent_type: text("agent_type").expect("agent type"),
        model: text("model"),
        evaluation_date: text("evaluation_date"),
        difficulty: text("difficulty"),
        prompt: text("prompt"),
        success: row["success"].as_bool(),
        steps: row["steps"].as_i64(),
        response: text("response"),
        stop_reason: text("stop_reason"),
        trace_id: text("trace_id").map(|id| ids::trace_id(&id).expect("trace id")),
        span_id: text("span_id").map(|id| ids::span_id(&id).expect("span id")),
        ..result(&uid)
    }
}

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
