//! What is worked out once for a version of the runs, so that a request only filters.

use std::{cmp::Ordering, sync::Arc};

use smoltrace_model::rows::RunRow;

use super::time::unix_nano;
use crate::{columns::Cell, run_columns};

/// The runs with their time, their searchable text and their best-first order.
pub struct RunIndex {
    rows: Arc<Vec<RunRow>>,
    time_unix_nano: Vec<Option<i64>>,
    text: Vec<String>,
    /// Place of each row among all, newest first.
    age: Vec<usize>,
    best_first: Vec<usize>,
}

impl RunIndex {
    pub fn new(rows: Arc<Vec<RunRow>>) -> Self {
        let time_unix_nano = rows.iter().map(time_of).collect();
        let text = rows.iter().map(text_of).collect();
        let count = rows.len();
        let mut index = Self { rows, time_unix_nano, text, age: vec![0; count], best_first: Vec::new() };
        let mut newest_first: Vec<usize> = (0..count).collect();
        newest_first.sort_by(|&a, &b| index.compare_newest_first(a, b));
        for (place, row) in newest_first.into_iter().enumerate() {
            index.age[row] = place;
        }
        let mut best_first: Vec<usize> = (0..count).collect();
        best_first.sort_by(|&a, &b| index.compare_best_first(a, b));
        index.best_first = best_first;
        index
    }

    pub fn rows(&self) -> &Arc<Vec<RunRow>> {
        &self.rows
    }

    /// Unix ns: when the run was recorded, else when its first span started.
    pub fn time_unix_nano(&self, row: usize) -> Option<i64> {
        self.time_unix_nano[row]
    }

    /// Lower-case text of the searched fields, one a line.
    pub fn text(&self, row: usize) -> &str {
        &self.text[row]
    }

    /// Rows by best success rate, then least CO2, then least cost, then newest, then run id.
    pub fn best_first(&self) -> impl Iterator<Item = usize> + '_ {
        self.best_first.iter().copied()
    }

    /// Place of a row among all: newest first, unknown times last, then by run id.
    pub fn age(&self, row: usize) -> usize {
        self.age[row]
    }

    fn compare_newest_first(&self, a: usize, b: usize) -> Ordering {
        let time = |row: usize| self.time_unix_nano[row].map_or(Cell::Null, Cell::Nanos);
        time(a).compare_nulls_last(&time(b), true).then_with(|| self.rows[a].run_id.cmp(&self.rows[b].run_id))
    }

    fn compare_best_first(&self, a: usize, b: usize) -> Ordering {
        let (x, y) = (&self.rows[a], &self.rows[b]);
        let by = |x: Option<f64>, y: Option<f64>, descending| {
            Cell::from(x).compare_nulls_last(&Cell::from(y), descending)
        };
        by(x.success_rate, y.success_rate, true)
            .then_with(|| by(run_columns::co2_g(x), run_columns::co2_g(y), false))
            .then_with(|| by(x.total_cost_usd, y.total_cost_usd, false))
            .then_with(|| self.age[a].cmp(&self.age[b]))
    }
}

fn time_of(row: &RunRow) -> Option<i64> {
    row.timestamp.as_deref().and_then(|text| unix_nano(text, false)).or(row.start_time_unix_nano)
}

fn text_of(row: &RunRow) -> String {
    let fields = [&row.notes, &row.dataset_used, &row.hardware, &row.submitted_by];
    let fields = fields.into_iter().filter_map(Option::as_deref);
    let all: Vec<&str> = [row.run_id.as_str(), row.model.as_str()].into_iter().chain(fields).collect();
    all.join("\n").to_lowercase()
}
