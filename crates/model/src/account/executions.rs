//! Which spans are which test's: traces fall into units, units meet the listed results, and a
//! unit that no result names becomes an execution of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::{Map, Value};

use crate::{
    events,
    forest::{Forest, NONE},
    normalize::{count, text},
    rows::{ResultRow, SpanKind, SpanRow, SpanStatus},
    trace::most_frequent,
    usage::{self, TraceUsage},
};

/// The spans of one execution: a whole trace, or a test's part of a trace that holds several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit<'a> {
    pub(super) root: &'a SpanRow,
    pub(super) test_uid: Option<String>,
    pub(super) spans: i64,
    pub(super) errors: i64,
    pub(super) steps: i64,
    pub(super) model: Option<&'a str>,
    pub(super) usage: TraceUsage,
    /// LLM spans without one beneath.
    pub(super) calls: Vec<&'a SpanRow>,
}

impl Unit<'_> {
    pub(super) fn start(&self) -> i64 {
        self.root.start_time_unix_nano
    }

    /// Never before the start.
    pub(super) fn end(&self) -> i64 {
        self.root.end_time_unix_nano.max(self.start())
    }

    pub(super) fn duration_ns(&self) -> i64 {
        self.end().saturating_sub(self.start())
    }
}

/// What the spans of a run are, as a whole.
#[derive(Debug, Default)]
pub(super) struct Traces<'a> {
    /// By start, trace id, span id of the root.
    pub(super) units: Vec<Unit<'a>>,
    pub(super) traces: i64,
    pub(super) spans: i64,
    pub(super) orphans: i64,
    /// Rows that are no other row's copy but share its id.
    pub(super) conflicting: i64,
    /// Spans with a token count of their own.
    pub(super) bearing: i64,
    pub(super) first_start: Option<i64>,
    pub(super) last_end: Option<i64>,
    pub(super) unpriced_models: BTreeSet<String>,
    pub(super) providers: Vec<&'a str>,
    pub(super) models: Vec<&'a str>,
    /// LLM spans without one beneath that are in no unit.
    pub(super) loose_calls: Vec<&'a SpanRow>,
    /// Spans whose tokens count.
    pub(super) counted: Vec<&'a SpanRow>,
}

impl<'a> Traces<'a> {
    pub(super) fn of(spans: &'a [SpanRow]) -> Self {
        let mut sorted: Vec<&SpanRow> = spans.iter().collect();
        sorted.sort_by(|a, b| a.trace_id.cmp(&b.trace_id));
        let mut all = Self::default();
        for trace in sorted.chunk_by(|a, b| a.trace_id == b.trace_id) {
            all.add(trace);
        }
        all.units.sort_by(|a, b| {
            let key = |unit: &Unit<'a>| (unit.start(), &unit.root.trace_id, &unit.root.span_id);
            key(a).cmp(&key(b))
        });
        all
    }

