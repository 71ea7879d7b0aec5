//! What runs are compared by: names, units, which way is better, and where each number stands in a row.

use serde::{Deserialize, Serialize};

use crate::rows::{ResultRow, RunRow, Source};

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// How a metric of many tests is made from those of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Added up.
    Total,
    /// The mean of a test.
    Mean,
    /// Added up, divided by the tests that passed.
    PerSuccess,
}

macro_rules! metrics {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal, $unit:literal, $better:ident, $form:ident, $result:expr, $run:expr; )*) => {
        /// A metric that runs are compared by. Names and units are those of the leaderboard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Metric { $( $(#[$meta])* $variant, )* }

        impl Metric {
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Unit of its values: `%`, `tokens`, `USD`, `Wh`, `g`, `ms`, `s`, or nothing for a plain number.
            pub const fn unit(self) -> &'static str {
                match self { $( Self::$variant => $unit, )* }
            }

            pub const fn better(self) -> Better {
                match self { $( Self::$variant => Better::$better, )* }
            }

            pub(super) const fn form(self) -> Form {
                match self { $( Self::$variant => Form::$form, )* }
            }

            /// What one execution adds to it; null when it does not know.
            pub(super) fn of_result(self, row: &ResultRow) -> Option<f64> {
                let of: fn(&ResultRow) -> Option<f64> = match self { $( Self::$variant => $result, )* };
                of(row).filter(|value| value.is_finite())
            }

            /// The run's own total, idle time included; null when it does not know.
            pub(super) fn of_run(self, row: &RunRow) -> Option<f64> {
                let of: fn(&RunRow) -> Option<f64> = match self { $( Self::$variant => $run, )* };
                let value = of(row).filter(|value| value.is_finite());
                match self.form() {
                    Form::PerSuccess if row.successful_tests <= 0 => None,
                    Form::PerSuccess => value.map(|total| total / row.successful_tests as f64),
                    Form::Total | Form::Mean => value,
                }
            }
        }
    };
}

metrics! {
    /// Percent of the tests that passed.
    SuccessRate = "success_rate", "%", Higher, Mean,
        |row| row.success.map(|passed| if passed { 100.0 } else { 0.0 }), |run| run.success_rate;
    AvgSteps = "avg_steps", "", Lower, Mean, |row| row.steps.map(|steps| steps as f64), |run| run.avg_steps;
    TotalDurationMs = "total_duration_ms", "ms", Lower, Total, |row| row.duration_ms, |run| run.total_duration_ms;
    TotalTokens = "total_tokens", "tokens", Lower, Total, tokens, run_tokens;
    TotalCostUsd = "total_cost_usd", "USD", Lower, Total, |row| row.cost_usd, |run| run.total_cost_usd;
    EnergyWh = "energy_wh", "Wh", Lower, Total, |row| row.energy_wh, |run| run.energy_wh;
    Co2EmissionsG = "co2_emissions_g", "g", Lower, Total, |row| row.co2_emissions_g, run_co2_g;
    /// Electricity alone.
    PowerCostTotalUsd = "power_cost_total_usd", "USD", Lower, Total, |row| row.power_cost_usd, run_power_cost_usd;
    Co2PerSuccessG = "co2_per_success_g", "g", Lower, PerSuccess, |row| row.co2_emissions_g, run_co2_g;
    EnergyPerSuccessWh = "energy_per_success_wh", "Wh", Lower, PerSuccess, |row| row.energy_wh, |run| run.energy_wh;
    CostPerSuccessUsd = "cost_per_success_usd", "USD", Lower, PerSuccess, |row| row.cost_usd, |run| run.total_cost_usd;
    TokensPerSuccess = "tokens_per_success", "tokens", Lower, PerSuccess, tokens, run_tokens;
    SecondsPerSuccess = "seconds_per_success", "s", Lower, PerSuccess,
        |row| row.duration_ms.map(|ms| ms / 1e3), |run| run.total_duration_ms.map(|ms| ms / 1e3);
}

impl Metric {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.as_str() == name)
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

fn tokens(row: &ResultRow) -> Option<f64> {
    row.total_tokens.map(|tokens| tokens as f64)
}

fn run_tokens(run: &RunRow) -> Option<f64> {
    run.total_tokens.map(|tokens| tokens as f64)
}

/// A run row writes 0 with source `none` for what it does not know, as published.
fn run_co2_g(run: &RunRow) -> Option<f64> {
    (run.co2_source != Source::None).then_some(run.co2_emissions_g)
}

fn run_power_cost_usd(run: &RunRow) -> Option<f64> {
    (run.power_cost_source != Source::None).then_some(run.power_cost_total_usd)
}
