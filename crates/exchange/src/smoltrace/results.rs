//! `results.json`: one object a test execution, older or newer, to result rows.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;
use smoltrace_model::{
    ids,
    rows::{ResultRow, Source, SpanRow},
};

use super::{OURS, Reading, read_file};
use crate::{
    InputError,
    json::{Object, boolean, canonical_object, filled, integer, parse_object, text},
    notes::{Notes, Spot},
    otlp::id,
    patch,
    progress::Reporter,
    stream::Item,
};

/// Results as read, before they know each other and the traces.
#[derive(Debug, Default)]
pub(crate) struct Results {
    drafts: Vec<Draft>,
    notes: Notes,
}

#[derive(Debug)]
struct Draft {
    row: ResultRow,
    /// What has no column; becomes `declared`.
    rest: Object,
    /// Whether the source counts the attempts itself.
    attempt_given: bool,
    /// From our own export: the columns as they were.
    ours: Option<Value>,
}

pub(super) fn read(
    reading: &mut Reading,
    path: &Path,
    progress: &mut Reporter<'_>,
) -> Result<(), InputError> {
    read_file(reading, path, progress, |reading, item, file| match item {
        Item::Top { index, value } => reading.results.add(value, None, &file.index(index)),
        // `{"tool": [...], "code": [...]}`, or all under one name.
        Item::Element { key, index, value } => {
            let agent = (key != "results").then_some(key.as_str());
            reading.results.add(value, agent, &file.key(&key).index(index));
        }
        Item::Field { key, value } if key == "run_id" => reading.run_ids.results = filled(Some(&value)),
        Item::Field { .. } => {}
    })?;
    let named = reading.results.drafts.iter().find_map(|draft| filled(draft.rest.get("run_id")));
    reading.run_ids.results = reading.run_ids.results.take().or(named);
    Ok(())
}

impl Results {
    pub(crate) fn len(&self) -> usize {
        self.drafts.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.drafts.truncate(len);
    }

    /// Adds one result; `agent` is the agent type of the list it stands in.
    pub(crate) fn add(&mut self, value: Value, agent: Option<&str>, place: &Spot<'_>) {
        let Value::Object(object) = value else {
            self.notes.at(place, "is not an object; the result is left out");
            return;
        };
        match draft(object, agent, &mut self.notes, place) {
            Ok(draft) => self.drafts.push(draft),
            Err(reason) => self.notes.at(place, format_args!("{reason}; the result is left out")),
        }
    }

    /// The rows, numbered by attempt and joined to their traces. `metadata` may name the agent.
    pub(crate) fn into_rows(self, spans: &mut [SpanRow], metadata: &Object) -> (Vec<ResultRow>, Notes) {
        let Self { mut drafts, mut notes } = self;
        let agent = filled(metadata.get("agent_type")).filter(|agent| agent != "both");
        for draft in &mut drafts {
            name_test(&mut draft.row, agent.as_deref());
        }
        number_attempts(&mut drafts);
        join_traces(&mut drafts, spans, &mut notes);
        let rows = drafts.into_iter().map(|draft| {
            let row = ResultRow { declared: canonical_object(&draft.rest), ..draft.row };
            let uid = row.test_uid.clone();
            patch::apply(row.clone(), draft.ours).unwrap_or_else(|reason| {
                notes.add(format_args!("result {uid}: {reason}; what it says is passed over"));
                row
            })
        });
        let rows = rows.collect();
        (rows, notes)
    }
}

/// The row within its run: the run's id is not repeated in what was declared.
pub(crate) fn of_run(mut row: ResultRow, run_id: &str) -> ResultRow {
    let mut declared = parse_object(&row.declared);
    if filled(declared.get("run_id")).as_deref().is_none_or(|named| named == run_id) {
        declared.remove("run_id");
        row.declared = canonical_object(&declared);
    }
    row.run_id = run_id.to_owned();
    row.sealed()
}

