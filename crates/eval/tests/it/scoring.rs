//! Verdicts and their reasons.

use serde_json::{Map, Value, json};
use smoltrace_eval::{
    score::{Outcome, score},
    task::{Task, TaskSet},
};

fn task(fields: Value) -> Task {
    let mut row: Map<String, Value> =
        json!({"id": "t", "prompt": "p"}).as_object().expect("an object").clone();
    row.extend(fields.as_object().expect("an object").clone());
    TaskSet::from_rows("test", [(1, row)]).expect("a valid task").tasks.remove(0)
}

#[test]
fn answers_are_held_against_what_was_expected() {
    let check = |fields: Value, answer: &str, expected: bool| {
        let verdict = score(
            &task(fields.clone()),
            &Outcome {
                tools_used: &["x".into()],
                final_answer_called: true,
                answer: Some(answer),
                ..Outcome::default()
            },
        );
        assert_eq!(verdict.response_correct, expected, "{fields} {answer:?}: {:?}", verdict.checks);
        assert!(verdict.checks.iter().all(|check| !check.why.is_empty()));
    };
    let exact = json!({"expected_answer": "Two Words", "match": "exact"});
    check(exact.clone(), " two  words. ", true);
    check(exact.clone(), "\"Two Words\"", true);
    check(exact, "two words or three", false);
    let number = json!({"expected_answer": 1486.31, "match": {"type": "numeric", "tolerance": 0.01}});
    check(number.clone(), "That is 1,486.31 euros.", true);
    check(number.clone(), "1249 * 1.19 = 1486.315", true);
    check(number.clone(), "1486.35", false);
    check(number, "no idea", false);
    check(json!({"expected_answer": 7, "match": {"type": "numeric", "relative": 0.1}}), "6.5", true);
    check(json!({"expected_answer": 42}), "42.0", true);
    check(json!({"expected_answer": -3, "match": "numeric"}), "it is -3", true);
    check(json!({"expected_answer": "^a+$", "match": "regex"}), "aaa", true);
    check(json!({"match": {"type": "regex", "pattern": "(?i)\\byes\\b"}}), "Yes, it is", true);
    check(json!({"match": {"type": "regex", "pattern": "(?i)\\byes\\b"}}), "yesterday", false);
    let words = json!({"expected_keywords": ["Oslo", "Rome"]});
    check(words.clone(), "in oslo", true);
    check(words, "in Paris", false);
    let all = json!({"expected_keywords": ["Oslo", "Rome"], "match": "keywords_all"});
    check(all.clone(), "oslo and rome", true);
    check(all, "oslo", false);
    let object = json!({"expected_answer": {"a": 1, "b": [true, null]}, "match": "json"});
    check(object.clone(), "{\"b\": [true, null], \"a\": 1.0}", true);
    check(object.clone(), "Here: {\"b\": [true, null], \"a\": 1} done", true);
    check(object, "{\"a\": 1}", false);
    let part = json!({"expected_answer": {"a": 1}, "match": {"type": "json", "subset": true}});
    check(part, "{\"a\": 1, \"b\": 2}", true);
    check(json!({}), "anything", true);
    // Keywords count beside another match.
    check(json!({"expected_answer": 4, "match": "numeric", "expected_keywords": ["cats"]}), "4 dogs", false);
}

#[test]
fn tools_and_final_answer_count_as_published() {
    let check =
        |fields: Value, tools: &[&str], code: Option<bool>, answered: bool, expected: (bool, bool, bool)| {
            let tools: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
            let verdict = score(
                &task(fields.clone()),
                &Outcome {
                    tools_used: &tools,
                    ran_code: code == Some(true),
                    final_answer_called: answered,
                    answer: Some("the answer"),
                    by_answer: code.is_some(),
                },
            );
            let found = (verdict.tool_called, verdict.correct_tool, verdict.success);
            assert_eq!(found, expected, "{fields} {tools:?} {code:?}: {:?}", verdict.checks);
        };
    let one = json!({"expected_tool": "a"});
    check(one.clone(), &["a"], None, true, (true, true, true));
    check(one.clone(), &["b"], None, true, (true, false, false));
    check(one.clone(), &["a"], None, false, (true, true, false));
    check(one.clone(), &[], None, true, (false, false, false));
    let twice = json!({"expected_tool": "a", "expected_tool_calls": 2});
    check(twice.clone(), &["a", "b"], None, true, (true, false, false));
    check(twice, &["a", "b", "a"], None, true, (true, true, true));
    let many = json!({"expected_tool": "multiple", "expected_tool_calls": 2});
    check(many.clone(), &["a", "b"], None, true, (true, true, true));
    check(many, &["a"], None, true, (true, false, false));
    // A code agent is judged by its answer.
    check(one.clone(), &[], Some(true), true, (true, false, true));
    check(one, &[], Some(false), true, (false, false, false));
    check(json!({}), &["z"], None, true, (true, true, true));
    // Nothing but the answer was asked for.
    check(json!({"expected_answer": "the answer"}), &[], None, true, (false, false, true));
}
