//! The energy of each device that the series of a run tell of, as the client reported it.
//!
//! Knows metric, unit and attribute names; how energy is computed is [`crate::energy`]'s.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    counter::{self, Increment},
    energy::{self, CounterSample, CounterUnit, EnergyReading, PowerSample},
    gpus::Gpus,
    rows::{Instrument, Temporality},
    series::{Series, SeriesSet},
};

/// A gap in reported power is longer than this many median intervals of the device's readings.
pub const GAP_INTERVALS: i64 = 3;

/// What a device's energy was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergyMethod {
    /// Differences of the device's energy counter.
    Counter,
    /// Trapezoid over power samples.
    Power,
}

/// The energy of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEnergy {
    /// Its place in [`Gpus::all`]; none when only the series of its energy tell of it.
    pub gpu: Option<usize>,
    pub method: EnergyMethod,
    pub reading: EnergyReading,
}

/// Energy of every GPU with a usable energy counter (`gen_ai.gpu.energy`, `hw.energy` of a GPU),
/// else of its power (`gen_ai.gpu.power`, `hw.power` of a GPU). A counter or power that was read
/// once tells nothing.
///
/// `hw.*` series of a device that cannot be matched to a known GPU count only when the set has no
/// `gen_ai.gpu.*` power or energy: they are likely to tell of the same devices.
///
/// `window`, `[start, end)` in Unix ns, limits the result to the run: what lies outside is cut
/// off and what no reading covers inside is told. In order of GPU.
pub fn of_devices(set: &SeriesSet, gpus: &Gpus<'_>, window: Option<(i64, i64)>) -> Vec<DeviceEnergy> {
    let mut devices: BTreeMap<Device, Readings<'_>> = BTreeMap::new();
    let named = set.series().iter().any(|series| {
        matches!(series.info.metric.as_str(), "gen_ai.gpu.energy" | "gen_ai.gpu.power")
            && !series.samples.is_empty()
    });
    for (place, series) in set.series().iter().enumerate() {
        let Some(quantity) = Quantity::of(series) else { continue };
        let device = match gpus.of_series_or_only(place) {
            Some(gpu) => Device::Gpu(gpu),
            None if named && series.info.metric.starts_with("hw.") => continue,
            None => Device::other(series),
        };
        let readings = devices.entry(device).or_default();
        match quantity {
            Quantity::Energy { uj } => readings.energy.push((series, uj)),
            Quantity::Power { w } => readings.power.push((series, w)),
        }
    }
    devices
        .into_iter()
        .filter_map(|(device, readings)| {
            let (method, reading) = readings.counter().or_else(|| readings.power())?;
            let reading = match window {
                Some((start, end)) => reading.within(start, end),
                None => reading,
            };
            let gpu = match device {
                Device::Gpu(gpu) => Some(gpu),
                Device::Other(_) => None,
            };
            Some(DeviceEnergy { gpu, method, reading })
        })
        .collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Device {
    Gpu(usize),
    /// Told apart by resource and device id.
    Other(String),
}

impl Device {
    fn other(series: &Series) -> Self {
        let id = series.info.gpu_id.clone().or_else(|| attribute(series, "hw.id")).unwrap_or_default();
        Self::Other(format!("{id}\u{0}{}", series.info.resource))
    }
}

/// What a series measures, with the factor to the unit used here.
enum Quantity {
    Energy { uj: f64 },
    Power { w: f64 },
}

impl Quantity {
    fn of(series: &Series) -> Option<Self> {
        let info = &series.info;
        if series.samples.is_empty() || !matches!(info.instrument, Instrument::Gauge | Instrument::Sum) {
            return None;
        }
        let of_gpu = || {
            info.gpu_id.is_some()
                || attribute(series, "hw.type").is_some_and(|kind| kind.eq_ignore_ascii_case("gpu"))
        };
        let energy = || {
            let uj = match info.unit.as_str() {
                "mJ" => 1e3,
                "uJ" => 1.0,
                "kJ" => 1e9,
                "Wh" | "W.h" => energy::MICROJOULES_PER_WH,
                "kWh" | "kW.h" => energy::MICROJOULES_PER_WH * 1e3,
                _ => 1e6,
            };
            Self::Energy { uj }
        };
        let power = || {
            let w = match info.unit.as_str() {
                "mW" => 1e-3,
                "kW" => 1e3,
                _ => 1.0,
            };
            Self::Power { w }
        };
        match info.metric.as_str() {
            "gen_ai.gpu.energy" => Some(energy()),
            "gen_ai.gpu.power" => Some(power()),
            "hw.energy" if of_gpu() => Some(energy()),
            "hw.power" if of_gpu() => Some(power()),
            _ => None,
        }
    }
}

fn attribute(series: &Series, name: &str) -> Option<String> {
    let attributes: Value = serde_json::from_str(&series.info.attributes).ok()?;
    Some(attributes.get(name)?.as_str()?.to_owned())
}

/// The series of one device with their factors.
#[derive(Default)]
struct Readings<'a> {
    energy: Vec<(&'a Series, f64)>,
    power: Vec<(&'a Series, f64)>,
}

impl Readings<'_> {
    /// From energy counters. Several that overlap tell of the same joules: the one that covers
    /// most time counts; those that follow one another each count from their own baseline.
    fn counter(&self) -> Option<(EnergyMethod, EnergyReading)> {
        let mut candidates: Vec<(i64, i64, EnergyReading, u128)> = self
            .energy
            .iter()
            .filter_map(|(series, uj)| {
                let reading = counter_reading(series, *uj);
                let from = reading.increments.iter().map(|step| step.from_ns).min()?;
                let to = reading.increments.iter().map(|step| step.to_ns).max()?;
                Some((from, to, reading, series.info.identity()))
            })
            .collect();
        candidates
            .sort_by_key(|(from, to, _, identity)| (std::cmp::Reverse(to.saturating_sub(*from)), *identity));
        let mut chosen: Vec<(i64, i64, EnergyReading)> = Vec::new();
        for (from, to, reading, _) in candidates {
            if chosen.iter().all(|(chosen_from, chosen_to, _)| to <= *chosen_from || from >= *chosen_to) {
                chosen.push((from, to, reading));
            }
        }
        chosen.sort_by_key(|(from, ..)| *from);
        let mut joined = EnergyReading::default();
        let mut end = None;
        for (from, to, reading) in chosen {
            let between = end.replace(to).map_or(0, |end: i64| from.saturating_sub(end));
            joined.uncovered_ns =
                joined.uncovered_ns.saturating_add(reading.uncovered_ns).saturating_add(between);
            joined.increments.extend(reading.increments);
        }
        (!joined.increments.is_empty()).then_some((EnergyMethod::Counter, joined))
    }

    /// From power samples: those of all series of the device are one sequence of readings.
    fn power(&self) -> Option<(EnergyMethod, EnergyReading)> {
        let mut samples: Vec<PowerSample> = self
            .power
            .iter()
            .flat_map(|(series, w)| {
                series.samples.iter().map(move |sample| PowerSample {
                    time_ns: sample.time_unix_nano,
                    power_w: sample.value * w,
                })
            })
            .collect();
        samples.sort_by_key(|sample| sample.time_ns);
        let interval = energy::median_interval_ns(samples.iter().map(|sample| sample.time_ns))?;
        let reading = energy::from_power(&samples, Some(interval.saturating_mul(GAP_INTERVALS)));
        (!reading.increments.is_empty()).then_some((EnergyMethod::Power, reading))
    }
}

/// The energy of one counter series: of delta values what they say, of cumulative ones their
/// differences per start time, since a first value may have accrued long before the run.
fn counter_reading(series: &Series, uj: f64) -> EnergyReading {
    if series.info.temporality == Temporality::Delta {
        let mut scaled = series.clone();
        for sample in &mut scaled.samples {
            sample.value *= uj;
        }
        let increments: Vec<Increment> = counter::increments(&scaled, None, 1.0);
        return EnergyReading { increments, uncovered_ns: 0 };
    }
    let mut lives: BTreeMap<i64, Vec<CounterSample>> = BTreeMap::new();
    for sample in series.canonical().iter() {
        lives.entry(sample.start_time_unix_nano).or_default().push(CounterSample {
            time_ns: sample.time_unix_nano,
            // Saturates at 18 TJ, more than any device counts.
            value: (sample.value.max(0.0) * uj).round() as u64,
        });
    }
    let mut joined = EnergyReading::default();
    let mut end = None;
    for life in lives.into_values() {
        let (Some(first), Some(last)) = (life.first(), life.last()) else { continue };
        let between =
            end.replace(last.time_ns).map_or(0, |end: i64| first.time_ns.saturating_sub(end).max(0));
        let reading = energy::from_counter(&life, CounterUnit::Microjoules, None);
        joined.uncovered_ns =
            joined.uncovered_ns.saturating_add(reading.uncovered_ns).saturating_add(between);
        joined.increments.extend(reading.increments);
    }
    joined
}
