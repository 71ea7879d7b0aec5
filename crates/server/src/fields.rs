//! What the numeric fields of a run's row are called, and their units: for whoever shows them by name. The only table of
//! it; screens and report both read it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use smoltrace_model::account::{Accounting, Difference};
use utoipa::ToSchema;

/// A field of a run's row for readers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldName {
    pub field: String,
    pub name: String,
    /// Unit of its values; empty for a plain number.
    pub unit: String,
}

/// Those that people ask for first stand first.
const FIELDS: &[(&str, &str, &str)] = &[
    ("co2_emissions_g", "CO₂", "g"),
    ("power_cost_total_usd", "Power cost", "USD"),
    ("energy_wh", "Energy", "Wh"),
    ("total_tokens", "Tokens", ""),
    ("total_cost_usd", "Model cost", "USD"),
    ("total_duration_ms", "Duration", "ms"),
    ("success_rate", "Success", "%"),
    ("avg_steps", "Steps per test", ""),
    ("avg_duration_ms", "Duration per test", "ms"),
    ("avg_tokens_per_test", "Tokens per test", ""),
    ("avg_cost_per_test_usd", "Cost per test", "USD"),
    ("total_tests", "Tests", ""),
    ("successful_tests", "Passed", ""),
    ("failed_tests", "Failed", ""),
    ("gpu_utilization_avg", "GPU utilisation, mean", "%"),
    ("gpu_utilization_max", "GPU utilisation, highest", "%"),
    ("gpu_memory_avg_mib", "GPU memory, mean", "MiB"),
    ("gpu_memory_max_mib", "GPU memory, highest", "MiB"),
    ("gpu_temperature_avg", "GPU temperature, mean", "°C"),
    ("gpu_temperature_max", "GPU temperature, highest", "°C"),
    ("gpu_power_avg_w", "GPU power, mean", "W"),
];

/// The fields that differences and chains of steps are about, in the order to show them.
pub fn named(differences: &[Difference], accounting: &Accounting) -> Vec<FieldName> {
    let mut unnamed: BTreeSet<&str> =
        differences.iter().map(|difference| difference.field.as_str()).collect();
    unnamed.extend(accounting.chains.keys().map(String::as_str));
    let mut fields = Vec::new();
    for (field, name, unit) in FIELDS {
        if unnamed.remove(field) {
            fields.push(FieldName { field: (*field).into(), name: (*name).into(), unit: (*unit).into() });
        }
    }
    // Of a store that another version wrote to.
    fields.extend(unnamed.into_iter().map(|field| FieldName {
        field: field.into(),
        name: field.replace('_', " "),
        unit: String::new(),
    }));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_in_the_order_that_people_ask_for_them() {
        let mut accounting = Accounting::default();
        for field in ["success_rate", "luck_of_day", "co2_emissions_g"] {
            accounting.chains.insert(field.into(), Vec::new());
        }
        let difference =
            Difference { field: "failed_tests".into(), declared: 1.0, computed: Some(2.0), ratio: Some(0.5) };
        let fields = named(&[difference], &accounting);
        let names: Vec<(&str, &str)> =
            fields.iter().map(|field| (field.name.as_str(), field.unit.as_str())).collect();
        assert_eq!(names, [("CO₂", "g"), ("Success", "%"), ("Failed", ""), ("luck of day", "")]);
    }
}
