//! Tokens, cost and calls of a trace: who counts when spans repeat each other.
//!
//! Leaf rule (ACCOUNTING, "Spans -> tokens, cost, duration"): only spans that bear usage and have
//! no usage-bearing descendant count. Must not know tests or runs.

use serde::{Deserialize, Serialize};

use crate::{
    forest::{Forest, NONE},
    price::{self, Tokens},
    rows::{Source, SpanKind, SpanRow},
    sum::sum_unordered,
};

/// What a set of spans used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceUsage {
    /// Cached ones included; null when no span says.
    pub input_tokens: Option<i64>,
    /// Reasoning ones included; null when no span says.
    pub output_tokens: Option<i64>,
    /// Null when no span bears usage; 0 when spans say 0.
    pub total_tokens: Option<i64>,
    /// Part of the input.
    pub cache_read_tokens: Option<i64>,
    /// Part of the input.
    pub cache_write_tokens: Option<i64>,
    /// Part of the output.
    pub reasoning_tokens: Option<i64>,
    /// USD, unrounded; null when nothing is known. What is known when `unpriced_calls` > 0.
    pub cost_usd: Option<f64>,
    /// `reported` when any part was emitted by the client, `price_table` when all of it is
    /// tokens times prices, `none` when nothing is known. The counts below tell a mixture.
    pub cost_source: Source,
    /// USD that the client emitted.
    pub reported_cost_usd: f64,
    /// USD from tokens and the price table.
    pub priced_cost_usd: f64,
    /// LLM spans without an LLM span beneath.
    pub llm_calls: i64,
    /// Tool spans without a tool span beneath.
    pub tool_calls: i64,
    /// Spans whose tokens count.
    pub usage_spans: i64,
    /// Spans whose emitted cost counts.
    pub reported_cost_spans: i64,
    /// Calls priced by the table.
    pub priced_calls: i64,
    /// Calls that used tokens at a price nobody knows.
    pub unpriced_calls: i64,
}

/// The usage of all `spans`, of one trace or several. Order and repetition change nothing.
pub fn trace_usage(spans: &[&SpanRow]) -> TraceUsage {
    let forest = Forest::new(spans);
    Marks::of(&forest).usage(&forest, 0..forest.nodes.len())
}

/// Who counts for what, by place in the forest. Found over the whole trace, so that a part of it
/// can be added up on its own without counting anything twice.
pub(crate) struct Marks {
    /// Tokens count.
    pub(crate) counted: Vec<bool>,
    /// Emitted cost counts.
    cost: Vec<bool>,
    /// Some emitted cost covers the span: no price is looked up.
    covered: Vec<bool>,
    /// An LLM span without one beneath.
    pub(crate) llm: Vec<bool>,
    tool: Vec<bool>,
}

impl Marks {
    pub(crate) fn of(forest: &Forest) -> Self {
        let cost = leaves(forest, |span| emitted_cost(span).map(|usd| usd > 0.0));
        Self {
            counted: leaves(forest, |span| {
                let counts = [span.input_tokens, span.output_tokens, span.total_tokens];
                counts.into_iter().flatten().max().filter(|count| *count >= 0).map(|count| count > 0)
            }),
            covered: covered_by(forest, &cost),
            cost,
            llm: innermost(forest, SpanKind::Llm),
            tool: innermost(forest, SpanKind::Tool),
        }
    }

    /// Whether the span used tokens at a price nobody knows.
    pub(crate) fn is_unpriced(&self, forest: &Forest, place: usize) -> bool {
        self.wants_price(forest, place) && table_cost(forest.nodes[place].span).is_none()
    }

    fn wants_price(&self, forest: &Forest, place: usize) -> bool {
        self.counted[place] && !self.covered[place] && total(forest.nodes[place].span) != Some(0)
    }

    /// What the spans at `places` used.
    pub(crate) fn usage(&self, forest: &Forest, places: impl Iterator<Item = usize>) -> TraceUsage {
        let mut usage = TraceUsage::default();
        let (mut reported, mut priced) = (Vec::new(), Vec::new());
        for place in places {
            let span = forest.nodes[place].span;
            usage.llm_calls += i64::from(self.llm[place]);
            usage.tool_calls += i64::from(self.tool[place]);
            if self.cost[place] {
                reported.extend(emitted_cost(span));
            }
            if self.counted[place] {
                usage.usage_spans += 1;
                add(&mut usage.input_tokens, span.input_tokens);
                add(&mut usage.output_tokens, span.output_tokens);
                add(&mut usage.total_tokens, total(span));
                add(&mut usage.cache_read_tokens, span.cache_read_tokens);
                add(&mut usage.cache_write_tokens, span.cache_write_tokens);
                add(&mut usage.reasoning_tokens, span.reasoning_tokens);
            }
            if self.wants_price(forest, place) {
                match table_cost(span) {
                    Some(usd) => priced.push(usd),
                    None => usage.unpriced_calls += 1,
                }
            }
        }
        usage.reported_cost_spans = reported.len() as i64;
        usage.priced_calls = priced.len() as i64;
        usage.reported_cost_usd = ordered_sum(reported);
        usage.priced_cost_usd = ordered_sum(priced);
        usage.with_cost()
    }
}

