//! Table **runs**: what was declared of a run and what came out. The leaderboard is its view.

use super::{string_enum, table_row};

string_enum! {
    /// Where a number comes from.
    pub enum Source {
        /// Nothing says; the number is unknown.
        #[default]
        None = "none",
        /// Our own sampler.
        Measured = "measured",
        /// The client's own counters or spans.
        Reported = "reported",
        /// Totals that the client wrote beside its traces.
        TraceAggregate = "trace_aggregate",
        /// Tokens times a price table.
        PriceTable = "price_table",
        /// A model of hardware that cannot be seen.
        Estimated = "estimated",
        /// A simulated device.
        Simulated = "simulated",
    }
}

string_enum! {
    /// How a run ended.
    pub enum RunStatus {
        #[default]
        Completed = "completed",
        Partial = "partial",
        Failed = "failed",
        Running = "running",
    }
}

table_row! {
    /// One version of a run's row. The newest `version` of `run_id` counts. Names and rounding
    /// of the published fields are SMOLTRACE's.
    pub struct RunRow in "runs" {
        /// Unique id of the run.
        pub run_id: String,
        /// Grows by one with every changed rewrite of the row.
        pub version: i64,
        /// Model under test; "unknown" when nothing names it.
        pub model: String,
        /// tool, code, both, or what the run calls its agents.
        pub agent_type: String,
        /// Provider of the model.
        pub provider: Option<String>,
        /// ISO 8601 UTC, when the run was recorded.
        pub timestamp: Option<String>,
        /// Who submitted it.
        pub submitted_by: Option<String>,
        /// kebab-case.
        pub use_case: Option<String>,
        /// kebab-case.
        pub team: Option<String>,
        /// selection, regression or monitoring.
        pub purpose: Option<String>,
        /// kebab-case.
        pub suite_version: Option<String>,
        /// Hardware the run ran on.
        pub hardware: Option<String>,
        /// Dataset reference.
        pub results_dataset: Option<String>,
        /// Dataset reference.
        pub traces_dataset: Option<String>,
        /// Dataset reference.
        pub metrics_dataset: Option<String>,
        /// Task set.
        pub dataset_used: Option<String>,
        /// How the run ended.
        pub status: RunStatus,
        /// Whether any device or model behind the numbers was simulated.
        pub simulated: bool,
        /// Executions that count (interrupted ones do not).
        pub total_tests: i64,
        /// Passed.
        pub successful_tests: i64,
        /// Failed.
        pub failed_tests: i64,
        /// Executions without a verdict.
        pub unscored_tests: i64,
        /// Executions that a stop cut off.
        pub interrupted_tests: i64,
        /// Percent, 2 decimals; null when nothing was scored.
        pub success_rate: Option<f64>,
        /// Wilson 95%, percent.
        pub success_rate_ci_low: Option<f64>,
        /// Wilson 95%, percent.
        pub success_rate_ci_high: Option<f64>,
        /// Attempts per test (the most of any test).
        pub attempts: i64,
        /// Share of tests whose first attempt passed, 4 decimals.
        pub pass_at_1: Option<f64>,
        /// Unbiased pass@k for k = `attempts`.
        pub pass_at_k: Option<f64>,
        /// pass^k for k = `attempts`: all k attempts pass.
        pub pass_hat_k: Option<f64>,
        /// 2 decimals.
        pub avg_steps: Option<f64>,
        /// Mean of the tests' durations, ms, 2 decimals.
        pub avg_duration_ms: Option<f64>,
        /// Sum of the tests' durations, ms, 2 decimals.
        pub total_duration_ms: Option<f64>,
        /// First start to last end, ms.
        pub wall_ms: Option<f64>,
        /// Null when no span bears usage.
        pub total_tokens: Option<i64>,
        /// Input part.
        pub total_input_tokens: Option<i64>,
        /// Output part.
        pub total_output_tokens: Option<i64>,
        /// Truncated to an integer, as published.
        pub avg_tokens_per_test: Option<i64>,
        /// USD, 6 decimals.
        pub total_cost_usd: Option<f64>,
        /// USD, 6 decimals.
        pub avg_cost_per_test_usd: Option<f64>,
        /// Where the cost comes from.
        pub cost_source: Source,
        /// Wh, unrounded; null when not measured.
        pub energy_wh: Option<f64>,
        /// Where the energy comes from.
        pub energy_source: Source,
        /// g CO2e, 4 decimals; 0 with source `none` when unknown, as published.
        pub co2_emissions_g: f64,
        /// Where the CO2 comes from.
        pub co2_source: Source,
        /// USD, 6 decimals; 0 with source `none` when unknown, as published.
        pub power_cost_total_usd: f64,
        /// Where the power cost comes from.
        pub power_cost_source: Source,
        /// g CO2e that no test was running for.
        pub unattributed_co2_g: Option<f64>,
        /// USD that no test was running for.
        pub unattributed_power_cost_usd: Option<f64>,
        /// Wh that no test was running for.
        pub unattributed_energy_wh: Option<f64>,
        /// Distinct GPUs seen.
        pub gpu_count: i64,
        /// Percent, 2 decimals.
        pub gpu_utilization_avg: Option<f64>,
        /// Percent.
        pub gpu_utilization_max: Option<f64>,
        /// MiB, 2 decimals.
        pub gpu_memory_avg_mib: Option<f64>,
        /// MiB, 2 decimals.
        pub gpu_memory_max_mib: Option<f64>,
        /// Degrees Celsius, 2 decimals.
        pub gpu_temperature_avg: Option<f64>,
        /// Degrees Celsius.
        pub gpu_temperature_max: Option<f64>,
        /// W, 2 decimals.
        pub gpu_power_avg_w: Option<f64>,
        /// Free text.
        pub notes: Option<String>,
        /// First span start, Unix ns.
        pub start_time_unix_nano: Option<i64>,
        /// Last span end, Unix ns.
        pub end_time_unix_nano: Option<i64>,
        /// `smoltrace-json`, `otlp`, `parquet`.
        pub origin: String,
        /// JSON object: what the source said of itself (its own row, metadata, trace aggregates).
        pub declared: String,
        /// JSON object: how the numbers were made (see `account::Accounting`).
        pub accounting: String,
        /// Content hash of the row without its version.
        pub row_id: String,
    }
}
