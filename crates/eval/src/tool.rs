//! What a tool is to an agent: a name, what it is for, the arguments it takes, and a call.
//!
//! Knows no tool in particular and no agent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

/// How a tool is described to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// A Python identifier: code agents call it as a function.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// In the order of positional arguments.
    pub inputs: Vec<ToolInput>,
    /// What comes back, in words of JSON Schema: `string`, `number`, `object`, ...
    pub output_type: String,
}

/// One argument of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolInput {
    pub name: String,
    /// JSON Schema of its values, description included.
    pub schema: Value,
    pub required: bool,
}

impl ToolSpec {
    /// JSON Schema of the arguments as one object.
    pub fn parameters(&self) -> Value {
        let properties: Map<String, Value> =
            self.inputs.iter().map(|input| (input.name.clone(), input.schema.clone())).collect();
        let required: Vec<&str> =
            self.inputs.iter().filter(|input| input.required).map(|input| input.name.as_str()).collect();
        json!({"type": "object", "properties": properties, "required": required})
    }
}

/// Why a tool gave no answer. The message is read by the model, and kept in the trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The arguments are not those of the schema.
    #[error("{0}")]
    Arguments(String),
    /// The tool may not do what it was asked to, whatever the arguments.
    #[error("refused: {0}")]
    Refused(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// No tool has this name.
    #[error("no tool is named {0:?}")]
    Unknown(String),
}

/// A tool.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> &ToolSpec;

    /// Calls it. Dropping the future ends what was begun.
    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError>;
}

/// The tools of an agent, in the order in which they are described to the model.
#[derive(Clone, Default)]
pub struct ToolSet {
    tools: Vec<Arc<dyn Tool>>,
}

impl ToolSet {
    /// Adds a tool; one of the same name is replaced.
    pub fn add(&mut self, tool: Arc<dyn Tool>) {
        let name = &tool.spec().name;
        match self.tools.iter_mut().find(|known| &known.spec().name == name) {
            Some(known) => *known = tool,
            None => self.tools.push(tool),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|tool| tool.spec().name == name)
    }

    pub fn specs(&self) -> impl Iterator<Item = &ToolSpec> {
        self.tools.iter().map(|tool| tool.spec())
    }

    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// Calls the tool of a name, and gives up after `timeout`.
    pub async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        timeout: Duration,
    ) -> Result<Value, ToolError> {
        let tool = self.get(name).ok_or_else(|| ToolError::Unknown(name.into()))?;
        match tokio::time::timeout(timeout, tool.call(arguments)).await {
            Ok(answer) => answer,
            Err(_) => Err(ToolError::TimedOut(timeout)),
        }
    }
}