/// Marks the spans that count. `bears` tells of a span: nothing, a zero (`false`) or more. A span
/// counts when it bears more than zero and no descendant does; a zero counts only where nothing
/// in its line says more, so that an instrumentation that fills in 0 hides no real count.
fn leaves(forest: &Forest, bears: impl Fn(&SpanRow) -> Option<bool>) -> Vec<bool> {
    let nodes = &forest.nodes;
    let own: Vec<Option<bool>> = nodes.iter().map(|node| bears(node.span)).collect();
    // Strongest of all descendants / of all ancestors: nothing < zero < more.
    let mut below: Vec<Option<bool>> = vec![None; nodes.len()];
    for (place, node) in nodes.iter().enumerate().rev() {
        if node.parent != NONE {
            below[node.parent] = below[node.parent].max(below[place]).max(own[place]);
        }
    }
    let mut above: Vec<Option<bool>> = vec![None; nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        if node.parent != NONE {
            above[place] = above[node.parent].max(own[node.parent]);
        }
    }
    (0..nodes.len())
        .map(|place| match own[place] {
            None => false,
            Some(true) => below[place] != Some(true),
            Some(false) => below[place].is_none() && above[place] != Some(true),
        })
        .collect()
}

/// Marks the spans whose cost is known: they emit it, or a counted cost stands above or beneath.
fn covered_by(forest: &Forest, leaf: &[bool]) -> Vec<bool> {
    let nodes = &forest.nodes;
    let mut covered: Vec<bool> =
        nodes.iter().zip(leaf).map(|(node, leaf)| *leaf || emitted_cost(node.span).is_some()).collect();
    let mut beneath = leaf.to_vec();
    for (place, node) in nodes.iter().enumerate().rev() {
        if node.parent != NONE && beneath[place] {
            beneath[node.parent] = true;
        }
    }
    let mut under = leaf.to_vec();
    for (place, node) in nodes.iter().enumerate() {
        if node.parent != NONE && under[node.parent] {
            under[place] = true;
        }
        covered[place] |= under[place] || beneath[place];
    }
    covered
}

/// Marks the spans of `kind` without a descendant of that kind.
fn innermost(forest: &Forest, kind: SpanKind) -> Vec<bool> {
    let mut has_beneath = vec![false; forest.nodes.len()];
    let mut marks = vec![false; forest.nodes.len()];
    for (place, node) in forest.nodes.iter().enumerate().rev() {
        let is_kind = node.span.kind == kind;
        marks[place] = is_kind && !has_beneath[place];
        if node.parent != NONE && (is_kind || has_beneath[place]) {
            has_beneath[node.parent] = true;
        }
    }
    marks
}

/// Whether the span itself carries a token count, be it 0.
pub(crate) fn bears_tokens(span: &SpanRow) -> bool {
    total(span).is_some()
}

fn emitted_cost(span: &SpanRow) -> Option<f64> {
    span.emitted_cost_usd.filter(|usd| usd.is_finite() && *usd >= 0.0)
}

/// The span's total, else the sum of its parts.
fn total(span: &SpanRow) -> Option<i64> {
    let parts = || match (span.input_tokens, span.output_tokens) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    };
    span.total_tokens.or_else(parts)
}

/// USD by the price table; unknown without a known model, or when only a total is known.
fn table_cost(span: &SpanRow) -> Option<f64> {
    if span.input_tokens.is_none() && span.output_tokens.is_none() {
        return None;
    }
    let price = price::find(span.model.as_deref()?, span.provider.as_deref())?;
    Some(price.cost_usd(Tokens {
        input: span.input_tokens.unwrap_or(0),
        output: span.output_tokens.unwrap_or(0),
        cache_read: span.cache_read_tokens.unwrap_or(0),
        cache_write: span.cache_write_tokens.unwrap_or(0),
    }))
}

fn add(sum: &mut Option<i64>, value: Option<i64>) {
    if let Some(value) = value.filter(|value| *value >= 0) {
        *sum = Some(sum.unwrap_or(0).saturating_add(value));
    }
}

/// The sum in ascending order: the same to the last bit however the values arrived.
fn ordered_sum(mut values: Vec<f64>) -> f64 {
    sum_unordered(&mut values)
}

impl TraceUsage {
    /// Total cost and its source from the parts.
    fn with_cost(mut self) -> Self {
        (self.cost_usd, self.cost_source) = match (self.reported_cost_spans, self.priced_calls) {
            (0, 0) => (None, Source::None),
            (0, _) => (Some(self.priced_cost_usd), Source::PriceTable),
            _ => (Some(self.reported_cost_usd + self.priced_cost_usd), Source::Reported),
        };
        self
    }

    /// The usage of all; the same to the last bit in any order.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        let (mut reported, mut priced) = (Vec::new(), Vec::new());
        for usage in all {
            add(&mut sum.input_tokens, usage.input_tokens);
            add(&mut sum.output_tokens, usage.output_tokens);
            add(&mut sum.total_tokens, usage.total_tokens);
            add(&mut sum.cache_read_tokens, usage.cache_read_tokens);
            add(&mut sum.cache_write_tokens, usage.cache_write_tokens);
            add(&mut sum.reasoning_tokens, usage.reasoning_tokens);
            reported.push(usage.reported_cost_usd);
            priced.push(usage.priced_cost_usd);
            sum.llm_calls += usage.llm_calls;
            sum.tool_calls += usage.tool_calls;
            sum.usage_spans += usage.usage_spans;
            sum.reported_cost_spans += usage.reported_cost_spans;
            sum.priced_calls += usage.priced_calls;
            sum.unpriced_calls += usage.unpriced_calls;
        }
        sum.reported_cost_usd = ordered_sum(reported);
        sum.priced_cost_usd = ordered_sum(priced);
        sum.with_cost()
    }
}
