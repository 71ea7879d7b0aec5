//! The arguments of `smoltrace eval`. Flags that `smoltrace-eval` has, too, have its names where they mean the same.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::PowerArgs;

/// Evaluate a model: run agents on tasks, and record everything
///
/// Two agents work on every task: one calls tools, one writes Python that is run in a sandbox. What they do is kept as spans,
/// scored, accounted, and ends as a row of the leaderboard. A finished test is told as finished once it is on the disk.
/// Ctrl-C ends the run as partial; --resume goes on where a run stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace eval --model replay:quick
  smoltrace eval --model openai/gpt-4.1-nano --parallel-workers 8
  smoltrace eval --model ollama/qwen3:8b --tasks operations --agent-type tool
  smoltrace eval --model my-model --base-url http://127.0.0.1:8000/v1 --tasks tasks.jsonl --attempts 3
  smoltrace eval --model openai/gpt-4.1-nano --tasks hf://my-org/my-tasks@v1.2
  smoltrace eval --resume 5d0c1f0e --model openai/gpt-4.1-nano
  smoltrace eval --model vllm/my-model --power nvml --country FR --max-energy 50

Exit codes, beside those of every command:
  6  the run ended before its end: it was stopped, or reached a limit (--resume goes on)
  7  the success rate is below --fail-under")]
pub struct EvalArgs {
    /// Model: PROVIDER/NAME, a name with --provider or --base-url, or replay:FILE (replay:quick is bundled)
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// Who serves the model, where its name does not say
    #[arg(long, value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Base URL of an OpenAI-compatible endpoint
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Environment variable that holds the endpoint's key [default: the provider's; SMOLTRACE_API_KEY for --base-url]
    #[arg(long, value_name = "VARIABLE")]
    pub api_key_env: Option<String>,
    /// Keep the conversations in this file, for --model replay:FILE
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub tasks: TaskArgs,
    #[command(flatten)]
    pub agents: AgentArgs,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub generation: GenerationArgs,
    #[command(flatten)]
    pub running: RunningArgs,
    #[command(flatten)]
    pub labels: LabelArgs,
    #[command(flatten)]
    pub power: PowerArgs,
    /// Measure for so many seconds before the first test, to know what the devices draw when idle
    #[arg(long, help_heading = "Power", default_value_t = 0.0, value_parser = pause, value_name = "SECONDS")]
    pub idle_baseline: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Tasks")]
pub struct TaskArgs {
    /// Tasks: quick, operations, a .json, .jsonl, .csv or .parquet file, or hf://ORG/NAME@REVISION[/PATH], a dataset of the
    /// Hugging Face Hub
    #[arg(long, visible_alias = "dataset-name", default_value = "quick", value_name = "TASKS")]
    pub tasks: String,
    /// Branch, tag or commit of a dataset of the Hugging Face Hub [default: main]. The run records the commit
    #[arg(long, value_name = "REVISION")]
    pub dataset_revision: Option<String>,
    /// Split of a dataset, or the list that counts in a JSON file with several
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub split: String,
    /// Only tasks of this difficulty
    #[arg(long, value_name = "DIFFICULTY")]
    pub difficulty: Option<String>,
    /// Only tasks of this category
    #[arg(long, value_name = "CATEGORY")]
    pub category: Option<String>,
    /// Only tasks with this id; may be repeated
    #[arg(long = "task", value_name = "ID")]
    pub only: Vec<String>,
    /// Only the first so many tasks
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Attempts at every task: more than one gives pass@k and pass^k
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "K")]
    pub attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AgentType {
    Tool,
    Code,
    Both,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Agents")]
pub struct AgentArgs {
    /// Which agents work on the tasks
    #[arg(long, value_enum, default_value_t = AgentType::Both, value_name = "TYPE")]
    pub agent_type: AgentType,
    /// Steps an agent may take [default: 6]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    pub max_steps: Option<u32>,
    /// Make a plan before the first step and after every so many
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "STEPS")]
    pub planning_interval: Option<u32>,
    /// YAML file of prompts that replace ours, in smolagents' form
    #[arg(long, value_name = "FILE")]
    pub prompt_yml: Option<PathBuf>,
    /// An agent of your own: a command that reads a task from standard input and writes its answer
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["agent_url", "agent_type", "prompt_yml", "planning_interval"])]
    pub agent_command: Option<String>,
    /// An agent of your own: a URL that takes a task as JSON and answers
    #[arg(long, value_name = "URL", conflicts_with_all = ["agent_type", "prompt_yml", "planning_interval"])]
    pub agent_url: Option<String>,
    /// What results call an agent of your own; `code` is judged by its answer alone
    #[arg(long, default_value = "external", value_name = "NAME")]
    pub agent_name: String,
}

