//! What agents are asked: tasks, from files, from rows, or built in.
//!
//! Knows no agent and no model. A task that is not as it should be is refused with the file, the row, the field
//! and what was expected; a task set is whole or it is not there.

mod builtin;
mod files;
mod read;
mod row;

use std::fmt;

use serde_json::Value;

pub use builtin::{BUILT_IN, built_in};
pub use files::sample_files;
pub use read::MAX_FILE_BYTES;

use crate::score::Match;

/// Which of the two agents a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskAgents {
    Tool,
    Code,
    Both,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Unique in its set.
    pub id: String,
    /// What the agent is asked.
    pub prompt: String,
    /// easy, medium, hard, ...
    pub difficulty: Option<String>,
    pub agents: TaskAgents,
    /// Name of the tool to be used; `multiple` when any will do.
    pub expected_tool: Option<String>,
    /// How often at least.
    pub expected_tool_calls: Option<u32>,
    /// One of these must be in the answer, in whatever case.
    pub expected_keywords: Vec<String>,
    pub category: Option<String>,
    /// Tools without which the task cannot be solved.
    pub required_tools: Vec<String>,
    /// What the answer is held against, as `matching` says.
    pub expected_answer: Option<Value>,
    /// How; [`Match::Exact`] or by the type of `expected_answer` when not given.
    pub matching: Option<Match>,
    /// Instead of the run's.
    pub max_steps: Option<u32>,
    /// Instead of the run's, in seconds.
    pub timeout_s: Option<f64>,
    pub tags: Vec<String>,
}

impl Task {
    /// A task of which no more is known.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            prompt: prompt.into(),
            difficulty: None,
            agents: TaskAgents::Both,
            expected_tool: None,
            expected_tool_calls: None,
            expected_keywords: Vec::new(),
            category: None,
            required_tools: Vec::new(),
            expected_answer: None,
            matching: None,
            max_steps: None,
            timeout_s: None,
            tags: Vec::new(),
        }
    }
}

/// Tasks under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSet {
    /// What a run says it ran: a file's name, a dataset, `quick`.
    pub name: String,
    /// In the order of the source.
    pub tasks: Vec<Task>,
    /// What was passed over, for a person to read.
    pub notes: Vec<String>,
}

/// Why tasks were not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// File or dataset.
    pub source: String,
    /// From 1: an element of the list, a line, a row below the header.
    pub row: Option<usize>,
    pub field: Option<String>,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl TaskError {
    fn of_source(source: &str, problem: impl Into<String>) -> Self {
        Self { source: source.into(), row: None, field: None, problem: problem.into() }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TaskError {}
