//! Attribute names -> the promoted columns of a span and its canonical kind.
//!
//! The one table of the conventions that are understood: OpenTelemetry GenAI (current and
//! older), OpenInference, OpenLLMetry (traceloop), SMOLTRACE with genai-otel. What is not in
//! it stays in the attributes, untouched. Must not know how spans add up; that is `usage`.

use serde_json::{Map, Value};

use crate::rows::{SpanKind, SpanRow};

/// A promoted column and the attributes it may come from, the first valid one wins.
type Names<T> = (T, &'static [&'static str]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Model,
    Provider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Input,
    Output,
    Total,
    CacheRead,
    CacheWrite,
    Reasoning,
}

const TEXTS: &[Names<Text>] = &[
    (
        Text::Model,
        &[
            "gen_ai.response.model",
            "llm.response.model_name",
            "gen_ai.request.model",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "llm.model",
        ],
    ),
    (Text::Provider, &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"]),
];

const COUNTS: &[Names<Count>] = &[
    (
        Count::Input,
        &[
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.input_tokens",
            "llm.usage.prompt_tokens",
        ],
    ),
    (
        Count::Output,
        &[
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.output_tokens",
            "llm.usage.completion_tokens",
        ],
    ),
    (Count::Total, &["gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"]),
    (
        Count::CacheRead,
        &[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ],
    ),
    (
        Count::CacheWrite,
        &[
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ],
    ),
    (
        Count::Reasoning,
        &[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
            "llm.usage.reasoning_tokens",
        ],
    ),
];

/// USD that the client says the span cost.
const COST: &[&str] =
    &["gen_ai.usage.cost.total", "llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.amount"];

/// Name of the span that SMOLTRACE wraps around one test.
const TEST_SPAN: &str = "test_evaluation";

/// Attributes that name a kind, the most telling convention first: attribute, value (lower
/// case), kind. `Other` means that the value says nothing and the next convention is asked.
const KINDS: &[(&str, &[(&str, SpanKind)])] = &[
    (
        "openinference.span.kind",
        &[
            ("llm", SpanKind::Llm),
            ("tool", SpanKind::Tool),
            ("agent", SpanKind::Agent),
            ("chain", SpanKind::Chain),
            ("retriever", SpanKind::Retriever),
            ("reranker", SpanKind::Retriever),
            ("embedding", SpanKind::Embedding),
            ("evaluator", SpanKind::Evaluation),
        ],
    ),
    (
        "gen_ai.operation.name",
        &[
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
        ],
    ),
    (
        "traceloop.span.kind",
        &[
            ("workflow", SpanKind::Chain),
            ("task", SpanKind::Chain),
            ("agent", SpanKind::Agent),
            ("tool", SpanKind::Tool),
        ],
    ),
    (
        "llm.request.type",
        &[
            ("chat", SpanKind::Llm),
            ("completion", SpanKind::Llm),
            ("embedding", SpanKind::Embedding),
            ("rerank", SpanKind::Retriever),
        ],
    ),
    ("gen_ai.request.type", &[("chat", SpanKind::Llm), ("embedding", SpanKind::Embedding)]),
];

/// Fills the promoted columns of `span` (model, provider, token counts, emitted cost, test uid,
/// kind) from its attributes. A column that no attribute speaks of keeps what it has; an
/// attribute of a wrong type, a negative or a non-finite number is passed over. Never fails.
pub fn promote(span: &mut SpanRow, attributes: &Map<String, Value>) {
    for (field, names) in TEXTS {
        let value = first(attributes, names, text);
        let slot = match field {
            Text::Model => &mut span.model,
            Text::Provider => &mut span.provider,
        };
        replace(slot, value);
    }
    for (field, names) in COUNTS {
        let value = first(attributes, names, count);
        let slot = match field {
            Count::Input => &mut span.input_tokens,
            Count::Output => &mut span.output_tokens,
            Count::Total => &mut span.total_tokens,
            Count::CacheRead => &mut span.cache_read_tokens,
            Count::CacheWrite => &mut span.cache_write_tokens,
            Count::Reasoning => &mut span.reasoning_tokens,
        };
        replace(slot, value);
    }
    let parts = match (span.input_tokens, span.output_tokens) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    };
    // A total of 0 beside counted parts is a default that was never filled in.
    if span.total_tokens.is_none_or(|total| total == 0) {
        replace(&mut span.total_tokens, parts);
    }
    replace(&mut span.emitted_cost_usd, first(attributes, COST, amount));
    replace(&mut span.test_uid, test_uid(attributes));
    if let Some(kind) = kind(&span.name, attributes) {
        span.kind = kind;
    }
}

/// The canonical kind that name and attributes speak for; `None` when they say nothing.
pub fn kind(name: &str, attributes: &Map<String, Value>) -> Option<SpanKind> {
    if name == TEST_SPAN {
        return Some(SpanKind::Evaluation);
    }
    let said = KINDS.iter().find_map(|(attribute, values)| {
        let value = attributes.get(*attribute)?.as_str()?;
        values.iter().find(|(text, _)| value.trim().eq_ignore_ascii_case(text)).map(|(_, kind)| *kind)
    });
    match said {
        Some(SpanKind::Chain) if is_step(name) => Some(SpanKind::Step),
        Some(kind) => Some(kind),
        None if first(attributes, &["test.id", "test.case_uid"], text).is_some() => {
            Some(SpanKind::Evaluation)
        }
        None => None,
    }
}

/// smolagents names the chain span of an agent's step `Step N`.
fn is_step(name: &str) -> bool {
    name.strip_prefix("Step ").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `<agent_type>:<test_id>` of the test that the attributes name: `test.case_uid` as it is, else
/// `agent.type` (or `unknown`) and `test.id`.
pub fn test_uid(attributes: &Map<String, Value>) -> Option<String> {
    if let Some(uid) = first(attributes, &["test.case_uid"], text) {
        return Some(uid);
    }
    let id = first(attributes, &["test.id"], text)?;
    let agent = first(attributes, &["agent.type"], text);
    Some(format!("{}:{id}", agent.as_deref().unwrap_or("unknown")))
}

fn replace<T>(slot: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *slot = value;
    }
}

fn first<T>(
    attributes: &Map<String, Value>,
    names: &[&str],
    read: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    names.iter().find_map(|name| attributes.get(*name).and_then(&read))
}

/// Text that is not blank; a number reads as its digits (test ids are often numbers).
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number that is finite, from a number or its text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A whole number of 0 or more, from an integer, a whole float, or the text of either.
pub(crate) fn count(value: &Value) -> Option<i64> {
    let exact = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse::<i64>().ok(),
        _ => None,
    };
    let whole = || {
        // Every integer that a double holds exactly.
        const EXACT: f64 = (1_u64 << 53) as f64;
        number(value).filter(|n| n.fract() == 0.0 && n.abs() <= EXACT).map(|n| n as i64)
    };
    exact.or_else(whole).filter(|count| *count >= 0)
}

/// USD of 0 or more.
fn amount(value: &Value) -> Option<f64> {
    number(value).filter(|usd| *usd >= 0.0)
}
