//! ps, kill, env and which. They see what they were given: the environment is a copy, processes can be ended only if
//! they were registered, and no command line is shown, since secrets are written there.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{
    arguments::{Arguments, optional, required, spec},
    secrets::{is_secret_name, is_secret_value},
    text::clip,
};
use crate::tool::{Tool, ToolError, ToolSpec};

pub struct Ps(ToolSpec);

impl Default for Ps {
    fn default() -> Self {
        Self(spec(
            "ps",
            "List running processes on the system. Supports filtering by name pattern, sorting by CPU/memory usage, \
             and limiting the number of results. Returns process information including PID, name, CPU%, memory%, and \
             status.",
            vec![
                optional(
                    "filter_name",
                    "string",
                    "Filter processes by name (case-insensitive substring match)",
                ),
                optional("sort_by", "string", "Sort processes by field: 'cpu', 'memory', 'pid', or 'name'"),
                optional("limit", "integer", "Maximum number of processes to return (default: 50, max: 500)"),
                optional(
                    "descending",
                    "boolean",
                    "Sort in descending order (default: True for cpu and memory)",
                ),
            ],
        ))
    }
}

#[async_trait::async_trait]
impl Tool for Ps {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.0, arguments)?;
        let filter = arguments.optional_text("filter_name")?.unwrap_or_default().to_lowercase();
        let by = arguments.choice("sort_by", &["cpu", "memory", "pid", "name"])?;
        let limit = usize::try_from(arguments.integer("limit", 50, 1..=500)?).unwrap_or(50);
        let descending = arguments.boolean("descending", matches!(by, "cpu" | "memory"))?;
        let listed = tokio::task::spawn_blocking(move || list(&filter, by, limit, descending)).await;
        Ok(listed.map_err(|error| ToolError::Failed(error.to_string()))?.into())
    }
}

fn list(filter: &str, by: &str, limit: usize, descending: bool) -> String {
    let mut system = System::new();
    system.refresh_memory();
    let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    // Use of the processor is what happens between two looks.
    std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let total_bytes = system.total_memory().max(1) as f64;
    let mut rows: Vec<(u32, String, f64, f64, String)> = system
        .processes()
        .values()
        .filter(|process| process.thread_kind().is_none())
        .map(|process| {
            let name: String = process.name().to_string_lossy().chars().filter(|c| !c.is_control()).collect();
            let memory = process.memory() as f64 / total_bytes * 100.0;
            (process.pid().as_u32(), name, process.cpu_usage().into(), memory, process.status().to_string())
        })
        .filter(|(_, name, ..)| name.to_lowercase().contains(filter))
        .collect();
    rows.sort_by(|left, right| {
        let order = match by {
            "cpu" => left.2.total_cmp(&right.2),
            "memory" => left.3.total_cmp(&right.3),
            "name" => left.1.to_lowercase().cmp(&right.1.to_lowercase()),
            _ => left.0.cmp(&right.0),
        };
        if descending { order.reverse() } else { order }.then(left.0.cmp(&right.0))
    });
    let mut lines = vec![format!("Processes: {} shown of {}", rows.len().min(limit), rows.len())];
    lines.push(format!("{:>8} {:<30} {:>6} {:>6} STATUS", "PID", "NAME", "CPU%", "MEM%"));
    for (pid, name, cpu, memory, status) in rows.iter().take(limit) {
        lines.push(format!("{pid:>8} {name:<30} {cpu:>6.1} {memory:>6.1} {status}"));
    }
    clip(lines.join("\n"))
}

/// The processes that tools may end: those that were started for them. Clones share the list.
#[derive(Clone, Default)]
pub struct Processes {
    /// When each was started, so that a number that another process took over is not mistaken for it.
    started: Arc<Mutex<HashMap<u32, u64>>>,
    any: bool,
}

impl Processes {
    /// With the explicit permission to end any process of this user.
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Notes a running process as one that may be ended.
    pub fn register(&self, pid: u32) {
        if let Some(start) = start_time(pid) {
            self.started.lock().unwrap_or_else(PoisonError::into_inner).insert(pid, start);
        }
    }

    fn may_end(&self, pid: u32) -> Result<(), ToolError> {
        let refused = |why: &str| Err(ToolError::Refused(format!("process {pid} {why}")));
        // 0 and 1 are the system's; negative numbers would be groups, and never get here.
        if pid <= 1 || pid == std::process::id() || Some(pid) == parent_id() {
            return refused("is protected");
        }
        let Some(now) = start_time(pid) else {
            return Err(ToolError::Failed(format!("no process has the number {pid}")));
        };
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner).get(&pid).copied();
        match started {
            Some(start) if start == now => Ok(()),
            _ if self.any => Ok(()),
            _ => refused("was not started for these tools"),
        }
    }
}

/// When a process was started, in seconds; `None` if there is none.
fn start_time(pid: u32) -> Option<u64> {
    let mut system = System::new();
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).map(sysinfo::Process::start_time)
}

#[cfg(unix)]
fn parent_id() -> Option<u32> {
    Some(std::os::unix::process::parent_id())
}

#[cfg(not(unix))]
fn parent_id() -> Option<u32> {
    None
}

pub struct Kill {
    spec: ToolSpec,
    processes: Processes,
}

impl Kill {
    pub fn new(processes: Processes) -> Self {
        let spec = spec(
            "kill",
            "Terminate a process by its Process ID (PID). Only processes that were started for this task can be \
             terminated. Returns success or error message.",
            vec![
                required("pid", "integer", "Process ID (PID) to terminate"),
                optional(
                    "force",
                    "boolean",
                    "Force kill (SIGKILL) instead of graceful termination (SIGTERM)",
                ),
            ],
        );
        Self { spec, processes }
    }
}

