//! A trace as a whole: its root, its times, its usage; and as a tree for the timeline.
//!
//! Must not know runs, results or metrics.

use serde::{Deserialize, Serialize};

use crate::{
    forest::{Forest, NONE},
    rows::{SpanRow, SpanStatus},
    usage::{self, TraceUsage},
};

/// One trace. Its duration is its root span's wall clock, whatever its other spans add up to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceSummary {
    /// 32 hex digits.
    pub trace_id: String,
    /// Test that the root names, else the first span that names one.
    pub test_uid: Option<String>,
    /// The root: of the spans without a parent in the trace, one that names a test, else the
    /// earliest.
    pub root_span_id: String,
    /// Its name.
    pub root_name: String,
    /// `service.name` of the root.
    pub service: String,
    /// Model of the spans whose tokens count, the most frequent one.
    pub model: Option<String>,
    /// The root's start, Unix ns.
    pub start_time_unix_nano: i64,
    /// The root's end, Unix ns; never before its start.
    pub end_time_unix_nano: i64,
    /// The root's wall clock, ms.
    pub duration_ms: f64,
    /// Earliest start of any span, Unix ns.
    pub first_start_unix_nano: i64,
    /// Latest end of any span, Unix ns.
    pub last_end_unix_nano: i64,
    /// Spans, duplicates not counted.
    pub spans: i64,
    /// Spans whose parent is not in the trace, or is their own descendant.
    pub orphans: i64,
    /// Spans left out because another one has their id.
    pub duplicates: i64,
    /// Spans with status ERROR.
    pub errors: i64,
    /// Tokens, cost and calls.
    pub usage: TraceUsage,
}

/// The traces of `spans`, by start time, then trace id. Order and repetition change nothing.
pub fn summarize(spans: &[SpanRow]) -> Vec<TraceSummary> {
    let mut sorted: Vec<&SpanRow> = spans.iter().collect();
    sorted.sort_by(|a, b| a.trace_id.cmp(&b.trace_id));
    let mut traces: Vec<TraceSummary> =
        sorted.chunk_by(|a, b| a.trace_id == b.trace_id).filter_map(summary).collect();
    traces.sort_by(|a, b| (a.start_time_unix_nano, &a.trace_id).cmp(&(b.start_time_unix_nano, &b.trace_id)));
    traces
}

/// The summary of the spans of one trace; `None` without spans.
pub fn summary(spans: &[&SpanRow]) -> Option<TraceSummary> {
    let forest = Forest::new(spans);
    let nodes = &forest.nodes;
    // Roots come in order of start: the first that names a test, else the first.
    let roots = || nodes.iter().filter(|node| node.parent == NONE).map(|node| node.span);
    let root = roots().find(|span| span.test_uid.is_some()).or_else(|| roots().next())?;
    let first_named = nodes
        .iter()
        .filter(|node| node.span.test_uid.is_some())
        .min_by_key(|node| (node.span.start_time_unix_nano, &node.span.span_id));
    let end = root.end_time_unix_nano.max(root.start_time_unix_nano);
    let marks = usage::Marks::of(&forest);
    let models = nodes.iter().zip(&marks.counted).filter(|(_, counted)| **counted);
    let model = most_frequent(models.filter_map(|(node, _)| node.span.model.as_deref()))
        .or_else(|| most_frequent(nodes.iter().filter_map(|node| node.span.model.as_deref())));
    Some(TraceSummary {
        trace_id: root.trace_id.clone(),
        test_uid: root.test_uid.clone().or_else(|| first_named.and_then(|node| node.span.test_uid.clone())),
        root_span_id: root.span_id.clone(),
        root_name: root.name.clone(),
        service: root.service.clone(),
        model: model.map(str::to_owned),
        start_time_unix_nano: root.start_time_unix_nano,
        end_time_unix_nano: end,
        duration_ms: ms(nanos_between(root.start_time_unix_nano, end)),
        first_start_unix_nano: nodes.iter().map(|node| node.span.start_time_unix_nano).min()?,
        last_end_unix_nano: nodes
            .iter()
            .map(|node| node.span.end_time_unix_nano.max(node.span.start_time_unix_nano))
            .max()?,
        spans: nodes.len() as i64,
        orphans: nodes.iter().filter(|node| node.orphan).count() as i64,
        duplicates: forest.duplicates as i64,
        errors: nodes.iter().filter(|node| node.span.status == SpanStatus::Error).count() as i64,
        usage: marks.usage(&forest, 0..nodes.len()),
    })
}

/// A span's place in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Index in the input.
    pub index: usize,
    /// Place of its parent in the tree; `None` for a root.
    pub parent: Option<usize>,
    /// 0 for a root.
    pub depth: usize,
    /// Duration not covered by any child, ns.
    pub self_ns: i64,
    /// Whether its tokens count in the trace's total.
    pub counted: bool,
    /// Whether its parent is missing.
    pub orphan: bool,
}

/// The spans of one trace in depth-first order, siblings by start time; of spans with one id
/// one stands.
pub fn tree(spans: &[&SpanRow]) -> Vec<Node> {
    let forest = Forest::new(spans);
    let counted = usage::Marks::of(&forest).counted;
    let self_times = self_times(&forest);
    forest
        .nodes
        .iter()
        .enumerate()
        .map(|(place, node)| Node {
            index: node.index,
            parent: (node.parent != NONE).then_some(node.parent),
            depth: node.depth,
            self_ns: self_times[place],
            counted: counted[place],
            orphan: node.orphan,
        })
        .collect()
}

/// Per node: its duration less the union of its children's intervals, clipped to its own.
fn self_times(forest: &Forest) -> Vec<i64> {
    let nodes = &forest.nodes;
    let mut covered = vec![0_i64; nodes.len()];
    // How far each node is covered so far; siblings come in order of start.
    let mut reach: Vec<i64> = nodes.iter().map(|node| node.span.start_time_unix_nano).collect();
    for node in nodes {
        if node.parent == NONE {
            continue;
        }
        let parent = nodes[node.parent].span;
        let from = node.span.start_time_unix_nano.max(reach[node.parent]);
        let to = node.span.end_time_unix_nano.min(parent.end_time_unix_nano);
        if to > from {
            covered[node.parent] = covered[node.parent].saturating_add(nanos_between(from, to));
            reach[node.parent] = to;
        }
    }
    nodes
        .iter()
        .zip(covered)
        .map(|(node, covered)| {
            let whole = nanos_between(node.span.start_time_unix_nano, node.span.end_time_unix_nano);
            whole.saturating_sub(covered)
        })
        .collect()
}

/// Never negative.
fn nanos_between(start: i64, end: i64) -> i64 {
    end.saturating_sub(start).max(0)
}

/// Nanoseconds as milliseconds.
pub(crate) fn ms(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}

/// The value that stands most often; of equals the alphabetically first.
pub(crate) fn most_frequent<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(value, _)| value)
}
