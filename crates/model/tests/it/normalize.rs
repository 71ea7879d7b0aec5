//! Every row of the table of names, and what it must pass over.

use proptest::prelude::*;
use serde_json::{Value, json};
use smoltrace_model::rows::{SpanKind, SpanRow};

use crate::support::{span, with_attributes};

fn promoted(name: &str, attributes: Value) -> SpanRow {
    with_attributes(SpanRow { name: name.into(), ..span(1, None, 0, 1) }, attributes)
}

#[test]
fn every_count_name_is_known() {
    type Column = fn(&SpanRow) -> Option<i64>;
    let check = |names: &[&str], column: Column| {
        for name in names {
            for value in [json!(7), json!("7"), json!(7.0), json!(" 7 "), json!("7.0")] {
                assert_eq!(column(&promoted("x", json!({ *name: value }))), Some(7), "{name} = {value}");
            }
            for value in
                [json!(-1), json!("-1"), json!(1.5), json!("many"), json!(null), json!([7]), json!(true)]
            {
                assert_eq!(column(&promoted("x", json!({ *name: value }))), None, "{name} = {value}");
            }
        }
    };
    check(
        &[
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.input_tokens",
            "llm.usage.prompt_tokens",
        ],
        |row| row.input_tokens,
    );
    check(
        &[
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.output_tokens",
            "llm.usage.completion_tokens",
        ],
        |row| row.output_tokens,
    );
    check(&["gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"], |row| {
        row.total_tokens
    });
    check(
        &[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ],
        |row| row.cache_read_tokens,
    );
    check(
        &[
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ],
        |row| row.cache_write_tokens,
    );
    check(
        &[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
            "llm.usage.reasoning_tokens",
        ],
        |row| row.reasoning_tokens,
    );
}

#[test]
fn every_cost_name_is_known() {
    for name in ["gen_ai.usage.cost.total", "llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.amount"] {
        let check = |value: Value, expected: Option<f64>| {
            let row = promoted("x", json!({ name: value }));
            assert_eq!(row.emitted_cost_usd, expected, "{name} = {value}");
        };
        check(json!(0.25), Some(0.25));
        check(json!("0.25"), Some(0.25));
        check(json!(0), Some(0.0));
        check(json!(-0.1), None);
        check(json!("NaN"), None);
        check(json!("inf"), None);
        check(json!({"usd": 1}), None);
    }
}

#[test]
fn every_text_name_is_known() {
    for name in [
        "gen_ai.response.model",
        "llm.response.model_name",
        "gen_ai.request.model",
        "llm.model_name",
        "llm.request.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "llm.model",
    ] {
        assert_eq!(promoted("x", json!({ name: "m" })).model.as_deref(), Some("m"), "{name}");
        assert_eq!(promoted("x", json!({ name: " " })).model, None, "{name}");
        assert_eq!(promoted("x", json!({ name: ["m"] })).model, None, "{name}");
    }
    for name in ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"] {
        assert_eq!(promoted("x", json!({ name: "p" })).provider.as_deref(), Some("p"), "{name}");
    }
}

#[test]
fn the_current_name_wins_over_the_older_one() {
    let row = promoted(
        "x",
        json!({
            "gen_ai.request.model": "asked", "gen_ai.response.model": "answered",
            "gen_ai.system": "old", "gen_ai.provider.name": "new",
            "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2,
        }),
    );
    assert_eq!(row.model.as_deref(), Some("answered"));
    assert_eq!(row.provider.as_deref(), Some("new"));
    assert_eq!(row.input_tokens, Some(2));
    // An invalid newer one gives way to a valid older one.
    let row = promoted("x", json!({"gen_ai.usage.input_tokens": "?", "llm.token_count.prompt": 3}));
    assert_eq!(row.input_tokens, Some(3));
}

#[test]
fn a_total_is_the_emitted_one_else_the_sum() {
    let check = |attributes: Value, expected: Option<i64>| {
        assert_eq!(promoted("x", attributes.clone()).total_tokens, expected, "{attributes}");
    };
    check(json!({"llm.token_count.prompt": 10, "llm.token_count.completion": 5}), Some(15));
    check(json!({"llm.token_count.prompt": 10}), Some(10));
    check(json!({"llm.token_count.prompt": 10, "llm.token_count.total": 40}), Some(40));
    check(json!({"llm.token_count.prompt": 10, "llm.token_count.total": 0}), Some(10));
    check(json!({"llm.usage.total_tokens": 9}), Some(9));
    check(json!({"llm.usage.total_tokens": 0}), Some(0));
    check(json!({}), None);
    check(json!({"llm.token_count.prompt": i64::MAX, "llm.token_count.completion": 1}), Some(i64::MAX));
}

#[test]
fn a_column_that_no_attribute_speaks_of_stays() {
    let row = SpanRow { model: Some("given".into()), ..span(1, None, 0, 1) };
    assert_eq!(with_attributes(row, json!({})).model.as_deref(), Some("given"));
}

