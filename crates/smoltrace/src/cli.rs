//! The command line: what can be asked, with help that stands in for a manual.
//!
//! Only declarations; no command does anything here.

pub mod eval;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::power::Choice;

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  failure: the data directory, the network or the machine (the message says which)
  2  usage: an unknown flag, a bad argument, a query that is not read-only SQL
  3  bad input: a file that is damaged or not of a known form (nothing of it was stored)
  4  compare --fail-if: a condition was not met, or could not be judged
  6  eval: the run ended before its end, and is recorded as partial
  7  eval: fewer tests succeeded than were to
  power --wrap passes the command's own code on (127 without such a command, 126 when it cannot be run)

Precedence of settings: flag, then environment variable, then default.";

/// Evaluate AI agents and know what they cost: tokens, dollars, joules and grams of CO2.
#[derive(Debug, Parser)]
#[command(name = "smoltrace", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder of the tables (spans, points, results, runs)
    ///
    /// Default: $XDG_DATA_HOME/smoltrace, else ~/.local/share/smoltrace.
    #[arg(long, global = true, env = "SMOLTRACE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Eval(Box<eval::EvalArgs>),
    Aggregate(InputArgs),
    Flatten(FlattenArgs),
    Import(ImportArgs),
    Leaderboard(LeaderboardArgs),
    Show(ShowArgs),
    Compare(CompareArgs),
    Export(ExportArgs),
    Report(ReportArgs),
    Bundle(BundleArgs),
    Sql(SqlArgs),
    Serve(ServeArgs),
    Power(MeasurePowerArgs),
    Demo(DemoArgs),
    Rebuild(RebuildArgs),
    Completions(CompletionsArgs),
    /// Print the OpenAPI document of the REST API
    #[command(hide = true)]
    Openapi,
}

/// Reduce a metrics file to its nine aggregates
///
/// Reads SMOLTRACE's metrics.json, OTLP metrics JSON or JSON lines, gzip or not, and prints one JSON
/// object: utilization_avg, utilization_max, memory_avg, memory_max, temperature_avg, temperature_max,
/// power_avg (means and maxima over all points of all GPUs), co2_total and power_cost_total (sums over
/// series of cumulative counters, resets accounted for). Null means that nothing was measured.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace aggregate run/metrics.json
  gunzip -c metrics.json.gz | smoltrace aggregate -")]
pub struct InputArgs {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Flatten a metrics file to one row per timestamp and GPU
///
/// The rows are those of the published metrics dataset: run_id, service_name, timestamp,
/// timestamp_unix_nano, co2_emissions_gco2e, power_cost_usd, gpu_utilization_percent,
/// gpu_memory_used_mib, gpu_memory_total_mib, gpu_temperature_celsius, gpu_power_watts, gpu_id, gpu_name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace flatten run/metrics.json
  smoltrace flatten run/metrics.json --json > rows.json
  smoltrace flatten run/metrics.json --format csv > rows.csv")]
pub struct FlattenArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Form of the output
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<RowFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// A table for people
    Table,
    /// One JSON array
    Json,
    /// A JSON object a line
    Jsonl,
    /// Comma-separated, with a header
    Csv,
}

/// Import recorded runs
///
/// PATH is a SMOLTRACE run folder (or a folder of them), an OTLP file (JSON, JSON lines or protobuf,
/// gzip or not), a Parquet file or folder with the published dataset schemas, or an export of ours.
/// What it is, is decided by its content. Totals are computed again from spans and points; what the
/// source said of itself is kept beside them. Importing the same thing twice changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace import smoltrace_results/openai_gpt-4.1-nano_both_20261123_120529
  smoltrace import traces.pb metrics.jsonl.gz
  smoltrace import hf-datasets/")]
pub struct ImportArgs {
    /// What to import
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Mark the runs as simulated
    #[arg(long)]
    pub simulated: bool,
    /// Largest size of one file after decompression, in MiB
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    pub max_size: u64,
}

/// Rank the runs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace leaderboard
  smoltrace leaderboard --sort co2_emissions_g --limit 10
  smoltrace leaderboard --match 'llama h100' --json")]
pub struct LeaderboardArgs {
    /// Field to sort by, descending with a leading -; several separated by commas
    #[arg(long, default_value = "-success_rate", allow_hyphen_values = true, value_name = "FIELD")]
    pub sort: String,
    /// Only runs that have all of these words in model, run id, notes, dataset, hardware or submitter
    #[arg(long = "match", value_name = "TEXT")]
    pub text: Option<String>,
    /// Only runs of this agent type
    #[arg(long, value_name = "TYPE")]
    pub agent_type: Option<String>,
    /// Show at most this many runs
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
    pub limit: usize,
}

/// Show one run: totals with their sources, tests, and what its own row said
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace show 5d0c1f0e
  smoltrace show 5d0c1f0e --json | jq .run.co2_emissions_g")]
