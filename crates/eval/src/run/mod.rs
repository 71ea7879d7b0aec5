//! The runner: executions in, rows and events out.
//!
//! A dispatcher hands executions to workers; what they finish goes through one recorder to a [`Sink`], and an execution is told as
//! finished only when the sink has it. Terminal, tables and live view only consume the events.

mod execute;
mod spend;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value};
use smoltrace_model::rows::{ResultRow, SpanRow};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

pub use execute::PromptKeeping;
pub use spend::{Limits, Meter, Metered, Spent};

use crate::{
    agent::Agent,
    clock::Clock,
    redact::Redactor,
    score::Judge,
    task::{Task, TaskAgents, TaskSet},
};

/// Finished executions that may wait for the sink; workers wait when there are more.
const MOST_WAITING: usize = 512;

/// One execution: a task, an agent, an attempt.
#[derive(Clone)]
pub struct Execution {
    pub task: Arc<Task>,
    pub agent: Arc<dyn Agent>,
    /// From 1.
    pub attempt: u32,
}

impl Execution {
    /// `<agent_type>:<test_id>`.
    pub fn test_uid(&self) -> String {
        format!("{}:{}", self.agent.kind(), self.task.id)
    }
}

/// All executions of a run in their order: by agent, then by attempt, then by task. Those in `done` (test uid and attempt)
/// are left out.
pub fn plan(
    tasks: &TaskSet,
    agents: &[Arc<dyn Agent>],
    attempts: u32,
    done: &HashSet<(String, u32)>,
) -> Vec<Execution> {
    let shared: Vec<Arc<Task>> = tasks.tasks.iter().cloned().map(Arc::new).collect();
    let mut executions = Vec::new();
    for agent in agents {
        for attempt in 1..=attempts {
            for task in shared.iter().filter(|task| is_for(task, agent.kind())) {
                let execution = Execution { task: task.clone(), agent: agent.clone(), attempt };
                if !done.contains(&(execution.test_uid(), attempt)) {
                    executions.push(execution);
                }
            }
        }
    }
    executions
}

/// Whether a task is for an agent of a kind. Agents that are neither of the two get every task.
fn is_for(task: &Task, kind: &str) -> bool {
    match kind {
        "tool" => task.agents != TaskAgents::Code,
        "code" => task.agents != TaskAgents::Tool,
        _ => true,
    }
}

/// How executions are run.
#[derive(Clone)]
pub struct RunOptions {
    pub run_id: String,
    /// As results name it.
    pub model: String,
    /// Executions at a time.
    pub workers: usize,
    /// Where the task does not say otherwise.
    pub max_steps: u32,
    /// Likewise; none for no limit.
    pub task_timeout: Option<Duration>,
    /// Whether the prompts are kept in result rows and spans.
    pub prompts: PromptKeeping,
    /// Attributes of the spans' resource.
    pub resource: Map<String, Value>,
    pub redactor: Redactor,
    pub judge: Option<Judge>,
    pub clock: Clock,
}

/// What a finished execution leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    pub result: ResultRow,
    pub spans: Vec<SpanRow>,
    /// What was found, for people.
    pub summary: Summary,
}

/// A finished execution in short.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    pub test_uid: String,
    pub attempt: u32,
    /// None when it was cut off by a stop of the run.
    pub success: Option<bool>,
    pub stop_reason: &'static str,
    /// The first thing that failed, or the error.
    pub reason: Option<String>,
    pub steps: u32,
    pub duration_ms: f64,
    pub input_tokens: i64,
    pub output_tokens: i64,
}

/// Where finished executions go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Stores what the executions left; returns when it is durable.
    ///
    /// # Errors
    /// Why nothing more can be stored: the run ends.
    async fn store(&self, finished: &[Finished]) -> Result<(), SinkError>;
}

/// Why rows cannot be stored.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Why a run stops before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody said so.
    Asked,
    /// A limit was reached; which.
    Limit(String),
    /// The rows cannot be stored.
    Storage(String),
}

