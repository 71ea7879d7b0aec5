//! How a run's numbers were made: counts, unrounded totals, figures per GPU, and the chain of
//! steps behind each total. Stored as JSON in the run row; shown as "how is this computed".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{estimate::Estimate, factors::Factors, price::PriceTable, rows::Source};

/// Everything behind the numbers of a run row. Unrounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Accounting {
    pub counts: Counts,
    pub totals: Totals,
    /// What no test was running for: the sum of the tests' shares and this is the total.
    pub unattributed: Footprint,
    /// By GPU id.
    pub gpus: Vec<GpuFigures>,
    /// Energy by device, GPUs first.
    pub devices: Vec<DeviceFigures>,
    /// Energy of LLM calls, where devices tell of so short a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_energy: Option<CallEnergyFigures>,
    /// What calls to hosted models are estimated to have used, when that is asked for. In no total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What measured energy was turned into CO2 and cost with.
    pub factors: Vec<Factors>,
    /// The table that priced calls, when one did.
    pub price_table: Option<PriceTable>,
    /// Models of the calls that nobody knows the price of.
    pub unpriced_models: Vec<String>,
    /// Per field of the run row: the steps that lead to its value, in order.
    pub chains: BTreeMap<String, Vec<Step>>,
    /// What a reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Counts {
    /// Distinct spans.
    pub spans: i64,
    /// Distinct traces.
    pub traces: i64,
    /// Spans whose parent is missing.
    pub orphan_spans: i64,
    /// Rows with the id of another span but other content; the one that ended last counts.
    pub duplicate_spans: i64,
    /// Distinct metric points.
    pub points: i64,
    /// Metric series.
    pub series: i64,
    /// Points with the series and time of another one but another value; the greatest counts.
    pub duplicate_points: i64,
    /// NaN and infinite metric values that were dropped.
    pub dropped_non_finite: i64,
    /// Executions that the source listed.
    pub listed_results: i64,
    /// Of these, executions whose trace is not here.
    pub results_without_trace: i64,
    /// Executions made from traces that no listed result names.
    pub traces_without_result: i64,
    /// LLM spans without an LLM span beneath.
    pub llm_calls: i64,
    /// Tool spans without a tool span beneath.
    pub tool_calls: i64,
    /// Spans whose tokens count.
    pub usage_spans: i64,
    /// Spans whose emitted cost counts.
    pub reported_cost_spans: i64,
    /// Calls priced by the table.
    pub priced_calls: i64,
    /// Calls that used tokens at a price nobody knows.
    pub unpriced_calls: i64,
}

/// Totals before rounding; null is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Totals {
    pub total_tokens: Option<i64>,
    pub total_duration_ms: Option<f64>,
    pub total_cost_usd: Option<f64>,
    pub energy_wh: Option<f64>,
    pub co2_emissions_g: Option<f64>,
    pub power_cost_usd: Option<f64>,
}

/// Energy and what it brought about; null is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Footprint {
    pub energy_wh: Option<f64>,
    pub co2_emissions_g: Option<f64>,
    pub power_cost_usd: Option<f64>,
}

/// One GPU's part. Null is not measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GpuFigures {
    pub gpu_id: String,
    pub gpu_name: Option<String>,
    pub energy_wh: Option<f64>,
    pub co2_emissions_g: Option<f64>,
    pub power_cost_usd: Option<f64>,
    /// Percent.
    pub utilization_avg: Option<f64>,
    /// Percent.
    pub utilization_max: Option<f64>,
    pub memory_avg_mib: Option<f64>,
    pub memory_max_mib: Option<f64>,
    /// Degrees Celsius.
    pub temperature_avg: Option<f64>,
    /// Degrees Celsius.
    pub temperature_max: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
}

/// The energy of one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeviceFigures {
    /// What it is called.
    pub device: String,
    /// `gpu`, `cpu`, `memory`, `enclosure` (the whole platform).
    pub kind: String,
    pub source: Source,
    /// `counter`: the device's own energy counter; `power`: integrated power readings.
    pub method: String,
    pub energy_wh: f64,
    /// The same in J: what is multiplied by the factors.
    pub energy_j: f64,
    /// Energy x PUE x grid intensity; null where its sampler does not say by what.
    pub co2_emissions_g: Option<f64>,
    /// Energy x PUE x price; null likewise.
    pub power_cost_usd: Option<f64>,
    /// What its energy is turned into CO2 and cost with; null where nothing says so.
    pub factors: Option<Factors>,
    /// Time of the run that readings cover, s.
    pub covered_s: f64,
    /// Time of the run that no reading covers, s.
    pub uncovered_s: f64,
    /// The counter's energy as a multiple of the integrated power, where the device has both.
    pub counter_to_power: Option<f64>,
    /// Mean power while no test ran, W; null where less than a second of that is known.
    pub idle_power_w: Option<f64>,
    /// How much time that is from, s.
    pub idle_s: Option<f64>,
    /// Energy while tests ran beyond what the idle power comes to in that time, Wh. In no total.
    pub above_idle_wh: Option<f64>,
    /// The GPU is split into instances, and its energy is that of the whole.
    pub is_partitioned: bool,
    /// Its energy is in that of another device and not added again.
    pub is_part: bool,
}

/// Energy of LLM calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CallEnergyFigures {
    /// Calls that lasted long enough, with their energy: their part of their test's.
    pub calls: i64,
    /// Null when no call lasted long enough.
    pub energy_wh: Option<f64>,
    /// Where the energy comes from.
    pub source: Source,
    /// Calls that were shorter than the resolution, that nothing was measured in, or that are no test's.
    pub calls_without: i64,
    /// What a call must last to be measured, ms.
    pub resolution_ms: f64,
}

/// One step on the way to a total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// What this step is.
    pub label: String,
    /// Null when unknown.
    pub value: Option<f64>,
    /// As in the field's name: `tokens`, `ms`, `USD`, `g`, `Wh`, `%`, `MiB`, `°C`, `W`, or empty for a count.
    pub unit: String,
    pub source: Source,
    /// More on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Step {
    pub(super) fn new(label: impl Into<String>, value: impl Into<Option<f64>>, unit: &str) -> Self {
        Self { label: label.into(), value: value.into(), unit: unit.into(), source: Source::None, note: None }
    }

    pub(super) fn count(label: impl Into<String>, count: i64) -> Self {
        Self::new(label, count as f64, "")
    }

    pub(super) fn from(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
