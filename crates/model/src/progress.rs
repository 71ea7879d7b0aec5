//! A run that is under way: how far it has come, by what has come of it so far.
//!
//! A test's root span ends last, and a span is told of when it has ended. So a trace whose root is there is a test
//! that is done, and a trace whose spans name parents that are not there is a test that is running.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use crate::{
    gpus::GpuMetric,
    rows::{RunRow, SpanRow},
    series::SeriesSet,
};

/// A sensor that has said nothing for so long before the newest sample of all says nothing of now, ns.
const SILENT_NS: i64 = 30_000_000_000;

/// Tests of a run by how far they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TestsSoFar {
    pub done: i64,
    pub running: i64,
    /// None when the run did not say how many there will be.
    pub queued: Option<i64>,
}

/// Tells done tests from running ones and those to come.
///
/// Some runs tell of a test when it is done, and not before. Where such a run said how many tests there are and how many it
/// runs at a time, that many are running, or as many as are left. A test that a stop cut off is none of them: it runs again.
pub fn tests_so_far(run: &RunRow, spans: &[SpanRow]) -> TestsSoFar {
    let mut traces: BTreeMap<&str, Option<&SpanRow>> = BTreeMap::new();
    for span in spans {
        let root = traces.entry(&span.trace_id).or_default();
        if span.parent_span_id.is_none() {
            *root = Some(span);
        }
    }
    let roots = traces.values().flatten();
    let cut_off = roots.clone().filter(|root| root.attributes.contains(CUT_OFF)).count() as i64;
    let done = roots.count() as i64 - cut_off;
    let seen = traces.values().filter(|root| root.is_none()).count() as i64;
    let declared: serde_json::Value = serde_json::from_str(&run.declared).unwrap_or_default();
    let Some(planned) = planned(&declared) else {
        return TestsSoFar { done, running: seen, queued: None };
    };
    let left = (planned - done).max(0);
    let at_a_time =
        declared.pointer("/metadata/settings/parallel_workers").and_then(serde_json::Value::as_i64);
    let running = seen.max(at_a_time.unwrap_or(0).min(left));
    TestsSoFar { done, running, queued: Some((left - running).max(0)) }
}

/// What the root of a test that a stop cut off has among its attributes, which are canonical JSON.
const CUT_OFF: &str = "\"test.stop_reason\":\"run_stopped\"";

/// The spans that ended last, newest first, each once.
pub fn latest(spans: &[SpanRow], most: usize) -> Vec<&SpanRow> {
    let mut spans: Vec<&SpanRow> = spans.iter().collect();
    spans.sort_by_key(|span| (Reverse(span.end_time_unix_nano), &span.trace_id, &span.span_id));
    let mut seen = HashSet::new();
    spans.retain(|span| seen.insert((&span.trace_id, &span.span_id)));
    spans.truncate(most);
    spans
}

/// Power of all GPUs by their newest samples, W, and when the newest was taken, Unix ns. None without any.
pub fn power_now(set: &SeriesSet) -> Option<(f64, i64)> {
    let power = set.series().iter().filter(|series| series.info.metric == GpuMetric::Power.name());
    let newest: Vec<_> =
        power.filter_map(|series| series.samples.iter().max_by_key(|s| s.time_unix_nano)).collect();
    let at = newest.iter().map(|sample| sample.time_unix_nano).max()?;
    let current = newest.iter().filter(|sample| at.saturating_sub(sample.time_unix_nano) <= SILENT_NS);
    let mut watts: Vec<f64> = current.map(|sample| sample.value).collect();
    Some((crate::sum::sum_unordered(&mut watts), at))
}

/// Tests that the run's source said it would run; none when it did not.
fn planned(declared: &serde_json::Value) -> Option<i64> {
    let places =
        ["/leaderboard_row/planned_tests", "/metadata/planned_tests", "/metadata/run_state/planned_tests"];
    places.iter().find_map(|place| declared.pointer(place)?.as_i64()).filter(|planned| *planned >= 0)
}
