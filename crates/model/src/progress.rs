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
}

/// Tells done tests from running ones.
pub fn tests_so_far(spans: &[SpanRow]) -> TestsSoFar {
    let mut traces: BTreeMap<&str, bool> = BTreeMap::new();
    for span in spans {
        *traces.entry(&span.trace_id).or_default() |= span.parent_span_id.is_none();
    }
    let done = traces.values().filter(|has_root| **has_root).count();
    TestsSoFar { done: done as i64, running: (traces.len() - done) as i64 }
}

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
pub fn planned_tests(run: &RunRow) -> Option<i64> {
    let declared: serde_json::Value = serde_json::from_str(&run.declared).ok()?;
    let places =
        ["/leaderboard_row/planned_tests", "/metadata/planned_tests", "/metadata/run_state/planned_tests"];
    places.iter().find_map(|place| declared.pointer(place)?.as_i64()).filter(|planned| *planned >= 0)
}