    fn add(&mut self, spans: &[&'a SpanRow]) {
        let forest = Forest::new(spans);
        self.traces += 1;
        self.spans += forest.nodes.len() as i64;
        self.orphans += forest.nodes.iter().filter(|node| node.orphan).count() as i64;
        if forest.duplicates > 0 {
            self.conflicting += (Forest::versions(spans) - forest.nodes.len()) as i64;
        }
        for node in &forest.nodes {
            let span = node.span;
            let start = span.start_time_unix_nano;
            let end = span.end_time_unix_nano.max(start);
            self.first_start = Some(self.first_start.map_or(start, |first| first.min(start)));
            self.last_end = Some(self.last_end.map_or(end, |last| last.max(end)));
        }
        let marks = usage::Marks::of(&forest);
        self.bearing += forest.nodes.iter().filter(|node| usage::bears_tokens(node.span)).count() as i64;
        for (place, node) in forest.nodes.iter().enumerate() {
            if marks.counted[place] {
                self.counted.push(node.span);
                self.models.extend(node.span.model.as_deref());
                self.providers.extend(node.span.provider.as_deref());
            }
            if marks.is_unpriced(&forest, place) {
                let model = node.span.model.clone().unwrap_or_else(|| "unknown".into());
                self.unpriced_models.insert(model);
            }
        }
        let (units, loose_calls) = units(&forest, &marks);
        self.units.extend(units);
        self.loose_calls.extend(loose_calls);
    }
}

/// Which of a run's spans may be the root of an execution: of no other does an account look at attributes and events.
pub fn roots(spans: &[SpanRow]) -> Vec<bool> {
    let all: Vec<&SpanRow> = spans.iter().collect();
    let mut roots = vec![false; spans.len()];
    for node in Forest::new(&all).nodes {
        roots[node.index] = node.parent == NONE || node.span.test_uid.is_some();
    }
    roots
}

/// A trace is one unit, unless it names several tests: then each of their topmost spans is the
/// root of one, and what used tokens outside of them is one more. Beside them the calls that are in none.
fn units<'a>(forest: &Forest<'a>, marks: &usage::Marks) -> (Vec<Unit<'a>>, Vec<&'a SpanRow>) {
    let nodes = &forest.nodes;
    let tops = tests(forest);
    let distinct: HashSet<&str> =
        tops.iter().filter_map(|&place| nodes[place].span.test_uid.as_deref()).collect();
    let roots = || (0..nodes.len()).filter(|&place| nodes[place].parent == NONE);
    let Some(root) = roots().find(|&place| nodes[place].span.test_uid.is_some()).or_else(|| roots().next())
    else {
        return (Vec::new(), Vec::new());
    };
    if distinct.len() < 2 {
        let mut named: Vec<usize> = tops;
        named.sort_by_key(|&place| (nodes[place].span.start_time_unix_nano, &nodes[place].span.span_id));
        let uid = named.first().and_then(|&place| nodes[place].span.test_uid.clone());
        return (vec![unit(forest, marks, root, uid, 0..nodes.len())], Vec::new());
    }
    // Depth-first order: what lies beneath a node follows it without a gap.
    let end_of = |top: usize| {
        let beneath = nodes[top + 1..].iter().take_while(|node| node.depth > nodes[top].depth);
        top + 1 + beneath.count()
    };
    let mut outside = vec![true; nodes.len()];
    let mut units = Vec::with_capacity(tops.len() + 1);
    for &top in &tops {
        let places = top..end_of(top);
        outside[places.clone()].fill(false);
        units.push(unit(forest, marks, top, nodes[top].span.test_uid.clone(), places));
    }
    let mut loose_calls = Vec::new();
    if let Some(root) = roots().find(|&place| outside[place]) {
        let places = (0..nodes.len()).filter(|&place| outside[place]);
        let rest = unit(forest, marks, root, None, places);
        if rest.usage.total_tokens.is_some() || rest.usage.cost_usd.is_some() {
            units.push(rest);
        } else {
            loose_calls = rest.calls;
        }
    }
    (units, loose_calls)
}

/// The topmost spans that name a test.
fn tests(forest: &Forest) -> Vec<usize> {
    let nodes = &forest.nodes;
    let mut inside = vec![false; nodes.len()];
    let mut tops = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        inside[place] = node.parent != NONE && inside[node.parent];
        if node.span.test_uid.is_some() && !inside[place] {
            inside[place] = true;
            tops.push(place);
        }
    }
    tops
}

fn unit<'a>(
    forest: &Forest<'a>,
    marks: &usage::Marks,
    root: usize,
    test_uid: Option<String>,
    places: impl Iterator<Item = usize> + Clone,
) -> Unit<'a> {
    let spans = || places.clone().map(|place| forest.nodes[place].span);
    let counted = places.clone().filter(|&place| marks.counted[place]);
    let model = |span: &'a SpanRow| span.model.as_deref();
    Unit {
        root: forest.nodes[root].span,
        test_uid,
        spans: spans().count() as i64,
        errors: spans().filter(|span| span.status == SpanStatus::Error).count() as i64,
        steps: spans().filter(|span| span.kind == SpanKind::Step).count() as i64,
        model: most_frequent(counted.filter_map(|place| model(forest.nodes[place].span)))
            .or_else(|| most_frequent(spans().filter_map(model))),
        calls: places
            .clone()
            .filter(|&place| marks.llm[place])
            .map(|place| forest.nodes[place].span)
            .collect(),
        usage: marks.usage(forest, places),
    }
}

