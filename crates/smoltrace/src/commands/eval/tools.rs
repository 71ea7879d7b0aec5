//! The tools that agents are given, and the folder that they may work in.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use smoltrace_eval::{
    clock::Clock,
    sandbox::{SandboxWorkers, WORKER_ARGUMENT},
    task::{TaskSet, sample_files},
    tool::ToolSet,
    tools::{
        McpServer, McpTransport, SearchProvider, SearchSettings, SecurityProfile, ToolsConfig, ToolsError,
    },
};
use tempfile::TempDir;

use crate::{cli::eval::EvalArgs, config, exit::UsageError};

/// What the operations tasks are solved with.
const OPERATIONS_TOOLS: &[&str] = &["files", "text"];

/// Tools under the arguments, and the folder that they work in.
pub struct Workspace {
    config: ToolsConfig,
    /// Removed at the end.
    _samples: Option<TempDir>,
}

impl Workspace {
    pub fn new(args: &EvalArgs, tasks: &TaskSet, clock: &Clock) -> Result<Self> {
        let given = &args.tools;
        let program = std::env::current_exe().context("the program cannot find itself")?;
        let workers = SandboxWorkers::new(program, vec![WORKER_ARGUMENT.into()], clock.clone());
        let mut config = ToolsConfig::new(workers, clock.clone());
        config.enabled = given.enable_tools.clone();
        config.profile = SecurityProfile::from_name(&given.security_profile).unwrap_or_default();
        config.environment = config::environment();
        config.search = search(&given.search_provider)?;
        config.mcp_time = Duration::from_secs_f64(given.tool_timeout);
        for url in &given.mcp_server_url {
            let transport = McpTransport::from_name(&given.mcp_transport).unwrap_or_default();
            let server = McpServer::from_url(url, transport);
            config.mcp_servers.push(server.map_err(|error| UsageError(error.to_string()))?);
        }
        for command in &given.mcp_server_command {
            config
                .mcp_servers
                .push(McpServer::from_command(command).map_err(|error| UsageError(error.to_string()))?);
        }
        let mut samples = None;
        config.working_directory = given.working_directory.clone();
        if tasks.name == "operations" {
            config.enabled.extend(OPERATIONS_TOOLS.iter().map(|name| (*name).to_owned()));
            if config.working_directory.is_none() {
                let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
                write_samples(folder.path().to_path_buf())?;
                config.working_directory = Some(folder.path().to_path_buf());
                samples = Some(folder);
            }
        }
        Ok(Self { config, _samples: samples })
    }

    pub fn workers(&self) -> Arc<SandboxWorkers> {
        self.config.workers.clone()
    }

    pub async fn tools(&self) -> Result<ToolSet> {
        let tools = self.config.build().await;
        tools.map_err(|error| match error {
            ToolsError::Tool { .. } | ToolsError::WorkingDirectory { .. } => error.into(),
            asked => UsageError(asked.to_string()).into(),
        })
    }
}

fn write_samples(folder: PathBuf) -> Result<()> {
    for (path, content) in sample_files() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn search(name: &str) -> Result<SearchSettings> {
    let provider = SearchProvider::from_name(name)
        .ok_or_else(|| UsageError(format!("--search-provider: there is none named `{name}`")))?;
    let key = provider.key_variable().and_then(|variable| config::variable(&[variable])).map(|(_, key)| key);
    Ok(SearchSettings { provider, key, ..SearchSettings::default() })
}
