//! What is published of a run: the leaderboard's columns and what is derived from them.

use smoltrace_model::rows::{RunRow, RunStatus, Source};

use crate::columns::{columns, nanos};

columns! {
    /// One run of the leaderboard. A null is unknown, never a measured zero.
    pub struct Run of row: RunRow as RUN_COLUMNS {
        /// Unique id of the run.
        run_id: String,
        /// Version of the row; grows with every changed rewrite.
        version: i64,
        /// Model under test.
        model: String,
        /// `tool`, `code`, `both`, or what the run calls its agents.
        agent_type: String,
        /// Provider of the model.
        provider: Option<String>,
        /// ISO 8601, when the run was recorded.
        timestamp: Option<String>,
        /// Who submitted it.
        submitted_by: Option<String>,
        /// kebab-case.
        use_case: Option<String>,
        /// kebab-case.
        team: Option<String>,
        /// `selection`, `regression` or `monitoring`.
        purpose: Option<String>,
        /// kebab-case.
        suite_version: Option<String>,
        /// Hardware that the run ran on.
        hardware: Option<String>,
        /// Dataset reference.
        results_dataset: Option<String>,
        /// Dataset reference.
        traces_dataset: Option<String>,
        /// Dataset reference.
        metrics_dataset: Option<String>,
        /// Task set.
        dataset_used: Option<String>,
        /// How the run ended.
        status: RunStatus,
        /// Whether any device or model behind the numbers was simulated.
        simulated: bool,
        /// Executions that count.
        total_tests: i64,
        /// Passed.
        successful_tests: i64,
        /// Failed.
        failed_tests: i64,
        /// Executions without a verdict.
        unscored_tests: i64,
        /// Executions that a stop cut off.
        interrupted_tests: i64,
        /// Percent; null when nothing was scored.
        success_rate: Option<f64>,
        /// Wilson 95%, percent.
        success_rate_ci_low: Option<f64>,
        /// Wilson 95%, percent.
        success_rate_ci_high: Option<f64>,
        /// Attempts per test.
        attempts: i64,
        /// Share of tests whose first attempt passed.
        pass_at_1: Option<f64>,
        /// Unbiased pass@k for k = `attempts`.
        pass_at_k: Option<f64>,
        /// pass^k for k = `attempts`.
        pass_hat_k: Option<f64>,
        /// Steps per test.
        avg_steps: Option<f64>,
        /// Mean duration of a test, ms.
        avg_duration_ms: Option<f64>,
        /// Sum of the tests' durations, ms.
        total_duration_ms: Option<f64>,
        /// First start to last end, ms.
        wall_ms: Option<f64>,
        /// Input and output tokens; null when no span bears usage.
        total_tokens: Option<i64>,
        /// Input part.
        total_input_tokens: Option<i64>,
        /// Output part.
        total_output_tokens: Option<i64>,
        /// Truncated to an integer.
        avg_tokens_per_test: Option<i64>,
        /// USD.
        total_cost_usd: Option<f64>,
        /// USD.
        avg_cost_per_test_usd: Option<f64>,
        /// Where the cost comes from.
        cost_source: Source,
        /// Wh.
        energy_wh: Option<f64>,
        /// Where the energy comes from.
        energy_source: Source,
        /// g CO2e; null when its source is `none`.
        co2_emissions_g: Option<f64> = known(row.co2_emissions_g, row.co2_source),
        /// Where the CO2 comes from.
        co2_source: Source,
        /// USD of electricity; null when its source is `none`.
        power_cost_total_usd: Option<f64> = known(row.power_cost_total_usd, row.power_cost_source),
        /// Where the power cost comes from.
        power_cost_source: Source,
        /// g CO2e emitted while no test ran.
        unattributed_co2_g: Option<f64>,
        /// USD spent while no test ran.
        unattributed_power_cost_usd: Option<f64>,
        /// Wh used while no test ran.
        unattributed_energy_wh: Option<f64>,
        /// Distinct GPUs seen.
        gpu_count: i64,
        /// Percent.
        gpu_utilization_avg: Option<f64>,
        /// Percent.
        gpu_utilization_max: Option<f64>,
        /// MiB.
        gpu_memory_avg_mib: Option<f64>,
        /// MiB.
        gpu_memory_max_mib: Option<f64>,
        /// Degrees Celsius.
        gpu_temperature_avg: Option<f64>,
        /// Degrees Celsius.
        gpu_temperature_max: Option<f64>,
        /// W.
        gpu_power_avg_w: Option<f64>,
        /// Free text.
        notes: Option<String>,
        /// First span start, Unix ns.
        start_time_unix_nano: Option<String> = nanos(row.start_time_unix_nano),
        /// Last span end, Unix ns.
        end_time_unix_nano: Option<String> = nanos(row.end_time_unix_nano),
        /// Form that the run came in: `smoltrace-json`, `otlp`, `parquet`.
        origin: String,
        /// g CO2e per successful test.
        co2_per_success_g: Option<f64> = per_success(row, co2_g(row)),
        /// Wh per successful test.
        energy_per_success_wh: Option<f64> = per_success(row, row.energy_wh),
        /// USD of model calls per successful test.
        cost_per_success_usd: Option<f64> = per_success(row, row.total_cost_usd),
        ; beside {
            /// Position, from 1, among the runs that the filter leaves: best success rate first,
            /// then least CO2, then least cost.
            rank: Option<i64>,
        }
    }
}

/// Name of the field that needs the other runs to be known.
pub const RANK: &str = "rank";

/// g CO2e of a run, when known.
pub fn co2_g(row: &RunRow) -> Option<f64> {
    known(row.co2_emissions_g, row.co2_source)
}

/// USD of electricity of a run, when known.
pub fn power_cost_usd(row: &RunRow) -> Option<f64> {
    known(row.power_cost_total_usd, row.power_cost_source)
}

fn known(value: f64, source: Source) -> Option<f64> {
    (source != Source::None).then_some(value)
}

fn per_success(row: &RunRow, total: Option<f64>) -> Option<f64> {
    let successes = row.successful_tests;
    if successes > 0 { total.map(|total| total / successes as f64) } else { None }
}
