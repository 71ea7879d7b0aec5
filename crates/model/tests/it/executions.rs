//! How executions and traces meet: what is scored, what a trace tells, what a stop cuts off.

use serde_json::{Value, json};
use smoltrace_model::{
    account::{Accounted, account_run, is_synthesised},
    inputs::RunInputs,
    rows::{ResultRow, RunStatus, SpanRow},
};

use crate::{
    account::sum,
    support::{llm, result, span, with_attributes},
};

/// A trace `n` of one root with the given test attributes, from `start` for a second.
fn trace(n: u64, attributes: Value, start: i64) -> SpanRow {
    let root = SpanRow { trace_id: format!("{n:032x}"), ..span(n, None, start, start + 1) };
    with_attributes(root, attributes)
}

fn test_trace(n: u64, uid: &str, start: i64) -> SpanRow {
    trace(n, json!({"test.case_uid": uid, "llm.token_count.total": 10 * n}), start)
}

/// Uid, attempt, tokens and whether it was made from its trace, in the order of the rows.
fn outline(accounted: &Accounted) -> Vec<(String, i64, Option<i64>, bool)> {
    let of = |row: &ResultRow| (row.test_uid.clone(), row.attempt, row.total_tokens, is_synthesised(row));
    accounted.results.iter().map(of).collect()
}

pub fn account(spans: &[SpanRow], results: &[ResultRow]) -> Accounted {
    account_run(&RunInputs {
        run_id: "run".into(),
        spans: spans.to_vec(),
        results: results.to_vec(),
        ..RunInputs::default()
    })
}

#[test]
fn results_meet_their_traces() {
    let at = |n: u64, row: ResultRow| ResultRow { trace_id: Some(format!("{n:032x}")), ..row };
    let check = |what: &str,
                 spans: &[SpanRow],
                 results: &[ResultRow],
                 expected: &[(&str, i64, Option<i64>, bool)]| {
        let got = outline(&account(spans, results));
        let got: Vec<_> =
            got.iter().map(|(uid, n, tokens, made)| (uid.as_str(), *n, *tokens, *made)).collect();
        assert_eq!(got, expected, "{what}");
    };
    let two = [test_trace(1, "tool:a", 0), test_trace(2, "tool:b", 5)];
    check(
        "by trace id, whatever the test is called",
        &two,
        &[at(2, result("tool:x")), at(1, result("tool:y"))],
        &[("tool:y", 1, Some(10), false), ("tool:x", 1, Some(20), false)],
    );
    check(
        "by test",
        &two,
        &[result("tool:b"), result("tool:a")],
        &[("tool:a", 1, Some(10), false), ("tool:b", 1, Some(20), false)],
    );
    check(
        "attempts in order of time",
        &[test_trace(1, "tool:a", 9), test_trace(2, "tool:a", 5)],
        &[result("tool:a"), result("tool:a")],
        &[("tool:a", 1, Some(20), false), ("tool:a", 2, Some(10), false)],
    );
    check(
        "a numbered attempt keeps its number",
        &two,
        &[at(1, ResultRow { attempt: 3, ..result("tool:a") }), result("tool:a"), result("tool:b")],
        &[("tool:a", 3, Some(10), false), ("tool:b", 1, Some(20), false), ("tool:a", 1, None, false)],
    );
    check("no trace", &[], &[result("tool:a")], &[("tool:a", 1, None, false)]);
    check(
        "another's trace",
        &two[..1],
        &[at(9, result("tool:a"))],
        &[("tool:a", 2, Some(10), true), ("tool:a", 1, None, false)],
    );
    check(
        "no result",
        &two,
        &[result("tool:b")],
        &[("tool:a", 1, Some(10), true), ("tool:b", 1, Some(20), false)],
    );
    check(
        "one trace named twice counts once",
        &two[..1],
        &[
            at(1, ResultRow { attempt: 1, ..result("tool:a") }),
            at(1, ResultRow { attempt: 2, ..result("tool:a") }),
        ],
        &[("tool:a", 1, Some(10), false), ("tool:a", 2, None, false)],
    );
    check(
        "the same row twice is one execution",
        &two[..1],
        &[at(1, result("tool:a")), at(1, result("tool:a"))],
        &[("tool:a", 1, Some(10), false)],
    );
    check(
        "an agent type that one side does not know",
        &[trace(1, json!({"test.id": "a", "llm.token_count.total": 10}), 0)],
        &[result("tool:a")],
        &[("tool:a", 1, Some(10), false)],
    );
    check(
        "which cannot be told of two",
        &[trace(1, json!({"test.id": "a", "llm.token_count.total": 10}), 0)],
        &[result("tool:a"), result("code:a")],
        &[("unknown:a", 1, Some(10), true), ("code:a", 1, None, false), ("tool:a", 1, None, false)],
    );
}

