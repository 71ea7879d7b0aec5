//! The tools that agents are given, and the folder that they may work in.

use anyhow::Result;
use smoltrace_eval::{clock::Clock, task::TaskSet, tool::ToolSet};

use crate::cli::eval::EvalArgs;

/// Where file tools work.
pub struct Workspace {}

impl Workspace {
    pub fn new(_args: &EvalArgs, _tasks: &TaskSet) -> Result<Self> {
        Ok(Self {})
    }

    pub async fn tools(&self, _args: &EvalArgs, _clock: &Clock) -> Result<ToolSet> {
        Ok(ToolSet::default())
    }
}