/// The executions of a run with the unit of each.
#[derive(Debug, Default)]
pub(super) struct Executions {
    /// Result row and the place of its unit. Not accounted yet.
    pub(super) rows: Vec<(ResultRow, Option<usize>)>,
    pub(super) listed: i64,
    pub(super) without_trace: i64,
    pub(super) synthesised: i64,
}

/// Key in [`ResultRow::declared`] that marks an execution that no source listed.
pub const SYNTHESISED: &str = "synthesised";

/// Whether the row was made from a trace because no source listed the execution.
pub fn is_synthesised(row: &ResultRow) -> bool {
    row.declared.contains(SYNTHESISED)
        && serde_json::from_str::<Map<String, Value>>(&row.declared)
            .is_ok_and(|declared| declared.get(SYNTHESISED) == Some(&Value::Bool(true)))
}

impl Executions {
    pub(super) fn of(run_id: &str, listed: &[ResultRow], units: &[Unit]) -> Self {
        let rows = listed_rows(run_id, listed);
        let mut all = Self { listed: rows.len() as i64, ..Self::default() };
        let matched = meet(rows, units);
        let taken: HashSet<usize> = matched.iter().filter_map(|(_, unit)| *unit).collect();
        all.without_trace = matched.iter().filter(|(_, unit)| unit.is_none()).count() as i64;
        all.rows = number_attempts(matched, units, Vec::new());
        let rest: Vec<(ResultRow, Option<usize>)> = (0..units.len())
            .filter(|place| !taken.contains(place))
            .map(|place| (synthesised(run_id, &units[place]), Some(place)))
            .collect();
        all.synthesised = rest.len() as i64;
        all.rows = number_attempts(rest, units, std::mem::take(&mut all.rows));
        all
    }
}

/// Finds the unit of each listed result: by trace id, else by test uid in order of time.
fn meet(mut rows: Vec<ResultRow>, units: &[Unit]) -> Vec<(ResultRow, Option<usize>)> {
    rows.sort_by(|a, b| order_key(a).cmp(&order_key(b)));
    let mut by_trace: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, unit) in units.iter().enumerate() {
        by_trace.entry(&unit.root.trace_id).or_default().push(place);
    }
    let mut free = vec![true; units.len()];
    let mut places = vec![None; rows.len()];
    // Who names the very root goes first.
    for exact in [true, false] {
        for (row, place) in rows.iter_mut().zip(&mut places).filter(|(_, place)| place.is_none()) {
            let candidates = row.trace_id.as_deref().and_then(|trace_id| by_trace.get(trace_id));
            let Some(candidates) = candidates else { continue };
            let open = || candidates.iter().copied().filter(|&unit| free[unit]);
            *place = if exact {
                open().find(|&unit| row.span_id.as_ref() == Some(&units[unit].root.span_id))
            } else {
                open()
                    .find(|&unit| units[unit].test_uid.as_ref() == Some(&row.test_uid))
                    .or_else(|| open().next())
            };
            match *place {
                Some(unit) => free[unit] = false,
                None if exact => {}
                // Another result has that trace, and a trace counts once.
                None => (row.trace_id, row.span_id) = (None, None),
            }
        }
    }
    let mut by_uid: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (place, unit) in units.iter().enumerate().filter(|(place, _)| free[*place]) {
        if let Some(uid) = &unit.test_uid {
            by_uid.entry(uid).or_default().push_back(place);
        }
    }
    for (row, place) in rows.iter().zip(&mut places).filter(|(row, _)| row.trace_id.is_none()) {
        *place = by_uid.get_mut(row.test_uid.as_str()).and_then(VecDeque::pop_front);
        if let Some(unit) = *place {
            free[unit] = false;
        }
    }
    let lost = (0..rows.len()).filter(|&row| places[row].is_none() && rows[row].trace_id.is_none());
    let pairs = by_test_id(&rows, lost, units, &free);
    for (row, unit) in pairs {
        places[row] = Some(unit);
    }
    rows.into_iter().zip(places).collect()
}

