//! Tokens, cost and calls of a trace: who counts when spans repeat each other.
//!
//! Leaf rule (ACCOUNTING, "Spans -> tokens, cost, duration"): only spans that bear usage and have
//! no usage-bearing descendant count. Must not know tests or runs.

use serde::{Deserialize, Serialize};

use crate::{
    forest::{Forest, NONE},
    price::{self, Tokens},
    rows::{Source, SpanKind, SpanRow},
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
    of_forest(&Forest::new(spans))
}

/// Which nodes' tokens count, in the forest's order.
pub(crate) fn counted(forest: &Forest) -> Vec<bool> {
    leaves(forest, |span| {
        let counts = [span.input_tokens, span.output_tokens, span.total_tokens];
        counts.into_iter().flatten().max().filter(|count| *count >= 0).map(|count| count > 0)
    })
}

pub(crate) fn of_forest(forest: &Forest) -> TraceUsage {
    let counted = counted(forest);
    let cost_leaf = leaves(forest, |span| emitted_cost(span).map(|usd| usd > 0.0));
    let covered = covered_by(forest, &cost_leaf);

    let mut usage = TraceUsage {
        llm_calls: innermost(forest, SpanKind::Llm),
        tool_calls: innermost(forest, SpanKind::Tool),
        ..TraceUsage::default()
    };
    let (mut reported, mut priced) = (Vec::new(), Vec::new());
    for (place, node) in forest.nodes.iter().enumerate() {
        let span = node.span;
        if cost_leaf[place]
            && let Some(usd) = emitted_cost(span)
        {
            reported.push(usd);
        }
        if !counted[place] {
            continue;
        }
        usage.usage_spans += 1;
        add(&mut usage.input_tokens, span.input_tokens);
        add(&mut usage.output_tokens, span.output_tokens);
        add(&mut usage.total_tokens, total(span));
        add(&mut usage.cache_read_tokens, span.cache_read_tokens);
        add(&mut usage.cache_write_tokens, span.cache_write_tokens);
        add(&mut usage.reasoning_tokens, span.reasoning_tokens);
        if covered[place] || total(span) == Some(0) {
            continue;
        }
        match table_cost(span) {
            Some(usd) => priced.push(usd),
            None => usage.unpriced_calls += 1,
        }
    }
    usage.reported_cost_spans = reported.len() as i64;
    usage.priced_calls = priced.len() as i64;
    usage.reported_cost_usd = ordered_sum(reported);
    usage.priced_cost_usd = ordered_sum(priced);
    (usage.cost_usd, usage.cost_source) = match (usage.reported_cost_spans, usage.priced_calls) {
        (0, 0) => (None, Source::None),
        (0, _) => (Some(usage.priced_cost_usd), Source::PriceTable),
        _ => (Some(usage.reported_cost_usd + usage.priced_cost_usd), Source::Reported),
    };
    usage
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

/// Spans of `kind` without a descendant of that kind.
fn innermost(forest: &Forest, kind: SpanKind) -> i64 {
    let mut has_beneath = vec![false; forest.nodes.len()];
    let mut count = 0;
    for (place, node) in forest.nodes.iter().enumerate().rev() {
        let is_kind = node.span.kind == kind;
        count += i64::from(is_kind && !has_beneath[place]);
        if node.parent != NONE && (is_kind || has_beneath[place]) {
            has_beneath[node.parent] = true;
        }
    }
    count
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
pub(crate) fn ordered_sum(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    // `sum` of nothing is -0.0.
    values.into_iter().sum::<f64>() + 0.0
}

impl TraceUsage {
    /// The usage of both; sources combine as in [`TraceUsage::cost_source`].
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |a: Option<i64>, b: Option<i64>| {
            let mut sum = a;
            add(&mut sum, b);
            sum
        };
        let reported_cost_spans = self.reported_cost_spans + other.reported_cost_spans;
        let priced_calls = self.priced_calls + other.priced_calls;
        let reported_cost_usd = self.reported_cost_usd + other.reported_cost_usd;
        let priced_cost_usd = self.priced_cost_usd + other.priced_cost_usd;
        let (cost_usd, cost_source) = match (reported_cost_spans, priced_calls) {
            (0, 0) => (None, Source::None),
            (0, _) => (Some(priced_cost_usd), Source::PriceTable),
            _ => (Some(reported_cost_usd + priced_cost_usd), Source::Reported),
        };
        Self {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
            total_tokens: sum(self.total_tokens, other.total_tokens),
            cache_read_tokens: sum(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: sum(self.cache_write_tokens, other.cache_write_tokens),
            reasoning_tokens: sum(self.reasoning_tokens, other.reasoning_tokens),
            cost_usd,
            cost_source,
            reported_cost_usd,
            priced_cost_usd,
            llm_calls: self.llm_calls + other.llm_calls,
            tool_calls: self.tool_calls + other.tool_calls,
            usage_spans: self.usage_spans + other.usage_spans,
            reported_cost_spans,
            priced_calls,
            unpriced_calls: self.unpriced_calls + other.unpriced_calls,
        }
    }
}
