//! The agent that writes code. The code runs in the sandbox, with the agent's tools as its functions.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    Agent, Assignment, Equipment, SharedProgress,
    memory::{ActionStep, Call},
    parse::{self, CLOSING_TAG},
    prompts::PromptError,
    steps::{self, Act, Briefing, STOP},
    tool_calling::{count, tool_answered, tool_span},
};
use crate::{
    chat::ChatReply,
    python,
    sandbox::{Sandbox, SandboxLimits, SandboxWorkers, ToolCaller},
    span::Span,
    tool::{ToolError, ToolSet, ToolSpec},
};

/// Characters of what code printed and gave that the model is shown.
const MOST_SHOWN: usize = 20_000;
/// What the memory calls the running of code.
const INTERPRETER: &str = "python_interpreter";

/// The agent that writes code.
pub struct CodeAgent {
    equipment: Equipment,
    briefing: Briefing,
    workers: Arc<SandboxWorkers>,
    limits: SandboxLimits,
}

impl CodeAgent {
    /// Fails when the system prompt cannot be rendered for the tools.
    pub fn new(
        equipment: Equipment,
        workers: Arc<SandboxWorkers>,
        limits: SandboxLimits,
    ) -> Result<Self, PromptError> {
        Ok(Self { briefing: Briefing::new(&equipment)?, equipment, workers, limits })
    }
}

#[async_trait]
impl Agent for CodeAgent {
    fn kind(&self) -> &str {
        "code"
    }

    fn by_answer(&self) -> bool {
        true
    }

    async fn run(&self, assignment: Assignment<'_>) {
        let mut actor =
            Coder { equipment: &self.equipment, sandbox: self.workers.sandbox(self.limits.clone()), runs: 0 };
        steps::work(&self.equipment, &self.briefing, &mut actor, &assignment).await;
    }
}

struct Coder<'a> {
    equipment: &'a Equipment,
    sandbox: Sandbox,
    runs: u32,
}

impl Act for Coder<'_> {
    const NAME: &'static str = "CodeAgent";

    fn stop(&self) -> Vec<String> {
        let tag = [CLOSING_TAG.to_owned()];
        STOP.iter().map(|text| (*text).to_owned()).chain(tag).collect()
    }

    fn offers_tools(&self) -> bool {
        false
    }

    async fn act(
        &mut self,
        reply: &ChatReply,
        step: &mut ActionStep,
        span: &mut Span,
        assignment: &Assignment<'_>,
    ) -> Result<Option<String>, String> {
        let (output, code) = parse::code(reply.content.as_deref().unwrap_or_default());
        step.output = Some(output);
        let code = code.inspect_err(|_| assignment.progress.lock().bad_outputs += 1)?;
        self.runs += 1;
        step.calls = vec![Call {
            id: format!("call_{}", self.runs),
            name: INTERPRETER.into(),
            arguments: Value::from(code.as_str()),
        }];
        assignment.progress.lock().ran_code = true;
        let mut running = span.child("execute_code");
        running.set("openinference.span.kind", "CHAIN");
        running.set("input.value", code.as_str());
        let caller = Functions {
            tools: &self.equipment.tools,
            timeout: self.equipment.tool_timeout,
            span: &running,
            progress: assignment.progress.clone(),
        };
        let execution = self.sandbox.run(&code, &caller).await;
        let logs = parse::truncated(&execution.logs, MOST_SHOWN);
        if let Some(error) = &execution.error {
            let kind = serde_json::to_value(error.kind).ok();
            let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("code");
            running.fail(kind, &error.to_string());
            assignment.progress.lock().failures += 1;
            step.observation = (!logs.is_empty()).then(|| format!("Execution logs:\n{logs}"));
            return Err(error.to_string());
        }
        if let Some(answer) = &execution.final_answer {
            let mut called = tool_span(&running, super::FINAL_ANSWER, answer);
            tool_answered(&mut called, Ok(answer));
        }
        let text = |text: Option<String>, value: Option<&Value>| text.or_else(|| value.map(python::str_of));
        let answer = text(execution.final_answer_text, execution.final_answer.as_ref());
        let output = text(execution.output_text, execution.output.as_ref());
        let shown = answer.as_deref().or(output.as_deref()).unwrap_or("None");
        let shown = parse::truncated(shown, MOST_SHOWN);
        let observation = format!("Execution logs:\n{logs}Last output from code snippet:\n{shown}");
        running.set("output.value", observation.as_str());
        running.ok();
        step.observation = Some(observation);
        Ok(answer)
    }
}

/// The tools as functions of the code.
struct Functions<'a> {
    tools: &'a ToolSet,
    timeout: Duration,
    span: &'a Span,
    progress: SharedProgress,
}

#[async_trait]
impl ToolCaller for Functions<'_> {
    fn specs(&self) -> Vec<ToolSpec> {
        self.tools.specs().cloned().collect()
    }

    async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let mut span = tool_span(self.span, name, &Value::Object(arguments.clone()));
        let checked = match self.tools.get(name) {
            Some(tool) => parse::checked(tool.spec(), &Value::Object(arguments)),
            None => Err(ToolError::Unknown(name.into())),
        };
        let answer = match checked {
            Ok(arguments) => self.tools.call(name, arguments, self.timeout).await,
            Err(error) => Err(error),
        };
        tool_answered(&mut span, answer.as_ref());
        let mut progress = self.progress.lock();
        match &answer {
            Ok(_) => progress.tools_used.push(name.to_owned()),
            Err(error) => count(&mut progress, error),
        }
        answer
    }
}
