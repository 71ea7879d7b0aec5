//! Rows of the published datasets, put together to runs.
//!
//! A row that names no run goes to the run of its trace, else to the only run there is, else to a
//! run named by content.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use smoltrace_model::{
    inputs::{Declared, RunInputs},
    rows::{PointRow, RunRow, SpanRow, TableRow},
};

use super::{metrics::MetricsRows, read_batches, wrong_type};
use crate::{
    InputError, InputErrorKind, frame,
    json::{Object, canonical_object, filled},
    notes::{Notes, Spot},
    otlp::Telemetry,
    progress::Reporter,
    runs::{Content, seal},
    smoltrace::{self, OURS, Results},
    stream::Input,
};

/// What a file is, by its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Points,
    Spans,
    Metrics,
    Traces,
    Results,
    Leaderboard,
}

/// The columns that a kind is told by: all of them must be there.
const SIGNS: &[(Kind, &[&str])] = &[
    (Kind::Points, &["series_id", "metric", "time_unix_nano", "value"]),
    (Kind::Spans, &["trace_id", "span_id", "start_time_unix_nano", "attributes", "resource"]),
    (Kind::Metrics, &["gpu_utilization_percent", "co2_emissions_gco2e"]),
    (Kind::Metrics, &["timestamp_unix_nano"]),
    (Kind::Traces, &["trace_id", "spans"]),
    (Kind::Results, &["test_case_uid", "success"]),
    (Kind::Results, &["task_id", "success"]),
    (Kind::Results, &["test_id", "success"]),
    (Kind::Leaderboard, &["model", "success_rate"]),
    (Kind::Leaderboard, &["model", "total_tests"]),
];

/// One run in the making.
#[derive(Debug, Default)]
struct Draft {
    telemetry: Telemetry,
    /// Points of our own dataset of points.
    points: Vec<PointRow>,
    results: Results,
    metrics: MetricsRows,
    leaderboard_row: Object,
    whole: Option<RunRow>,
}

/// The datasets read so far. Drafts are kept by run id; empty where a row names none.
#[derive(Debug, Default)]
pub(crate) struct Datasets {
    drafts: BTreeMap<String, Draft>,
    run_of_trace: HashMap<String, String>,
    notes: Notes,
}

impl Datasets {
    /// Adds a file.
    ///
    /// # Errors
    /// `Unrecognised` when the columns are those of no dataset of ours; others as reading goes.
    pub(crate) fn read(&mut self, file: &Input<'_>, progress: &mut Reporter<'_>) -> Result<(), InputError> {
        let mut kind = None;
        let mut first_row = 0;
        read_batches(file, progress, |batch| {
            let schema = batch.schema();
            let found = || {
                let has = |name: &&str| schema.column_with_name(name).is_some();
                SIGNS.iter().find(|(_, columns)| columns.iter().all(has)).map(|(kind, _)| *kind)
            };
            let kind = *kind.get_or_insert_with(found);
            match kind {
                None => return Err(unrecognised(file)),
                Some(Kind::Points) => self.points(file, batch, first_row)?,
                Some(Kind::Spans) => self.spans(file, batch, first_row)?,
                Some(kind) => {
                    for row in 0..batch.num_rows() {
                        let place = file.short_name();
                        let place = Spot::Root(&place);
                        let rows = place.key("rows");
                        self.row(kind, frame::object(batch, row), &rows.index(first_row as usize + row));
                    }
                }
            }
            first_row += batch.num_rows() as u64;
            Ok(())
        })
    }

    fn points(
        &mut self,
        file: &Input<'_>,
        batch: &arrow::record_batch::RecordBatch,
        first: u64,
    ) -> Result<(), InputError> {
        let rows =
            PointRow::from_batch(batch).map_err(|error| wrong_type(file, first, "", &error.to_string()))?;
        for row in rows {
            if row.value.is_finite() {
                self.draft(&row.run_id.clone()).points.push(row);
            } else {
                *self.draft(&row.run_id).telemetry.dropped_non_finite.entry(String::new()).or_default() += 1;
            }
        }
        Ok(())
    }

    fn spans(
        &mut self,
        file: &Input<'_>,
        batch: &arrow::record_batch::RecordBatch,
        first: u64,
    ) -> Result<(), InputError> {
        let rows =
            SpanRow::from_batch(batch).map_err(|error| wrong_type(file, first, "", &error.to_string()))?;
        for row in rows {
            self.run_of_trace.entry(row.trace_id.clone()).or_insert_with(|| row.run_id.clone());
            self.draft(&row.run_id.clone()).telemetry.spans.push(row);
        }
        Ok(())
    }

    fn draft(&mut self, run_id: &str) -> &mut Draft {
        self.drafts.entry(run_id.to_owned()).or_default()
    }

