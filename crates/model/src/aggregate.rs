//! The nine GPU aggregates of a run. Knows series, no rows and no wire form.

use serde::{Deserialize, Serialize};

use crate::{
    counter,
    gpus::GpuMetric,
    series::{SeriesInfo, SeriesSet},
    sum::{CompensatedSum, sum_unordered},
};

/// Aggregates over all GPUs; null is 'not measured', 0 a measured zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuAggregates {
    /// Percent.
    pub utilization_avg: Option<f64>,
    /// Percent.
    pub utilization_max: Option<f64>,
    /// MiB.
    pub memory_avg: Option<f64>,
    /// MiB.
    pub memory_max: Option<f64>,
    /// Degrees Celsius.
    pub temperature_avg: Option<f64>,
    /// Degrees Celsius.
    pub temperature_max: Option<f64>,
    /// W.
    pub power_avg: Option<f64>,
    /// g CO2e.
    pub co2_total: Option<f64>,
    /// USD.
    pub power_cost_total: Option<f64>,
}

/// The aggregates of a set on its own, without knowing when the run began.
pub fn aggregate_gpu_metrics(set: &SeriesSet) -> GpuAggregates {
    aggregate_run(set, None)
}

/// The aggregates of a run. Averages are the mean of all points of all GPUs, maxima are over all;
/// totals are sums over series (see [`counter`]). The same bits for any order of arrival.
pub fn aggregate_run(set: &SeriesSet, run_start: Option<i64>) -> GpuAggregates {
    let utilization = gauge(set, GpuMetric::Utilization);
    let memory = gauge(set, GpuMetric::MemoryUsed);
    let temperature = gauge(set, GpuMetric::Temperature);
    let power = gauge(set, GpuMetric::Power);
    GpuAggregates {
        utilization_avg: utilization.map(|gauge| gauge.mean),
        utilization_max: utilization.map(|gauge| gauge.max),
        memory_avg: memory.map(|gauge| gauge.mean),
        memory_max: memory.map(|gauge| gauge.max),
        temperature_avg: temperature.map(|gauge| gauge.mean),
        temperature_max: temperature.map(|gauge| gauge.max),
        power_avg: power.map(|gauge| gauge.mean),
        co2_total: counter::metric_total(set, GpuMetric::Co2Emissions.name(), run_start),
        power_cost_total: counter::metric_total(set, GpuMetric::PowerCost.name(), run_start),
    }
}

/// Mean and greatest of the points of a gauge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaugeStats {
    pub mean: f64,
    pub max: f64,
    pub points: u64,
}

/// The gauge over all series of the metric; none without points.
pub fn gauge(set: &SeriesSet, metric: GpuMetric) -> Option<GaugeStats> {
    gauge_of(set, |_, info| GpuMetric::of(info) == Some(metric))
}

/// The gauge over the series that `wanted` picks by place in the set and by info.
pub fn gauge_of(set: &SeriesSet, mut wanted: impl FnMut(usize, &SeriesInfo) -> bool) -> Option<GaugeStats> {
    let mut sums = Vec::new();
    let mut max = f64::NEG_INFINITY;
    let mut points = 0;
    for (place, series) in set.series().iter().enumerate() {
        if series.samples.is_empty() || !wanted(place, &series.info) {
            continue;
        }
        let samples = series.canonical();
        let mut sum = CompensatedSum::default();
        for sample in samples.iter() {
            sum.add(sample.value);
            max = max.max(sample.value);
        }
        sums.push(sum.value());
        points += samples.len() as u64;
    }
    (points > 0).then(|| GaugeStats { mean: sum_unordered(&mut sums) / points as f64, max, points })
}
