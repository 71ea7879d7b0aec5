//! The totals over a selection of runs: the cards above the leaderboard.

use serde::{Deserialize, Serialize};
use smoltrace_model::rows::RunRow;
use utoipa::ToSchema;

use crate::run_columns::{co2_g, power_cost_usd};

/// Totals over all runs that the filter leaves, whatever the page. A null means that no run
/// knows the number; runs that do not know it add nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    pub runs: i64,
    /// Executions that count.
    pub tests: i64,
    pub successful_tests: i64,
    /// Percent of the scored executions; null when there are none.
    pub success_rate: Option<f64>,
    pub total_tokens: Option<i64>,
    /// USD of model calls.
    pub total_cost_usd: Option<f64>,
    /// Wh.
    pub energy_wh: Option<f64>,
    /// g CO2e.
    pub co2_emissions_g: Option<f64>,
    /// USD of electricity.
    pub power_cost_total_usd: Option<f64>,
    /// Runs with a simulated device or model behind their numbers.
    pub simulated_runs: i64,
}

/// Adds up a selection.
pub fn summarize<'a>(runs: impl Iterator<Item = &'a RunRow> + Clone) -> Summary {
    let count = |of: fn(&RunRow) -> i64| runs.clone().map(of).sum::<i64>();
    let total = |of: fn(&RunRow) -> Option<f64>| {
        runs.clone().filter_map(of).fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or(0.0) + value))
    };
    let successful_tests = count(|run| run.successful_tests);
    let scored = successful_tests + count(|run| run.failed_tests);
    Summary {
        runs: count(|_| 1),
        tests: count(|run| run.total_tests),
        successful_tests,
        success_rate: (scored > 0).then(|| 100.0 * successful_tests as f64 / scored as f64),
        total_tokens: runs
            .clone()
            .filter_map(|run| run.total_tokens)
            .fold(None, |sum: Option<i64>, tokens| Some(sum.unwrap_or(0).saturating_add(tokens))),
        total_cost_usd: total(|run| run.total_cost_usd),
        energy_wh: total(|run| run.energy_wh),
        co2_emissions_g: total(co2_g),
        power_cost_total_usd: total(power_cost_usd),
        simulated_runs: count(|run| run.simulated.into()),
    }
}
