//! The loop that both agents share: plan now and then, ask, act, observe, until there is an answer or no step left.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Assignment, Equipment, FINAL_ANSWER, StopReason,
    memory::{ActionStep, Memory, merged},
    prompts::PromptError,
    tool_calling::final_answer_spec,
};
use crate::{
    chat::{CallScope, ChatError, ChatReply, ChatRequest, Message, Role},
    span::Span,
    tool::ToolSpec,
};

/// Ends a plan.
const END_PLAN: &str = "<end_plan>";
/// Stop texts of both agents.
pub(super) const STOP: [&str; 2] = ["Observation:", "Calling tools:"];

/// How agents work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// A plan is made before the first step and after every so many.
    pub planning_interval: Option<u32>,
    /// Whether messages are kept in the spans.
    pub record_messages: bool,
}

/// What an agent is told whatever its task is: made once for a run.
pub(super) struct Briefing {
    /// All tools, with `final_answer`.
    pub(super) specs: Arc<[ToolSpec]>,
    system: String,
}

impl Briefing {
    /// Fails when the system prompt cannot be rendered for these tools.
    pub(super) fn new(equipment: &Equipment) -> Result<Self, PromptError> {
        let others = equipment.tools.specs().filter(|spec| spec.name != FINAL_ANSWER).cloned();
        let specs: Arc<[ToolSpec]> = others.chain([final_answer_spec()]).collect();
        let system = equipment.prompts.system(&specs)?;
        Ok(Self { specs, system })
    }
}

/// What one of the two agents does with an answer of the model.
pub(super) trait Act {
    /// Of the agent's span.
    const NAME: &'static str;

    /// Texts at which the model is to stop.
    fn stop(&self) -> Vec<String>;

    /// Whether the model is told of the tools in the request.
    fn offers_tools(&self) -> bool;

    /// Acts; the answer when the agent gave it, an error for the model when something was wrong.
    async fn act(
        &mut self,
        reply: &ChatReply,
        step: &mut ActionStep,
        span: &mut Span,
        assignment: &Assignment<'_>,
    ) -> Result<Option<String>, String>;
}

/// Works on the task to the end.
pub(super) async fn work<A: Act>(
    equipment: &Equipment,
    briefing: &Briefing,
    actor: &mut A,
    assignment: &Assignment<'_>,
) {
    let mut span = assignment.span.child(format!("invoke_agent {}", A::NAME));
    span.set("gen_ai.operation.name", "invoke_agent");
    span.set("gen_ai.agent.name", A::NAME);
    span.set("gen_ai.provider.name", equipment.model.provider());
    span.set("gen_ai.request.model", equipment.model.name());
    span.set("openinference.span.kind", "AGENT");
    span.set("input.value", assignment.prompt);
    span.set("smoltrace.max_steps", assignment.max_steps);
    let mut run = Run { equipment, briefing, assignment, calls: 0 };
    let ended = run.work(actor, &mut span).await;
    let mut progress = assignment.progress.lock();
    match ended {
        Ok((reason, answer)) => {
            progress.final_answer_called = reason == StopReason::FinalAnswer;
            progress.stop_reason = Some(reason);
            span.set("output.value", answer.as_deref());
            progress.answer = answer;
            span.ok();
        }
        Err(Broken { kind, message }) => {
            progress.stop_reason = Some(StopReason::Error);
            span.fail(kind, &message);
            progress.error = Some(message);
        }
    }
}

/// What no step can mend.
struct Broken {
    kind: &'static str,
    message: String,
}

impl From<ChatError> for Broken {
    fn from(error: ChatError) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl From<PromptError> for Broken {
    fn from(error: PromptError) -> Self {
        Self { kind: "prompt", message: error.to_string() }
    }
}

struct Run<'a> {
    equipment: &'a Equipment,
    briefing: &'a Briefing,
    assignment: &'a Assignment<'a>,
    calls: u32,
}