/// Where one side does not know the agent's type: pairs of a row and a unit with the same test id,
/// of which neither could be paired otherwise.
fn by_test_id(
    rows: &[ResultRow],
    lost: impl Iterator<Item = usize>,
    units: &[Unit],
    free: &[bool],
) -> Vec<(usize, usize)> {
    type Candidates = (Vec<usize>, Vec<(usize, bool)>);
    let mut tests: HashMap<&str, Candidates> = HashMap::new();
    for row in lost {
        tests.entry(&rows[row].test_id).or_default().0.push(row);
    }
    for (place, unit) in units.iter().enumerate().filter(|(place, _)| free[*place]) {
        if let Some((agent, id)) = unit.test_uid.as_deref().and_then(|uid| uid.split_once(':')) {
            tests.entry(id).or_default().1.push((place, agent == UNKNOWN));
        }
    }
    let pair = |(rows_of, units_of): Candidates| match (&rows_of[..], &units_of[..]) {
        (&[row], &[(unit, unknown)]) if unknown || rows[row].agent_type == UNKNOWN => Some((row, unit)),
        _ => None,
    };
    tests.into_values().filter_map(pair).collect()
}

const UNKNOWN: &str = "unknown";

/// The listed results without what was accounted before, and without copies of one execution.
fn listed_rows(run_id: &str, listed: &[ResultRow]) -> Vec<ResultRow> {
    let mut seen = HashSet::new();
    listed
        .iter()
        .filter(|row| !is_synthesised(row))
        .map(|row| {
            let row = ResultRow { run_id: run_id.into(), version: 1, ..row.declared_only() };
            row.sealed()
        })
        .filter(|row| {
            // Two equal rows are two attempts unless attempt or trace says that they are one.
            (row.attempt < 1 && row.trace_id.is_none()) || seen.insert(row.row_id.clone())
        })
        .collect()
}

/// Numbered attempts first, then by date; equals stay in the order of the source.
fn order_key(row: &ResultRow) -> (i64, Option<&str>, &str, Option<&str>) {
    let attempt = if row.attempt < 1 { i64::MAX } else { row.attempt };
    (attempt, row.evaluation_date.as_deref(), &row.test_uid, row.trace_id.as_deref())
}

/// Gives every execution of a test its own number: what the source numbered keeps its number
/// (the first to claim it), the others get the lowest free ones in order of time.
fn number_attempts(
    rows: Vec<(ResultRow, Option<usize>)>,
    units: &[Unit],
    numbered: Vec<(ResultRow, Option<usize>)>,
) -> Vec<(ResultRow, Option<usize>)> {
    let mut taken: HashMap<String, BTreeSet<i64>> = HashMap::new();
    for (row, _) in &numbered {
        taken.entry(row.test_uid.clone()).or_default().insert(row.attempt);
    }
    let mut done = numbered;
    let mut open = Vec::new();
    for (row, unit) in rows {
        if row.attempt >= 1 && taken.entry(row.test_uid.clone()).or_default().insert(row.attempt) {
            done.push((row, unit));
        } else {
            open.push((row, unit));
        }
    }
    open.sort_by_key(|(_, unit)| unit.map_or(i64::MAX, |unit| units[unit].start()));
    let mut next: BTreeMap<String, i64> = BTreeMap::new();
    for (mut row, unit) in open {
        let next = next.entry(row.test_uid.clone()).or_insert(1);
        let taken = taken.entry(row.test_uid.clone()).or_default();
        while !taken.insert(*next) {
            *next += 1;
        }
        row.attempt = *next;
        done.push((row, unit));
    }
    done
}