#[async_trait::async_trait]
impl Tool for Kill {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.spec, arguments)?;
        let pid = arguments.integer("pid", 0, 0..=i64::from(u32::MAX / 2))?;
        let pid = u32::try_from(pid).map_err(|error| ToolError::Arguments(error.to_string()))?;
        let is_forced = arguments.boolean("force", false)?;
        self.processes.may_end(pid)?;
        end(pid, is_forced)?;
        Ok(format!("Sent {} to process {pid}", if is_forced { "SIGKILL" } else { "SIGTERM" }).into())
    }
}

#[cfg(unix)]
fn end(pid: u32, is_forced: bool) -> Result<(), ToolError> {
    use rustix::process::{Pid, Signal, kill_process};

    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| ToolError::Arguments(format!("{pid} is no process")))?;
    let signal = if is_forced { Signal::KILL } else { Signal::TERM };
    kill_process(process, signal).map_err(|error| ToolError::Failed(format!("process {pid}: {error}")))
}

#[cfg(not(unix))]
fn end(pid: u32, _: bool) -> Result<(), ToolError> {
    Err(ToolError::Failed(format!("process {pid}: this system has no signals")))
}

/// A copy of an environment without what looks secret. What is set is set in the copy alone.
pub struct Env {
    spec: ToolSpec,
    variables: Mutex<BTreeMap<String, String>>,
}

const MAX_VARIABLES: usize = 1_000;

impl Env {
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        let spec = spec(
            "env",
            "Read or set environment variables. Can list all environment variables, get a specific variable value, or \
             set a new variable (only for this tool). Variables that look like secrets are not shown.",
            vec![
                required("action", "string", "Action to perform: 'get', 'set', or 'list'"),
                optional("name", "string", "Variable name (required for 'get' and 'set' actions)"),
                optional("value", "string", "Variable value (required for 'set' action)"),
                optional(
                    "filter_pattern",
                    "string",
                    "Filter environment variables by name for 'list' action",
                ),
            ],
        );
        Self { spec, variables: Mutex::new(environment) }
    }
}

#[async_trait::async_trait]
impl Tool for Env {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.spec, arguments)?;
        let mut variables = self.variables.lock().unwrap_or_else(PoisonError::into_inner);
        let is_secret = |name: &str, value: &str| is_secret_name(name) || is_secret_value(value);
        let refused = |name: &str| ToolError::Refused(format!("{name} looks like a secret"));
        let answer = match arguments.choice("action", &["get", "set", "list"])? {
            "get" => {
                let name = arguments.text("name")?;
                if is_secret_name(&name) {
                    return Err(refused(&name));
                }
                match variables.get(&name) {
                    Some(value) if is_secret(&name, value) => return Err(refused(&name)),
                    Some(value) => format!("{name}={value}"),
                    None => return Err(ToolError::Failed(format!("{name} is not set"))),
                }
            }
            "set" => {
                let (name, value) = (arguments.text("name")?, arguments.text("value")?);
                if name.is_empty()
                    || name.contains(['=', '\0'])
                    || value.contains('\0')
                    || value.len() > 32_768
                {
                    return Err(ToolError::Arguments(format!("{name:?} cannot be set to that")));
                }
                if is_secret(&name, &value) {
                    return Err(refused(&name));
                }
                if variables.len() >= MAX_VARIABLES {
                    return Err(ToolError::Failed("too many variables".into()));
                }
                let answer = format!("Set {name}={value}");
                variables.insert(name, value);
                answer
            }
            _ => {
                let filter = arguments.optional_text("filter_pattern")?.unwrap_or_default().to_lowercase();
                let shown: Vec<String> = variables
                    .iter()
                    .filter(|(name, value)| name.to_lowercase().contains(&filter) && !is_secret(name, value))
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                let held = variables.iter().filter(|(name, value)| is_secret(name, value)).count();
                clip(format!("{}\n({held} that look like secrets are not shown)", shown.join("\n")))
            }
        };
        Ok(answer.into())
    }
}

pub struct Which {
    spec: ToolSpec,
    path: String,
}

impl Which {
    /// Looks in the folders of `path`, as the variable `PATH` lists them.
    pub fn new(path: String) -> Self {
        let spec = spec(
            "which",
            "Find the full path of an executable command by searching the PATH environment variable. Returns the full \
             path if found, or an error message if not found.",
            vec![
                required(
                    "command",
                    "string",
                    "Command/executable name to search for (e.g., 'python', 'git', 'node')",
                ),
                optional("all_matches", "boolean", "Return all matching paths instead of just the first one"),
            ],
        );
        Self { spec, path }
    }
}

#[async_trait::async_trait]
impl Tool for Which {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.spec, arguments)?;
        let command = arguments.text("command")?;
        let is_name = !command.is_empty()
            && command.len() < 256
            && command.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
            && !command.starts_with('.');
        if !is_name {
            return Err(ToolError::Arguments(format!("{command:?} is not the name of a command")));
        }
        let mut found = std::env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&command))
            .filter(|path| is_executable(path))
            .map(|path| path.display().to_string());
        let found: Vec<String> = match arguments.boolean("all_matches", false)? {
            true => found.collect(),
            false => found.next().into_iter().collect(),
        };
        if found.is_empty() {
            return Err(ToolError::Failed(format!("{command} is not found in PATH")));
        }
        Ok(found.join("\n").into())
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