#[test]
fn traces_without_a_test_are_unscored_executions() {
    let accounted = account(&[llm(1, None, 10, 5)], &[]);
    let row = &accounted.results[0];
    assert_eq!(row.test_uid, "trace:span 1:00000000");
    assert_eq!((row.test_id.as_str(), row.success, row.total_tokens), ("span 1", None, Some(15)));
    let run = &accounted.run;
    assert_eq!((run.total_tests, run.unscored_tests, run.success_rate), (1, 1, None));
    assert_eq!((run.pass_at_1, run.pass_at_k, run.pass_hat_k), (None, None, None));
    assert_eq!(run.model, "unknown");
}

#[test]
fn a_trace_tells_of_its_execution() {
    let attributes = json!({
        "test.id": "a", "agent.type": "code", "test.difficulty": "hard", "prompt": "What?",
        "tests.steps": 3, "tests.tool_calls": 0, "test.case.result.status": "pass", "output.value": "That.",
    });
    let accounted = account(&[trace(1, attributes, 0)], &[]);
    let row = &accounted.results[0];
    assert_eq!(
        (row.test_uid.as_str(), row.test_id.as_str(), row.agent_type.as_str()),
        ("code:a", "a", "code")
    );
    assert_eq!(row.difficulty.as_deref(), Some("hard"));
    assert_eq!((row.prompt.as_deref(), row.response.as_deref()), (Some("What?"), Some("That.")));
    assert_eq!((row.steps, row.tool_called, row.success), (Some(3), Some(false), Some(true)));
    assert_eq!(accounted.run.agent_type, "code");
}

#[test]
fn tests_within_one_trace_are_apart() {
    let of = |id, parent, start, uid: Option<&str>, tokens: Option<i64>| SpanRow {
        test_uid: uid.map(str::to_owned),
        total_tokens: tokens,
        ..span(id, parent, start, start + 2)
    };
    let spans = [
        of(1, None, 0, None, Some(100)),
        of(2, Some(1), 1, Some("tool:a"), Some(30)),
        of(3, Some(2), 1, Some("tool:a"), Some(30)),
        of(4, Some(1), 5, Some("tool:b"), Some(70)),
    ];
    let listed = ResultRow { trace_id: Some(format!("{:032x}", 1)), ..result("tool:b") };
    let accounted = account(&spans, &[listed]);
    assert_eq!(
        outline(&accounted),
        [("tool:a".into(), 1, Some(30), true), ("tool:b".into(), 1, Some(70), false)]
    );
    assert_eq!(accounted.run.total_tokens, Some(100));
    assert_eq!(accounted.run.total_duration_ms, Some(4000.0));
    // What was used outside of any test is an execution of its own.
    let mut spans = spans.to_vec();
    spans.push(of(5, Some(1), 9, None, Some(7)));
    let accounted = account(&spans, &[]);
    assert_eq!(accounted.run.total_tokens, Some(107));
    assert_eq!(sum(&accounted.results, |row| row.total_tokens.map(|tokens| tokens as f64)), 107.0);
}

#[test]
fn what_a_stop_cut_off_is_in_the_totals_but_in_no_score() {
    let results = [
        ResultRow { success: Some(true), steps: Some(2), ..result("tool:a") },
        ResultRow {
            success: Some(false),
            steps: Some(9),
            stop_reason: Some("run_stopped".into()),
            ..result("tool:b")
        },
    ];
    let run = account(&[test_trace(1, "tool:a", 0), test_trace(2, "tool:b", 5)], &results).run;
    assert_eq!(
        (run.total_tests, run.successful_tests, run.failed_tests, run.interrupted_tests),
        (1, 1, 0, 1)
    );
    assert_eq!(
        (run.success_rate, run.avg_steps, run.avg_tokens_per_test),
        (Some(100.0), Some(2.0), Some(10))
    );
    assert_eq!((run.total_tokens, run.total_duration_ms), (Some(30), Some(2000.0)));
    assert_eq!(run.status, RunStatus::Partial);
}

#[test]
fn attempts_make_pass_at_k() {
    let of = |uid: &str, attempt, success| ResultRow { attempt, success: Some(success), ..result(uid) };
    let run = account(
        &[],
        &[
            of("t:a", 1, false),
            of("t:a", 2, true),
            of("t:b", 1, true),
            of("t:b", 2, true),
            of("t:c", 1, true),
        ],
    )
    .run;
    assert_eq!((run.attempts, run.pass_at_1), (2, Some(0.6667)));
    // Of the two tests with both attempts.
    assert_eq!((run.pass_at_k, run.pass_hat_k), (Some(1.0), Some(0.5)));
    assert_eq!((run.total_tests, run.success_rate), (5, Some(80.0)));
}