impl AgentArgs {
    /// Whether the agent is the user's own.
    pub fn is_own(&self) -> bool {
        self.agent_command.is_some() || self.agent_url.is_some()
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Tools")]
pub struct ToolArgs {
    /// Tools beside get_weather, calculator and get_current_time: names or groups (files, text, system, web, network, python)
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "NAME")]
    pub enable_tools: Vec<String>,
    /// MCP server to take tools from: URL or name=URL; may be repeated
    #[arg(long, value_name = "URL")]
    pub mcp_server_url: Vec<String>,
    /// How MCP servers at URLs are spoken to; auto is streamable HTTP, and SSE where a server refuses that
    #[arg(long, default_value = "auto", value_parser = ["auto", "streamable-http", "sse"], value_name = "TRANSPORT")]
    pub mcp_transport: String,
    /// MCP server to start: COMMAND or name=COMMAND; may be repeated
    #[arg(long, value_name = "COMMAND")]
    pub mcp_server_command: Vec<String>,
    /// Provider of web searches
    #[arg(long, default_value = "duckduckgo", value_parser = ["serper", "brave", "tavily", "duckduckgo"], value_name = "NAME")]
    pub search_provider: String,
    /// closed denies everything that reaches outside
    #[arg(long, default_value = "standard", value_parser = ["standard", "closed", "bfsi-closed"], value_name = "PROFILE")]
    pub security_profile: String,
    /// Seconds that a call of a tool may take
    #[arg(long, default_value_t = 120.0, value_parser = seconds, value_name = "SECONDS")]
    pub tool_timeout: f64,
    /// Folder that file tools are confined to [default: none, or a temporary one with the sample files for operations]
    #[arg(long, value_name = "DIR")]
    pub working_directory: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Generation settings (what an endpoint does not understand is told and recorded)"
)]
pub struct GenerationArgs {
    /// Sampling temperature
    #[arg(long, value_parser = non_negative, value_name = "T")]
    pub temperature: Option<f64>,
    /// Nucleus sampling
    #[arg(long, value_parser = share, value_name = "P")]
    pub top_p: Option<f64>,
    /// Top-k sampling
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "K")]
    pub top_k: Option<u32>,
    /// Tokens of one answer
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub max_new_tokens: Option<u32>,
    /// Seed of sampling
    #[arg(long, value_name = "SEED")]
    pub seed: Option<i64>,
    /// Effort of reasoning models
    #[arg(long, value_parser = ["none", "minimal", "low", "medium", "high"], value_name = "EFFORT")]
    pub reasoning_effort: Option<String>,
    /// Thinking switch of open-weight models' chat templates
    #[arg(long, action = ArgAction::Set, value_name = "true|false")]
    pub enable_thinking: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub struct RunningArgs {
    /// Tests at a time: 1 keeps their order, 8 suits most APIs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub parallel_workers: u16,
    /// Seconds that a test may take; 0 for no limit
    #[arg(long, default_value_t = 300.0, value_parser = non_negative, value_name = "SECONDS")]
    pub task_timeout: f64,
    /// Seconds that a request to the model may take
    #[arg(long, default_value_t = 120.0, value_parser = seconds, value_name = "SECONDS")]
    pub request_timeout: f64,
    /// Requests to the model a minute
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub requests_per_minute: Option<u32>,
    /// Repetitions of a request that failed for a reason that may pass
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=100), value_name = "N")]
    pub retries: u32,
    /// Stop when the run has cost so much, its judge included, or when nobody knows the price of a call
    #[arg(long, value_parser = non_negative, value_name = "USD", conflicts_with_all = ["agent_command", "agent_url"])]
    pub max_cost: Option<f64>,
    /// Stop when the run has used so many tokens, its judge included, or when an answer does not say how many
    #[arg(long, value_name = "TOKENS", conflicts_with_all = ["agent_command", "agent_url"])]
    pub max_tokens: Option<u64>,
    /// Stop when the run has taken so many seconds
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub max_time: Option<f64>,
    /// Stop when the devices that are measured have used so many watt-hours
    #[arg(long, value_parser = non_negative, value_name = "WH")]
    pub max_energy: Option<f64>,
    /// Go on with a run that stopped: only tests without a result are run
    #[arg(long, value_name = "RUN", conflicts_with = "run_id")]
    pub resume: Option<String>,
    /// Id of the run [default: a random one]
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Model that judges the answers, beside the rules; its cost is counted apart
    #[arg(long, value_name = "MODEL")]
    pub judge: Option<String>,
    /// A test passes only if the judge agrees
    #[arg(long, requires = "judge")]
    pub judge_counts: bool,
    /// Keep no prompts and messages in the tables
    #[arg(long)]
    pub no_content: bool,
    /// Exit with 7 when fewer tests succeed than so many percent
    #[arg(long, value_parser = percent, value_name = "PERCENT")]
    pub fail_under: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Labels of the run")]
pub struct LabelArgs {
    /// Use case
    #[arg(long, value_name = "TEXT")]
    pub use_case: Option<String>,
    /// Team
    #[arg(long, value_name = "TEXT")]
    pub team: Option<String>,
    /// What the run is for
    #[arg(long, value_parser = ["selection", "regression", "monitoring"], value_name = "PURPOSE")]
    pub purpose: Option<String>,
    /// Version of the task suite
    #[arg(long, value_name = "TEXT")]
    pub suite_version: Option<String>,
    /// Hardware that the model runs on
    #[arg(long, value_name = "TEXT")]
    pub hardware_label: Option<String>,
    /// Notes
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
}

fn number(text: &str, fits: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && fits(*number));
    number.ok_or_else(|| format!("expected {expected}"))
}

fn non_negative(text: &str) -> Result<f64, String> {
    number(text, |number| number >= 0.0, "a number of 0 or more")
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= 1e9, "seconds above 0")
}

fn pause(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=3600.0).contains(&number), "0 to 3600 seconds")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= 1.0, "a number above 0 and up to 1")
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=100.0).contains(&number), "a number from 0 to 100")
}