pub struct ShowArgs {
    /// Run id, or its beginning when that is unambiguous
    pub run: String,
}

/// Compare runs test by test, and fail a build on what got worse
///
/// The first run is the baseline; every other one is compared with it over the tests that both ran: fixed and
/// broken tests with McNemar's exact p-value, and for each metric the difference with its paired 95% bootstrap
/// interval. A difference that chance may have made is called undecided.
///
/// A condition of --fail-if is METRIC, one of < <= > >=, and a difference of the run against the first one: in
/// percentage points (success_rate < -2pp), in percent (co2_emissions_g > +10%), or in the metric's unit
/// (total_cost_usd > 0.05). broken and missing are numbers of tests (broken > 0). What is unknown on a side fails.
/// Metrics: success_rate, avg_steps, total_duration_ms, total_tokens, total_cost_usd, energy_wh, co2_emissions_g,
/// power_cost_total_usd, co2_per_success_g, energy_per_success_wh, cost_per_success_usd, tokens_per_success,
/// seconds_per_success.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace compare 5d0c1f0e 8a61d7b2
  smoltrace compare main-run pr-run --fail-if 'success_rate < -2pp' --fail-if 'co2_emissions_g > +10%'
  smoltrace compare main-run pr-run --fail-if 'broken > 0' --junit gates.xml --markdown \"$GITHUB_STEP_SUMMARY\"

Exit code 4: a condition was not met, or could not be judged.")]
pub struct CompareArgs {
    /// Run ids, or their beginnings when those are unambiguous
    #[arg(required = true, num_args = 2..=6, value_name = "RUN")]
    pub runs: Vec<String>,
    /// Exit with code 4 when this holds; may be repeated
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub fail_if: Vec<String>,
    /// Conditions count only differences that chance would seldom make
    #[arg(long)]
    pub require_significant: bool,
    /// What makes two executions a pair
    #[arg(long, value_enum, default_value_t = PairBy::Test, value_name = "KEY")]
    pub pair_by: PairBy,
    /// List all tests, not only those that changed
    #[arg(long)]
    pub tests: bool,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write a report in Markdown; - prints it instead of the tables
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PairBy {
    /// The test uid; several attempts are averaged
    Test,
    /// The test uid and the number of the attempt
    Attempt,
    /// The test id, whatever the agent type
    Id,
}

/// Export one run
///
/// json: a folder that SMOLTRACE's readers accept. parquet: the Hugging Face dataset layout, loadable
/// with datasets, pandas and polars. csv: a file a table. Importing a json or parquet export gives the
/// same rows back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace export 5d0c1f0e --format parquet --out exported/")]
pub struct ExportArgs {
    /// Run id, or its beginning when that is unambiguous
    pub run: String,
    /// Form of the export
    #[arg(long, value_enum, default_value_t = ExportFormat::Json, value_name = "FORM")]
    pub format: ExportFormat,
    /// Folder to write to; made when missing. Default: export-<run>
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Json,
    Parquet,
    Csv,
}

/// Write a report of one run: one HTML file to pass on
///
/// Totals with their sources, outcome, where the time went, environment, tests with prompts and answers, and how the
/// numbers were made. The file holds no script and loads nothing; it reads offline, in light and dark, and prints.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace report 5d0c1f0e
  smoltrace report 5d0c1f0e --out report.html")]
pub struct ReportArgs {
    /// Run id, or its beginning when that is unambiguous
    pub run: String,
    /// File to write, or - for standard output. Default: <run>.report.html
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Write the web UI with its data as a folder that any web server can host
///
/// What the API would answer stands in files beside the UI, so nothing of smoltrace runs where it is hosted: GitHub
/// Pages, a Hugging Face Space, a plain file server. Comparisons are worked out here: of the best 20 runs each with
/// each (--pairs), and of those that --compare names. Only what needs a server is left out: runs in progress.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace bundle site/
  smoltrace bundle site/ --run 5d0c1f0e --run 0f3a
  smoltrace bundle site/ --pairs 0 --compare 5d0c1f0e,0f3a,8a61
  python3 -m http.server --directory site")]
pub struct BundleArgs {
    /// Folder to write to; made when missing, and empty
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Only this run (id or its beginning); may be repeated. Default: all
    #[arg(long = "run", value_name = "RUN")]
    pub runs: Vec<String>,
    /// Compare the N best of them, each with each: N x (N - 1) comparisons; 0: none
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub pairs: usize,
    /// Compare 2 to 6 runs (ids or their beginnings), the first with the others; may be repeated
    #[arg(long, value_name = "RUN,RUN,...")]
    pub compare: Vec<String>,
    /// Leave out the files to download (JSON, CSV and Parquet)
    #[arg(long)]
    pub no_downloads: bool,
}

/// Ask the tables in SQL (read-only)
///
/// Tables: spans, points, results, runs (each without superseded rows), metrics (the published 13
/// columns) and leaderboard.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace sql 'SELECT model, sum(total_tokens) AS tokens FROM runs GROUP BY model'
  smoltrace sql \"SELECT name, count(*) AS n FROM spans WHERE kind = 'LLM' GROUP BY name\" --json")]