impl Run<'_> {
    async fn work<A: Act>(
        &mut self,
        actor: &mut A,
        agent: &mut Span,
    ) -> Result<(StopReason, Option<String>), Broken> {
        let Assignment { prompt: task, max_steps, .. } = *self.assignment;
        let Briefing { specs, system } = self.briefing;
        agent.set("gen_ai.system_instructions", system.as_str());
        let mut memory = Memory::new(system.clone(), task);
        for number in 1..=max_steps {
            let interval = self.equipment.settings.planning_interval;
            if interval.is_some_and(|interval| (number - 1).is_multiple_of(interval.max(1))) {
                self.plan(&mut memory, agent, max_steps - (number - 1)).await?;
            }
            let mut span = agent.child(format!("Step {number}"));
            span.set("openinference.span.kind", "CHAIN");
            span.set("smoltrace.step", number);
            self.assignment.progress.lock().steps = number;
            let offered = if actor.offers_tools() { Arc::clone(specs) } else { Arc::new([]) };
            let reply = match self.ask(memory.messages(), offered, actor.stop(), &span).await {
                Ok(reply) => reply,
                Err(error) => {
                    span.fail(error.kind(), &error.to_string());
                    return Err(error.into());
                }
            };
            let mut step = ActionStep { output: reply.content.clone(), ..ActionStep::default() };
            let acted = actor.act(&reply, &mut step, &mut span, self.assignment).await;
            span.set("output.value", step.observation.as_deref());
            match acted {
                Ok(Some(answer)) => {
                    span.ok();
                    return Ok((StopReason::FinalAnswer, Some(answer)));
                }
                Ok(None) => span.ok(),
                // The agent goes on, so the step did what a step does.
                Err(error) => {
                    span.event("agent.step_recovery", json!({"message": error.as_str()}));
                    span.ok();
                    step.error = Some(error);
                }
            }
            memory.act(step);
        }
        let answer = self.last_answer(&memory, agent).await?;
        Ok((StopReason::MaxSteps, answer))
    }

    async fn plan(&mut self, memory: &mut Memory, agent: &Span, remaining: u32) -> Result<(), Broken> {
        let (prompts, specs) = (&self.equipment.prompts, &self.briefing.specs);
        let task = self.assignment.prompt;
        let fresh = memory.is_fresh();
        let messages = if fresh {
            vec![Message::new(Role::User, prompts.initial_plan(specs, task)?)]
        } else {
            let (before, after) = prompts.new_plan(specs, task, remaining)?;
            let mut messages = vec![Message::new(Role::System, before)];
            messages.extend(memory.summary());
            messages.push(Message::new(Role::User, after));
            merged(messages)
        };
        let mut span = agent.child("plan");
        span.set("openinference.span.kind", "CHAIN");
        let reply = match self.ask(messages, Arc::new([]), vec![END_PLAN.into()], &span).await {
            Ok(reply) => reply,
            Err(error) => {
                span.fail(error.kind(), &error.to_string());
                return Err(error.into());
            }
        };
        span.ok();
        let plan = reply.content.unwrap_or_default();
        memory.plan(match fresh {
            true => format!("What I know, and my plan:\n```\n{plan}\n```"),
            false => format!("The task is still:\n```\n{task}\n```\n\nWhat I know by now, and my new plan:\n```\n{plan}\n```"),
        });
        Ok(())
    }

    /// What the model makes of it all when no step is left.
    async fn last_answer(&mut self, memory: &Memory, agent: &Span) -> Result<Option<String>, Broken> {
        let (before, after) = self.equipment.prompts.last_answer(self.assignment.prompt)?;
        let mut messages = vec![Message::new(Role::System, before)];
        messages.extend(memory.history());
        messages.push(Message::new(Role::User, after));
        let reply = self.ask(merged(messages), Arc::new([]), Vec::new(), agent).await?;
        Ok(reply.content)
    }

    async fn ask(
        &mut self,
        messages: Vec<Message>,
        tools: Arc<[ToolSpec]>,
        stop: Vec<String>,
        parent: &Span,
    ) -> Result<ChatReply, ChatError> {
        let model = &self.equipment.model;
        let scope = CallScope {
            test_uid: self.assignment.test_uid.into(),
            attempt: self.assignment.attempt,
            index: self.calls,
        };
        self.calls += 1;
        let mut span = parent.child(format!("chat {}", model.name()));
        span.set("gen_ai.operation.name", "chat");
        span.set("gen_ai.provider.name", model.provider());
        span.set("gen_ai.request.model", model.name());
        span.set("openinference.span.kind", "LLM");
        if self.equipment.settings.record_messages {
            // The system prompt stands once, at the agent's span.
            let shown = messages.iter().filter(|message| message.role != Role::System);
            span.set("gen_ai.input.messages", said(shown).to_string());
        }
        let request = ChatRequest { messages, tools, stop, scope };
        let asked = model.chat(&request).await;
        match &asked {
            Ok(reply) => {
                answered(&mut span, reply, self.equipment.settings.record_messages);
                let mut progress = self.assignment.progress.lock();
                progress.retries += reply.timing.retries;
                progress.input_tokens += reply.usage.input_tokens.unwrap_or(0);
                progress.output_tokens += reply.usage.output_tokens.unwrap_or(0);
            }
            Err(error) => span.fail(error.kind(), &error.to_string()),
        }
        asked
    }
}

fn said<'a>(messages: impl Iterator<Item = &'a Message>) -> Value {
    let message = |message: &Message| json!({"role": message.role, "parts": [{"type": "text", "content": message.content}]});
    messages.map(message).collect()
}

/// What a span tells of an answer.
fn answered(span: &mut Span, reply: &ChatReply, record: bool) {
    let usage = &reply.usage;
    span.set("gen_ai.response.model", reply.model.as_deref());
    span.set("gen_ai.response.id", reply.id.as_deref());
    span.set("gen_ai.usage.input_tokens", usage.input_tokens);
    span.set("gen_ai.usage.output_tokens", usage.output_tokens);
    span.set("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens);
    span.set("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens);
    span.set("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens);
    span.set("gen_ai.usage.cost.total", usage.cost_usd);
    if let Some(reason) = &reply.finish_reason {
        span.set("gen_ai.response.finish_reasons", json!([reason]));
    }
    let timing = &reply.timing;
    if timing.retries > 0 {
        span.set("smoltrace.retries", timing.retries);
    }
    let seconds = timing.first_token.map(|first| first.as_secs_f64());
    span.set("gen_ai.response.time_to_first_chunk", seconds);
    let writing =
        timing.total.zip(timing.first_token).map(|(total, first)| total.saturating_sub(first).as_secs_f64());
    if let Some((tokens, seconds)) = usage.output_tokens.zip(writing).filter(|(_, seconds)| *seconds > 0.0) {
        span.set("smoltrace.output_tokens_per_s", tokens as f64 / seconds);
    }
    if record {
        let mut parts = Vec::new();
        parts.extend(reply.reasoning.as_ref().map(|text| json!({"type": "reasoning", "content": text})));
        parts.extend(reply.content.as_ref().map(|text| json!({"type": "text", "content": text})));
        parts.extend(reply.tool_calls.iter().map(|call| {
            json!({"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments})
        }));
        span.set("gen_ai.output.messages", json!([{"role": "assistant", "parts": parts}]).to_string());
    }
    span.ok();
}