#[test]
fn every_kind_is_known() {
    let check = |name: &str, attributes: Value, expected: SpanKind| {
        assert_eq!(promoted(name, attributes.clone()).kind, expected, "{name} {attributes}");
    };
    for (value, kind) in [
        ("chat", SpanKind::Llm),
        ("text_completion", SpanKind::Llm),
        ("generate_content", SpanKind::Llm),
        ("completion", SpanKind::Llm),
        ("embeddings", SpanKind::Embedding),
        ("embedding", SpanKind::Embedding),
        ("execute_tool", SpanKind::Tool),
        ("invoke_agent", SpanKind::Agent),
        ("create_agent", SpanKind::Agent),
        ("invoke_workflow", SpanKind::Chain),
        ("retrieval", SpanKind::Retriever),
        ("something_new", SpanKind::Other),
    ] {
        check("x", json!({"gen_ai.operation.name": value}), kind);
    }
    for (value, kind) in [
        ("LLM", SpanKind::Llm),
        ("llm", SpanKind::Llm),
        ("TOOL", SpanKind::Tool),
        ("AGENT", SpanKind::Agent),
        ("CHAIN", SpanKind::Chain),
        ("RETRIEVER", SpanKind::Retriever),
        ("RERANKER", SpanKind::Retriever),
        ("EMBEDDING", SpanKind::Embedding),
        ("EVALUATOR", SpanKind::Evaluation),
        ("GUARDRAIL", SpanKind::Other),
        ("UNKNOWN", SpanKind::Other),
    ] {
        check("x", json!({"openinference.span.kind": value}), kind);
    }
    for (value, kind) in [
        ("workflow", SpanKind::Chain),
        ("task", SpanKind::Chain),
        ("agent", SpanKind::Agent),
        ("tool", SpanKind::Tool),
        ("unknown", SpanKind::Other),
    ] {
        check("x", json!({"traceloop.span.kind": value}), kind);
    }
    for (value, kind) in [
        ("chat", SpanKind::Llm),
        ("completion", SpanKind::Llm),
        ("embedding", SpanKind::Embedding),
        ("rerank", SpanKind::Retriever),
    ] {
        check("x", json!({"llm.request.type": value}), kind);
    }
    check("x", json!({"gen_ai.request.type": "chat"}), SpanKind::Llm);
    check("x", json!({"gen_ai.request.type": "embedding"}), SpanKind::Embedding);
    check("Step 1", json!({"openinference.span.kind": "CHAIN"}), SpanKind::Step);
    check("Step one", json!({"openinference.span.kind": "CHAIN"}), SpanKind::Chain);
    check("Step 1", json!({"openinference.span.kind": "TOOL"}), SpanKind::Tool);
    check("Step 1", json!({}), SpanKind::Other);
    check("test_evaluation", json!({}), SpanKind::Evaluation);
    check("test_evaluation", json!({"openinference.span.kind": "CHAIN"}), SpanKind::Evaluation);
    check("x", json!({"test.id": "a"}), SpanKind::Evaluation);
    check("x", json!({"test.id": "a", "openinference.span.kind": "AGENT"}), SpanKind::Agent);
    // A value that says nothing leaves the word to the next convention.
    check("x", json!({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "chat"}), SpanKind::Llm);
    check("x", json!({"openinference.span.kind": 3}), SpanKind::Other);
}

#[test]
fn a_test_is_named_by_its_uid_or_its_parts() {
    let check = |attributes: Value, expected: Option<&str>| {
        assert_eq!(promoted("x", attributes.clone()).test_uid.as_deref(), expected, "{attributes}");
    };
    check(json!({"test.case_uid": "tool:a", "test.id": "b", "agent.type": "code"}), Some("tool:a"));
    check(json!({"test.id": "a", "agent.type": "code"}), Some("code:a"));
    check(json!({"test.id": 12, "agent.type": "code"}), Some("code:12"));
    check(json!({"test.id": "a"}), Some("unknown:a"));
    check(json!({"agent.type": "code"}), None);
    check(json!({"test.id": null}), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<f64>().prop_map(|n| Value::from(n.to_string())),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::from))
}

proptest! {
    #[test]
    fn any_value_is_passed_over_or_read(
        values in prop::collection::btree_map(
            prop::sample::select(vec![
                "gen_ai.usage.input_tokens", "llm.token_count.completion", "llm.token_count.total",
                "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.cost.total", "gen_ai.response.model", "gen_ai.system", "gen_ai.operation.name",
                "openinference.span.kind", "test.id", "test.case_uid", "agent.type",
            ]),
            any_value(),
            0..8,
        ),
        name in "\\PC{0,8}",
    ) {
        let attributes = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let row = promoted(&name, Value::Object(attributes));
        let counts = [
            row.input_tokens, row.output_tokens, row.total_tokens, row.cache_read_tokens, row.reasoning_tokens,
        ];
        prop_assert!(counts.into_iter().flatten().all(|count| count >= 0));
        prop_assert!(row.emitted_cost_usd.is_none_or(|usd| usd.is_finite() && usd >= 0.0));
        for text in [&row.model, &row.provider, &row.test_uid].into_iter().flatten() {
            prop_assert!(!text.trim().is_empty());
        }
    }
}
