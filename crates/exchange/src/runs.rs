//! Telemetry to runs: rows are grouped by the run that their resource names; what names none
//! gets an id made of its content.

use std::collections::HashMap;

use smoltrace_model::{
    ids::content_id,
    inputs::{Declared, RunInputs},
    rows::{PointRow, SpanRow},
};

use crate::otlp::Telemetry;

/// Content of rows as an id: the same for the same rows in whatever order and whichever file.
#[derive(Debug, Default)]
pub(crate) struct Content {
    parts: Vec<String>,
}

impl Content {
    pub(crate) fn add(&mut self, part: &[&str]) {
        self.parts.push(content_id(part.iter().map(|text| text.as_bytes())));
    }

    pub(crate) fn span(&mut self, row: &SpanRow) {
        let start = row.start_time_unix_nano.to_string();
        let end = row.end_time_unix_nano.to_string();
        self.add(&["span", &row.trace_id, &row.span_id, &row.name, &start, &end, &row.attributes]);
    }

    pub(crate) fn point(&mut self, row: &PointRow) {
        let time = row.time_unix_nano.to_string();
        self.add(&["point", &row.series_id, &time, &row.value.to_bits().to_string()]);
    }

    /// `import-` and 12 hex digits.
    pub(crate) fn id(mut self) -> String {
        self.parts.sort_unstable();
        self.parts.dedup();
        let id = content_id(self.parts.iter().map(|part| part.as_bytes()));
        format!("import-{}", &id[..12])
    }
}

/// The runs in what was decoded, in order of first appearance, with their rows sealed.
pub(crate) fn into_runs(mut telemetry: Telemetry) -> Vec<RunInputs> {
    telemetry.attach_logs();
    let mut runs: Vec<RunInputs> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut slot = |runs: &mut Vec<RunInputs>, run_id: &str| match index.get(run_id) {
        Some(slot) => *slot,
        None => {
            index.insert(run_id.to_owned(), runs.len());
            runs.push(RunInputs { run_id: run_id.to_owned(), origin: "otlp".into(), ..RunInputs::default() });
            runs.len() - 1
        }
    };
    for span in telemetry.spans {
        let slot = slot(&mut runs, &span.run_id);
        runs[slot].spans.push(span);
    }
    for point in telemetry.points {
        let slot = slot(&mut runs, &point.run_id);
        runs[slot].points.push(point);
    }
    for (run_id, dropped) in telemetry.dropped_non_finite {
        let slot = slot(&mut runs, &run_id);
        runs[slot].dropped_non_finite += dropped;
    }
    let notes = telemetry.notes.into_lines();
    for run in &mut runs {
        run.declared = Declared { notes: notes.clone(), ..Declared::default() };
        if run.run_id.is_empty() {
            let mut content = Content::default();
            run.spans.iter().for_each(|span| content.span(span));
            run.points.iter().for_each(|point| content.point(point));
            run.run_id = content.id();
        }
        seal(run);
    }
    runs
}

/// Gives every row the run's id and its content hash.
pub(crate) fn seal(run: &mut RunInputs) {
    let id = &run.run_id;
    let spans = std::mem::take(&mut run.spans).into_iter();
    run.spans = spans.map(|row| SpanRow { run_id: id.clone(), ..row }.sealed()).collect();
    let points = std::mem::take(&mut run.points).into_iter();
    run.points = points.map(|row| PointRow { run_id: id.clone(), ..row }.sealed()).collect();
}
