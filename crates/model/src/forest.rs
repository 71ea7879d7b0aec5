//! Spans as a forest: parents resolved, duplicates and cycles mended, one fixed order.
//!
//! Everything that walks a trace (usage, self time, the timeline) walks this. Iterative and
//! O(n log n), so that depth is no danger; the outcome does not depend on the order of the input.

use std::collections::HashMap;

use crate::rows::SpanRow;

/// A node without a parent.
pub(crate) const NONE: usize = usize::MAX;

/// The unique spans of one or more traces in depth-first order: parents stand before their
/// children, siblings by start time, then span id.
pub(crate) struct Forest<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// Spans left out because another one has the same trace and span id.
    pub(crate) duplicates: usize,
}

pub(crate) struct Node<'a> {
    pub(crate) span: &'a SpanRow,
    /// Index in the input.
    pub(crate) index: usize,
    /// Position of the parent in [`Forest::nodes`], or [`NONE`].
    pub(crate) parent: usize,
    pub(crate) depth: usize,
    /// Names a parent that is not there, or that is its own descendant.
    pub(crate) orphan: bool,
}

impl<'a> Forest<'a> {
    pub(crate) fn new(spans: &[&'a SpanRow]) -> Self {
        let unique = unique(spans);
        let duplicates = spans.len() - unique.len();
        let parents = parents(spans, &unique);
        Self { nodes: depth_first(spans, &unique, &parents), duplicates }
    }

    /// Distinct rows among `spans`: copies count once, rows of one id with different content each.
    pub(crate) fn versions(spans: &[&SpanRow]) -> usize {
        let mut rows = spans.to_vec();
        rows.sort_by(|a, b| {
            (&a.trace_id, &a.span_id, content(a)).cmp(&(&b.trace_id, &b.span_id, content(b)))
        });
        rows.dedup_by(|a, b| {
            (&a.trace_id, &a.span_id) == (&b.trace_id, &b.span_id) && content(a) == content(b)
        });
        rows.len()
    }
}

/// Indices of the spans that count, by start time, then trace and span id.
fn unique(spans: &[&SpanRow]) -> Vec<usize> {
    let mut chosen: HashMap<(&str, &str), usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        chosen
            .entry((&span.trace_id, &span.span_id))
            .and_modify(|known| {
                if content(span) > content(spans[*known]) {
                    *known = index;
                }
            })
            .or_insert(index);
    }
    let mut unique: Vec<usize> = chosen.into_values().collect();
    unique.sort_unstable_by(|a, b| sibling_key(spans[*a]).cmp(&sibling_key(spans[*b])));
    unique
}

/// Of spans with one id the one that ended last counts (a span is exported anew when it grows);
/// the rest of the content breaks ties, so that the choice does not depend on the order.
fn content(span: &SpanRow) -> impl Ord + '_ {
    (
        span.end_time_unix_nano,
        span.total_tokens,
        span.emitted_cost_usd.map(f64::to_bits),
        (span.status, span.kind, span.start_time_unix_nano),
        (span.input_tokens, span.output_tokens, span.cache_read_tokens, span.cache_write_tokens),
        (span.reasoning_tokens, &span.parent_span_id, &span.test_uid, &span.name, &span.service),
        (&span.model, &span.provider, &span.status_message, &span.attributes, &span.events),
        (&span.links, &span.resource, &span.scope, &span.run_id),
    )
}

fn sibling_key(span: &SpanRow) -> (i64, &str, &str) {
    (span.start_time_unix_nano, &span.trace_id, &span.span_id)
}

/// Per position in `unique`: position of the parent (or [`NONE`]) and whether it is an orphan.
fn parents(spans: &[&SpanRow], unique: &[usize]) -> Vec<(usize, bool)> {
    let position: HashMap<(&str, &str), usize> = unique
        .iter()
        .enumerate()
        .map(|(position, &index)| ((&*spans[index].trace_id, &*spans[index].span_id), position))
        .collect();
    let mut parents: Vec<(usize, bool)> = unique
        .iter()
        .map(|&index| {
            let span = spans[index];
            match span.parent_span_id.as_deref().filter(|id| !id.is_empty()) {
                None => (NONE, false),
                Some(id) => match position.get(&(&*span.trace_id, id)) {
                    Some(&parent) => (parent, false),
                    None => (NONE, true),
                },
            }
        })
        .collect();
    cut_cycles(&mut parents);
    parents
}

/// Makes the first span of every cycle (positions are in order of start) an orphaned root.
fn cut_cycles(parents: &mut [(usize, bool)]) {
    const NEW: usize = 0;
    const DONE: usize = usize::MAX;
    // The number of the walk that first came by, or DONE.
    let mut seen = vec![NEW; parents.len()];
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let walk = start + 1;
        let mut at = start;
        path.clear();
        while at != NONE && seen[at] == NEW {
            seen[at] = walk;
            path.push(at);
            at = parents[at].0;
        }
        if at != NONE && seen[at] == walk {
            let from = path.iter().position(|&node| node == at).unwrap_or(0);
            if let Some(&first) = path[from..].iter().min() {
                parents[first] = (NONE, true);
            }
        }
        for &node in &path {
            seen[node] = DONE;
        }
    }
}

fn depth_first<'a>(spans: &[&'a SpanRow], unique: &[usize], parents: &[(usize, bool)]) -> Vec<Node<'a>> {
    // Children lists as linked positions; built backwards, so that each list is in order.
    let mut first_child = vec![NONE; unique.len()];
    let mut next_sibling = vec![NONE; unique.len()];
    let mut first_root = NONE;
    for (position, &(parent, _)) in parents.iter().enumerate().rev() {
        let head = if parent == NONE { &mut first_root } else { &mut first_child[parent] };
        next_sibling[position] = *head;
        *head = position;
    }
    let mut nodes = Vec::with_capacity(unique.len());
    // (position, place of the parent among the nodes, depth)
    let mut stack = Vec::new();
    if first_root != NONE {
        stack.push((first_root, NONE, 0));
    }
    while let Some((position, parent, depth)) = stack.pop() {
        let index = unique[position];
        let place = nodes.len();
        nodes.push(Node { span: spans[index], index, parent, depth, orphan: parents[position].1 });
        if next_sibling[position] != NONE {
            stack.push((next_sibling[position], parent, depth));
        }
        if first_child[position] != NONE {
            stack.push((first_child[position], place, depth + 1));
        }
    }
    nodes
}
