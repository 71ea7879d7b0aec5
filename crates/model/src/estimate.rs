//! Energy of calls to models whose hardware cannot be seen: an estimate, never a measurement.
//!
//! The method is EcoLogits' (S. Rince, A. Banse: EcoLogits, Journal of Open Source Software, 2025), re-implemented
//! with the parameters of its release 0.11.3: a regression of GPU energy per output token and of latency over active
//! parameters, at a batch of 64 requests on servers of eight 80 GB GPUs. Only generation is in it: neither input
//! tokens, nor networks, nor what the hardware took to be made. Sizes of models come from a table of those whose
//! makers publish them; a model that is not in it has no estimate.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use crate::grid;

const BATCH: f64 = 64.0;
/// Wh of a GPU per output token: `ALPHA * exp(BETA * batch) * active + GAMMA`, active in billions of parameters.
const ENERGY_ALPHA: f64 = 1.166_527_317_045_191_4e-6;
const ENERGY_BETA: f64 = -0.011_205_921_025_579_175;
const ENERGY_GAMMA: f64 = 4.052_928_146_734_005e-5;
/// Seconds per output token: `ALPHA * active + BETA * batch + GAMMA`.
const LATENCY_ALPHA: f64 = 0.000_678_508_809_435_366_3;
const LATENCY_BETA: f64 = 0.000_311_931_031_168_825_9;
const LATENCY_GAMMA: f64 = 0.019_473_717_579_473_387;
const GPU_MEMORY_GB: f64 = 80.0;
const BYTES_PER_PARAMETER: f64 = 2.0;
/// Beyond the parameters themselves.
const MEMORY_OVERHEAD: f64 = 1.2;
const SERVER_GPUS: f64 = 8.0;
/// Without its GPUs.
const SERVER_W: f64 = 1_200.0;
/// PUE of the data centres of hosted models: the least and the greatest that EcoLogits gives for any provider.
const PUE: EstimateRange = EstimateRange { low: 1.09, high: 1.20 };

/// Who the estimate is by.
pub const METHOD: &str = "EcoLogits (Rince and Banse, JOSS 2025), parameters of release 0.11.3";

/// An estimate's least and greatest value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EstimateRange {
    pub low: f64,
    pub high: f64,
}

impl EstimateRange {
    fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }

    fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }
}

/// Size of a model, billions of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSize {
    pub total: f64,
    /// At work for each token.
    pub active: f64,
    /// Page that says so.
    pub source: String,
}

/// What the calls of a run to hosted models are estimated to have used. In no total.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Estimate {
    /// Null when no call is in it.
    pub energy_wh: Option<EstimateRange>,
    /// g CO2e at the world's average intensity: where the hardware stands is not known.
    pub co2_emissions_g: Option<EstimateRange>,
    /// Calls that are in it.
    pub calls: i64,
    /// Calls to models whose size nobody publishes, or that tell no output tokens.
    pub calls_without: i64,
    /// Models of the latter.
    pub models_without: Vec<String>,
    pub method: String,
}

/// A call to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    pub model: Option<&'a str>,
    pub output_tokens: Option<i64>,
    /// How long it took, s; generation took no longer.
    pub seconds: f64,
}

static SIZES: LazyLock<HashMap<String, ModelSize>> = LazyLock::new(|| {
    let lines = include_str!("../data/model_sizes.csv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(size).collect()
});

fn size(line: &str) -> Option<(String, ModelSize)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [model, total, active, source] = fields[..] else { return None };
    let size = ModelSize { total: total.parse().ok()?, active: active.parse().ok()?, source: source.into() };
    Some((model.to_owned(), size))
}

/// The published size of a model: by its name, with or without what a router puts before it
/// (`provider/owner/model`).
pub fn model_size(model: &str) -> Option<&'static ModelSize> {
    let name = model.trim().to_lowercase();
    let mut rest = name.as_str();
    loop {
        if let Some(size) = SIZES.get(rest) {
            return Some(size);
        }
        rest = rest.split_once('/')?.1;
    }
}

/// Wh of one call that generated `output_tokens` and took `seconds`.
pub fn call_wh(size: &ModelSize, output_tokens: i64, seconds: f64) -> EstimateRange {
    let tokens = output_tokens.max(0) as f64;
    let gpu_wh = tokens * (ENERGY_ALPHA * (ENERGY_BETA * BATCH).exp() * size.active + ENERGY_GAMMA);
    let generation_s = tokens * (LATENCY_ALPHA * size.active + LATENCY_BETA * BATCH + LATENCY_GAMMA);
    let memory_gb = MEMORY_OVERHEAD * size.total * BYTES_PER_PARAMETER;
    // Servers split models over 1, 2, 4, ... GPUs.
    let gpus = (memory_gb / GPU_MEMORY_GB).ceil().max(1.0).log2().ceil().exp2();
    let server_wh = generation_s.min(seconds.max(0.0)) / 3600.0 * SERVER_W * gpus / SERVER_GPUS / BATCH;
    PUE.times(server_wh + gpus * gpu_wh)
}

/// The estimate of all calls; none when no call can be estimated and none was left out.
pub fn of_calls<'a>(calls: impl IntoIterator<Item = Call<'a>>) -> Option<Estimate> {
    let mut estimate = Estimate { method: METHOD.into(), ..Estimate::default() };
    for call in calls {
        let size = call.model.and_then(model_size);
        match (size, call.output_tokens) {
            (Some(size), Some(tokens)) => {
                estimate.calls += 1;
                let wh = call_wh(size, tokens, call.seconds);
                estimate.energy_wh = Some(estimate.energy_wh.map_or(wh, |sum| sum.plus(wh)));
            }
            _ => {
                estimate.calls_without += 1;
                estimate.models_without.push(call.model.unwrap_or("unknown").to_owned());
            }
        }
    }
    estimate.models_without.sort_unstable();
    estimate.models_without.dedup();
    estimate.co2_emissions_g = estimate.energy_wh.map(|wh| wh.times(grid::world().g_per_kwh / 1e3));
    (estimate.calls + estimate.calls_without > 0).then_some(estimate)
}