fn draft(
    mut object: Object,
    agent: Option<&str>,
    notes: &mut Notes,
    place: &Spot<'_>,
) -> Result<Draft, String> {
    let ours = object.remove(OURS);
    let uid = take_text(&mut object, &["test_case_uid", "test_uid"]);
    let test_id = take_text(&mut object, &["test_id", "task_id", "id"]);
    let test_id = match (test_id, &uid) {
        (Some(id), _) => id,
        (None, Some(uid)) => uid.split_once(':').map_or(uid.as_str(), |(_, id)| id).to_owned(),
        (None, None) => return Err("it names no test (test_case_uid, test_id or task_id)".into()),
    };
    let agent_type = take_text(&mut object, &["agent_type"])
        .or_else(|| agent.map(str::to_owned))
        .or_else(|| uid.as_ref()?.strip_suffix(&format!(":{test_id}")).map(str::to_owned));
    let attempt = take_with(&mut object, &["attempt"], integer).filter(|attempt| *attempt >= 1);
    let info = enhanced_info(&object);
    let mut id_of = |names: &[&str], info_name: &str, canonical: fn(&str) -> _, width| {
        let given = names.iter().find_map(|name| object.get(*name)).cloned();
        match id(given.or_else(|| info.get(info_name).cloned()), canonical, width) {
            Ok(Some(id)) => {
                names.iter().for_each(|name| drop(object.remove(*name)));
                Some(id)
            }
            Ok(None) => {
                names.iter().for_each(|name| drop(object.remove(*name)));
                None
            }
            Err(reason) => {
                notes.at(place, format_args!("{reason}; the result is kept without it"));
                None
            }
        }
    };
    let trace_id = id_of(&["trace_id"], "trace_id", ids::trace_id, 16);
    let span_id = id_of(&["span_id"], "root_span_id", ids::span_id, 8);
    let row = ResultRow {
        run_id: String::new(),
        test_uid: uid.unwrap_or_default(),
        test_id,
        agent_type: agent_type.unwrap_or_default(),
        attempt: attempt.unwrap_or(0),
        version: 1,
        model: take_text(&mut object, &["model"]),
        evaluation_date: take_text(&mut object, &["evaluation_date"]),
        difficulty: take_text(&mut object, &["difficulty"]),
        category: take_text(&mut object, &["category"]),
        prompt: take_text(&mut object, &["prompt"]),
        success: take_with(&mut object, &["success"], boolean),
        tool_called: take_with(&mut object, &["tool_called"], boolean),
        correct_tool: take_with(&mut object, &["correct_tool"], boolean),
        final_answer_called: take_with(&mut object, &["final_answer_called"], boolean),
        response_correct: take_with(&mut object, &["response_correct"], boolean),
        expected_tool: take_text(&mut object, &["expected_tool"]),
        tools_used: take_with(&mut object, &["tools_used"], tools).unwrap_or_default(),
        steps: take_with(&mut object, &["steps"], integer),
        response: take_text(&mut object, &["response"]),
        error: take_text(&mut object, &["error"]),
        stop_reason: take_text(&mut object, &["stop_reason"]),
        timed_out: take_with(&mut object, &["timed_out"], boolean),
        trace_id,
        span_id,
        declared: String::new(),
        start_time_unix_nano: None,
        end_time_unix_nano: None,
        duration_ms: None,
        input_tokens: None,
        output_tokens: None,
        total_tokens: None,
        llm_calls: None,
        tool_calls: None,
        span_count: None,
        error_count: None,
        cost_usd: None,
        cost_source: Source::None,
        energy_wh: None,
        energy_source: Source::None,
        co2_emissions_g: None,
        co2_source: Source::None,
        power_cost_usd: None,
        power_cost_source: Source::None,
        row_id: String::new(),
    };
    Ok(Draft { row, rest: object, attempt_given: attempt.is_some(), ours })
}

