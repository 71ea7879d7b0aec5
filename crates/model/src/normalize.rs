//! Attribute names -> the promoted columns of a span and its canonical kind.
//!
//! The one table of the conventions that are understood: OpenTelemetry GenAI (current and
//! older), OpenInference, OpenLLMetry (traceloop), SMOLTRACE with genai-otel. What is not in
//! it stays in the attributes, untouched. Must not know how spans add up; that is `usage`.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use serde_json::{Map, Number, Value};

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

/// A value of an attribute as far as a promoted column may come from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    Text(&'a str),
    Whole(i64),
    /// Finite.
    Double(f64),
    /// Any other number.
    Number(&'a Number),
    /// A truth value, a list, an object, nothing: no column comes from it.
    Other,
}

impl<'a> From<&'a Value> for Scalar<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Whole(whole),
                (None, Some(double)) if number.is_f64() => Self::Double(double),
                _ => Self::Number(number),
            },
            _ => Self::Other,
        }
    }
}

/// What an attribute may say, by its name.
#[derive(Debug, Clone, Copy)]
enum Says {
    Text(Text),
    Count(Count),
    Cost,
    /// Values of this row of [`KINDS`].
    Kind(usize),
    CaseUid,
    TestId,
    AgentType,
}

/// What an attribute of one name says of the promoted columns.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    says: Says,
    /// How much it counts: of several that say the same, the least wins.
    place: usize,
}

impl Meaning {
    /// Of a name; `None` when no column comes from it.
    pub fn of(name: &str) -> Option<Self> {
        NAMES.get(name).copied()
    }
}

/// Every name that means something.
static NAMES: LazyLock<HashMap<&'static str, Meaning, ahash::RandomState>> = LazyLock::new(|| {
    let mut all = HashMap::default();
    let mut add = |says: Says, names: &[&'static str]| {
        for (place, name) in names.iter().enumerate() {
            let before = all.insert(*name, Meaning { says, place });
            assert!(before.is_none(), "{name} says two things");
        }
    };
    TEXTS.iter().for_each(|(field, names)| add(Says::Text(*field), names));
    COUNTS.iter().for_each(|(field, names)| add(Says::Count(*field), names));
    add(Says::Cost, COST);
    KINDS.iter().enumerate().for_each(|(place, (name, _))| add(Says::Kind(place), &[*name]));
    add(Says::CaseUid, &["test.case_uid"]);
    add(Says::TestId, &["test.id"]);
    add(Says::AgentType, &["agent.type"]);
    all
});

/// The value of the name that counts most, so far.
#[derive(Debug, Clone, Copy)]
struct Best<T>(Option<(usize, T)>);

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Best<T> {
    fn offer(&mut self, place: usize, value: Option<T>) {
        if let Some(value) = value
            && self.0.as_ref().is_none_or(|(best, _)| place < *best)
        {
            self.0 = Some((place, value));
        }
    }

    fn value(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

/// Everything that attributes say of the promoted columns.
#[derive(Debug, Default)]
struct Said<'a> {
    model: Best<Cow<'a, str>>,
    provider: Best<Cow<'a, str>>,
    counts: [Best<i64>; 6],
    cost: Best<f64>,
    kind: Best<SpanKind>,
    case_uid: Best<Cow<'a, str>>,
    test_id: Best<Cow<'a, str>>,
    agent_type: Best<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    fn of(attributes: impl IntoIterator<Item = (Meaning, Scalar<'a>)>) -> Self {
        let mut said = Self::default();
        for (Meaning { says, place }, value) in attributes {
            match says {
                Says::Text(Text::Model) => said.model.offer(place, scalar_text(value)),
                Says::Text(Text::Provider) => said.provider.offer(place, scalar_text(value)),
                Says::Count(field) => said.counts[field as usize].offer(place, scalar_count(value)),
                Says::Cost => said.cost.offer(place, scalar_number(value).filter(|usd| *usd >= 0.0)),
                Says::Kind(place) => {
                    let Scalar::Text(value) = value else { continue };
                    let values = KINDS[place].1;
                    let known = values.iter().find(|(text, _)| value.trim().eq_ignore_ascii_case(text));
                    said.kind.offer(place, known.map(|(_, kind)| *kind));
                }
                Says::CaseUid => said.case_uid.offer(place, scalar_text(value)),
                Says::TestId => said.test_id.offer(place, scalar_text(value)),
                Says::AgentType => said.agent_type.offer(place, scalar_text(value)),
            }
        }
        said
    }

    /// The canonical kind of a span of a name; `None` when nothing speaks of it.
    fn kind(&self, name: &str) -> Option<SpanKind> {
        if name == TEST_SPAN {
            return Some(SpanKind::Evaluation);
        }
        match self.kind.0 {
            Some((_, SpanKind::Chain)) if is_step(name) => Some(SpanKind::Step),
            Some((_, kind)) => Some(kind),
            None if self.test_id.0.is_some() || self.case_uid.0.is_some() => Some(SpanKind::Evaluation),
            None => None,
        }
    }

    /// `<agent_type>:<test_id>` of the test that is named.
    fn test_uid(self) -> Option<Cow<'a, str>> {
        if let Some((_, uid)) = self.case_uid.0 {
            return Some(uid);
        }
        let (_, id) = self.test_id.0?;
        let agent = self.agent_type.0.map(|(_, agent)| agent);
        Some(format!("{}:{id}", agent.as_deref().unwrap_or("unknown")).into())
    }
}

/// What the attributes of a span say of its promoted columns; `None` where they say nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Promoted<'a> {
    pub kind: Option<SpanKind>,
    /// `<agent_type>:<test_id>`.
    pub test_uid: Option<Cow<'a, str>>,
    pub model: Option<Cow<'a, str>>,
    pub provider: Option<Cow<'a, str>>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    /// As emitted.
    pub total_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_write_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub emitted_cost_usd: Option<f64>,
}

