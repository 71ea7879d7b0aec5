//! Summaries and the timeline's tree; the recording's expected totals.

use proptest::prelude::*;
use smoltrace_model::{
    rows::{SpanRow, SpanStatus},
    trace::{Node, summarize, tree},
};

use crate::support::{SECOND, fixture, llm, recording, span};

fn nodes(spans: &[SpanRow]) -> Vec<Node> {
    tree(&spans.iter().collect::<Vec<_>>())
}

#[test]
fn the_recording_has_its_expected_tokens_and_durations() {
    let spans = recording::spans("smoltrace_run_two_gpus", "run");
    let vectors = fixture("vectors/traces.json");
    let expected = &vectors["recordings"][0];
    let traces = summarize(&spans);
    let tests = expected["tests"].as_object().expect("tests");
    assert_eq!(traces.len(), tests.len());
    let (mut tokens, mut duration_ms) = (0, 0.0);
    for trace in &traces {
        let uid = trace.test_uid.as_deref().expect("every trace is of a test");
        assert_eq!(trace.usage.total_tokens, tests[uid]["tokens"].as_i64(), "{uid}");
        let expected_ms = tests[uid]["duration_ms"].as_f64().expect("duration");
        assert!((trace.duration_ms - expected_ms).abs() < 1e-4, "{uid}: {}", trace.duration_ms);
        assert_eq!(trace.root_name, "test_evaluation");
        assert_eq!((trace.orphans, trace.duplicates), (0, 0));
        tokens += trace.usage.total_tokens.unwrap_or(0);
        duration_ms += trace.duration_ms;
    }
    assert_eq!(Some(tokens), expected["run"]["total_tokens"].as_i64());
    let expected_ms = expected["run"]["total_duration_ms"].as_f64().expect("duration");
    assert!((duration_ms - expected_ms).abs() < 1e-3, "{duration_ms}");
    let cost: f64 = traces.iter().filter_map(|trace| trace.usage.cost_usd).sum();
    // The recording's own row adds every cost three times.
    assert!((cost * 3.0 - 0.008427).abs() < 1e-6, "{cost}");
}

#[test]
fn the_root_names_a_test_or_came_first() {
    let named = |span: SpanRow, uid: &str| SpanRow { test_uid: Some(uid.into()), ..span };
    let check = |what: &str, spans: &[SpanRow], root: u64, uid: Option<&str>, orphans: i64| {
        let traces = summarize(spans);
        assert_eq!(traces.len(), 1, "{what}");
        assert_eq!(traces[0].root_span_id, format!("{root:016x}"), "{what}");
        assert_eq!(traces[0].test_uid.as_deref(), uid, "{what}");
        assert_eq!(traces[0].orphans, orphans, "{what}");
    };
    check("one", &[span(1, None, 0, 9)], 1, None, 0);
    check("the earliest", &[span(1, None, 5, 9), span(2, None, 0, 1)], 2, None, 0);
    check("a test", &[span(1, None, 0, 9), named(span(2, None, 5, 6), "tool:a")], 2, Some("tool:a"), 0);
    check(
        "a test beneath",
        &[span(1, None, 0, 9), named(span(2, Some(1), 5, 6), "tool:a")],
        1,
        Some("tool:a"),
        0,
    );
    check("a lost parent", &[span(2, Some(1), 5, 6), span(3, Some(2), 5, 6)], 2, None, 1);
    check("a cycle", &[span(2, Some(3), 5, 6), span(3, Some(2), 4, 6)], 3, None, 1);
}

#[test]
fn a_summary_tells_times_and_errors() {
    let mut early_child = span(2, Some(1), 8, 30);
    early_child.status = SpanStatus::Error;
    let traces = summarize(&[span(1, None, 10, 20), early_child.clone(), early_child]);
    let trace = &traces[0];
    assert_eq!(trace.duration_ms, 10_000.0);
    assert_eq!((trace.start_time_unix_nano, trace.end_time_unix_nano), (10 * SECOND, 20 * SECOND));
    assert_eq!((trace.first_start_unix_nano, trace.last_end_unix_nano), (8 * SECOND, 30 * SECOND));
    assert_eq!((trace.spans, trace.errors, trace.duplicates), (2, 1, 1));
    // A clock that went back makes no negative duration.
    assert_eq!(summarize(&[span(1, None, 10, 3)])[0].duration_ms, 0.0);
    assert_eq!(summarize(&[span(1, None, i64::MIN / SECOND, i64::MAX / SECOND)]).len(), 1);
}