pub struct SqlArgs {
    /// One SELECT statement
    pub query: String,
    /// Return at most this many rows
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
}

/// Receive OpenTelemetry, and serve the web UI and the REST API
///
/// Any OpenTelemetry exporter at its default address is received: OTLP/gRPC at 127.0.0.1:4317, OTLP/HTTP
/// (protobuf or JSON) at 127.0.0.1:4318. A run is the resource attribute run.id, else
/// service.instance.id, else service.name. An export is answered once it is on the disk.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace serve
  smoltrace serve --listen 127.0.0.1:8080 --otlp-grpc 127.0.0.1:14317
  smoltrace serve --otlp-grpc off --otlp-http off")]
pub struct ServeArgs {
    /// Address of the web UI and the REST API
    #[arg(long, env = "SMOLTRACE_LISTEN", default_value = "127.0.0.1:7860", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Serve on an address that others can reach, without authentication
    #[arg(long)]
    pub insecure: bool,
    /// Host name that requests may carry beside loopback names; may be repeated
    #[arg(long = "allow-host", value_name = "HOST")]
    pub allow_hosts: Vec<String>,
    // Last: their headings would cover what follows.
    #[command(flatten)]
    pub receive: ReceiveArgs,
    #[command(flatten)]
    pub power: PowerArgs,
}

/// Where a receiver listens, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    At(SocketAddr),
    Off,
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::At).map_err(|_| "expected IP:PORT or off".into()),
        }
    }
}

/// What is received, and how much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Receiving")]
pub struct ReceiveArgs {
    /// Address of OTLP/gRPC, or off [default: 127.0.0.1:4317]
    #[arg(long, env = "SMOLTRACE_OTLP_GRPC", value_name = "ADDR")]
    pub otlp_grpc: Option<Listen>,
    /// Address of OTLP/HTTP, or off [default: 127.0.0.1:4318]
    #[arg(long, env = "SMOLTRACE_OTLP_HTTP", value_name = "ADDR")]
    pub otlp_http: Option<Listen>,
    /// A run of which nothing came for so many seconds is sealed; later data opens it again
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub seal_after: u64,
    /// Files whose rows upkeep put into larger ones, and the log of these versions, stay so long, for programs that read the
    /// tables meanwhile
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub keep_replaced: u64,
    /// Bytes of a request as sent
    #[arg(long, default_value = "16MiB", value_name = "SIZE", value_parser = size)]
    pub max_body: usize,
    /// Bytes of a request after decompression
    #[arg(long, default_value = "32MiB", value_name = "SIZE", value_parser = size)]
    pub max_decoded: usize,
    /// Bytes of all requests in memory at once; more wait
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = size)]
    pub max_memory: usize,
    /// Spans, data points or log records of one request
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub max_items: usize,
    /// Attributes of one span or point
    #[arg(long, default_value_t = 1024, value_name = "N")]
    pub max_attributes: usize,
    /// Bytes of one attribute
    #[arg(long, default_value = "4MiB", value_name = "SIZE", value_parser = size)]
    pub max_attribute: usize,
    /// Levels of lists and objects in one attribute
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub max_attribute_depth: usize,
    /// Requests being stored at once; more wait
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_requests: usize,
    /// Seconds that a request waits for its turn before it is told to come later
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    pub max_wait: u64,
    /// Connections; more wait
    #[arg(long, default_value_t = 4096, value_name = "N")]
    pub max_connections: usize,
    /// Seconds in which a request must have arrived
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub read_timeout: u64,
    /// Distinct metric series of one run; points of more are rejected
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub max_series: usize,
}

