//! Which runs a request is about.

use std::collections::HashSet;

use smoltrace_model::rows::{RunRow, RunStatus};

use super::{RunIndex, time::unix_nano};
use crate::error::ApiError;

/// A field that runs are filtered and counted by.
pub struct FilterField {
    pub name: &'static str,
    /// The run's value; None when it is not given.
    pub value: fn(&RunRow) -> Option<&str>,
    /// All values that there can be, when the set is closed.
    closed: &'static [&'static str],
}

/// The filter fields, in the order of the facets.
pub static FILTERS: [FilterField; 12] = [
    open("model", |run| Some(&run.model)),
    open("agent_type", |run| Some(&run.agent_type)),
    open("provider", |run| run.provider.as_deref()),
    open("hardware", |run| run.hardware.as_deref()),
    open("dataset_used", |run| run.dataset_used.as_deref()),
    open("use_case", |run| run.use_case.as_deref()),
    open("team", |run| run.team.as_deref()),
    FilterField {
        name: "purpose",
        value: |run| run.purpose.as_deref(),
        closed: &["selection", "regression", "monitoring"],
    },
    open("suite_version", |run| run.suite_version.as_deref()),
    open("submitted_by", |run| run.submitted_by.as_deref()),
    FilterField { name: "status", value: |run| Some(run.status.as_str()), closed: &STATUSES },
    FilterField {
        name: "simulated",
        value: |run| Some(if run.simulated { "true" } else { "false" }),
        closed: &["true", "false"],
    },
];

const STATUSES: [&str; RunStatus::ALL.len()] = {
    let mut names = [""; RunStatus::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = RunStatus::ALL[at].as_str();
        at += 1;
    }
    names
};

const fn open(name: &'static str, value: fn(&RunRow) -> Option<&str>) -> FilterField {
    FilterField { name, value, closed: &[] }
}

/// A parsed filter. Values of one field are alternatives; fields are all required.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Filter {
    /// Lower-case words that must all occur.
    words: Vec<String>,
    /// Per [`FILTERS`] entry; empty lets everything pass.
    values: [Vec<String>; FILTERS.len()],
    from_unix_nano: Option<i64>,
    to_unix_nano: Option<i64>,
}

impl Filter {
    /// Reads the parameters `q`, `from`, `to` and those named in [`FILTERS`]. An empty value is
    /// no filter. Refuses a value that a closed field cannot have and a time that is none.
    pub fn parse(
        q: Option<&str>,
        values: &[(&str, &[String])],
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Self, ApiError> {
        let mut filter = Self {
            words: q.unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect(),
            from_unix_nano: instant("from", from, false)?,
            to_unix_nano: instant("to", to, true)?,
            ..Self::default()
        };
        for (name, given) in values {
            let Some(at) = FILTERS.iter().position(|field| field.name == *name) else { continue };
            let closed = FILTERS[at].closed;
            let given = given.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
            let given: Vec<String> = match closed {
                [] => given.map(str::to_owned).collect(),
                _ => given.flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect(),
            };
            if let Some(unknown) =
                given.iter().find(|value| !closed.is_empty() && !closed.contains(&value.as_str()))
            {
                return Err(ApiError::invalid(format!(
                    "`{name}` cannot be `{unknown}`; it takes {}",
                    closed.join(", ")
                )));
            }
            filter.values[at] = given;
        }
        Ok(filter)
    }

    /// Makes the filter ready for the runs at hand. A value with a comma is a list of values,
    /// unless a run has it as it stands.
    pub fn compile<'a>(&'a self, index: &'a RunIndex) -> Test<'a> {
        let mut values: [HashSet<&'a str>; FILTERS.len()] = Default::default();
        for (at, given) in self.values.iter().enumerate() {
            for value in given {
                let whole = !value.contains(',')
                    || index.rows().iter().any(|run| (FILTERS[at].value)(run) == Some(value));
                if whole {
                    values[at].insert(value);
                } else {
                    values[at].extend(value.split(',').map(str::trim).filter(|part| !part.is_empty()));
                }
            }
        }
        Test { filter: self, index, values }
    }
}

fn instant(name: &str, text: Option<&str>, end_of_day: bool) -> Result<Option<i64>, ApiError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    unix_nano(text, end_of_day).map(Some).ok_or_else(|| {
        ApiError::invalid(format!(
            "`{name}` must be a date or an ISO 8601 time, such as 2026-11-23 or 2026-11-23T12:00:00Z, not `{text}`"
        ))
    })
}

/// A filter bound to the runs it looks at.
pub struct Test<'a> {
    filter: &'a Filter,
    index: &'a RunIndex,
    values: [HashSet<&'a str>; FILTERS.len()],
}

impl Test<'_> {
    pub fn passes(&self, row: usize) -> bool {
        self.passes_but(row, usize::MAX)
    }

    /// Whether a run passes all filters but the one on field `but`.
    pub fn passes_but(&self, row: usize, but: usize) -> bool {
        let run = &self.index.rows()[row];
        let fields = self.values.iter().enumerate().all(|(at, values)| {
            at == but
                || values.is_empty()
                || (FILTERS[at].value)(run).is_some_and(|value| values.contains(value))
        });
        fields && self.in_time(row) && self.has_words(row)
    }

    fn in_time(&self, row: usize) -> bool {
        let Filter { from_unix_nano, to_unix_nano, .. } = self.filter;
        if from_unix_nano.is_none() && to_unix_nano.is_none() {
            return true;
        }
        self.index.time_unix_nano(row).is_some_and(|time| {
            from_unix_nano.is_none_or(|from| time >= from) && to_unix_nano.is_none_or(|to| time <= to)
        })
    }

    fn has_words(&self, row: usize) -> bool {
        self.filter.words.iter().all(|word| self.index.text(row).contains(word.as_str()))
    }
}