impl<'a> Promoted<'a> {
    /// Of a span of a name, and those of its attributes that mean something. One of a wrong type, a negative or a
    /// non-finite number is passed over; of an attribute that comes twice, which one counts is not defined. Never fails.
    pub fn of(name: &str, attributes: impl IntoIterator<Item = (Meaning, Scalar<'a>)>) -> Self {
        let mut said = Said::of(attributes);
        let kind = said.kind(name);
        let mut count = |field: Count| std::mem::take(&mut said.counts[field as usize]).value();
        Self {
            kind,
            input_tokens: count(Count::Input),
            output_tokens: count(Count::Output),
            total_tokens: count(Count::Total),
            cache_read_tokens: count(Count::CacheRead),
            cache_write_tokens: count(Count::CacheWrite),
            reasoning_tokens: count(Count::Reasoning),
            model: std::mem::take(&mut said.model).value(),
            provider: std::mem::take(&mut said.provider).value(),
            emitted_cost_usd: said.cost.value(),
            test_uid: said.test_uid(),
        }
    }

    /// The total of a span that says no count beside these: as emitted, else the sum.
    pub fn total(&self) -> Option<i64> {
        total(self.total_tokens, self.input_tokens, self.output_tokens)
    }
}

/// The total as emitted, else input + output. A total of 0 beside counted parts is a default that was never filled in.
fn total(emitted: Option<i64>, input: Option<i64>, output: Option<i64>) -> Option<i64> {
    match (input, output) {
        (None, None) => emitted,
        _ if emitted.is_some_and(|total| total != 0) => emitted,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    }
}

fn meant(attributes: &Map<String, Value>) -> impl Iterator<Item = (Meaning, Scalar<'_>)> {
    attributes.iter().filter_map(|(name, value)| Some((Meaning::of(name)?, value.into())))
}

/// Fills the promoted columns of `span` (model, provider, token counts, emitted cost, test uid,
/// kind) from its attributes. A column that no attribute speaks of keeps what it has; see [`Promoted::of`].
pub fn promote(span: &mut SpanRow, attributes: &Map<String, Value>) {
    let said = Promoted::of(&span.name, meant(attributes));
    span.kind = said.kind.unwrap_or(span.kind);
    let texts = [
        (said.model, &mut span.model),
        (said.provider, &mut span.provider),
        (said.test_uid, &mut span.test_uid),
    ];
    for (said, slot) in texts {
        *slot = said.map(Cow::into_owned).or_else(|| slot.take());
    }
    let counts = [
        (said.input_tokens, &mut span.input_tokens),
        (said.output_tokens, &mut span.output_tokens),
        (said.total_tokens, &mut span.total_tokens),
        (said.cache_read_tokens, &mut span.cache_read_tokens),
        (said.cache_write_tokens, &mut span.cache_write_tokens),
        (said.reasoning_tokens, &mut span.reasoning_tokens),
    ];
    for (said, slot) in counts {
        *slot = said.or(*slot);
    }
    span.total_tokens = total(span.total_tokens, span.input_tokens, span.output_tokens);
    span.emitted_cost_usd = said.emitted_cost_usd.or(span.emitted_cost_usd);
}

/// smolagents names the chain span of an agent's step `Step N`.
fn is_step(name: &str) -> bool {
    name.strip_prefix("Step ").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `<agent_type>:<test_id>` of the test that the attributes name: `test.case_uid` as it is, else
/// `agent.type` (or `unknown`) and `test.id`.
pub fn test_uid(attributes: &Map<String, Value>) -> Option<String> {
    Said::of(meant(attributes)).test_uid().map(Cow::into_owned)
}

fn scalar_text(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    match value {
        Scalar::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Cow::Borrowed),
        Scalar::Whole(number) => Some(number.to_string().into()),
        Scalar::Double(number) => Number::from_f64(number).map(|number| number.to_string().into()),
        Scalar::Number(number) => Some(number.to_string().into()),
        Scalar::Other => None,
    }
}

fn scalar_number(value: Scalar<'_>) -> Option<f64> {
    let number = match value {
        Scalar::Text(text) => text.trim().parse::<f64>().ok()?,
        Scalar::Whole(number) => number as f64,
        Scalar::Double(number) => number,
        Scalar::Number(number) => number.as_f64()?,
        Scalar::Other => return None,
    };
    number.is_finite().then_some(number)
}

fn scalar_count(value: Scalar<'_>) -> Option<i64> {
    let exact = match value {
        Scalar::Whole(number) => Some(number),
        Scalar::Text(text) => text.trim().parse::<i64>().ok(),
        _ => None,
    };
    let whole = || {
        // Every integer that a double holds exactly.
        const EXACT: f64 = (1_u64 << 53) as f64;
        scalar_number(value).filter(|n| n.fract() == 0.0 && n.abs() <= EXACT).map(|n| n as i64)
    };
    exact.or_else(whole).filter(|count| *count >= 0)
}

/// Text that is not blank; a number reads as its digits (test ids are often numbers).
pub(crate) fn text(value: &Value) -> Option<String> {
    scalar_text(value.into()).map(Cow::into_owned)
}

/// A number that is finite, from a number or its text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    scalar_number(value.into())
}

/// A whole number of 0 or more, from an integer, a whole float, or the text of either.
pub(crate) fn count(value: &Value) -> Option<i64> {
    scalar_count(value.into())
}