/// A value that can be read is taken out; null too. Another stays, to be kept as declared.
fn take_with<T>(object: &mut Object, names: &[&str], read: fn(&Value) -> Option<T>) -> Option<T> {
    for name in names {
        match object.get(*name) {
            None => {}
            Some(Value::Null) => drop(object.remove(*name)),
            Some(value) => {
                let read = read(value);
                if read.is_some() {
                    object.remove(*name);
                    return read;
                }
            }
        }
    }
    None
}

fn take_text(object: &mut Object, names: &[&str]) -> Option<String> {
    take_with(object, names, text)
}

/// A list of names, or the JSON text of one.
fn tools(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => Some(list.iter().filter_map(text).collect()),
        Value::String(list) if list.trim().is_empty() => Some(Vec::new()),
        Value::String(list) => match serde_json::from_str(list) {
            Ok(Value::Array(list)) => Some(list.iter().filter_map(text).collect()),
            _ => None,
        },
        _ => None,
    }
}

/// SMOLTRACE's summary of the trace, an object or its JSON text.
fn enhanced_info(object: &Object) -> Object {
    match object.get("enhanced_trace_info") {
        Some(Value::Object(info)) => info.clone(),
        Some(Value::String(text)) => parse_object(text),
        _ => Object::new(),
    }
}

fn name_test(row: &mut ResultRow, agent: Option<&str>) {
    if row.agent_type.is_empty() {
        row.agent_type = agent.unwrap_or("unknown").to_owned();
    }
    if row.test_uid.is_empty() {
        row.test_uid = format!("{}:{}", row.agent_type, row.test_id);
    }
}

/// Attempts that the source does not count are counted in order of appearance.
fn number_attempts(drafts: &mut [Draft]) {
    let mut taken: HashMap<String, Vec<i64>> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.attempt_given) {
        taken.entry(draft.row.test_uid.clone()).or_default().push(draft.row.attempt);
    }
    let mut next: HashMap<String, i64> = HashMap::new();
    for draft in drafts.iter_mut().filter(|draft| !draft.attempt_given) {
        let taken = taken.get(&draft.row.test_uid).map_or(&[][..], Vec::as_slice);
        let next = next.entry(draft.row.test_uid.clone()).or_insert(0);
        loop {
            *next += 1;
            if !taken.contains(next) {
                break;
            }
        }
        draft.row.attempt = *next;
    }
}

/// A result without a trace id gets the trace of its test where there is no doubt: as many traces
/// name the test as results lack one, in order of time.
fn join_traces(drafts: &mut [Draft], spans: &[SpanRow], notes: &mut Notes) {
    if drafts.iter().all(|draft| draft.row.trace_id.is_some()) {
        return;
    }
    let claimed: Vec<&str> = drafts.iter().filter_map(|draft| draft.row.trace_id.as_deref()).collect();
    // Test -> start and id of the traces that name it.
    let mut traces: BTreeMap<&str, Vec<(i64, &str, &str)>> = BTreeMap::new();
    for span in spans {
        if let Some(uid) = &span.test_uid
            && !claimed.contains(&span.trace_id.as_str())
        {
            let of_test = traces.entry(uid).or_default();
            if !of_test.iter().any(|(_, trace, _)| *trace == span.trace_id) {
                of_test.push((span.start_time_unix_nano, &span.trace_id, &span.span_id));
            }
        }
    }
    let mut lacking: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.row.trace_id.is_none() {
            lacking.entry(draft.row.test_uid.clone()).or_default().push(index);
        }
    }
    for (uid, indices) in lacking {
        let Some(mut found) = traces.remove(uid.as_str()) else { continue };
        if found.len() != indices.len() {
            notes.add(format_args!(
                "results of {uid}: {} have no trace id and {} traces name the test; they are not joined",
                indices.len(),
                found.len()
            ));
            continue;
        }
        found.sort_unstable();
        for (index, (_, trace_id, span_id)) in indices.into_iter().zip(found) {
            let row = &mut drafts[index].row;
            row.trace_id = Some(trace_id.to_owned());
            row.span_id.get_or_insert_with(|| span_id.to_owned());
        }
    }
}
