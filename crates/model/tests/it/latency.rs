//! The parts of a trace's time, and the operations that took it.

use proptest::prelude::*;
use smoltrace_model::{
    latency::{Breakdown, breakdown, operations},
    rows::{SpanKind, SpanRow, SpanStatus},
    trace::summarize,
};

use crate::support::{SECOND, recording, span};

fn of(kind: SpanKind, span: SpanRow) -> SpanRow {
    SpanRow { kind, ..span }
}

#[test]
fn the_parts_of_a_trace_make_its_duration() {
    let check = |what: &str, spans: &[SpanRow], llm: i64, tool: i64, other: i64| {
        let [llm_ns, tool_ns, other_ns] = [llm, tool, other].map(|seconds| seconds * SECOND);
        let parts = breakdown(&spans.iter().collect::<Vec<_>>());
        assert_eq!(parts, Some(Breakdown { llm_ns, tool_ns, other_ns }), "{what}");
    };
    use SpanKind::{Embedding, Llm, Tool};
    check("alone", &[span(1, None, 0, 9)], 0, 0, 9);
    check("a root that is a call", &[of(Llm, span(1, None, 0, 9))], 9, 0, 0);
    check(
        "one after the other",
        &[span(1, None, 0, 9), of(Llm, span(2, Some(1), 1, 4)), of(Tool, span(3, Some(1), 4, 6))],
        3,
        2,
        4,
    );
    check(
        "nested instrumentations",
        &[span(1, None, 0, 9), of(Llm, span(2, Some(1), 1, 5)), of(Llm, span(3, Some(2), 2, 4))],
        4,
        0,
        5,
    );
    check(
        "tools at the same time",
        &[span(1, None, 0, 9), of(Tool, span(2, Some(1), 1, 5)), of(Embedding, span(3, Some(1), 3, 7))],
        0,
        6,
        3,
    );
    check(
        "a tool that asks a model",
        &[span(1, None, 0, 9), of(Tool, span(2, Some(1), 1, 8)), of(Llm, span(3, Some(2), 2, 5))],
        3,
        4,
        2,
    );
    check("a call that outlives its root", &[span(1, None, 0, 4), of(Llm, span(2, Some(1), 3, 9))], 1, 0, 3);
    check(
        "a call that ends before it starts",
        &[span(1, None, 0, 4), of(Llm, span(2, Some(1), 3, 1))],
        0,
        0,
        4,
    );
    assert_eq!(breakdown(&[]), None);
}

#[test]
fn operations_are_counted_by_kind_and_name() {
    let named = |name: &str, span: SpanRow| SpanRow { name: name.into(), ..span };
    let spans = [
        named("run", span(1, None, 0, 10)),
        named("chat", of(SpanKind::Llm, span(2, Some(1), 0, 2))),
        named("chat", of(SpanKind::Llm, span(3, Some(1), 2, 6))),
        SpanRow { status: SpanStatus::Error, ..named("chat", of(SpanKind::Tool, span(4, Some(1), 6, 7))) },
    ];
    let found = operations(&spans);
    let brief: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.kind, one.calls, one.errors, one.self_ms, one.max_ms))
        .collect();
    assert_eq!(
        brief,
        [
            ("chat", SpanKind::Llm, 2, 0, 6000.0, 4000.0),
            ("run", SpanKind::Other, 1, 0, 3000.0, 10_000.0),
            ("chat", SpanKind::Tool, 1, 1, 1000.0, 1000.0),
        ]
    );
    assert_eq!((found[0].total_ms, found[0].p50_ms), (6000.0, 3000.0));
}

#[test]
fn the_recordings_time_is_accounted_for() {
    let spans = recording::spans("smoltrace_run_two_gpus", "run");
    let self_ms: f64 = operations(&spans).iter().map(|operation| operation.self_ms).sum();
    let duration_ms: f64 = summarize(&spans).iter().map(|trace| trace.duration_ms).sum();
    assert!((self_ms - duration_ms).abs() < 1e-3, "{self_ms} of {duration_ms}");
}

proptest! {
    #[test]
    fn the_parts_add_up_in_any_order(
        calls in prop::collection::vec((0_i64..20, 0_i64..20, 0_usize..4), 0..12),
        turn in 0_usize..12,
    ) {
        let kinds = [SpanKind::Llm, SpanKind::Tool, SpanKind::Retriever, SpanKind::Step];
        let mut spans = vec![span(1, None, 2, 15)];
        for (at, (start, end, kind)) in calls.into_iter().enumerate() {
            spans.push(of(kinds[kind], span(at as u64 + 2, Some(1), start, end)));
        }
        let parts = breakdown(&spans.iter().collect::<Vec<_>>()).expect("there is a root");
        prop_assert_eq!(parts.llm_ns + parts.tool_ns + parts.other_ns, 13 * SECOND);
        prop_assert!(parts.llm_ns >= 0 && parts.tool_ns >= 0 && parts.other_ns >= 0);
        let at = turn % spans.len();
        spans.rotate_left(at);
        prop_assert_eq!(breakdown(&spans.iter().collect::<Vec<_>>()), Some(parts));
    }
}
