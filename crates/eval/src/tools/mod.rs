//! The tools that agents can be given, by the names of SMOLTRACE, and what each of them may reach.
//!
//! Three are always there and reach nothing: `get_weather`, `calculator`, `get_current_time`. All others are asked for
//! by name, and refused as a whole under the closed profile if they reach outside. Files are seen only under a working
//! directory, networks only through `net`. Knows no agent and no model. What is reached, and how it is kept in bounds,
//! is listed in docs/security.md.

mod arguments;
mod basic;
mod calculator;
mod files;
mod mcp;
pub mod net;
mod python;
mod search;
mod secrets;
mod system;
mod text;
mod web;
mod workspace;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::Arc,
};

pub use calculator::evaluate;
pub use mcp::{McpAddress, McpServer, McpTransport};
pub use search::{SearchProvider, SearchSettings};
pub use secrets::{is_secret_name, is_secret_value};
pub use system::Processes;

use crate::{
    sandbox::{SandboxLimits, SandboxWorkers},
    tool::{Tool, ToolError, ToolSet},
};
use net::{Network, NetworkLimits, Resolver, SystemResolver};
use workspace::Workspace;

/// Tells the time: Unix nanoseconds.
pub use crate::sandbox::Clock;

/// What a tool reaches, which decides whether a profile lets it be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing but its arguments.
    Nothing,
    /// The sandbox's Python.
    Sandbox,
    /// Files under the working directory.
    Files,
    /// Processes and variables of this machine.
    System,
    /// The internet.
    Internet,
}

/// A tool that can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// What `--enable-tools` calls it, and what the model does, except for searches: those are `web_search`.
    pub name: &'static str,
    pub reach: Reach,
}

const fn offer(name: &'static str, reach: Reach) -> Offer {
    Offer { name, reach }
}

/// Every tool but those that are always there.
pub const OFFERS: &[Offer] = &[
    offer("google_search", Reach::Internet),
    offer("duckduckgo_search", Reach::Internet),
    offer("visit_webpage", Reach::Internet),
    offer("wikipedia_search", Reach::Internet),
    offer("python_interpreter", Reach::Sandbox),
    offer("read_file", Reach::Files),
    offer("write_file", Reach::Files),
    offer("list_directory", Reach::Files),
    offer("search_files", Reach::Files),
    offer("grep", Reach::Files),
    offer("sed", Reach::Files),
    offer("sort", Reach::Files),
    offer("head_tail", Reach::Files),
    offer("ps", Reach::System),
    offer("kill", Reach::System),
    offer("env", Reach::System),
    offer("which", Reach::System),
    offer("curl", Reach::Internet),
    offer("ping", Reach::Internet),
];

/// Names for several tools at once.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("files", &["read_file", "write_file", "list_directory", "search_files"]),
    ("text", &["grep", "sed", "sort", "head_tail"]),
    ("system", &["ps", "kill", "env", "which"]),
    ("web", &["google_search", "visit_webpage", "wikipedia_search"]),
    ("network", &["curl", "ping"]),
    ("python", &["python_interpreter"]),
];

/// How far tools may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecurityProfile {
    /// No internet, no system, no MCP servers. Files of the working directory, and the sandbox.
    #[default]
    Closed,
    /// Every tool that is asked for, within its bounds.
    Standard,
}

impl SecurityProfile {
    /// By the names of `--security-profile`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "closed" | "bfsi-closed" => Some(Self::Closed),
            "standard" => Some(Self::Standard),
            _ => None,
        }
    }

    pub fn allows(self, reach: Reach) -> bool {
        self == Self::Standard || !matches!(reach, Reach::System | Reach::Internet)
    }
}

/// Why no tools could be made.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    #[error("no tool or group is named {0:?}; there are: {list}", list = names().join(", "))]
    Unknown(String),
    #[error("{0} reaches outside, which the closed security profile does not allow")]
    Closed(String),
    #[error("{0} needs a working directory")]
    NoWorkingDirectory(String),
    #[error("the working directory {} cannot be opened: {error}", path.display())]
    WorkingDirectory { path: PathBuf, error: io::Error },
    #[error("user_input is not to be had: nobody is there to be asked during an evaluation")]
    UserInput,
    #[error("two tools are named {0:?}; give the MCP servers names: name=URL")]
    Twice(String),
    #[error("{name}: {error}")]
    Tool { name: String, error: ToolError },
}

/// The names that can be asked for.
pub fn names() -> Vec<&'static str> {
    OFFERS.iter().map(|offer| offer.name).chain(GROUPS.iter().map(|(name, _)| *name)).collect()
}

/// What tools are made of. Nothing of it is read from the environment here.
#[derive(Clone)]
pub struct ToolsConfig {
    /// Names of tools and groups beyond those that are always there.
    pub enabled: Vec<String>,
    pub profile: SecurityProfile,
    /// The folder of the file tools.
    pub working_directory: Option<PathBuf>,
    /// A copy of the environment, for `env`, `which` and MCP programs; what looks secret is left out by each.
    pub environment: BTreeMap<String, String>,
    pub search: SearchSettings,
    pub network: NetworkLimits,
    pub resolver: Arc<dyn Resolver>,
    /// What `kill` may end.
    pub processes: Processes,
    pub clock: Clock,
    pub workers: Arc<SandboxWorkers>,
    pub sandbox: SandboxLimits,
    pub mcp_servers: Vec<McpServer>,
    /// For starting an MCP server, for its list of tools, and for each call.
    pub mcp_time: std::time::Duration,
}

