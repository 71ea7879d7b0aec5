//! Worker processes: started when needed, kept for the next session, ended when they misbehave.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use super::{
    Sandbox, SandboxLimits,
    wire::{self, FromWorker},
};

/// The argument that makes the smoltrace binary a worker: its `main` then calls `serve_worker` and nothing else.
pub const WORKER_ARGUMENT: &str = "__sandbox-worker";

/// A worker that grew by more than this is not used for another session.
const KEEP_BELOW_BYTES: u64 = 32 << 20;
/// How much of what a dying worker says is read.
const LAST_WORDS_BYTES: u64 = 4 << 10;

/// Tells the time: Unix nanoseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The processes in which model-written code runs, at most one for each sandbox in use.
pub struct SandboxWorkers {
    program: PathBuf,
    arguments: Vec<OsString>,
    pub(super) clock: Clock,
    idle: Mutex<Vec<Worker>>,
}

impl SandboxWorkers {
    /// Workers that are started as `program arguments...`, which has to call `serve_worker`. `clock` is what
    /// `datetime.now` tells in the code.
    pub fn new(program: PathBuf, arguments: Vec<OsString>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { program, arguments, clock, idle: Mutex::default() })
    }

    /// A new session. Its process is started, or taken from those at rest, at its first run.
    pub fn sandbox(self: &Arc<Self>, limits: SandboxLimits) -> Sandbox {
        Sandbox::new(Arc::clone(self), limits)
    }

    /// A worker at rest, or a new one.
    pub(super) fn take(&self) -> io::Result<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut worker) = idle.pop() {
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Ok(worker);
            }
        }
        drop(idle);
        Worker::start(self)
    }

    /// Keeps a worker for the next session.
    pub(super) fn give_back(&self, worker: Worker) {
        if worker.grown_bytes < KEEP_BELOW_BYTES {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}

/// All that stands in a worker's environment: if its allocator is jemalloc, what is freed goes back to the system at once,
/// so that the system's count of its memory, by which it is bounded, is what it uses.
const ALLOCATOR_OPTIONS: (&str, &str) =
    ("_RJEM_MALLOC_CONF", "retain:false,dirty_decay_ms:0,muzzy_decay_ms:0,narenas:1,tcache:false");

/// One process. Dropping it ends it.
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    pub grown_bytes: u64,
}

impl Worker {
    fn start(workers: &SandboxWorkers) -> io::Result<Self> {
        let mut child = Command::new(&workers.program)
            .args(&workers.arguments)
            .env_clear()
            .env(ALLOCATOR_OPTIONS.0, ALLOCATOR_OPTIONS.1)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => {
                Ok(Self { child, input, output, errors, grown_bytes: 0 })
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Sends bytes that `wire::encode` made.
    pub async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.input.write_all(frame).await
    }

    /// The next message.
    pub async fn receive(&mut self) -> io::Result<FromWorker> {
        let mut prefix = [0; 4];
        self.output.read_exact(&mut prefix).await?;
        let length = wire::length(prefix)?;
        // Room is made as bytes come, not as they are announced.
        let mut received = Vec::new();
        let read = (&mut self.output).take(length as u64).read_to_end(&mut received).await?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&received)?)
    }

    /// Ends the process and gives what it last said on its standard error.
    pub async fn end(mut self) -> String {
        let _ = self.child.kill().await;
        let mut words = Vec::new();
        let _ = self.errors.take(LAST_WORDS_BYTES).read_to_end(&mut words).await;
        String::from_utf8_lossy(&words).into_owned()
    }
}
