//! What an agent remembers, and how it is told to the model: in the messages that smolagents would send.

use serde_json::Value;

use crate::{
    chat::{Message, Role},
    python,
};

/// A call as the agent understood it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// One step: what the model wrote, what was done, what was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct ActionStep {
    pub(super) output: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) observation: Option<String>,
    pub(super) error: Option<String>,
}

#[derive(Debug)]
enum Step {
    Plan(String),
    Action(ActionStep),
}

/// The memory of one execution.
#[derive(Debug)]
pub(super) struct Memory {
    system: String,
    task: String,
    steps: Vec<Step>,
}

impl Memory {
    pub(super) fn new(system: String, task: &str) -> Self {
        Self { system, task: task.into(), steps: Vec::new() }
    }

    pub(super) fn plan(&mut self, plan: String) {
        self.steps.push(Step::Plan(plan));
    }

    pub(super) fn act(&mut self, step: ActionStep) {
        self.steps.push(Step::Action(step));
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.steps.is_empty()
    }

    /// Everything, for the next step.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut messages = vec![Message::new(Role::System, self.system.clone())];
        messages.extend(self.history());
        merged(messages)
    }

    /// The task and all steps, without the system prompt.
    pub(super) fn history(&self) -> Vec<Message> {
        let mut messages = vec![self.asked()];
        for step in &self.steps {
            match step {
                Step::Plan(plan) => {
                    messages.push(Message::new(Role::Assistant, plan.trim()));
                    messages.push(Message::new(Role::User, "Go on and carry this plan out."));
                }
                Step::Action(step) => {
                    messages.extend(
                        step.output.as_ref().map(|output| Message::new(Role::Assistant, output.trim())),
                    );
                    messages.extend(step.done());
                }
            }
        }
        messages
    }

    /// The task and what was done and seen, without what the model wrote: for a new plan.
    pub(super) fn summary(&self) -> Vec<Message> {
        let mut messages = vec![self.asked()];
        for step in &self.steps {
            if let Step::Action(step) = step {
                messages.extend(step.done());
            }
        }
        messages
    }

    fn asked(&self) -> Message {
        Message::new(Role::User, format!("New task:\n{}", self.task))
    }
}

impl ActionStep {
    fn done(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        if !self.calls.is_empty() {
            // In the order of smolagents' keys.
            let call = |call: &Call| {
                let [id, name] = [&call.id, &call.name].map(|text| python::repr(&Value::from(text.as_str())));
                let arguments = python::repr(&call.arguments);
                format!(
                    "{{'id': {id}, 'type': 'function', 'function': {{'name': {name}, 'arguments': {arguments}}}}}"
                )
            };
            let calls: Vec<String> = self.calls.iter().map(call).collect();
            let calls = format!("Calling tools:\n[{}]", calls.join(", "));
            messages.push(Message::new(Role::Assistant, calls));
        }
        if let Some(observation) = &self.observation {
            messages.push(Message::new(Role::User, format!("Observation:\n{observation}")));
        }
        if let Some(error) = &self.error {
            let call = self.calls.first().map(|call| format!("Call id: {}\n", call.id)).unwrap_or_default();
            messages.push(Message::new(
                Role::User,
                format!(
                    "{call}Error:\n{error}\nTry again without repeating the mistake. If several attempts have failed, \
                     take another way.\n"
                ),
            ));
        }
        messages
    }
}

/// Neighbours of one role become one message: many endpoints want roles to alternate.
pub(super) fn merged(messages: Vec<Message>) -> Vec<Message> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut().filter(|last| last.role == message.role) {
            Some(last) => {
                last.content.push('\n');
                last.content.push_str(&message.content);
            }
            None => merged.push(message),
        }
    }
    merged
}