/// A number of bytes: 4096, 64KiB, 16MiB, 1GiB.
fn size(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (digits, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let number = digits.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    number.filter(|bytes| *bytes > 0).ok_or_else(|| "expected bytes, such as 4096, 64KiB or 16MiB".into())
}

/// What power is measured, of a command that also does something else.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Power")]
pub struct PowerArgs {
    /// Measure power for the runs: auto (the hardware that is here; in an evaluation if the model runs on it), off, or
    /// some of nvml, amd, rapl and simulated [default: auto for eval, off for serve]
    #[arg(long, env = "SMOLTRACE_POWER", value_name = "SOURCES")]
    pub power: Option<Choice>,
    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl PowerArgs {
    /// What is asked for, else `usual`.
    pub fn choice(&self, usual: Choice) -> Choice {
        self.power.clone().unwrap_or(usual)
    }
}

/// How power is measured, and what turns its energy into CO2 and cost.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Power")]
pub struct MeasureArgs {
    /// Milliseconds between readings
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub power_interval: u64,
    /// g CO2e per kWh; beats --country
    #[arg(long, env = "SMOLTRACE_CARBON_INTENSITY", value_name = "G_PER_KWH")]
    pub carbon_intensity: Option<f64>,
    /// Country of the electricity (ISO 3166: FR or FRA); the world's average when not given
    #[arg(long, env = "SMOLTRACE_COUNTRY", value_name = "ISO")]
    pub country: Option<String>,
    /// Intensities of your own: lines of alpha2,alpha3,name,g_per_kwh,year; others come from the bundled table
    #[arg(long, env = "SMOLTRACE_GRID_FILE", value_name = "FILE")]
    pub grid_file: Option<PathBuf>,
    /// Energy of the site for each unit of energy of the devices [default: 1]
    #[arg(long, env = "SMOLTRACE_PUE", value_name = "RATIO")]
    pub pue: Option<f64>,
    /// USD per kWh [default: 0.12]
    #[arg(long, env = "SMOLTRACE_ELECTRICITY_PRICE", value_name = "USD_PER_KWH")]
    pub electricity_price: Option<f64>,
    /// NVML's library [default: the driver's]
    #[arg(long, env = "SMOLTRACE_NVML_LIBRARY", value_name = "FILE")]
    pub nvml_library: Option<PathBuf>,
    /// The kernel's tree of devices, where AMD GPUs and processors are looked for
    #[arg(long, env = "SMOLTRACE_SYSFS", default_value = "/sys", value_name = "DIR")]
    pub sysfs: PathBuf,
    /// How many GPUs there are where simulated ones are asked for
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub simulated_gpus: u32,
}

/// Measure power: watch it, measure a command, or send it to a server
///
/// Shows every device with its power, energy, utilisation, memory and temperature, and what an hour of it comes to
/// in CO2 and cost. NVIDIA GPUs are read through NVML, AMD GPUs and processors (RAPL) from the kernel's files; what is
/// not there is left out. With --wrap a command is measured: its exit code is passed through, the account goes to
/// standard error. With --run-id what is measured is stored under a run; with --otlp it is sent to a smoltrace server,
/// or to any other OTLP/HTTP receiver.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace power
  smoltrace power --once --json
  smoltrace power --country FR --wrap -- python train.py
  smoltrace power --otlp http://127.0.0.1:4318 --run-id nightly-2026-11-24")]
pub struct MeasurePowerArgs {
    /// What to read: auto (the hardware that is here), or some of nvml, amd, rapl and simulated
    #[arg(long, env = "SMOLTRACE_POWER", default_value = "auto", value_name = "SOURCES")]
    pub source: Choice,
    /// Show once and end
    #[arg(long, conflicts_with_all = ["duration", "wrap"])]
    pub once: bool,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "wrap", value_parser = clap::value_parser!(u64).range(1..))]
    pub duration: Option<u64>,
    /// Run a command and tell what it used
    #[arg(long, requires = "command")]
    pub wrap: bool,
    /// Store what is measured under this run; in the tables here, unless --otlp says where
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Send what is measured to this OTLP/HTTP address
    #[arg(long, value_name = "URL", requires = "run_id")]
    pub otlp: Option<String>,
    /// The command and its arguments
    #[arg(last = true, requires = "wrap", value_name = "COMMAND")]
    pub command: Vec<OsString>,
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Load the bundled recordings and simulated runs, then serve
///
/// Uses a data directory of its own (<data-dir>-demo) unless --data-dir is given, so that simulated runs
/// never mix with yours.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Load only, do not serve
    #[arg(long)]
    pub no_serve: bool,
    /// Number of simulated runs beside the recordings
    #[arg(long, default_value_t = 14, value_name = "N")]
    pub runs: u32,
    /// Seed of the simulated runs
    #[arg(long, default_value_t = 7, value_name = "SEED")]
    pub seed: u64,
    /// Only the bare rows of the simulated runs, without spans and points (for size tests)
    #[arg(long, hide = true)]
    pub rows_only: bool,
    /// Add one run with a trace of this many spans (for size tests)
    #[arg(long, hide = true, default_value_t = 0)]
    pub big_trace: u32,
}

/// Compute run and result rows again from spans and points
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Run ids (or beginnings); all runs when none is given
    pub runs: Vec<String>,
    /// Estimate what calls to hosted models used (EcoLogits' method), beside the totals and never in them;
    /// --estimate=false takes it away again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub estimate: Option<bool>,
}

/// Print a completion script for your shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smoltrace completions bash > ~/.local/share/bash-completion/completions/smoltrace
  smoltrace completions zsh > \"${fpath[1]}/_smoltrace\"")]
pub struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}