impl Stop {
    fn reason(&self) -> String {
        match self {
            Self::Asked => "the run was stopped".into(),
            Self::Limit(limit) => format!("the run was stopped: {limit}"),
            Self::Storage(error) => format!("the run was stopped: {error}"),
        }
    }
}

/// By which a run is stopped from anywhere.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<watch::Sender<Option<Stop>>>);

impl Default for Stopper {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Stopper {
    /// Stops the run. The first reason counts.
    pub fn stop(&self, why: Stop) {
        self.0.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(why);
            }
            first
        });
    }

    /// Why the run was stopped, if it was.
    pub fn stopped(&self) -> Option<Stop> {
        self.0.borrow().clone()
    }

    /// Waits until the run is stopped.
    pub async fn wait(&self) -> Stop {
        let mut stops = self.0.subscribe();
        match stops.wait_for(Option::is_some).await.ok().and_then(|stop| stop.clone()) {
            Some(stop) => stop,
            // The sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }
}

/// What happens in a run, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Executions that will run.
    RunStarted {
        executions: usize,
        workers: usize,
    },
    TestStarted {
        test_uid: String,
        attempt: u32,
    },
    /// The execution is stored.
    TestFinished(Summary),
    /// No more executions are begun; those that run are cut off.
    RunStopping(Stop),
    RunFinished(Totals),
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    /// Cut off by a stop.
    pub interrupted: usize,
    /// Never begun.
    pub not_run: usize,
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// Runs the executions. `events` gets what happens; a receiver that went away stops nothing.
pub async fn run(
    executions: Vec<Execution>,
    options: RunOptions,
    sink: Arc<dyn Sink>,
    stopper: Stopper,
    events: mpsc::UnboundedSender<Event>,
) -> Totals {
    let options = Arc::new(options);
    let tell = |event| {
        let _ = events.send(event);
    };
    tell(Event::RunStarted { executions: executions.len(), workers: options.workers });
    let (to_recorder, finished) = mpsc::channel(MOST_WAITING);
    let recorder = tokio::spawn(record(finished, sink, stopper.clone(), events.clone()));

    let mut waiting: VecDeque<Execution> = executions.into();
    let mut running = JoinSet::new();
    let mut told = false;
    loop {
        while running.len() < options.workers.max(1) && stopper.stopped().is_none() {
            let Some(execution) = waiting.pop_front() else { break };
            tell(Event::TestStarted { test_uid: execution.test_uid(), attempt: execution.attempt });
            let (options, stopper, to_recorder) = (options.clone(), stopper.clone(), to_recorder.clone());
            running.spawn(async move {
                let finished = execute::execute(&execution, &options, &stopper).await;
                // The recorder goes away only when nothing can be stored any more.
                let _ = to_recorder.send(finished).await;
            });
        }
        if let Some(stop) = stopper.stopped().filter(|_| !told) {
            told = true;
            tell(Event::RunStopping(stop));
        }
        tokio::select! {
            done = running.join_next() => if done.is_none() { break },
            _ = stopper.wait(), if !told => {}
        }
    }
    drop(to_recorder);
    let mut totals = recorder.await.unwrap_or_default();
    totals.not_run += waiting.len();
    totals.stop = stopper.stopped();
    tell(Event::RunFinished(totals.clone()));
    totals
}

/// Stores what is finished, as much at once as there is, and tells of it afterwards.
async fn record(
    mut finished: mpsc::Receiver<Finished>,
    sink: Arc<dyn Sink>,
    stopper: Stopper,
    events: mpsc::UnboundedSender<Event>,
) -> Totals {
    let mut totals = Totals::default();
    let mut batch = Vec::new();
    while finished.recv_many(&mut batch, MOST_WAITING).await > 0 {
        match sink.store(&batch).await {
            Ok(()) => {
                for Finished { summary, .. } in batch.drain(..) {
                    match summary.success {
                        Some(true) => totals.passed += 1,
                        Some(false) => totals.failed += 1,
                        None => totals.interrupted += 1,
                    }
                    let _ = events.send(Event::TestFinished(summary));
                }
            }
            Err(error) => {
                stopper.stop(Stop::Storage(error.to_string()));
                totals.not_run += batch.len();
                batch.clear();
            }
        }
    }
    totals
}
