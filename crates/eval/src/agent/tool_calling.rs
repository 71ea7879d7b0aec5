//! The agent that calls tools.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    Agent, Assignment, Equipment, FINAL_ANSWER,
    memory::{ActionStep, Call},
    parse,
    prompts::PromptError,
    steps::{self, Act, Briefing, STOP},
};
use crate::{
    chat::ChatReply,
    python,
    span::Span,
    tool::{ToolError, ToolInput, ToolSpec},
};

/// Calls at once of one step.
const MOST_CALLS: usize = 32;

/// The agent that calls tools.
pub struct ToolCallingAgent {
    equipment: Equipment,
    briefing: Briefing,
}

impl ToolCallingAgent {
    /// Fails when the system prompt cannot be rendered for the tools.
    pub fn new(equipment: Equipment) -> Result<Self, PromptError> {
        Ok(Self { briefing: Briefing::new(&equipment)?, equipment })
    }
}

#[async_trait]
impl Agent for ToolCallingAgent {
    fn kind(&self) -> &str {
        "tool"
    }

    async fn run(&self, assignment: Assignment<'_>) {
        let mut actor = Caller { equipment: &self.equipment, specs: &self.briefing.specs };
        steps::work(&self.equipment, &self.briefing, &mut actor, &assignment).await;
    }
}

/// The tool by which an agent ends.
pub(super) fn final_answer_spec() -> ToolSpec {
    ToolSpec {
        name: FINAL_ANSWER.into(),
        description: "Gives the answer to the task, and ends.".into(),
        inputs: vec![ToolInput {
            name: "answer".into(),
            schema: json!({"description": "The answer."}),
            required: true,
        }],
        output_type: "any".into(),
    }
}

struct Caller<'a> {
    equipment: &'a Equipment,
    specs: &'a [ToolSpec],
}

impl Act for Caller<'_> {
    const NAME: &'static str = "ToolCallingAgent";

    fn stop(&self) -> Vec<String> {
        STOP.map(str::to_owned).into()
    }

    fn offers_tools(&self) -> bool {
        true
    }

    async fn act(
        &mut self,
        reply: &ChatReply,
        step: &mut ActionStep,
        span: &mut Span,
        assignment: &Assignment<'_>,
    ) -> Result<Option<String>, String> {
        let calls = parse::calls(reply).inspect_err(|_| assignment.progress.lock().bad_outputs += 1)?;
        step.calls = calls.clone();
        if calls.len() > MOST_CALLS {
            assignment.progress.lock().bad_calls += calls.len() as u32;
            return Err(format!(
                "{} calls in one step are too many; at most {MOST_CALLS} are made",
                calls.len()
            ));
        }
        if let [call] = calls.as_slice()
            && call.name == FINAL_ANSWER
        {
            return final_answer(call, span, assignment).map(Some);
        }
        // As smolagents has it: the other calls are made, and the answer beside them is not taken.
        let others = calls.iter().filter(|call| call.name != FINAL_ANSWER);
        let made = others.clone().map(|call| self.call(call, span, assignment));
        let answers = futures::future::join_all(made).await;
        let (mut seen, mut wrong) = (Vec::new(), Vec::new());
        for (call, answer) in others.zip(answers) {
            match answer {
                Ok(value) => seen.push(python::str_of(&value).trim().to_owned()),
                Err(error) if calls.len() == 1 => wrong.push(error),
                Err(error) => wrong.push(format!("{}: {error}", call.id)),
            }
        }
        if calls.iter().any(|call| call.name == FINAL_ANSWER) {
            assignment.progress.lock().bad_calls += 1;
            wrong.push("The answer was not taken: call final_answer alone, in a step of its own.".into());
        }
        step.observation = (!seen.is_empty()).then(|| seen.join("\n"));
        if wrong.is_empty() { Ok(None) } else { Err(wrong.join("\n")) }
    }
}

impl Caller<'_> {
    /// Makes one call.
    async fn call(&self, call: &Call, parent: &Span, assignment: &Assignment<'_>) -> Result<Value, String> {
        let mut span = tool_span(parent, &call.name, &call.arguments);
        span.set("gen_ai.tool.call.id", call.id.as_str());
        let answer = match self.equipment.tools.get(&call.name) {
            None => {
                let known: Vec<&str> = self.specs.iter().map(|spec| spec.name.as_str()).collect();
                Err((ToolError::Unknown(call.name.clone()), format!("; there are: {}", known.join(", "))))
            }
            Some(tool) => match parse::checked(tool.spec(), &call.arguments) {
                Err(error) => Err((error, String::new())),
                Ok(arguments) => self
                    .equipment
                    .tools
                    .call(&call.name, arguments, self.equipment.tool_timeout)
                    .await
                    .map_err(|error| (error, String::new())),
            },
        };
        tool_answered(&mut span, answer.as_ref().map_err(|(error, _)| error));
        let mut progress = assignment.progress.lock();
        match answer {
            Ok(value) => {
                progress.tools_used.push(call.name.clone());
                Ok(value)
            }
            Err((error, more)) => {
                count(&mut progress, &error);
                Err(format!(
                    "Calling {} with {} failed: {error}{more}",
                    call.name,
                    python::repr(&call.arguments)
                ))
            }
        }
    }
}

/// Counts an error as what it is.
pub(super) fn count(progress: &mut super::Progress, error: &ToolError) {
    match error {
        ToolError::Arguments(_) | ToolError::Unknown(_) => progress.bad_calls += 1,
        ToolError::Refused(_) | ToolError::Failed(_) | ToolError::TimedOut(_) => progress.failures += 1,
    }
}

fn final_answer(call: &Call, span: &Span, assignment: &Assignment<'_>) -> Result<String, String> {
    let mut span = tool_span(span, FINAL_ANSWER, &call.arguments);
    span.set("gen_ai.tool.call.id", call.id.as_str());
    match parse::checked(&final_answer_spec(), &call.arguments) {
        Ok(mut arguments) => {
            let answer = arguments.remove("answer").unwrap_or_default();
            tool_answered(&mut span, Ok(&answer));
            Ok(python::str_of(&answer))
        }
        Err(error) => {
            tool_answered(&mut span, Err(&error));
            assignment.progress.lock().bad_calls += 1;
            Err(error.to_string())
        }
    }
}

/// The span of a tool's call.
pub(super) fn tool_span(parent: &Span, name: &str, arguments: &Value) -> Span {
    let mut span = parent.child(format!("execute_tool {name}"));
    span.set("gen_ai.operation.name", "execute_tool");
    span.set("gen_ai.tool.name", name);
    span.set("gen_ai.tool.call.arguments", arguments.to_string());
    span.set("openinference.span.kind", "TOOL");
    span
}

/// What came of it.
pub(super) fn tool_answered(span: &mut Span, answer: Result<&Value, &ToolError>) {
    match answer {
        Ok(value) => {
            span.set("gen_ai.tool.call.result", python::str_of(value));
            span.ok();
        }
        Err(error) => {
            let kind = match error {
                ToolError::Arguments(_) => "arguments",
                ToolError::Refused(_) => "refused",
                ToolError::Failed(_) => "failed",
                ToolError::TimedOut(_) => "timeout",
                ToolError::Unknown(_) => "unknown_tool",
            };
            span.fail(kind, &error.to_string());
        }
    }
}
