//! Events of spans: those that came apart from their span, and the scores among them.

use std::collections::HashMap;

use serde_json::Value;

use crate::rows::{EventRow, SpanRow};

/// The event by which an evaluator says its verdict on a span.
pub const EVALUATION_RESULT: &str = "gen_ai.evaluation.result";

/// Puts events among those of their spans, in order of time; one that a span has already is not put
/// there again. Events of spans that are not here are passed over.
pub fn attach(spans: &mut [SpanRow], events: &[EventRow]) {
    let mut of_span: HashMap<(&str, &str), Vec<&EventRow>> = HashMap::new();
    for event in events {
        of_span.entry((&event.trace_id, &event.span_id)).or_default().push(event);
    }
    if of_span.is_empty() {
        return;
    }
    for span in spans {
        let Some(apart) = of_span.get(&(span.trace_id.as_str(), span.span_id.as_str())) else { continue };
        let mut all: Vec<Value> = serde_json::from_str(&span.events).unwrap_or_default();
        for event in apart {
            if let Ok(event) = serde_json::from_str(&event.event)
                && !all.contains(&event)
            {
                all.push(event);
            }
        }
        all.sort_by_cached_key(|event| {
            (event.get("time_unix_nano").and_then(Value::as_i64).unwrap_or(0), event.to_string())
        });
        span.events = Value::Array(all).to_string();
    }
}

/// Whether a span passed, as the evaluations among its events say by their labels: none failed and
/// one passed. None when they say neither.
pub fn verdict(events: &str) -> Option<bool> {
    if !events.contains(EVALUATION_RESULT) {
        return None;
    }
    let events: Vec<Value> = serde_json::from_str(events).unwrap_or_default();
    let evaluations = events.iter().filter(|event| event["name"] == EVALUATION_RESULT);
    let labels =
        evaluations.filter_map(|event| event["attributes"]["gen_ai.evaluation.score.label"].as_str());
    labels.filter_map(passed).reduce(|all, one| all && one)
}

/// Labels that can only mean one thing.
fn passed(label: &str) -> Option<bool> {
    match label.trim().to_ascii_lowercase().as_str() {
        "pass" | "passed" | "success" | "correct" | "true" | "yes" => Some(true),
        "fail" | "failed" | "failure" | "incorrect" | "false" | "no" => Some(false),
        _ => None,
    }
}