    fn row(&mut self, kind: Kind, mut object: Object, place: &Spot<'_>) {
        let run_id = filled(object.get("run_id")).unwrap_or_default();
        match kind {
            Kind::Results => self.draft(&run_id).results.add(object.into(), None, place),
            Kind::Metrics => self.draft(&run_id).metrics.add(object, place),
            Kind::Leaderboard => self.leaderboard(run_id, object, place),
            Kind::Traces => {
                // A list of structs has every attribute of every span, null where it was not set.
                if let Some(spans) = object.get_mut("spans").filter(|spans| spans.is_array()) {
                    strip_nulls(spans);
                }
                let draft = self.drafts.entry(run_id.clone()).or_default();
                let first = draft.telemetry.spans.len();
                smoltrace::trace(&mut draft.telemetry, object.into(), place);
                for span in &draft.telemetry.spans[first..] {
                    self.run_of_trace.entry(span.trace_id.clone()).or_insert_with(|| run_id.clone());
                }
            }
            Kind::Points | Kind::Spans => {}
        }
    }

    fn leaderboard(&mut self, run_id: String, mut object: Object, place: &Spot<'_>) {
        let whole = object.remove(OURS).and_then(smoltrace::whole_run);
        object.retain(|_, value| !value.is_null());
        let run_id = if run_id.is_empty() {
            // Rows from before runs had ids: each is a run of its own.
            let mut content = Content::default();
            content.add(&["row", &canonical_object(&object)]);
            content.id()
        } else {
            run_id
        };
        let draft = self.draft(&run_id);
        if !draft.leaderboard_row.is_empty() && draft.leaderboard_row != object {
            self.notes
                .at(place, format_args!("run {run_id} has a second leaderboard row; the last one counts"));
        }
        let draft = self.draft(&run_id);
        draft.leaderboard_row = object;
        draft.whole = whole;
    }

    /// The runs, in order of their ids.
    pub(crate) fn into_runs(mut self) -> Vec<RunInputs> {
        self.place_nameless();
        let lines = self.notes.into_lines();
        let drafts = self.drafts.into_iter();
        drafts.map(|(run_id, draft)| draft.into_run(run_id, &lines)).collect()
    }

    /// Finds the run of what names none.
    fn place_nameless(&mut self) {
        let Some(mut nameless) = self.drafts.remove("") else { return };
        for (trace_id, result) in nameless.results.take_with_trace() {
            let run_id = self.run_of_trace.get(&trace_id).filter(|id| !id.is_empty()).cloned();
            match run_id {
                Some(run_id) => self.draft(&run_id).results.push(result),
                None => nameless.results.push(result),
            }
        }
        if nameless.is_empty() {
            return;
        }
        let mut ids = self.drafts.keys();
        let run_id = match (ids.next(), ids.next()) {
            (Some(only), None) => only.clone(),
            _ => {
                let mut content = Content::default();
                nameless.telemetry.spans.iter().for_each(|span| content.span(span));
                nameless.points.iter().for_each(|point| content.point(point));
                nameless.results.content(&mut content);
                nameless.metrics.content(&mut content);
                content.id()
            }
        };
        self.draft(&run_id).append(nameless);
    }
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.telemetry.spans.is_empty()
            && self.points.is_empty()
            && self.results.len() == 0
            && self.metrics.is_empty()
    }

    fn append(&mut self, other: Draft) {
        self.telemetry.append(other.telemetry);
        self.points.extend(other.points);
        self.results.append(other.results);
        self.metrics.append(other.metrics);
    }

    fn into_run(self, run_id: String, notes: &[String]) -> RunInputs {
        let Self { mut telemetry, mut points, results, metrics, leaderboard_row, whole } = self;
        let (results, result_notes) = results.into_rows(&leaderboard_row);
        let mut own_notes = std::mem::take(&mut telemetry.notes);
        own_notes.extend(result_notes);
        // Our own points say all that the published metrics say, and more.
        if points.is_empty() {
            points = metrics.into_points(&run_id, &mut own_notes);
        }
        let mut run = RunInputs {
            declared: Declared {
                leaderboard_row,
                notes: own_notes.into_lines().into_iter().chain(notes.iter().cloned()).collect(),
                ..Declared::default()
            },
            origin: "parquet".into(),
            results: results.into_iter().map(|row| smoltrace::of_run(row, &run_id)).collect(),
            spans: telemetry.spans,
            points,
            dropped_non_finite: telemetry.dropped_non_finite.values().sum(),
            run_id,
        };
        if let Some(whole) = &whole {
            run = smoltrace::of_whole_run(run, whole);
        }
        seal(&mut run);
        run
    }
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn unrecognised(file: &Input<'_>) -> InputError {
    let message = "its columns are those of no dataset that can be imported";
    InputError::new(InputErrorKind::Unrecognised, file.name(), message)
        .help("expected SMOLTRACE's columns of results, traces, metrics or leaderboard")
}
