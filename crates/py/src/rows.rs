//! Rows as Python dicts.
//!
//! Must not know how a value came about.

use std::collections::HashMap;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyString};
use smoltrace_exchange::metrics_json::MetricsDocument;
use smoltrace_exchange::smoltrace_dict::{Cell, Record, ResultCells};
use smoltrace_model::aggregate::GpuAggregates;
use smoltrace_model::flatten::{self, COLUMNS, MetricsRow};

use crate::leaderboard::AllResults;
use crate::value;
use crate::walk::At;

/// The nine aggregates; None is 'not measured'.
pub fn aggregates<'py>(py: Python<'py>, totals: &GpuAggregates) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "utilization_avg"), totals.utilization_avg)?;
    dict.set_item(intern!(py, "utilization_max"), totals.utilization_max)?;
    dict.set_item(intern!(py, "memory_avg"), totals.memory_avg)?;
    dict.set_item(intern!(py, "memory_max"), totals.memory_max)?;
    dict.set_item(intern!(py, "temperature_avg"), totals.temperature_avg)?;
    dict.set_item(intern!(py, "temperature_max"), totals.temperature_max)?;
    dict.set_item(intern!(py, "power_avg"), totals.power_avg)?;
    dict.set_item(intern!(py, "co2_total"), totals.co2_total)?;
    dict.set_item(intern!(py, "power_cost_total"), totals.power_cost_total)?;
    Ok(dict)
}

/// The published metrics rows, a missing value as 0.0, in order.
pub fn metrics<'py>(py: Python<'py>, document: &MetricsDocument) -> PyResult<Bound<'py, PyList>> {
    let run_id = document.run_id.as_deref().unwrap_or("unknown");
    let rows = py.detach(|| flatten::flatten_metrics(&document.series, run_id));
    let mut shared = Shared::new(py);
    let list = PyList::empty(py);
    for row in &rows {
        list.append(shared.row(row)?)?;
    }
    Ok(list)
}

/// The rows of executions as dicts, each with what its execution was given.
pub fn results<'py>(
    py: Python<'py>,
    rows: &[ResultCells],
    all: &AllResults<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let mut columns: Vec<(&str, Bound<'py, PyString>)> = Vec::new();
    let list = PyList::empty(py);
    for (nth, (row, given)) in rows.iter().zip(&all.given).enumerate() {
        let dict = PyDict::new(py);
        for (place, (name, cell)) in row.iter().enumerate() {
            if columns.get(place).is_none_or(|(known, _)| known != name) {
                columns.insert(place, (name, PyString::intern(py, name)));
            }
            let column = &columns[place].1;
            let value = match cell {
                Cell::Made(value) => value::to_python(py, value)?,
                Cell::Given => match given.get_item(column)? {
                    Some(value) => match value::plain(value) {
                        Ok(value) => value,
                        error => all.at(nth, error.at_key(name))?,
                    },
                    None => py.None().into_bound(py),
                },
            };
            dict.set_item(column, value)?;
        }
        list.append(dict)?;
    }
    Ok(list)
}

/// A record as a dict with its keys in order.
pub fn record<'py>(py: Python<'py>, row: &Record) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, item) in row.iter() {
        dict.set_item(PyString::intern(py, key), value::to_python(py, item)?)?;
    }
    Ok(dict)
}

/// Objects that many rows share, made once.
struct Shared<'py, 'a> {
    py: Python<'py>,
    columns: Vec<Bound<'py, PyString>>,
    zero: Bound<'py, PyFloat>,
    texts: HashMap<&'a str, Bound<'py, PyString>>,
}

impl<'py, 'a> Shared<'py, 'a> {
    fn new(py: Python<'py>) -> Self {
        let columns = COLUMNS.iter().map(|column| PyString::intern(py, column)).collect();
        Self { py, columns, zero: PyFloat::new(py, 0.0), texts: HashMap::new() }
    }

    fn text(&mut self, text: &'a str) -> Bound<'py, PyString> {
        self.texts.entry(text).or_insert_with(|| PyString::new(self.py, text)).clone()
    }

    fn row(&mut self, row: &MetricsRow<'a>) -> PyResult<Bound<'py, PyDict>> {
        let py = self.py;
        let dict = PyDict::new(py);
        let texts = [
            self.text(row.run_id),
            self.text(row.service_name),
            PyString::new(py, &row.timestamp()),
            PyString::new(py, &row.time_unix_nano.to_string()),
        ];
        let gpu = [row.gpu_id.map(|id| self.text(id)), row.gpu_name.map(|name| self.text(name))];
        let (heads, rest) = self.columns.split_at(texts.len());
        let (middles, tails) = rest.split_at(row.values.len());
        for (column, text) in heads.iter().zip(texts) {
            dict.set_item(column, text)?;
        }
        for (column, value) in middles.iter().zip(row.values) {
            match value {
                Some(value) => dict.set_item(column, value)?,
                None => dict.set_item(column, &self.zero)?,
            }
        }
        for (column, text) in tails.iter().zip(gpu) {
            dict.set_item(column, text)?;
        }
        Ok(dict)
    }
}
