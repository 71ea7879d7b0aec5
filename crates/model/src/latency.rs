//! Where the time of a trace went: the model, the tools, and the rest; and which operations took it.
//!
//! Must not know runs, results or metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    rows::{SpanKind, SpanRow, SpanStatus},
    stats,
    trace::{self, ms},
};

/// A trace's wall clock in three parts, which add up to it exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// A call of a model was open, ns.
    pub llm_ns: i64,
    /// No model call was open, but a tool, a retriever or an embedding, ns.
    pub tool_ns: i64,
    /// The rest: the agent's own work, and waiting, ns.
    pub other_ns: i64,
}

/// Divides the root's wall clock among what was open at each instant; `None` without spans. Calls at the same time
/// count once, and what lies outside the root does not count.
pub fn breakdown(spans: &[&SpanRow]) -> Option<Breakdown> {
    let root = trace::summary(spans)?;
    let (start, end) = (root.start_time_unix_nano, root.end_time_unix_nano);
    // Openings and closings in order of time: (instant, which kind, +1 or -1).
    let mut edges: Vec<(i64, usize, i64)> = Vec::new();
    for span in spans {
        let Some(part) = part(span.kind) else { continue };
        let from = span.start_time_unix_nano.clamp(start, end);
        let to = span.end_time_unix_nano.clamp(start, end);
        if to > from {
            edges.extend([(from, part, 1), (to, part, -1)]);
        }
    }
    edges.sort_unstable();
    let mut open = [0_i64; 2];
    let mut spent = [0_i64; 2];
    let mut before = start;
    for (at, part, step) in edges {
        if let Some(running) = open.iter().position(|count| *count > 0) {
            spent[running] += at - before;
        }
        before = at;
        open[part] += step;
    }
    let [llm_ns, tool_ns] = spent;
    Some(Breakdown { llm_ns, tool_ns, other_ns: end.saturating_sub(start) - llm_ns - tool_ns })
}

/// Models go before tools: a tool that asks a model waits for it.
fn part(kind: SpanKind) -> Option<usize> {
    match kind {
        SpanKind::Llm => Some(0),
        SpanKind::Tool | SpanKind::Retriever | SpanKind::Embedding => Some(1),
        _ => None,
    }
}

/// All spans of one kind and name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Operation {
    pub kind: SpanKind,
    /// Name as emitted.
    pub name: String,
    pub calls: i64,
    /// Calls that ended in an error.
    pub errors: i64,
    /// Sum of the calls' own time, which no child covers, ms. Over all operations it counts nothing twice, except
    /// what ran at the same time.
    pub self_ms: f64,
    /// Sum of the calls' durations, ms; nested calls of one name count each.
    pub total_ms: f64,
    /// Median duration of a call, ms.
    pub p50_ms: f64,
    /// Duration that 95 of 100 calls stay within, ms.
    pub p95_ms: f64,
    /// Longest call, ms.
    pub max_ms: f64,
}

#[derive(Default)]
struct Calls {
    errors: i64,
    self_ns: i64,
    durations_ms: Vec<f64>,
}

/// The operations of the traces that `spans` are of, by their own time, the longest first.
pub fn operations(spans: &[SpanRow]) -> Vec<Operation> {
    let mut sorted: Vec<&SpanRow> = spans.iter().collect();
    sorted.sort_by(|a, b| a.trace_id.cmp(&b.trace_id));
    let mut found: BTreeMap<(SpanKind, &str), Calls> = BTreeMap::new();
    for of_trace in sorted.chunk_by(|a, b| a.trace_id == b.trace_id) {
        for node in trace::tree(of_trace) {
            let span = of_trace[node.index];
            let calls = found.entry((span.kind, &span.name)).or_default();
            calls.errors += i64::from(span.status == SpanStatus::Error);
            calls.self_ns = calls.self_ns.saturating_add(node.self_ns);
            let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano).max(0);
            calls.durations_ms.push(ms(duration));
        }
    }
    let mut operations: Vec<Operation> = found
        .into_iter()
        .map(|((kind, name), mut calls)| {
            let durations = &mut calls.durations_ms;
            durations.sort_by(f64::total_cmp);
            Operation {
                kind,
                name: name.to_owned(),
                calls: durations.len() as i64,
                errors: calls.errors,
                self_ms: ms(calls.self_ns),
                total_ms: durations.iter().sum(),
                p50_ms: stats::quantile(durations, 0.5),
                p95_ms: stats::quantile(durations, 0.95),
                max_ms: durations.last().copied().unwrap_or(0.0),
            }
        })
        .collect();
    operations.sort_by(|a, b| {
        b.self_ms.total_cmp(&a.self_ms).then_with(|| (a.kind, &a.name).cmp(&(b.kind, &b.name)))
    });
    operations
}