/// An execution that only its trace tells of: what the root's attributes say, else unscored.
fn synthesised(run_id: &str, unit: &Unit) -> ResultRow {
    let root = unit.root;
    let attributes: Map<String, Value> = serde_json::from_str(&root.attributes).unwrap_or_default();
    let attribute = |names: &[&str]| names.iter().find_map(|name| attributes.get(*name).and_then(text));
    let number = |name: &str| attributes.get(name).and_then(count);
    let (test_uid, test_id, agent_type) = match &unit.test_uid {
        Some(uid) => {
            let (agent, id) = uid.split_once(':').unwrap_or((UNKNOWN, uid));
            let id = attribute(&["test.id"]).unwrap_or_else(|| id.to_owned());
            (uid.clone(), id, attribute(&["agent.type"]).unwrap_or_else(|| agent.to_owned()))
        }
        None => {
            let name: String = root.name.chars().take(80).collect();
            let short = root.trace_id.get(..8).unwrap_or(&root.trace_id);
            (format!("trace:{name}:{short}"), name, agent_of(&root.name).to_owned())
        }
    };
    let success = match attribute(&["test.case.result.status"]).as_deref() {
        Some("pass") => Some(true),
        Some("fail") => Some(false),
        _ => {
            attributes.get("test.success").and_then(Value::as_bool).or_else(|| events::verdict(&root.events))
        }
    };
    ResultRow {
        run_id: run_id.into(),
        test_uid,
        test_id,
        agent_type,
        attempt: 0,
        difficulty: attribute(&["test.difficulty"]),
        category: attribute(&["test.category"]),
        prompt: attribute(&["prompt", "smolagents.task"]).or_else(|| task(attributes.get("input.value")?)),
        success,
        tool_called: number("tests.tool_calls").map(|calls| calls > 0),
        steps: number("tests.steps").or_else(|| (unit.steps > 0).then_some(unit.steps)),
        response: attribute(&["output.value"]),
        error: (root.status == SpanStatus::Error).then(|| root.status_message.clone()).flatten(),
        stop_reason: attribute(&["test.stop_reason"]),
        trace_id: Some(root.trace_id.clone()),
        span_id: Some(root.span_id.clone()),
        declared: format!("{{\"{SYNTHESISED}\":true}}"),
        ..ResultRow::blank()
    }
}

/// smolagents names its agents' root spans after their class.
fn agent_of(root_name: &str) -> &'static str {
    match root_name.split_once('.').map_or(root_name, |(class, _)| class) {
        "ToolCallingAgent" => "tool",
        "CodeAgent" => "code",
        _ => UNKNOWN,
    }
}

/// The task in an input value: smolagents writes its arguments as JSON, others the bare text.
fn task(input: &Value) -> Option<String> {
    let input = text(input)?;
    match serde_json::from_str::<Value>(&input) {
        Ok(Value::Object(arguments)) => arguments.get("task").and_then(text),
        _ => Some(input),
    }
}

/// The row with the figures of its unit.
pub(super) fn accounted(row: &mut ResultRow, unit: &Unit) {
    let usage = &unit.usage;
    row.trace_id = Some(unit.root.trace_id.clone());
    row.span_id = Some(unit.root.span_id.clone());
    row.model = row.model.take().or_else(|| unit.model.map(str::to_owned));
    row.start_time_unix_nano = Some(unit.start());
    row.end_time_unix_nano = Some(unit.end());
    row.duration_ms = Some(crate::trace::ms(unit.duration_ns()));
    row.input_tokens = usage.input_tokens;
    row.output_tokens = usage.output_tokens;
    row.total_tokens = usage.total_tokens;
    row.llm_calls = Some(usage.llm_calls);
    row.tool_calls = Some(usage.tool_calls);
    row.span_count = Some(unit.spans);
    row.error_count = Some(unit.errors);
    row.cost_usd = usage.cost_usd;
    row.cost_source = usage.cost_source;
}
