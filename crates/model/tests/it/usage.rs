//! The leaf rule: who counts when spans repeat each other.

use proptest::prelude::*;
use smoltrace_model::{
    rows::{Source, SpanKind, SpanRow},
    usage::{TraceUsage, trace_usage},
};

use crate::support::{llm, span};

fn usage(spans: &[SpanRow]) -> TraceUsage {
    trace_usage(&spans.iter().collect::<Vec<_>>())
}

fn cost(id: u64, parent: Option<u64>, usd: f64) -> SpanRow {
    SpanRow { emitted_cost_usd: Some(usd), ..span(id, parent, id as i64, id as i64 + 1) }
}

#[test]
fn only_the_deepest_bearers_count() {
    let check = |what: &str, spans: &[SpanRow], expected: Option<i64>| {
        assert_eq!(usage(spans).total_tokens, expected, "{what}");
    };
    check("nothing", &[], None);
    check("no usage", &[span(1, None, 0, 1)], None);
    check("one", &[llm(1, None, 10, 5)], Some(15));
    check("a zero", &[llm(1, None, 0, 0)], Some(0));
    check(
        "three layers of one call",
        &[llm(1, None, 10, 5), llm(2, Some(1), 10, 5), llm(3, Some(2), 10, 5)],
        Some(15),
    );
    check(
        "an agent repeats two calls",
        &[llm(1, None, 30, 10), llm(2, Some(1), 10, 5), llm(3, Some(1), 20, 5)],
        Some(40),
    );
    check(
        "a span without usage between",
        &[llm(1, None, 10, 5), span(2, Some(1), 0, 1), llm(3, Some(2), 10, 5)],
        Some(15),
    );
    check("a parent that is not there", &[llm(2, Some(1), 10, 5), llm(3, Some(1), 1, 1)], Some(17));
    check("its own parent", &[llm(1, Some(1), 10, 5)], Some(15));
    check("a cycle", &[llm(1, Some(2), 10, 5), llm(2, Some(1), 10, 5)], Some(15));
    check(
        "a tail on a cycle",
        &[llm(1, Some(2), 10, 5), llm(2, Some(1), 10, 5), llm(3, Some(2), 7, 0)],
        Some(7),
    );
    check("one span twice", &[llm(1, None, 10, 5), llm(1, None, 10, 5)], Some(15));
    check("a zero hides no count above it", &[llm(1, None, 10, 5), llm(2, Some(1), 0, 0)], Some(15));
    check(
        "a zero beside a count",
        &[llm(1, None, 10, 5), llm(2, Some(1), 10, 5), llm(3, Some(1), 0, 0)],
        Some(15),
    );
    check(
        "a total alone",
        &[SpanRow { total_tokens: Some(9), ..span(1, None, 0, 1) }, llm(2, None, 1, 0)],
        Some(10),
    );
    check(
        "too many",
        &[llm(1, None, i64::MAX / 2, 0), llm(2, None, i64::MAX / 2, 0), llm(3, None, 9, 9)],
        Some(i64::MAX),
    );
}

#[test]
fn of_two_spans_with_one_id_the_later_end_counts() {
    let early = llm(1, None, 1, 1);
    let mut late = llm(1, None, 10, 5);
    late.end_time_unix_nano += 1;
    assert_eq!(usage(&[early.clone(), late.clone()]).total_tokens, Some(15));
    assert_eq!(usage(&[late, early]).total_tokens, Some(15));
}

#[test]
fn traces_are_apart() {
    let mut other = llm(2, Some(1), 10, 5);
    other.trace_id = format!("{:032x}", 2);
    let usage = usage(&[llm(1, None, 10, 5), other]);
    assert_eq!(usage.total_tokens, Some(30));
}

#[test]
fn parts_are_not_added_on_top() {
    let row = SpanRow {
        cache_read_tokens: Some(4),
        cache_write_tokens: Some(2),
        reasoning_tokens: Some(3),
        ..llm(1, None, 10, 5)
    };
    let usage = usage(&[row]);
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (Some(10), Some(5), Some(15)));
    assert_eq!(
        (usage.cache_read_tokens, usage.cache_write_tokens, usage.reasoning_tokens),
        (Some(4), Some(2), Some(3))
    );
}

