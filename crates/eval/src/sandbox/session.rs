//! One session of model-written code: its runs share variables and functions.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::{
    Execution, FINAL_ANSWER, SandboxError, SandboxErrorKind, SandboxLimits, SandboxWorkers, ToolCaller,
    pool::Worker,
    wire::{self, Answer, Done, FromWorker, ToWorker},
};
use crate::tool::{ToolError, ToolSpec};

/// What a worker may take for starting.
const START: Duration = Duration::from_secs(20);
/// What it may take beyond its limit of time: parsing and converting values are not counted as computing.
const GRACE: Duration = Duration::from_secs(2);
const CUT: &str = "\n[output cut here]\n";

/// A session. Dropping it gives its process back.
pub struct Sandbox {
    workers: Arc<SandboxWorkers>,
    limits: SandboxLimits,
    /// Present between runs while the session's state lives.
    worker: Option<Worker>,
    has_run: bool,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.workers.give_back(worker);
        }
    }
}

/// How a run came to its end, as far as the worker goes.
enum End {
    Done(Done),
    Final { answer: Value, text: String },
    CallLimit,
}

/// A worker that cannot be used any more.
enum Broken {
    Silent,
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Sandbox {
    pub fn new(workers: Arc<SandboxWorkers>, limits: SandboxLimits) -> Self {
        Self { workers, limits, worker: None, has_run: false }
    }

    /// Runs code with the functions of `caller` and `final_answer`. Variables and functions of earlier runs are there.
    ///
    /// Always comes to an end by its limits, except for the time that `caller` takes. When the future is dropped, the
    /// worker is ended, and the next run begins without variables.
    pub async fn run(&mut self, code: &str, caller: &dyn ToolCaller) -> Execution {
        let mut execution = Execution::default();
        if code.len() > self.limits.code_bytes {
            let message = format!("the code is longer than {} bytes", self.limits.code_bytes);
            execution.error = Some(SandboxError::new(SandboxErrorKind::Syntax, message));
            return execution;
        }
        let state_lost = self.has_run && self.worker.is_none();
        let mut worker = match self.worker.take().map_or_else(|| self.workers.take(), Ok) {
            Ok(worker) => worker,
            Err(error) => {
                let message = format!("the interpreter cannot be started: {error}");
                execution.error = Some(SandboxError::new(SandboxErrorKind::Interpreter, message));
                return execution;
            }
        };
        let is_fresh = !self.has_run || state_lost;
        self.has_run = true;
        match self.drive(&mut worker, is_fresh, code, caller, &mut execution.logs).await {
            // What fills the memory may be a variable: without them the next step has room again.
            Ok(End::Done(Done { error: Some(error), .. })) if error.kind == SandboxErrorKind::MemoryLimit => {
                worker.end().await;
                execution.error = Some(SandboxError { state_lost: true, ..error });
            }
            Ok(end) => {
                match end {
                    End::Done(done) => {
                        worker.grown_bytes = done.grown_bytes;
                        execution.output = done.output;
                        execution.output_text = done.output_text;
                        execution.error = done.error;
                    }
                    End::Final { answer, text } => {
                        execution.final_answer = Some(answer);
                        execution.final_answer_text = Some(text);
                    }
                    End::CallLimit => {
                        let message = format!("more than {} calls of tools in one step", self.limits.calls);
                        execution.error = Some(SandboxError::new(SandboxErrorKind::CallLimit, message));
                    }
                }
                self.worker = Some(worker);
            }
            Err(broken) => {
                let words = worker.end().await;
                execution.error = Some(SandboxError { state_lost: true, ..self.explain(&broken, &words) });
            }
        }
        execution
    }

    async fn drive(
        &self,
        worker: &mut Worker,
        is_fresh: bool,
        code: &str,
        caller: &dyn ToolCaller,
        logs: &mut String,
    ) -> Result<End, Broken> {
        let mut patience = self.limits.time + GRACE;
        if is_fresh {
            let open = ToWorker::Open { limits: self.limits.clone() };
            let mut start = START;
            match exchange(worker, &open, &mut start).await? {
                FromWorker::Opened => {}
                _ => return Err(nonsense()),
            }
        }
        let specs: HashMap<String, ToolSpec> =
            caller.specs().into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let mut functions: Vec<String> = specs.keys().cloned().collect();
        if !specs.contains_key(FINAL_ANSWER) {
            functions.push(FINAL_ANSWER.into());
        }
        let mut calls = 0;
        let mut message =
            exchange(worker, &ToWorker::Run { code: code.into(), functions }, &mut patience).await?;
        loop {
            message = match message {
                FromWorker::Print(text) => {
                    append(logs, &text, self.limits.output_bytes);
                    receive(worker, &mut patience).await?
                }
                FromWorker::Done(done) => return Ok(End::Done(done)),
                FromWorker::Now => {
                    let now = Answer::TimeUnixNano((self.workers.clock)());
                    exchange(worker, &ToWorker::Answer(now), &mut patience).await?
                }
                FromWorker::Call { name, arguments, named, texts } if name == FINAL_ANSWER => {
                    match final_answer(arguments, named, texts) {
                        Ok((answer, text)) => {
                            return stop(worker, logs, self.limits.output_bytes, &mut patience)
                                .await
                                .map(|_| End::Final { answer, text });
                        }
                        Err(message) => {
                            exchange(worker, &ToWorker::Answer(raise("TypeError", message)), &mut patience)
                                .await?
                        }
                    }
                }
                FromWorker::Call { name, arguments, named, .. } => {
                    calls += 1;
                    if calls > self.limits.calls {
                        stop(worker, logs, self.limits.output_bytes, &mut patience).await?;
                        return Ok(End::CallLimit);
                    }
                    let answer = match specs.get(&name) {
                        None => raise("NameError", format!("name '{name}' is not defined")),
                        Some(spec) => match bind(spec, arguments, named) {
                            Err(message) => raise("TypeError", message),
                            Ok(arguments) => answer_of(caller.call(&name, arguments).await),
                        },
                    };
                    let frame = match wire::encode(&ToWorker::Answer(answer)) {
                        Ok(frame) => frame,
                        Err(_) => {
                            let message = format!("the answer of {name} is too large");
                            wire::encode(&ToWorker::Answer(raise("RuntimeError", message)))?
                        }
                    };
                    exchange_frame(worker, &frame, &mut patience).await?
                }
                FromWorker::Opened => return Err(nonsense()),
            };
        }
    }

    fn explain(&self, broken: &Broken, words: &str) -> SandboxError {
        let seconds = self.limits.time.as_secs_f64();
        let mebibytes = self.limits.memory_bytes >> 20;
        let error = |kind, message: String| SandboxError::new(kind, message);
        match broken {
            Broken::Silent => error(
                SandboxErrorKind::TimeLimit,
                format!("TimeoutError: the code ran for more than {seconds} s"),
            ),
            _ if words.contains("memory allocation of") => error(
                SandboxErrorKind::MemoryLimit,
                format!("MemoryError: the code needs more memory than {mebibytes} MiB"),
            ),
            _ if words.contains("overflowed its stack") => error(
                SandboxErrorKind::Interpreter,
                "RecursionError: code or values are nested too deeply for the interpreter".into(),
            ),
            Broken::Io(cause) => {
                let detail = words.lines().next().filter(|line| !line.is_empty()).map_or_else(
                    || cause.to_string(),
                    |line| line[..line.floor_char_boundary(200)].to_owned(),
                );
                error(SandboxErrorKind::Interpreter, format!("the interpreter ended unexpectedly: {detail}"))
            }
        }
    }
}

fn nonsense() -> Broken {
    Broken::Io(io::ErrorKind::InvalidData.into())
}

fn raise(class: &str, message: String) -> Answer {
    Answer::Raise { class: class.into(), message }
}

fn answer_of(result: Result<Value, ToolError>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(error) => {
            let class = match error {
                ToolError::Arguments(_) => "ValueError",
                ToolError::Refused(_) => "PermissionError",
                ToolError::TimedOut(_) => "TimeoutError",
                ToolError::Unknown(_) => "NameError",
                ToolError::Failed(_) => "RuntimeError",
            };
            raise(class, error.to_string())
        }
    }
}

