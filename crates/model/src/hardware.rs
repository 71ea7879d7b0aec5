//! OpenTelemetry's hardware metrics (`hw.*` of GPUs) as sources of the published GPU metrics.
//!
//! Knows their names, units and attributes; no totals. Energy (`hw.energy`) is read by
//! [`crate::device_energy`].

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    gpus::GpuMetric,
    rows::{Instrument, Temporality},
    series::SeriesSet,
};

/// Units, each with its factor to that of the published metric. The first is the convention's own, which
/// also holds where none is said.
type Units = &'static [(&'static str, f64)];

/// What stands for what.
const SOURCES: [(&str, GpuMetric, Units); 5] = [
    ("hw.gpu.utilization", GpuMetric::Utilization, &[("1", 100.0), ("%", 1.0)]),
    ("hw.gpu.memory.usage", GpuMetric::MemoryUsed, BYTES),
    ("hw.gpu.memory.limit", GpuMetric::MemoryTotal, BYTES),
    ("hw.temperature", GpuMetric::Temperature, &[("Cel", 1.0), ("C", 1.0), ("°C", 1.0)]),
    ("hw.power", GpuMetric::Power, &[("W", 1.0), ("mW", 1e-3), ("kW", 1e3)]),
];

/// Bytes, and multiples of them, in MiB.
const BYTES: Units = &[
    ("By", 1.0 / 1_048_576.0),
    ("KiBy", 1.0 / 1_024.0),
    ("MiBy", 1.0),
    ("GiBy", 1_024.0),
    ("kBy", 1e3 / 1_048_576.0),
    ("MBy", 1e6 / 1_048_576.0),
    ("GBy", 1e9 / 1_048_576.0),
];

impl SeriesSet {
    /// Lets the `hw.*` series of GPUs stand for the published metrics. A metric that the set has under
    /// its own name keeps that source alone: both would be likely to tell of the same GPUs.
    ///
    /// A series of another unit, of deltas, or of one engine of a GPU (`hw.gpu.task`) stays what it is.
    pub fn adopt_hardware(&mut self) {
        if !self.series().iter().any(|series| series.info.metric.starts_with("hw.")) {
            return;
        }
        let own: BTreeSet<GpuMetric> = self
            .series()
            .iter()
            .filter(|series| !series.samples.is_empty())
            .filter_map(|series| GpuMetric::of(&series.info))
            .collect();
        let mut stand_ins = BTreeSet::new();
        for series in self.series_mut() {
            let info = &mut series.info;
            if !info.metric.starts_with("hw.") {
                continue;
            }
            let attributes: Map<String, Value> = serde_json::from_str(&info.attributes).unwrap_or_default();
            let said =
                |name: &str| attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let of_gpu = info.metric.starts_with("hw.gpu.")
                || info.gpu_id.is_some()
                || said("hw.type").is_some_and(|kind| kind.eq_ignore_ascii_case("gpu"));
            if !of_gpu {
                continue;
            }
            info.gpu_id = info.gpu_id.take().or_else(|| said("hw.id").map(str::to_owned));
            let name = || said("hw.model").or_else(|| said("hw.name")).map(str::to_owned);
            info.gpu_name = info.gpu_name.take().or_else(name);
            let Some((metric, factor)) = stands_for(&info.metric, &info.unit) else { continue };
            let whole = said("hw.gpu.task").is_none_or(|task| task == "general");
            let levels = matches!(info.instrument, Instrument::Gauge | Instrument::Sum)
                && info.temporality != Temporality::Delta;
            if own.contains(&metric) || !whole || !levels {
                continue;
            }
            let source = std::mem::replace(&mut info.metric, metric.name().to_owned());
            stand_ins.insert((metric.name(), source));
            info.unit = metric.unit().to_owned();
            info.instrument = Instrument::Gauge;
            info.temporality = Temporality::Unspecified;
            for sample in &mut series.samples {
                sample.value *= factor;
            }
        }
        self.stand_ins.extend(stand_ins);
    }
}

/// The metric that a `hw.*` metric of a GPU stands for, and the factor to its unit.
fn stands_for(name: &str, unit: &str) -> Option<(GpuMetric, f64)> {
    let (_, metric, units) = SOURCES.iter().find(|(source, ..)| *source == name)?;
    let (_, factor) = match unit {
        "" => units.first()?,
        unit => units.iter().find(|(known, _)| *known == unit)?,
    };
    Some((*metric, *factor))
}
