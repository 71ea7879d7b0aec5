//! `results.json`: one object a test execution, older or newer, to result rows.

use std::path::Path;

use serde_json::Value;
use smoltrace_model::{ids, rows::ResultRow};

use super::{OURS, Reading, read_file};
use crate::{
    InputError,
    json::{Object, boolean, canonical_object, filled, integer, parse_object, text},
    notes::{Notes, Spot},
    otlp::id,
    patch,
    progress::Reporter,
    record::Record,
    runs::Content,
    stream::Item,
};

/// Results as read.
#[derive(Debug, Default)]
pub(crate) struct Results {
    drafts: Vec<Draft>,
    notes: Notes,
}

#[derive(Debug)]
pub(crate) struct Draft {
    row: ResultRow,
    /// What has no column; becomes `declared`.
    rest: Object,
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

    pub(crate) fn append(&mut self, other: Self) {
        self.drafts.extend(other.drafts);
        self.notes.extend(other.notes);
    }

    pub(crate) fn push(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// Takes out the results that name a trace, each with its trace id.
    pub(crate) fn take_with_trace(&mut self) -> Vec<(String, Draft)> {
        let (with, without) =
            std::mem::take(&mut self.drafts).into_iter().partition(|draft| draft.row.trace_id.is_some());
        self.drafts = without;
        let with: Vec<Draft> = with;
        with.into_iter().filter_map(|draft| Some((draft.row.trace_id.clone()?, draft))).collect()
    }

    /// What the results are, for an id made of content.
    pub(crate) fn content(&self, content: &mut Content) {
        for draft in &self.drafts {
            let row = &draft.row;
            let date = row.evaluation_date.as_deref().unwrap_or_default();
            let response = row.response.as_deref().unwrap_or_default();
            content.add(&[
                "result",
                &row.test_uid,
                &row.test_id,
                date,
                response,
                &canonical_object(&draft.rest),
            ]);
        }
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

    /// The rows; `metadata` may name the agent. An attempt that the source does not count is 0.
    pub(crate) fn into_rows(self, metadata: &Object) -> (Vec<ResultRow>, Notes) {
        let Self { mut drafts, mut notes } = self;
        let agent = filled(metadata.get("agent_type")).filter(|agent| agent != "both");
        for draft in &mut drafts {
            name_test(&mut draft.row, agent.as_deref());
        }
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

/// Columns that accounting fills in.
const ACCOUNTED: &[&str] = &[
    "start_time_unix_nano",
    "end_time_unix_nano",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "llm_calls",
    "tool_calls",
    "span_count",
    "error_count",
    "cost_usd",
    "cost_source",
    "energy_wh",
    "energy_source",
    "co2_emissions_g",
    "co2_source",
    "power_cost_usd",
    "power_cost_source",
];

/// What `record`, an exported form of `row`, does not say of it.
pub(crate) fn patch(row: &ResultRow, record: &Record) -> Value {
    let object: Object = record.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    let read_back = draft(object, None, &mut Notes::default(), &Spot::Root("")).ok().map(|mut draft| {
        name_test(&mut draft.row, None);
        ResultRow { declared: canonical_object(&draft.rest), ..draft.row }
    });
    patch::difference(row, read_back.as_ref(), ACCOUNTED)
}

fn draft(
    mut object: Object,
    agent: Option<&str>,
    notes: &mut Notes,
    place: &Spot<'_>,
) -> Result<Draft, String> {
    let ours = object.remove(OURS).filter(|ours| !ours.is_null());
    // What our own export could not write as it was is mended by what it wrote beside.
    let mut mended = Notes::default();
    let notes = if ours.is_some() { &mut mended } else { notes };
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
        test_uid: uid.unwrap_or_default(),
        test_id,
        agent_type: agent_type.unwrap_or_default(),
        attempt: attempt.unwrap_or(0),
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
        ..ResultRow::blank()
    };
    Ok(Draft { row, rest: object, ours })
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
