//! Whether an execution solved its task, and why.
//!
//! Pure: the same task and outcome always get the same verdict. Every verdict says what it found, so that nobody
//! has to guess from a `false`.

mod judge;
mod matching;

pub use judge::{Judge, JudgeOutcome};
pub use matching::Match;

use serde_json::{Value, json};

use crate::task::Task;

/// What became of an agent's work, as far as scoring looks.
#[derive(Debug, Clone, Default)]
pub struct Outcome<'a> {
    /// Tools called, in order; `final_answer` is not among them.
    pub tools_used: &'a [String],
    /// Whether a code agent ran code.
    pub ran_code: bool,
    /// Whether the agent itself gave a final answer.
    pub final_answer_called: bool,
    pub answer: Option<&'a str>,
    /// The agent writes code: it is judged by its answer, not by the tools it chose.
    pub by_answer: bool,
}

/// One of the things that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
    /// Whether a failure makes the execution fail.
    pub counts: bool,
    /// What was found, and what was expected.
    pub why: String,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub success: bool,
    pub tool_called: bool,
    pub correct_tool: bool,
    pub final_answer_called: bool,
    pub response_correct: bool,
    pub checks: Vec<Check>,
}

impl Verdict {
    /// The reasons as one JSON list.
    pub fn to_json(&self) -> Value {
        let check = |check: &Check| json!({"check": check.name, "passed": check.passed, "counts": check.counts, "why": check.why});
        self.checks.iter().map(check).collect()
    }

    /// The first thing that failed and counts.
    pub fn reason(&self) -> Option<&str> {
        self.checks.iter().find(|check| check.counts && !check.passed).map(|check| check.why.as_str())
    }

    /// Adds what was found, which can only make a verdict worse.
    pub fn add(&mut self, check: Check) {
        self.success &= check.passed || !check.counts;
        self.checks.push(check);
    }
}

/// The verdict by the rules of SMOLTRACE, and by the task's own match where it has one.
///
/// A tool-calling agent passes when it called a tool, the right one often enough, gave a final answer, and the
/// answer is right. A code agent passes when it ran code or called a tool, gave a final answer, and the answer is right:
/// which tools its code calls is told and does not count. A task that names no tool, no keyword and a match is about the answer
/// alone, so no tool has to be called.
pub fn score(task: &Task, outcome: &Outcome) -> Verdict {
    let used = outcome.tools_used;
    let answer_only =
        task.expected_tool.is_none() && task.required_tools.is_empty() && task.expected_answer.is_some();
    let mut checks = Vec::new();

    let tool_called = !used.is_empty() || (outcome.by_answer && outcome.ran_code);
    checks.push(Check {
        name: "tool_called",
        passed: tool_called,
        counts: !answer_only,
        why: match (used.len(), outcome.ran_code) {
            (0, true) => "code was run, no tool was called".into(),
            (0, false) => "no tool was called".into(),
            _ => format!("called: {}", used.join(", ")),
        },
    });

    let (correct_tool, why) = right_tool(task, used, tool_called);
    checks.push(Check {
        name: "correct_tool",
        passed: correct_tool,
        counts: !outcome.by_answer && !answer_only,
        why,
    });

    checks.push(Check {
        name: "final_answer",
        passed: outcome.final_answer_called,
        counts: true,
        why: match outcome.final_answer_called {
            true => "the agent gave a final answer".into(),
            false => "the agent never gave a final answer".into(),
        },
    });

    let (response_correct, why) = matching::response(task, outcome.answer);
    checks.push(Check { name: "response", passed: response_correct, counts: true, why });

    let mut verdict = Verdict {
        success: true,
        tool_called,
        correct_tool,
        final_answer_called: outcome.final_answer_called,
        response_correct,
        checks: Vec::new(),
    };
    checks.into_iter().for_each(|check| verdict.add(check));
    verdict
}

fn right_tool(task: &Task, used: &[String], tool_called: bool) -> (bool, String) {
    let least = task.expected_tool_calls.unwrap_or(1).max(1) as usize;
    let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
    match task.expected_tool.as_deref() {
        Some("multiple") => {
            (used.len() >= least, format!("{} tool calls, at least {least} expected", used.len()))
        }
        Some(expected) => {
            let count = used.iter().filter(|tool| *tool == expected).count();
            let found = if count == 0 { "never called".into() } else { format!("called {}", times(count)) };
            (count >= least, format!("{expected} was {found}, expected at least {}", times(least)))
        }
        None => (tool_called, "no tool in particular was expected".into()),
    }
}
