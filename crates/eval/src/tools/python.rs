//! `python_interpreter`: the sandbox as a tool, with no tools of its own.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::arguments::{Arguments, required, spec};
use crate::{
    sandbox::{MODULES, SandboxLimits, SandboxWorkers, ToolCaller},
    tool::{Tool, ToolError, ToolSpec},
};

pub struct PythonInterpreter {
    spec: ToolSpec,
    workers: Arc<SandboxWorkers>,
    limits: SandboxLimits,
}

impl PythonInterpreter {
    pub fn new(workers: Arc<SandboxWorkers>, limits: SandboxLimits) -> Self {
        let code = format!(
            "The code snippet to evaluate. All variables used in this snippet must be defined in this same snippet. \
             This code can only import the following modules: {}.",
            MODULES.join(", ")
        );
        let spec = spec(
            "python_interpreter",
            "This is a tool that evaluates python code. It can be used to perform calculations.",
            vec![required("code", "string", &code)],
        );
        Self { spec, workers, limits }
    }
}

struct NoTools;

#[async_trait]
impl ToolCaller for NoTools {
    fn specs(&self) -> Vec<ToolSpec> {
        Vec::new()
    }

    async fn call(&self, name: &str, _: Map<String, Value>) -> Result<Value, ToolError> {
        Err(ToolError::Unknown(name.into()))
    }
}

#[async_trait]
impl Tool for PythonInterpreter {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let code = Arguments::new(&self.spec, arguments)?.text("code")?;
        let execution = self.workers.sandbox(self.limits.clone()).run(&code, &NoTools).await;
        if let Some(error) = execution.error {
            return Err(ToolError::Failed(format!("{}{error}", execution.logs)));
        }
        let output = execution.final_answer_text.or(execution.output_text);
        Ok(format!("Stdout:\n{}\nOutput: {}", execution.logs, output.as_deref().unwrap_or("None")).into())
    }
}
