//! Run folders that SMOLTRACE writes, of every age, and our own exports in the same form.
//!
//! Must not know accounting: what the folder says of itself is kept whole and apart from the
//! spans, points and results that numbers are made of.

mod metrics;
mod results;
mod traces;

use std::path::{Path, PathBuf};

use serde_json::Value;
use smoltrace_model::{
    inputs::{Declared, RunInputs},
    rows::RunRow,
};

pub(crate) use crate::patch::OURS;
use crate::{
    InputError, InputErrorKind,
    json::{Object, canonical_object, filled, parse_object},
    notes::{Notes, Spot},
    otlp::Telemetry,
    progress::Reporter,
    runs::{Content, seal},
    stream::{Item, Sink, read_items, read_value},
};
pub(crate) use results::{Results, of_run, patch as result_patch};
pub(crate) use traces::{span, trace};

/// The files of a run folder, each where it is there, gzipped or not.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct RunFolder {
    pub results: Option<PathBuf>,
    pub traces: Option<PathBuf>,
    pub metrics: Option<PathBuf>,
    pub leaderboard_row: Option<PathBuf>,
    pub metadata: Option<PathBuf>,
}

impl RunFolder {
    /// The run folder at `folder`; `None` when it has neither results nor traces.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let file = |name: &str| {
            [name.to_owned(), format!("{name}.gz")]
                .into_iter()
                .map(|name| folder.join(name))
                .find(|path| path.is_file())
        };
        let found = Self {
            results: file("results.json"),
            traces: file("traces.json"),
            metrics: file("metrics.json"),
            leaderboard_row: file("leaderboard_row.json"),
            metadata: file("metadata.json"),
        };
        (found.results.is_some() || found.traces.is_some()).then_some(found)
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.results, &self.traces, &self.metrics, &self.leaderboard_row, &self.metadata]
            .into_iter()
            .flatten()
    }
}

/// Everything read of a folder so far.
#[derive(Debug, Default)]
struct Reading {
    telemetry: Telemetry,
    results: Results,
    aggregates: Vec<Value>,
    /// Run ids in the order in which they are trusted less.
    run_ids: RunIds,
    notes: Notes,
}

/// Who named the run.
#[derive(Debug, Default)]
struct RunIds {
    metrics: Option<String>,
    traces: Option<String>,
    results: Option<String>,
}

/// Reads a run folder.
///
/// # Errors
/// A file that is no JSON or has another shape than its name promises. A bad span, result or
/// point is left out with a note.
pub(crate) fn read(folder: &RunFolder, progress: &mut Reporter<'_>) -> Result<RunInputs, InputError> {
    let mut reading = Reading::default();
    let leaderboard_row = object(folder.leaderboard_row.as_deref(), progress)?;
    let mut metadata = object(folder.metadata.as_deref(), progress)?;
    if let Some(path) = &folder.traces {
        traces::read(&mut reading, path, progress)?;
    }
    if let Some(path) = &folder.metrics {
        metrics::read(&mut reading, path, progress)?;
    }
    if let Some(path) = &folder.results {
        results::read(&mut reading, path, progress)?;
    }
    let ours = metadata.remove(OURS);
    finish(reading, leaderboard_row, metadata, ours)
}

fn object(path: Option<&Path>, progress: &mut Reporter<'_>) -> Result<Object, InputError> {
    let Some(path) = path else { return Ok(Object::new()) };
    let file = progress.file(path);
    match read_value(&file)? {
        Value::Object(object) => Ok(object),
        Value::Array(mut list) if list.len() == 1 && list[0].is_object() => match list.remove(0) {
            Value::Object(object) => Ok(object),
            _ => Ok(Object::new()),
        },
        _ => Err(InputError::new(InputErrorKind::WrongType, file.name(), "a JSON object was expected")
            .help("take the file as SMOLTRACE wrote it, or remove it: the folder can be read without")),
    }
}