#[test]
fn cost_is_the_emitted_one_else_the_tables() {
    let model = |row: SpanRow, name: &str| SpanRow { model: Some(name.into()), ..row };
    let check = |what: &str, spans: &[SpanRow], cost_usd: Option<f64>, source: Source, unpriced: i64| {
        let usage = usage(spans);
        let equal = match (usage.cost_usd, cost_usd) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a == b,
        };
        assert!(equal, "{what}: {:?} instead of {cost_usd:?}", usage.cost_usd);
        assert_eq!((usage.cost_source, usage.unpriced_calls), (source, unpriced), "{what}");
    };
    let nano = |id, parent| model(llm(id, parent, 1_000_000, 0), "gpt-4.1-nano");
    let unknown = |id, parent| model(llm(id, parent, 1_000_000, 0), "never-heard-of");
    check("nothing", &[span(1, None, 0, 1)], None, Source::None, 0);
    check("the table's", &[nano(1, None)], Some(0.1), Source::PriceTable, 0);
    check("a parent repeats", &[nano(1, None), nano(2, Some(1))], Some(0.1), Source::PriceTable, 0);
    check("unknown model", &[unknown(1, None)], None, Source::None, 1);
    check("no model", &[llm(1, None, 10, 5)], None, Source::None, 1);
    check("failed call", &[llm(1, None, 0, 0)], None, Source::None, 0);
    check("partly known", &[nano(1, None), unknown(2, None)], Some(0.1), Source::PriceTable, 1);
    check(
        "emitted",
        &[SpanRow { emitted_cost_usd: Some(0.3), ..nano(1, None) }],
        Some(0.3),
        Source::Reported,
        0,
    );
    check(
        "an emitted zero",
        &[SpanRow { emitted_cost_usd: Some(0.0), ..nano(1, None) }],
        Some(0.0),
        Source::Reported,
        0,
    );
    check(
        "emitted above",
        &[cost(1, None, 0.3), nano(2, Some(1)), unknown(3, Some(1))],
        Some(0.3),
        Source::Reported,
        0,
    );
    check("emitted beneath", &[nano(1, None), cost(2, Some(1), 0.3)], Some(0.3), Source::Reported, 0);
    check(
        "emitted thrice",
        &[cost(1, None, 0.3), cost(2, Some(1), 0.3), cost(3, Some(2), 0.3)],
        Some(0.3),
        Source::Reported,
        0,
    );
    check("emitted beside", &[cost(1, None, 0.3), nano(2, None)], Some(0.4), Source::Reported, 0);
    check("not a number", &[cost(1, None, f64::NAN)], None, Source::None, 0);
    check(
        "only a total",
        &[model(SpanRow { total_tokens: Some(5), ..span(1, None, 0, 1) }, "gpt-4.1-nano")],
        None,
        Source::None,
        1,
    );
}

#[test]
fn calls_are_counted_at_the_innermost_span() {
    let of = |id, parent, kind| SpanRow { kind, ..span(id, parent, id as i64, id as i64 + 1) };
    let usage = usage(&[
        of(1, None, SpanKind::Agent),
        of(2, Some(1), SpanKind::Llm),
        of(3, Some(2), SpanKind::Other),
        of(4, Some(3), SpanKind::Llm),
        of(5, Some(1), SpanKind::Tool),
        // An agent that works as a tool makes calls of its own.
        of(6, Some(5), SpanKind::Llm),
        of(7, Some(5), SpanKind::Tool),
    ]);
    assert_eq!((usage.llm_calls, usage.tool_calls), (2, 1));
}

#[test]
fn a_chain_of_50_000_spans_is_no_danger() {
    let chain: Vec<SpanRow> = (1..=50_000).map(|id| llm(id, (id > 1).then(|| id - 1), 2, 1)).collect();
    let usage = usage(&chain);
    assert_eq!((usage.total_tokens, usage.llm_calls, usage.usage_spans), (Some(3), 1, 1));
}

/// Spans with few ids and any parent: broken parents, cycles and duplicates all occur.
fn any_spans() -> impl Strategy<Value = Vec<SpanRow>> {
    let one = (
        1..12_u64,
        prop::option::of(1..14_u64),
        0..3_i64,
        prop::option::of(0..3_i64),
        prop::option::of(0..4_u8),
    );
    prop::collection::vec(one, 0..24).prop_map(|spans| {
        spans
            .into_iter()
            .map(|(id, parent, start, tokens, cents)| SpanRow {
                kind: SpanKind::ALL[(id % 3) as usize + 2],
                input_tokens: tokens,
                emitted_cost_usd: cents.map(|cents| f64::from(cents) * 0.1),
                model: Some("gpt-4.1-nano".into()),
                ..span(id, parent, start, start + 1)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (spans, shuffled) in any_spans().prop_flat_map(|spans| {
            let twice: Vec<SpanRow> = spans.iter().chain(&spans).cloned().collect();
            (Just(spans), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(usage(&spans), usage(&shuffled));
    }

    #[test]
    fn a_count_never_exceeds_the_sum_of_all_and_no_span_with_usage_is_unseen(spans in any_spans()) {
        let usage = usage(&spans);
        let all: i64 = spans.iter().filter_map(|span| span.input_tokens).sum();
        prop_assert!(usage.total_tokens.unwrap_or(0) <= all);
        prop_assert!(usage.total_tokens.is_none() || usage.usage_spans > 0);
    }
}
