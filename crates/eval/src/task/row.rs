//! A row of a task file -> a task. One place for both the published fields and ours.

use serde_json::{Map, Value};

use super::{Task, TaskAgents, TaskError, TaskSet};
use crate::score::Match;

/// Fields that mean something.
const FIELDS: &[&str] = &[
    "id",
    "prompt",
    "difficulty",
    "agent_type",
    "expected_tool",
    "expected_tool_calls",
    "expected_keywords",
    "category",
    "required_tools",
    "expected_answer",
    "match",
    "max_steps",
    "timeout_s",
    "tags",
];

impl TaskSet {
    /// Tasks from rows, each with its place in the source. Fields that mean nothing are noted: a typo must
    /// not make a test easier in silence.
    ///
    /// # Errors
    /// The first row that is no task, or that has the id of another.
    pub fn from_rows(
        name: &str,
        rows: impl IntoIterator<Item = (usize, Map<String, Value>)>,
    ) -> Result<Self, TaskError> {
        let mut set = Self { name: name.into(), tasks: Vec::new(), notes: Vec::new() };
        let mut unknown = Vec::new();
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        for (place, row) in rows {
            let task = Row { source: name, place, row: &row }.task()?;
            if let Some(first) = places.insert(task.id.clone(), place) {
                let problem = format!("`{}` is already the id of row {first}; ids must be unique", task.id);
                return Err(Row { source: name, place, row: &row }.error("id", problem));
            }
            unknown.extend(row.keys().filter(|key| !FIELDS.contains(&key.as_str())).cloned());
            set.tasks.push(task);
        }
        unknown.sort();
        unknown.dedup();
        if !unknown.is_empty() {
            set.notes.push(format!("fields that mean nothing here were passed over: {}", unknown.join(", ")));
        }
        if set.tasks.is_empty() {
            return Err(TaskError::of_source(name, "there are no tasks in it"));
        }
        Ok(set)
    }
}

impl TaskSet {
    /// The tasks of several files as one set.
    ///
    /// # Errors
    /// When two of them have one id, or there is no task.
    pub fn joined(name: &str, sets: impl IntoIterator<Item = Self>) -> Result<Self, TaskError> {
        let mut joined = Self { name: name.into(), tasks: Vec::new(), notes: Vec::new() };
        let mut sources: std::collections::HashMap<String, String> = std::collections::HashMap::new();
        for set in sets {
            for task in &set.tasks {
                if let Some(other) = sources.insert(task.id.clone(), set.name.clone()) {
                    let problem =
                        format!("`{}` is already the id of a task in {other}; ids must be unique", task.id);
                    return Err(TaskError {
                        field: Some("id".into()),
                        ..TaskError::of_source(&set.name, problem)
                    });
                }
            }
            joined.tasks.extend(set.tasks);
            joined.notes.extend(
                set.notes.into_iter().filter(|note| !joined.notes.contains(note)).collect::<Vec<_>>(),
            );
        }
        match joined.tasks.is_empty() {
            true => Err(TaskError::of_source(name, "there are no tasks in it")),
            false => Ok(joined),
        }
    }
}

struct Row<'a> {
    source: &'a str,
    place: usize,
    row: &'a Map<String, Value>,
}

impl Row<'_> {
    fn error(&self, field: &str, problem: impl Into<String>) -> TaskError {
        TaskError {
            source: self.source.into(),
            row: Some(self.place),
            field: Some(field.into()),
            problem: problem.into(),
        }
    }

    fn task(&self) -> Result<Task, TaskError> {
        let id = self.text("id")?.ok_or_else(|| self.error("id", "every task needs one"))?;
        let prompt = self.text("prompt")?.ok_or_else(|| self.error("prompt", "every task needs one"))?;
        let task = Task {
            difficulty: self.text("difficulty")?,
            agents: self.agents()?,
            expected_tool: self.text("expected_tool")?,
            expected_tool_calls: self.count("expected_tool_calls", 0)?,
            expected_keywords: self.list("expected_keywords")?,
            category: self.text("category")?,
            required_tools: self.list("required_tools")?,
            expected_answer: self.given("expected_answer").cloned(),
            matching: self.matching()?,
            max_steps: self.count("max_steps", 1)?,
            timeout_s: self.seconds("timeout_s")?,
            tags: self.list("tags")?,
            ..Task::new(id, prompt)
        };
        if let Some(matching) = &task.matching {
            matching.check(&task).map_err(|problem| self.error("match", problem))?;
        }
        Ok(task)
    }

    /// A value that says something: null, blank text and NaN (as pandas writes what is missing) say nothing.
    fn given(&self, field: &str) -> Option<&Value> {
        let value = self.row.get(field)?;
        let blank = matches!(value, Value::String(text) if text.trim().is_empty());
        (!value.is_null() && !blank).then_some(value)
    }

    fn text(&self, field: &str) -> Result<Option<String>, TaskError> {
        match self.given(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(self.error(field, format!("expected text, found {}", kind_of(other)))),
        }
    }

    fn agents(&self) -> Result<TaskAgents, TaskError> {
        match self.text("agent_type")?.as_deref() {
            None | Some("both") => Ok(TaskAgents::Both),
            Some("tool") => Ok(TaskAgents::Tool),
            Some("code") => Ok(TaskAgents::Code),
            Some(other) => {
                Err(self.error("agent_type", format!("expected tool, code or both, found `{other}`")))
            }
        }
    }

    fn count(&self, field: &str, least: u32) -> Result<Option<u32>, TaskError> {
        let Some(value) = self.given(field) else { return Ok(None) };
        let number = match value {
            // Columns with gaps come as floats.
            Value::Number(number) => number.as_f64().filter(|number| number.fract() == 0.0),
            Value::String(text) => text.trim().parse::<u32>().ok().map(f64::from),
            _ => None,
        };
        match number.filter(|number| (f64::from(least)..=1e6).contains(number)) {
            Some(number) => Ok(Some(number as u32)),
            None => {
                Err(self.error(field, format!("expected a whole number of {least} or more, found {value}")))
            }
        }
    }

    fn seconds(&self, field: &str) -> Result<Option<f64>, TaskError> {
        let Some(value) = self.given(field) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        match number.filter(|number| *number > 0.0 && number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(field, format!("expected seconds above 0, found {value}"))),
        }
    }

    /// A list of texts; in a CSV cell as a JSON list, or separated by semicolons.
    fn list(&self, field: &str) -> Result<Vec<String>, TaskError> {
        let parsed;
        let value = match self.given(field) {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(list @ Value::Array(_)) => {
                    parsed = list;
                    &parsed
                }
                _ => {
                    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
                    return Ok(parts.map(str::to_owned).collect());
                }
            },
            Some(value) => value,
        };
        let Value::Array(items) = value else {
            return Err(self.error(field, format!("expected a list of texts, found {}", kind_of(value))));
        };
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            other => {
                Err(self.error(field, format!("expected a list of texts, found {} in it", kind_of(other))))
            }
        };
        items.iter().map(text).collect()
    }

    fn matching(&self) -> Result<Option<Match>, TaskError> {
        let Some(value) = self.given("match") else { return Ok(None) };
        let parsed;
        let value = match value.as_str().map(str::trim) {
            Some(text) if text.starts_with('{') => {
                parsed =
                    serde_json::from_str(text).map_err(|error| self.error("match", error.to_string()))?;
                &parsed
            }
            _ => value,
        };
        Match::parse(value).map(Some).map_err(|problem| self.error("match", problem))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
