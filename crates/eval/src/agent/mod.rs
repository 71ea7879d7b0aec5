//! Agents: from a task to an answer, step by step, with everything told in spans.
//!
//! Two agents behave as smolagents' two do: one calls tools, one writes code. Nothing that a model writes ends a run: what is
//! wrong goes back to it as an observation, is counted, and the steps run out. Knows no task file, score or table.

mod code;
mod external;
mod memory;
mod parse;
mod prompts;
mod steps;
mod tool_calling;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

pub use code::CodeAgent;
pub use external::{External, ExternalAgent};
pub use prompts::{PromptError, Prompts};
pub use steps::Settings;
pub use tool_calling::ToolCallingAgent;

use crate::{chat::ChatModel, span::Span, tool::ToolSet};

/// The tool by which an agent ends.
pub const FINAL_ANSWER: &str = "final_answer";

/// Why an agent stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    FinalAnswer,
    MaxSteps,
    Timeout,
    Error,
    /// The run was stopped or had used what it may use.
    RunStopped,
}

impl StopReason {
    /// As published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FinalAnswer => "final_answer",
            Self::MaxSteps => "max_steps",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::RunStopped => smoltrace_model::account::RUN_STOPPED,
        }
    }
}

/// What an agent has done so far. Whoever ends it early still has this.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Tools that answered, in order; `final_answer` is not among them.
    pub tools_used: Vec<String>,
    pub ran_code: bool,
    /// Steps that were begun, planning not counted.
    pub steps: u32,
    /// Calls of unknown tools or with arguments that the tool does not take.
    pub bad_calls: u32,
    /// Outputs without a call or code in it.
    pub bad_outputs: u32,
    /// Tools and code that failed.
    pub failures: u32,
    /// Requests to the model that had to be repeated.
    pub retries: u32,
    pub final_answer_called: bool,
    pub answer: Option<String>,
    pub stop_reason: Option<StopReason>,
    pub error: Option<String>,
    /// What was spent: tokens that the model said it used.
    pub input_tokens: i64,
    pub output_tokens: i64,
}

/// [`Progress`] that agent and runner share.
#[derive(Debug, Clone, Default)]
pub struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    pub fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One execution of a task.
pub struct Assignment<'a> {
    pub prompt: &'a str,
    pub test_id: &'a str,
    /// `<agent_type>:<test_id>`.
    pub test_uid: &'a str,
    pub run_id: &'a str,
    /// From 1.
    pub attempt: u32,
    pub max_steps: u32,
    /// The span of the execution; the agent's spans go beneath it.
    pub span: &'a Span,
    pub progress: SharedProgress,
}

/// An agent.
#[async_trait]
pub trait Agent: Send + Sync {
    /// `tool`, `code`, or what the run calls it.
    fn kind(&self) -> &str;

    /// Whether it is judged by its answer rather than by the tools it chose.
    fn by_answer(&self) -> bool {
        false
    }

    /// Works on a task and leaves what came of it in the progress. Dropping the future ends the work.
    async fn run(&self, assignment: Assignment<'_>);
}

/// What both agents need.
#[derive(Clone)]
pub struct Equipment {
    pub model: Arc<dyn ChatModel>,
    pub tools: ToolSet,
    pub prompts: Arc<Prompts>,
    pub settings: Settings,
    /// A tool may take so long.
    pub tool_timeout: Duration,
}