/// Sends a message and waits for what comes next; time that the worker takes is taken from `patience`.
async fn exchange(
    worker: &mut Worker,
    message: &ToWorker,
    patience: &mut Duration,
) -> Result<FromWorker, Broken> {
    exchange_frame(worker, &wire::encode(message)?, patience).await
}

/// As `exchange`. A worker that does not read what it is sent is as silent as one that does not answer.
async fn exchange_frame(
    worker: &mut Worker,
    frame: &[u8],
    patience: &mut Duration,
) -> Result<FromWorker, Broken> {
    within(patience, async {
        worker.send(frame).await?;
        worker.receive().await
    })
    .await
}

async fn receive(worker: &mut Worker, patience: &mut Duration) -> Result<FromWorker, Broken> {
    within(patience, worker.receive()).await
}

async fn within<T>(patience: &mut Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Broken> {
    let began = Instant::now();
    let done = timeout(*patience, work).await.map_err(|_| Broken::Silent)??;
    *patience = patience.saturating_sub(began.elapsed());
    Ok(done)
}

/// Has the rest of the code left out.
async fn stop(
    worker: &mut Worker,
    logs: &mut String,
    limit: usize,
    patience: &mut Duration,
) -> Result<(), Broken> {
    let mut message = exchange(worker, &ToWorker::Stop, patience).await?;
    loop {
        match message {
            FromWorker::Done(done) => {
                worker.grown_bytes = done.grown_bytes;
                return Ok(());
            }
            FromWorker::Print(text) => append(logs, &text, limit),
            _ => return Err(nonsense()),
        }
        message = receive(worker, patience).await?;
    }
}

/// Adds printed text up to the limit, and a word once that the rest is missing.
fn append(logs: &mut String, text: &str, limit: usize) {
    let room = limit.saturating_sub(logs.len());
    if text.len() <= room {
        logs.push_str(text);
    } else if logs.len() <= limit {
        logs.push_str(&text[..text.floor_char_boundary(room)]);
        logs.push_str(CUT);
        // Past the limit whatever its length, so that nothing follows.
        while logs.len() <= limit {
            logs.push('\n');
        }
    }
}

fn final_answer(
    arguments: Vec<Value>,
    named: Map<String, Value>,
    texts: Vec<String>,
) -> Result<(Value, String), String> {
    let given = arguments.len() + named.len();
    if given != 1 {
        return Err(format!("{FINAL_ANSWER}() takes 1 argument, {given} given"));
    }
    let answer = arguments.into_iter().chain(named.into_iter().map(|(_, value)| value)).next();
    Ok((answer.unwrap_or(Value::Null), texts.into_iter().next().unwrap_or_default()))
}

/// Arguments by name, as Python binds them.
fn bind(
    spec: &ToolSpec,
    arguments: Vec<Value>,
    named: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let name = &spec.name;
    let signature = || {
        let inputs: Vec<String> = spec
            .inputs
            .iter()
            .map(|input| if input.required { input.name.clone() } else { format!("{}=...", input.name) })
            .collect();
        format!("{name}({})", inputs.join(", "))
    };
    if arguments.len() > spec.inputs.len() {
        return Err(format!(
            "{} takes {} arguments, {} given",
            signature(),
            spec.inputs.len(),
            arguments.len()
        ));
    }
    let mut bound = Map::new();
    for (input, value) in spec.inputs.iter().zip(arguments) {
        bound.insert(input.name.clone(), value);
    }
    for (key, value) in named {
        if !spec.inputs.iter().any(|input| input.name == key) {
            return Err(format!("{} has no argument '{key}'", signature()));
        }
        if bound.insert(key.clone(), value).is_some() {
            return Err(format!("{name}() got more than one value for '{key}'"));
        }
    }
    let missing: Vec<&str> = spec
        .inputs
        .iter()
        .filter(|input| input.required && !bound.contains_key(&input.name))
        .map(|input| input.name.as_str())
        .collect();
    if missing.is_empty() {
        Ok(bound)
    } else {
        Err(format!("{} misses: {}", signature(), missing.join(", ")))
    }
}
