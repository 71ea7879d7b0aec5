//! The arguments of the leaderboard row and of the result rows, from Python objects.
//!
//! Must not know what a row says.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::{Map, Value};
use smoltrace_exchange::metrics_json::MetricsDocument;
use smoltrace_exchange::smoltrace_dict::{DictError, LeaderboardArgs, Record, leaderboard_row};

use crate::errors;
use crate::value;
use crate::walk::{At, Fields, Walked, dict, each};

/// Executions under each agent type, in order.
pub struct AllResults<'py> {
    /// The fields that were asked for.
    pub fields: Vec<(String, Vec<Record>)>,
    /// The executions as they were given.
    pub given: Vec<Bound<'py, PyDict>>,
}

impl AllResults<'_> {
    /// Adds the steps to the execution at a place among all of them.
    pub fn at<T>(&self, place: usize, walked: Walked<T>) -> PyResult<T> {
        let places =
            self.fields.iter().flat_map(|(agent, list)| (0..list.len()).map(move |nth| (agent, nth)));
        let Some((agent, nth)) = places.into_iter().nth(place) else {
            return Err(PyIndexError::new_err(place));
        };
        walked.at_index(nth).at_key(agent).map_err(|error| errors::walk(ARGUMENT, error))
    }
}

const ARGUMENT: &str = "all_results";

/// The argument `all_results`: a dict of lists of dicts, of which the fields of these names are read.
pub fn all_results<'py, const N: usize>(
    argument: &Bound<'py, PyAny>,
    names: [&'static str; N],
) -> PyResult<AllResults<'py>> {
    let mut fields = Fields::new(names);
    let mut all = AllResults { fields: Vec::new(), given: Vec::new() };
    let mut read = || -> Walked<()> {
        for (agent_type, results) in dict(argument)?.iter() {
            let agent_type = agent_type.str()?.to_string_lossy().into_owned();
            let mut records = Vec::new();
            let each_result = each(Some(&results), |_, item| {
                let given = dict(item)?;
                let mut record = Record::default();
                for (name, value) in names.into_iter().zip(fields.read(&given)) {
                    if let Some(value) = value {
                        record.push(name, value::from_python(&value).at_key(name)?);
                    }
                }
                records.push(record);
                all.given.push(given.into_owned());
                Ok(())
            });
            each_result.at_key(&agent_type)?;
            all.fields.push((agent_type, records));
        }
        Ok(())
    };
    read().map_err(|error| errors::walk(ARGUMENT, error))?;
    Ok(all)
}

/// The argument `name`: a list of dicts, or None for an empty one.
pub fn list(argument: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<Value>> {
    objects(argument).map_err(|error| errors::walk(name, error))
}

fn objects(list: &Bound<'_, PyAny>) -> Walked<Vec<Value>> {
    let mut items = Vec::new();
    each(Some(list), |_, item| {
        let fields = dict(item)?;
        items.push(value::from_python(fields.as_any())?);
        Ok(())
    })?;
    Ok(items)
}

/// What is said of the run: the other arguments, by name. Errors name the argument.
pub fn declared(arguments: &Bound<'_, PyAny>) -> PyResult<Map<String, Value>> {
    let mut map = Map::new();
    for pair in arguments.call_method0("items")?.try_iter()? {
        let pair = pair?;
        let (name, argument) = pair.cast::<PyTuple>()?.extract::<(String, Bound<'_, PyAny>)>()?;
        let argument = value::from_python(&argument).map_err(|error| errors::walk(&name, error))?;
        map.insert(name, argument);
    }
    Ok(map)
}

/// Everything that a leaderboard row is made of.
pub struct Inputs {
    /// With the fields of [`smoltrace_exchange::smoltrace_dict::RANKED`].
    pub all_results: Vec<(String, Vec<Record>)>,
    pub trace_data: Vec<Value>,
    pub metrics: MetricsDocument,
    pub declared: Map<String, Value>,
}

impl Inputs {
    pub fn row(&self) -> Result<Record, DictError> {
        let texts: Map<String, Value> =
            self.declared.iter().map(|(key, value)| (key.clone(), as_text(value))).collect();
        let text = |key: &str| texts.get(key).and_then(Value::as_str);
        let number = |key: &str| self.declared.get(key).and_then(Value::as_f64);
        let object = |key: &str| self.declared.get(key).filter(|value| value.is_object());
        leaderboard_row(&LeaderboardArgs {
            model_name: text("model").unwrap_or_default(),
            all_results: &self.all_results,
            trace_data: &self.trace_data,
            series: Some(&self.metrics.series),
            aggregates: &self.metrics.aggregates,
            dataset_used: text("dataset_used"),
            results_dataset: text("results_dataset"),
            traces_dataset: text("traces_dataset"),
            metrics_dataset: text("metrics_dataset"),
            agent_type: text("agent_type").unwrap_or("both"),
            run_id: text("run_id"),
            provider: text("provider").unwrap_or_default(),
            use_case: text("use_case"),
            team: text("team"),
            purpose: text("purpose"),
            suite_version: text("suite_version"),
            submitted_by: text("submitted_by"),
            run_state: object("run_state"),
            task_timeout: number("task_timeout_s"),
            request_timeout: number("request_timeout_s"),
            tool_timeout: number("tool_timeout_s"),
            hardware: object("hardware"),
            now: text("timestamp").unwrap_or_default(),
        })
    }
}

/// Names may be given as other scalars, such as a number for a version.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        other => other.clone(),
    }
}