#[test]
fn traces_come_by_start() {
    let of =
        |trace: u64, start| SpanRow { trace_id: format!("{trace:032x}"), ..span(1, None, start, start + 1) };
    let ids: Vec<String> =
        summarize(&[of(1, 5), of(2, 3), of(3, 5)]).into_iter().map(|t| t.trace_id).collect();
    assert_eq!(ids, [2, 1, 3].map(|trace| format!("{trace:032x}")));
}

#[test]
fn the_tree_is_depth_first_by_start() {
    let spans = [
        span(4, Some(2), 3, 4),
        span(3, Some(1), 5, 9),
        span(1, None, 0, 10),
        span(2, Some(1), 1, 5),
        span(5, Some(9), 0, 1),
    ];
    let order: Vec<(u64, usize)> = nodes(&spans)
        .iter()
        .map(|node| (u64::from_str_radix(&spans[node.index].span_id, 16).expect("hex"), node.depth))
        .collect();
    assert_eq!(order, [(1, 0), (2, 1), (4, 2), (3, 1), (5, 0)]);
}

#[test]
fn self_time_is_what_no_child_covers() {
    let check = |what: &str, children: &[(i64, i64)], expected: i64| {
        let mut spans = vec![span(1, None, 10, 20)];
        spans.extend(
            children.iter().enumerate().map(|(n, (start, end))| span(n as u64 + 2, Some(1), *start, *end)),
        );
        assert_eq!(nodes(&spans)[0].self_ns, expected * SECOND, "{what}");
    };
    check("alone", &[], 10);
    check("a child", &[(12, 15)], 7);
    check("apart", &[(12, 13), (14, 15)], 8);
    check("overlapping", &[(12, 15), (13, 16)], 6);
    check("one within another", &[(12, 18), (13, 14), (15, 16)], 4);
    check("started before", &[(0, 12)], 8);
    check("ended after", &[(18, 99)], 8);
    check("elsewhere", &[(0, 5), (30, 40)], 10);
    check("backwards", &[(15, 12)], 10);
    check("all", &[(0, 99)], 0);
}

#[test]
fn the_tree_marks_whose_tokens_count() {
    let spans = [llm(1, None, 10, 5), llm(2, Some(1), 10, 5)];
    let counted: Vec<bool> = nodes(&spans).iter().map(|node| node.counted).collect();
    assert_eq!(counted, [false, true]);
}

#[test]
fn a_deep_chain_is_no_danger() {
    let chain: Vec<SpanRow> = (1..=50_000).map(|id| span(id, (id > 1).then(|| id - 1), 0, 1)).collect();
    let nodes = nodes(&chain);
    assert_eq!(nodes.len(), 50_000);
    assert_eq!(nodes.last().map(|node| node.depth), Some(49_999));
    assert_eq!(summarize(&chain)[0].spans, 50_000);
}

proptest! {
    #[test]
    fn every_span_stands_once_after_its_parent(
        links in prop::collection::vec((1..20_u64, prop::option::of(1..22_u64), 0..9_i64, 0..9_i64), 0..40)
    ) {
        let spans: Vec<SpanRow> =
            links.into_iter().map(|(id, parent, start, end)| span(id, parent, start, end)).collect();
        let nodes = nodes(&spans);
        let mut ids: Vec<&str> = nodes.iter().map(|node| &*spans[node.index].span_id).collect();
        ids.sort_unstable();
        let mut expected: Vec<&str> = spans.iter().map(|span| &*span.span_id).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(ids, expected);
        for (place, node) in nodes.iter().enumerate() {
            let row = &spans[node.index];
            prop_assert!(node.self_ns >= 0);
            prop_assert!(node.self_ns <= (row.end_time_unix_nano - row.start_time_unix_nano).max(0));
            if node.depth > 0 {
                let above = nodes[..place].iter().rev().find(|other| other.depth < node.depth);
                let parent = above.map(|other| &*spans[other.index].span_id);
                prop_assert_eq!(parent, row.parent_span_id.as_deref());
            }
        }
    }

    #[test]
    fn summaries_do_not_depend_on_order(
        (spans, shuffled) in prop::collection::vec((1..4_u64, 1..9_u64, prop::option::of(1..9_u64), 0..4_i64), 0..30)
            .prop_map(|rows| rows.into_iter().map(|(trace, id, parent, start)| SpanRow {
                trace_id: format!("{trace:032x}"),
                test_uid: (id % 3 == 0).then(|| format!("tool:{id}")),
                ..llm(id, parent, start, 1)
            }).collect::<Vec<_>>())
            .prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle()))
    ) {
        prop_assert_eq!(summarize(&spans), summarize(&shuffled));
    }
}
