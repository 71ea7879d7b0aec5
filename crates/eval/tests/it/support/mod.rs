//! What tests of agents and of the runner share.

pub mod hub;
pub mod server;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use smoltrace_eval::{
    Redactor,
    agent::{Agent, CodeAgent, Equipment, Prompts, Settings, ToolCallingAgent},
    chat::{ChatModel, ChatReply, ToolCall, Usage},
    clock::Clock,
    run::{self, Event, Finished, PromptKeeping, RunOptions, Sink, SinkError, Stopper, Totals},
    sandbox::{SandboxLimits, SandboxWorkers},
    task::{Task, TaskSet},
    tool::{Tool, ToolError, ToolInput, ToolSet, ToolSpec},
};
use smoltrace_model::{
    account::{Accounted, account_run},
    inputs::RunInputs,
};
use tokio::sync::mpsc;

/// A clock that goes on by a millisecond whenever it is read.
pub fn clock() -> Clock {
    let now = AtomicI64::new(1_790_000_000_000_000_000);
    Arc::new(move || now.fetch_add(1_000_000, Ordering::Relaxed))
}

/// Doubles a number, fails on 13, and never answers to 99.
pub struct Double(ToolSpec);

impl Double {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(ToolSpec {
            name: "double".into(),
            description: "Doubles a number.".into(),
            inputs: vec![ToolInput {
                name: "n".into(),
                schema: json!({"type": "integer", "description": "The number."}),
                required: true,
            }],
            output_type: "integer".into(),
        }))
    }
}

#[async_trait]
impl Tool for Double {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        match arguments["n"].as_i64() {
            Some(13) => Err(ToolError::Failed("13 is not doubled here".into())),
            Some(99) => std::future::pending().await,
            Some(n) => Ok(json!(n * 2)),
            None => Err(ToolError::Arguments("n must be an integer".into())),
        }
    }
}

pub fn equipment(model: Arc<dyn ChatModel>, prompts: Prompts) -> Equipment {
    let mut tools = ToolSet::default();
    tools.add(Double::new());
    Equipment {
        model,
        tools,
        prompts: Arc::new(prompts),
        settings: Settings { planning_interval: None, record_messages: true },
        tool_timeout: Duration::from_millis(200),
    }
}

pub fn tool_agent(model: Arc<dyn ChatModel>) -> Arc<dyn Agent> {
    Arc::new(ToolCallingAgent::new(equipment(model, Prompts::tool_calling())).expect("our prompts"))
}

pub fn code_agent(model: Arc<dyn ChatModel>) -> Arc<dyn Agent> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_smoltrace-sandbox-worker"));
    let workers = SandboxWorkers::new(program, Vec::new(), clock());
    let limits = SandboxLimits { time: Duration::from_secs(1), ..SandboxLimits::default() };
    Arc::new(CodeAgent::new(equipment(model, Prompts::code()), workers, limits).expect("our prompts"))
}

/// An answer that calls a tool.
pub fn calls(name: &str, arguments: &str) -> ChatReply {
    ChatReply {
        tool_calls: vec![ToolCall { id: "c1".into(), name: name.into(), arguments: arguments.into() }],
        usage: usage(100, 10),
        finish_reason: Some("tool_calls".into()),
        ..ChatReply::default()
    }
}

/// An answer that is text.
pub fn says(content: &str) -> ChatReply {
    ChatReply { content: Some(content.into()), usage: usage(100, 10), ..ChatReply::default() }
}

pub fn usage(input: i64, output: i64) -> Usage {
    Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
}

pub fn options(run_id: &str) -> RunOptions {
    RunOptions {
        run_id: run_id.into(),
        model: "scripted".into(),
        workers: 1,
        max_steps: 4,
        task_timeout: Some(Duration::from_secs(20)),
        prompts: PromptKeeping::Keep,
        resource: Map::from_iter([("service.name".to_owned(), json!("smoltrace-eval"))]),
        redactor: Redactor::default(),
        judge: None,
        clock: clock(),
    }
}

pub fn tasks(tasks: Vec<Task>) -> TaskSet {
    TaskSet { name: "test".into(), tasks, notes: Vec::new() }
}

/// Keeps what is stored, in the order of commits.
#[derive(Default)]
pub struct Memory {
    pub finished: Mutex<Vec<Finished>>,
    pub commits: Mutex<Vec<usize>>,
    /// From this commit on, nothing can be stored.
    pub fails_after: Option<usize>,
}

#[async_trait]
impl Sink for Memory {
    async fn store(&self, finished: &[Finished]) -> Result<(), SinkError> {
        let mut commits = self.commits.lock().expect("no panic");
        if self.fails_after.is_some_and(|most| commits.len() >= most) {
            return Err(SinkError("the disk is full".into()));
        }
        commits.push(finished.len());
        self.finished.lock().expect("no panic").extend_from_slice(finished);
        Ok(())
    }
}

/// What a run left.
pub struct Ran {
    pub totals: Totals,
    pub events: Vec<Event>,
    pub finished: Vec<Finished>,
}

impl Ran {
    /// The run as our own accounting has it.
    pub fn accounted(&self) -> Accounted {
        let mut inputs = RunInputs { run_id: "r".into(), origin: "eval".into(), ..RunInputs::default() };
        for finished in &self.finished {
            inputs.spans.extend(finished.spans.iter().cloned());
            inputs.results.push(finished.result.clone());
        }
        account_run(&inputs)
    }
}

pub async fn run_all(tasks: TaskSet, agents: &[Arc<dyn Agent>], options: RunOptions) -> Ran {
    run_with(tasks, agents, options, Arc::new(Memory::default()), Stopper::default(), 1).await
}

pub async fn run_with(
    tasks: TaskSet,
    agents: &[Arc<dyn Agent>],
    options: RunOptions,
    sink: Arc<Memory>,
    stopper: Stopper,
    attempts: u32,
) -> Ran {
    let executions = run::plan(&tasks, agents, attempts, &Default::default());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let totals = run::run(executions, options, sink.clone(), stopper, sender).await;
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event);
    }
    let finished = sink.finished.lock().expect("no panic").clone();
    Ran { totals, events, finished }
}
