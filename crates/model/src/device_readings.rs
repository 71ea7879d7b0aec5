//! The energy of one device from the series that tell of it: counters first, power otherwise.
//!
//! Knows metric and unit names; which series are of which device is [`crate::device_energy`]'s.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    counter::{self, Increment},
    device_energy::{EnergyMethod, GAP_INTERVALS, RANGE_ATTRIBUTE},
    energy::{self, CounterSample, CounterUnit, EnergyReading, PowerSample},
    rows::{Instrument, Temporality},
    series::Series,
};

/// Fewer readings of power say too little to hold a counter against.
const FEWEST_TO_CHECK: usize = 10;
/// Stretches without a pause that a counter is held against its power over; the longest.
const MOST_STRETCHES: usize = 16;

/// What a series measures, with the factor to the unit used here.
pub(crate) enum Quantity {
    Energy { uj: f64 },
    Power { w: f64 },
}

impl Quantity {
    /// What a series tells of a device's energy; `attributes` are its own. Series of `hw.*` tell of GPUs, unless
    /// a sampler of ours wrote them.
    pub(crate) fn of(series: &Series, attributes: &Map<String, Value>, is_own: bool) -> Option<Self> {
        let info = &series.info;
        if series.samples.is_empty() || !matches!(info.instrument, Instrument::Gauge | Instrument::Sum) {
            return None;
        }
        let of_gpu = || {
            let kind = attributes.get("hw.type").and_then(Value::as_str);
            is_own || info.gpu_id.is_some() || kind.is_some_and(|kind| kind.eq_ignore_ascii_case("gpu"))
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

/// The series of one device with their factors.
#[derive(Default)]
pub(crate) struct Readings<'a> {
    pub(crate) energy: Vec<(&'a Series, f64)>,
    pub(crate) power: Vec<(&'a Series, f64)>,
}

impl Readings<'_> {
    /// The energy, what it was computed from, and the counter's energy as a multiple of the integrated power
    /// where the device has both.
    pub(crate) fn energy(&self) -> Option<(EnergyMethod, EnergyReading, Option<f64>)> {
        match (self.counter(), self.power()) {
            (Some(counter), power) => {
                let ratio = power.and_then(|power| counter_to_power(&counter, &power));
                Some((EnergyMethod::Counter, counter, ratio))
            }
            (None, Some(power)) => Some((EnergyMethod::Power, power, None)),
            (None, None) => None,
        }
    }

    /// From energy counters. Several that overlap tell of the same joules: the one that covers
    /// most time counts; those that follow one another each count from their own baseline.
    fn counter(&self) -> Option<EnergyReading> {
        let of = |(series, uj): &(&Series, f64)| (counter_reading(series, *uj), series.info.identity());
        let joined = joined(self.energy.iter().map(of));
        (!joined.increments.is_empty()).then_some(joined)
    }

    /// From power samples: those of all series of the device are one sequence of readings.
    fn power(&self) -> Option<EnergyReading> {
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
        (!reading.increments.is_empty()).then_some(reading)
    }
}

/// Readings of one device as one. Of those that overlap the one that covers most time counts, of equals the one whose
/// key is the least; what lies between those that follow one another is unknown.
fn joined<K: Ord>(readings: impl Iterator<Item = (EnergyReading, K)>) -> EnergyReading {
    let mut candidates: Vec<(i64, i64, EnergyReading, K)> = readings
        .filter_map(|(reading, key)| {
            let from = reading.increments.iter().map(|step| step.from_ns).min()?;
            let to = reading.increments.iter().map(|step| step.to_ns).max()?;
            Some((from, to, reading, key))
        })
        .collect();
    candidates.sort_by(|(a_from, a_to, _, a), (b_from, b_to, _, b)| {
        b_to.saturating_sub(*b_from).cmp(&a_to.saturating_sub(*a_from)).then_with(|| a.cmp(b))
    });
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
    joined
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
    let range = wrap_range(series);
    let mut lives: BTreeMap<i64, Vec<CounterSample>> = BTreeMap::new();
    for sample in series.canonical().iter() {
        lives.entry(sample.start_time_unix_nano).or_default().push(CounterSample {
            time_ns: sample.time_unix_nano,
            // Saturates at 18 TJ, more than any device counts.
            value: (sample.value.max(0.0) * uj).round() as u64,
        });
    }
    let of = |(start, life): (i64, Vec<CounterSample>)| {
        (energy::from_counter(&life, CounterUnit::Microjoules, range), start)
    };
    joined(lives.into_iter().map(of))
}

/// Where the counter of a series starts again at 0, microjoules, if it says so.
fn wrap_range(series: &Series) -> Option<u64> {
    if !series.info.attributes.contains(RANGE_ATTRIBUTE) {
        return None;
    }
    let attributes: Map<String, Value> = serde_json::from_str(&series.info.attributes).ok()?;
    attributes.get(RANGE_ATTRIBUTE)?.as_u64()
}

/// The counter's energy as a multiple of the integrated power, over the longest stretches that both cover
/// without a pause.
fn counter_to_power(counter: &EnergyReading, power: &EnergyReading) -> Option<f64> {
    if power.increments.len() < FEWEST_TO_CHECK {
        return None;
    }
    let (first, last) = (counter.increments.first()?.from_ns, counter.increments.last()?.to_ns);
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for step in &power.increments {
        match stretches.last_mut() {
            Some((_, to)) if *to == step.from_ns => *to = step.to_ns,
            _ => stretches.push((step.from_ns, step.to_ns)),
        }
    }
    stretches.sort_by_key(|(from, to)| (std::cmp::Reverse(to.saturating_sub(*from)), *from));
    let (mut counted, mut integrated) = (0_i128, 0_i128);
    for (from, to) in stretches.into_iter().take(MOST_STRETCHES) {
        let (from, to) = (from.max(first), to.min(last));
        let by_counter = counter.within(from, to);
        if from < to && by_counter.uncovered_ns == 0 {
            counted += by_counter.energy_uj();
            integrated += power.within(from, to).energy_uj();
        }
    }
    (integrated > 0).then(|| counted as f64 / integrated as f64)
}
