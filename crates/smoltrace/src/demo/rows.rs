//! Bare leaderboard rows by the thousand, for trying out size: the rows of a few simulated runs with their
//! figures varied. They have no spans behind them and say so.

use std::ops::Range;

use smoltrace_model::rows::RunRow;

use super::random::Random;

/// One row for each number of `indexes`; none when there is no template.
pub fn varied_rows(templates: &[RunRow], indexes: Range<u32>, seed: u64) -> Vec<RunRow> {
    if templates.is_empty() {
        return Vec::new();
    }
    indexes.map(|index| varied(&templates[index as usize % templates.len()], index, seed)).collect()
}

fn varied(template: &RunRow, index: u32, seed: u64) -> RunRow {
    let mut random = Random::new(seed ^ (u64::from(index) << 20));
    let factor = random.between(0.5, 2.0);
    let scale = |value: Option<f64>| value.map(|value| value * factor);
    let successful = random.below(template.total_tests as usize + 1) as i64;
    let rate = 100.0 * successful as f64 / template.total_tests.max(1) as f64;
    let hour = i64::from(index) * 3_600_000_000_000;
    RunRow {
        run_id: format!("row-{index:06}"),
        version: 1,
        model: format!("{}-{}", template.model, index % 40),
        successful_tests: successful,
        failed_tests: template.total_tests - successful,
        success_rate: Some((rate * 100.0).round() / 100.0),
        success_rate_ci_low: Some((rate - 10.0).max(0.0)),
        success_rate_ci_high: Some((rate + 10.0).min(100.0)),
        total_tokens: template.total_tokens.map(|tokens| (tokens as f64 * factor) as i64),
        total_duration_ms: scale(template.total_duration_ms),
        total_cost_usd: scale(template.total_cost_usd),
        energy_wh: scale(template.energy_wh),
        co2_emissions_g: template.co2_emissions_g * factor,
        power_cost_total_usd: template.power_cost_total_usd * factor,
        start_time_unix_nano: template.start_time_unix_nano.map(|start| start - hour),
        end_time_unix_nano: template.end_time_unix_nano.map(|end| end - hour),
        simulated: true,
        notes: Some("a bare row for trying out size; there is no run behind it".into()),
        ..template.clone()
    }
    .sealed()
}