impl ToolsConfig {
    /// The tools that are always there, under the closed profile.
    pub fn new(workers: Arc<SandboxWorkers>, clock: Clock) -> Self {
        Self {
            enabled: Vec::new(),
            profile: SecurityProfile::default(),
            working_directory: None,
            environment: BTreeMap::new(),
            search: SearchSettings::default(),
            network: NetworkLimits::default(),
            resolver: Arc::new(SystemResolver),
            processes: Processes::default(),
            clock,
            workers,
            sandbox: SandboxLimits::default(),
            mcp_servers: Vec::new(),
            mcp_time: std::time::Duration::from_secs(30),
        }
    }

    /// The names of single tools that are asked for, in the order of `OFFERS`.
    fn wanted(&self) -> Result<Vec<Offer>, ToolsError> {
        let mut wanted = BTreeSet::new();
        for name in self
            .enabled
            .iter()
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match GROUPS.iter().find(|(group, _)| *group == name) {
                Some((_, members)) => wanted.extend(members.iter().copied()),
                None => match OFFERS.iter().find(|offer| offer.name == name) {
                    Some(offer) => {
                        wanted.insert(offer.name);
                    }
                    // What smolagents calls the tool that these names make.
                    None if name == "web_search" => {
                        wanted.insert("google_search");
                    }
                    None if matches!(name, "get_weather" | "calculator" | "get_current_time") => {}
                    None if name == "user_input" => return Err(ToolsError::UserInput),
                    None => return Err(ToolsError::Unknown(name.into())),
                },
            }
        }
        Ok(OFFERS.iter().copied().filter(|offer| wanted.contains(offer.name)).collect())
    }

    /// Makes the tools. Fails, rather than going on with fewer, if one of them cannot be made.
    pub async fn build(&self) -> Result<ToolSet, ToolsError> {
        let mut tools = ToolSet::default();
        tools.add(Arc::new(basic::Weather::default()));
        tools.add(Arc::new(calculator::Calculator::default()));
        tools.add(Arc::new(basic::CurrentTime::new(Arc::clone(&self.clock))));
        let network = Network::new(self.network.clone(), Arc::clone(&self.resolver));
        let mut workspace = None;
        for offer in self.wanted()? {
            if !self.profile.allows(offer.reach) {
                return Err(ToolsError::Closed(offer.name.into()));
            }
            if offer.reach == Reach::Files && workspace.is_none() {
                let path = self
                    .working_directory
                    .as_ref()
                    .ok_or_else(|| ToolsError::NoWorkingDirectory(offer.name.into()))?;
                let opened = Workspace::open(path);
                workspace =
                    Some(opened.map_err(|error| ToolsError::WorkingDirectory { path: path.clone(), error })?);
            }
            let made = self.make(offer.name, workspace.as_ref(), &network);
            tools.add(made.map_err(|error| ToolsError::Tool { name: offer.name.into(), error })?);
        }
        for server in &self.mcp_servers {
            let name = || format!("the MCP server {}", server.prefix.as_deref().unwrap_or_default());
            if self.profile == SecurityProfile::Closed {
                return Err(ToolsError::Closed(name()));
            }
            let connected = server.connect(&self.environment, self.mcp_time).await;
            for tool in connected.map_err(|error| ToolsError::Tool { name: name(), error })? {
                if tools.get(&tool.spec().name).is_some() {
                    return Err(ToolsError::Twice(tool.spec().name.clone()));
                }
                tools.add(tool);
            }
        }
        Ok(tools)
    }

    fn make(
        &self,
        name: &'static str,
        workspace: Option<&Workspace>,
        network: &Network,
    ) -> Result<Arc<dyn Tool>, ToolError> {
        let network = network.clone();
        if let Some(workspace) = workspace {
            let tool = match name {
                "read_file" => Some(files::read_file(workspace)),
                "write_file" => Some(files::write_file(workspace)),
                "list_directory" => Some(files::list_directory(workspace)),
                "search_files" => Some(files::search_files(workspace)),
                "grep" => Some(text::grep(workspace)),
                "sed" => Some(text::sed(workspace)),
                "sort" => Some(text::sort(workspace)),
                "head_tail" => Some(text::head_tail(workspace)),
                _ => None,
            };
            if let Some(tool) = tool {
                return Ok(Arc::new(tool));
            }
        }
        Ok(match name {
            "google_search" => Arc::new(search::WebSearch::new(network, self.search.clone())?),
            "duckduckgo_search" => Arc::new(search::WebSearch::new(network, SearchSettings::default())?),
            "visit_webpage" => Arc::new(web::VisitWebpage::new(network)),
            "wikipedia_search" => Arc::new(search::Wikipedia::new(network, None)?),
            "python_interpreter" => {
                Arc::new(python::PythonInterpreter::new(Arc::clone(&self.workers), self.sandbox.clone()))
            }
            "ps" => Arc::new(system::Ps::default()),
            "kill" => Arc::new(system::Kill::new(self.processes.clone())),
            "env" => Arc::new(system::Env::new(self.environment.clone())),
            "which" => {
                Arc::new(system::Which::new(self.environment.get("PATH").cloned().unwrap_or_default()))
            }
            "curl" => Arc::new(web::Curl::new(network)),
            "ping" => Arc::new(web::Ping::new(network)),
            other => return Err(ToolError::Unknown(other.into())),
        })
    }
}
