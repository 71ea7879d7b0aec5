//! Runs the Python that a model wrote, with the tools it was given and nothing else.
//!
//! The interpreter is `monty`: Python's language and a few of its modules, with no files, sockets, processes or
//! environment to be had. It runs in a process of its own (`worker`), because some inputs end the process that
//! interprets them: an allocation that is refused, a native stack that overflows. The parent ends a worker that keeps
//! silent for too long. Knows no agent, no model and no tool in particular.

mod confine;
mod convert;
mod pool;
mod session;
mod wire;
mod worker;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use pool::{Clock, SandboxWorkers, WORKER_ARGUMENT};
pub use session::Sandbox;
pub use worker::serve_worker;

use crate::tool::{ToolError, ToolSpec};

/// The modules that model-written code can import.
pub const MODULES: &[&str] = &[
    "asyncio",
    "base64",
    "binascii",
    "collections",
    "dataclasses",
    "datetime",
    "functools",
    "itertools",
    "json",
    "math",
    "re",
    "typing",
    "unicodedata",
];

/// The function that ends a run with its argument.
pub const FINAL_ANSWER: &str = "final_answer";

/// What one run of a piece of code may use. A run is one step of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// Time the interpreter may compute; tools' time is not counted.
    pub time: Duration,
    /// What all variables of the session together may take, in bytes. Also what bounds the number of allocations.
    pub memory_bytes: usize,
    /// Depth of calls.
    pub recursion: usize,
    /// What `print` may put into the logs, in bytes; the rest is left out and said to be.
    pub output_bytes: usize,
    /// Calls of tools.
    pub calls: usize,
    /// Length of the code, in bytes.
    pub code_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            memory_bytes: 128 << 20,
            recursion: 500,
            output_bytes: 256 << 10,
            calls: 1_000,
            code_bytes: 1 << 20,
        }
    }
}

/// What calls of the code's functions go to.
#[async_trait]
pub trait ToolCaller: Send + Sync {
    /// The functions that the code has. Positional arguments take the names of `inputs`, in order.
    fn specs(&self) -> Vec<ToolSpec>;

    async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Value, ToolError>;
}

/// What came of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Execution {
    /// What was printed.
    pub logs: String,
    /// The value of the last statement, if it is an expression or an assignment to a name and not `None`.
    pub output: Option<Value>,
    /// `output` as Python's `str` writes it.
    pub output_text: Option<String>,
    /// The argument of `final_answer`, if it was called. What followed the call did not run.
    pub final_answer: Option<Value>,
    /// `final_answer` as Python's `str` writes it.
    pub final_answer_text: Option<String>,
    /// Why the code did not come to its end.
    pub error: Option<SandboxError>,
}

/// Kinds of errors, for scores and traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxErrorKind {
    /// The code is not Python, or uses a part of the language that the interpreter lacks.
    Syntax,
    /// A module that is not there was imported.
    Import,
    /// An exception that the code did not catch.
    Exception,
    TimeLimit,
    MemoryLimit,
    /// Too many calls of tools.
    CallLimit,
    /// The interpreter ended, or could not be started.
    Interpreter,
}

/// Why a run did not come to its end, in words for the model that wrote the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct SandboxError {
    pub kind: SandboxErrorKind,
    /// `ZeroDivisionError: division by zero`, for instance.
    pub message: String,
    /// Line of the code, from 1.
    pub line: Option<u32>,
    /// The text of that line.
    pub source_line: Option<String>,
    /// The variables and functions of earlier steps are lost.
    pub state_lost: bool,
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.source_line) {
            (Some(line), Some(text)) => {
                write!(f, "Code execution failed at line {line} '{}' due to: {}", text.trim(), self.message)?
            }
            (Some(line), None) => write!(f, "Code execution failed at line {line} due to: {}", self.message)?,
            _ => write!(f, "Code execution failed due to: {}", self.message)?,
        }
        if self.state_lost {
            write!(f, " (the variables and functions of earlier steps are lost: define them again)")?;
        }
        Ok(())
    }
}

impl SandboxError {
    fn new(kind: SandboxErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), line: None, source_line: None, state_lost: false }
    }
}