fn finish(
    reading: Reading,
    leaderboard_row: Object,
    metadata: Object,
    ours: Option<Value>,
) -> Result<RunInputs, InputError> {
    let Reading { mut telemetry, results, aggregates, run_ids, mut notes } = reading;
    notes.extend(std::mem::take(&mut telemetry.notes));

    let named = filled(leaderboard_row.get("run_id"))
        .or_else(|| filled(metadata.get("run_id")))
        .or(run_ids.metrics)
        .or(run_ids.traces)
        .or(run_ids.results)
        .or_else(|| named_by_resource(&telemetry));
    let run_id = named.unwrap_or_else(|| {
        let mut content = Content::default();
        telemetry.spans.iter().for_each(|span| content.span(span));
        telemetry.points.iter().for_each(|point| content.point(point));
        results.content(&mut content);
        content.add(&["row", &canonical_object(&leaderboard_row)]);
        content.add(&["metadata", &canonical_object(&metadata)]);
        content.id()
    });
    let (results, result_notes) = results.into_rows(&metadata);
    notes.extend(result_notes);
    let dropped_non_finite = telemetry.dropped_non_finite.values().sum();
    let mut run = RunInputs {
        declared: Declared {
            leaderboard_row,
            metadata,
            aggregates,
            notes: notes.into_lines(),
            ..Declared::default()
        },
        origin: "smoltrace-json".into(),
        spans: telemetry.spans,
        points: telemetry.points,
        results: results.into_iter().map(|row| of_run(row, &run_id)).collect(),
        dropped_non_finite,
        run_id,
    };
    if let Some(whole) = ours.and_then(whole_run) {
        run = of_whole_run(run, &whole);
    }
    seal(&mut run);
    Ok(run)
}

/// The run row in `{"run": ...}`, an object or its text, that our own exports carry.
pub(crate) fn whole_run(ours: Value) -> Option<RunRow> {
    let mut ours = match ours {
        Value::Object(ours) => ours,
        Value::String(text) => parse_object(&text),
        _ => return None,
    };
    serde_json::from_value(ours.remove("run")?).ok()
}

/// What was read of an export of ours, as the tables had it.
pub(crate) fn of_whole_run(read: RunInputs, whole: &RunRow) -> RunInputs {
    let notes = read.declared.notes;
    let results = read.results.into_iter().map(|row| of_run(row, &whole.run_id)).collect();
    let mut run = RunInputs::from_tables(whole, results, read.spans, read.points);
    for note in notes {
        if !run.declared.notes.contains(&note) {
            run.declared.notes.push(note);
        }
    }
    run
}

/// `run.id` of the resources; not their service, which all runs of one machine may share.
fn named_by_resource(telemetry: &Telemetry) -> Option<String> {
    let spans = telemetry.spans.iter().map(|span| &span.resource);
    let points = telemetry.points.iter().map(|point| &point.resource);
    let mut last = None;
    for resource in spans.chain(points) {
        if last == Some(resource) {
            continue;
        }
        last = Some(resource);
        let named = filled(parse_object(resource).get("run.id"));
        if named.is_some() {
            return named;
        }
    }
    None
}

/// Reads the items of one file of the folder with `each`, which gets the file's place.
fn read_file(
    reading: &mut Reading,
    path: &Path,
    progress: &mut Reporter<'_>,
    each: fn(&mut Reading, Item, &Spot<'_>),
) -> Result<(), InputError> {
    struct Part<'r> {
        reading: &'r mut Reading,
        name: String,
        each: fn(&mut Reading, Item, &Spot<'_>),
        /// What the reading held before this file.
        marks: (usize, usize, usize, usize),
    }
    impl Sink for Part<'_> {
        fn item(&mut self, item: Item) {
            (self.each)(self.reading, item, &Spot::Root(&self.name));
        }
        fn restart(&mut self) {
            let (spans, points, results, aggregates) = self.marks;
            self.reading.telemetry.spans.truncate(spans);
            self.reading.telemetry.points.truncate(points);
            self.reading.results.truncate(results);
            self.reading.aggregates.truncate(aggregates);
        }
        fn note(&mut self, note: String) {
            self.reading.notes.add(note);
        }
    }
    let file = progress.file(path);
    let marks = (
        reading.telemetry.spans.len(),
        reading.telemetry.points.len(),
        reading.results.len(),
        reading.aggregates.len(),
    );
    let mut part = Part { reading, name: file.short_name(), each, marks };
    read_items(&file, progress, &mut part)
}
