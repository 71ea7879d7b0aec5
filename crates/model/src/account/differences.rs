//! Where the source's own leaderboard row says something else than its spans and points.

use serde::{Deserialize, Serialize};

use crate::{inputs::Declared, normalize::number, rows::RunRow};

/// A field of which source and accounting differ by more than rounding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Field of the run row.
    pub field: String,
    /// What the source's row says.
    pub declared: f64,
    /// What comes out here; null when nothing here tells.
    pub computed: Option<f64>,
    /// Declared over computed; null without a computed value or when it is 0.
    pub ratio: Option<f64>,
}

/// A numeric field with the decimals it is published with.
type Compared = (&'static str, i32, fn(&RunRow) -> Option<f64>);

const FIELDS: &[Compared] = &[
    ("total_tests", 0, |run| Some(run.total_tests as f64)),
    ("successful_tests", 0, |run| Some(run.successful_tests as f64)),
    ("failed_tests", 0, |run| Some(run.failed_tests as f64)),
    ("success_rate", 2, |run| run.success_rate),
    ("avg_steps", 2, |run| run.avg_steps),
    ("avg_duration_ms", 2, |run| run.avg_duration_ms),
    ("total_duration_ms", 2, |run| run.total_duration_ms),
    ("total_tokens", 0, |run| run.total_tokens.map(|tokens| tokens as f64)),
    ("avg_tokens_per_test", 0, |run| run.avg_tokens_per_test.map(|tokens| tokens as f64)),
    ("total_cost_usd", 6, |run| run.total_cost_usd),
    ("avg_cost_per_test_usd", 6, |run| run.avg_cost_per_test_usd),
    ("co2_emissions_g", 4, |run| Some(run.co2_emissions_g)),
    ("power_cost_total_usd", 6, |run| Some(run.power_cost_total_usd)),
    ("gpu_utilization_avg", 2, |run| run.gpu_utilization_avg),
    ("gpu_utilization_max", 2, |run| run.gpu_utilization_max),
    ("gpu_memory_avg_mib", 2, |run| run.gpu_memory_avg_mib),
    ("gpu_memory_max_mib", 2, |run| run.gpu_memory_max_mib),
    ("gpu_temperature_avg", 2, |run| run.gpu_temperature_avg),
    ("gpu_temperature_max", 2, |run| run.gpu_temperature_max),
    ("gpu_power_avg_w", 2, |run| run.gpu_power_avg_w),
];

/// The differences, in the order of the leaderboard's columns. A field that the source's row does
/// not have, or has as null, is no difference.
pub fn differences(run: &RunRow) -> Vec<Difference> {
    let declared: Declared = serde_json::from_str(&run.declared).unwrap_or_default();
    let differs = |&(field, decimals, computed): &Compared| {
        let declared = number(declared.leaderboard_row.get(field)?)?;
        let computed = computed(run);
        // Half a unit of the last published decimal, and the noise of representing it.
        let tolerance = 0.5 * 10_f64.powi(-decimals) + declared.abs() * 1e-12;
        // SMOLTRACE publishes 0 for what it does not know.
        if (declared - computed.unwrap_or(0.0)).abs() <= tolerance {
            return None;
        }
        let ratio = computed.filter(|computed| *computed != 0.0).map(|computed| declared / computed);
        Some(Difference { field: field.to_owned(), declared, computed, ratio })
    };
    FIELDS.iter().filter_map(differs).collect()
}
