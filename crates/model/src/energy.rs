//! Energy of a device from its power samples or its energy counter, and what energy costs.
//!
//! Integer microjoules inside; Wh, USD and g CO2e only at the edge. A stretch of which nothing
//! is known is not zero and not bridged: its length is told. Knows no metric names (see
//! [`crate::device_energy`]) and no hardware.

use crate::{attribution::part, counter::Increment};

/// Microjoules of one watt-hour.
pub const MICROJOULES_PER_WH: f64 = 3.6e9;
/// Price of a kWh when the user gives none, USD; as in SMOLTRACE.
pub const DEFAULT_PRICE_USD_PER_KWH: f64 = 0.12;
/// Power usage effectiveness when the user gives none: the device alone.
pub const DEFAULT_PUE: f64 = 1.0;
/// Above this a counter that fell cannot have wrapped: no single processor package draws more.
/// The largest server packages are specified at about 500 W and peak at less than twice that.
pub const MAX_PLAUSIBLE_PACKAGE_W: f64 = 1000.0;

/// A reading of power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerSample {
    /// ns on any one clock.
    pub time_ns: i64,
    /// W. What is negative or not finite is no reading.
    pub power_w: f64,
}

/// A reading of an energy counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterSample {
    /// ns on any one clock.
    pub time_ns: i64,
    /// In the counter's unit.
    pub value: u64,
}

/// What one step of an energy counter is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterUnit {
    /// NVML total energy.
    Millijoules,
    /// RAPL `energy_uj`.
    Microjoules,
}

impl CounterUnit {
    const fn microjoules(self) -> i128 {
        match self {
            Self::Millijoules => 1000,
            Self::Microjoules => 1,
        }
    }
}

/// The energy of a device over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnergyReading {
    /// Microjoules by stretch, in time order.
    pub increments: Vec<Increment>,
    /// Time between the first and the last reading of which nothing is known, ns.
    pub uncovered_ns: i64,
}

impl EnergyReading {
    /// Energy, microjoules.
    pub fn energy_uj(&self) -> i128 {
        self.increments.iter().map(|increment| increment.amount).sum()
    }

    /// The reading within `[from_ns, to_ns)`: a stretch that reaches beyond is cut in proportion
    /// to time, and whatever of the window no stretch covers is uncovered. One without duration
    /// counts if its moment lies in the window, both ends included.
    pub fn within(&self, from_ns: i64, to_ns: i64) -> Self {
        let mut covered: i64 = 0;
        let mut increments = Vec::with_capacity(self.increments.len());
        for increment in &self.increments {
            let (from, to) = (increment.from_ns.max(from_ns), increment.to_ns.min(to_ns));
            if from > to || (from == to && increment.from_ns < increment.to_ns) {
                continue;
            }
            let until = |at| part(increment.amount, increment.from_ns, at, increment.to_ns);
            let amount = if from == to { increment.amount } else { until(to) - until(from) };
            increments.push(Increment { from_ns: from, to_ns: to, amount });
            covered = covered.saturating_add(to.saturating_sub(from));
        }
        let window = to_ns.saturating_sub(from_ns).max(0);
        Self { increments, uncovered_ns: window.saturating_sub(covered).max(0) }
    }

    fn uncovered(&mut self, from_ns: i64, to_ns: i64) {
        self.uncovered_ns = self.uncovered_ns.saturating_add(to_ns.saturating_sub(from_ns));
    }
}

/// Energy by the trapezoid rule: between two readings the power is the mean of both. Readings
/// further apart than `max_gap_ns` are not bridged. Any order; of several readings at one time
/// the greatest counts.
pub fn from_power(samples: &[PowerSample], max_gap_ns: Option<i64>) -> EnergyReading {
    let mut samples: Vec<PowerSample> = samples
        .iter()
        .copied()
        .filter(|sample| sample.power_w.is_finite() && sample.power_w >= 0.0)
        .collect();
    samples.sort_by(|a, b| a.time_ns.cmp(&b.time_ns).then(b.power_w.total_cmp(&a.power_w)));
    samples.dedup_by_key(|sample| sample.time_ns);

    let mut reading = EnergyReading::default();
    for pair in samples.windows(2) {
        let (from_ns, to_ns) = (pair[0].time_ns, pair[1].time_ns);
        let length_ns = to_ns.saturating_sub(from_ns);
        if max_gap_ns.is_some_and(|max_gap_ns| length_ns > max_gap_ns) {
            reading.uncovered(from_ns, to_ns);
            continue;
        }
        reading.increments.push(Increment { from_ns, to_ns, amount: trapezoid_uj(pair[0], pair[1]) });
    }
    reading
}

/// Energy between two readings of power, microjoules: the mean of both over the time between.
pub fn trapezoid_uj(from: PowerSample, to: PowerSample) -> i128 {
    // Halved before they are added, so that two huge values do not overflow; W x ns is nJ.
    let mean_w = from.power_w / 2.0 + to.power_w / 2.0;
    (mean_w * to.time_ns.saturating_sub(from.time_ns) as f64 / 1e3).round().min(1e30) as i128
}

/// Energy as the differences of a device counter; the first value is the baseline. Any order;
/// of several readings at one time the greatest counts.
///
/// A counter that falls was reset: the new value is a new baseline, and the stretch between is
/// unknown. Only where the counter is known to wrap at `wrap_range` (RAPL
/// `max_energy_range_uj`), and the power that the wrap implies is at most
/// [`MAX_PLAUSIBLE_PACKAGE_W`], the fall is taken for a wrap.
pub fn from_counter(samples: &[CounterSample], unit: CounterUnit, wrap_range: Option<u64>) -> EnergyReading {
    let mut samples = samples.to_vec();
    samples.sort_by(|a, b| a.time_ns.cmp(&b.time_ns).then(b.value.cmp(&a.value)));
    samples.dedup_by_key(|sample| sample.time_ns);

    let mut reading = EnergyReading::default();
    for pair in samples.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let (from_ns, to_ns) = (before.time_ns, after.time_ns);
        match counter_growth_uj(before, after, unit, wrap_range) {
            Some(amount) => reading.increments.push(Increment { from_ns, to_ns, amount }),
            None => reading.uncovered(from_ns, to_ns),
        }
    }
    reading
}

/// What a counter grew by from one reading to the next, microjoules; none when it was reset (see
/// [`from_counter`]).
pub fn counter_growth_uj(
    before: CounterSample,
    after: CounterSample,
    unit: CounterUnit,
    wrap_range: Option<u64>,
) -> Option<i128> {
    match after.value.checked_sub(before.value) {
        Some(grown) => Some(i128::from(grown) * unit.microjoules()),
        None => wrapped(before, after, unit, wrap_range),
    }
}

/// What a counter grew by if it wrapped, when that is plausible; microjoules.
fn wrapped(
    before: CounterSample,
    after: CounterSample,
    unit: CounterUnit,
    wrap_range: Option<u64>,
) -> Option<i128> {
    let to_the_end = wrap_range?.checked_sub(before.value)?;
    let grown = (i128::from(to_the_end) + i128::from(after.value)) * unit.microjoules();
    let length_ns = after.time_ns.saturating_sub(before.time_ns);
    // uJ per ns are kW.
    let power_w = grown as f64 / length_ns as f64 * 1e3;
    (power_w <= MAX_PLAUSIBLE_PACKAGE_W).then_some(grown)
}

/// The median distance of neighbouring times that differ, of two middle ones the longer, so that
/// one early last reading makes no gap of the interval before it; none with fewer than two times.
/// `times` in ascending order.
pub fn median_interval_ns(times: impl IntoIterator<Item = i64>) -> Option<i64> {
    let mut previous = None;
    let mut intervals = Vec::new();
    for time in times {
        if let Some(previous) = previous.replace(time)
            && time > previous
        {
            intervals.push(time.saturating_sub(previous));
        }
    }
    if intervals.is_empty() {
        return None;
    }
    let middle = intervals.len() / 2;
    Some(*intervals.select_nth_unstable(middle).1)
}

/// Wh of microjoules.
pub fn wh(energy_uj: i128) -> f64 {
    energy_uj as f64 / MICROJOULES_PER_WH
}

/// USD of electricity: energy x PUE x price.
pub fn power_cost_usd(energy_uj: i128, pue: f64, price_usd_per_kwh: f64) -> f64 {
    wh(energy_uj) / 1e3 * pue * price_usd_per_kwh
}

/// g CO2e: energy x PUE x grid intensity.
pub fn co2_g(energy_uj: i128, pue: f64, intensity_g_per_kwh: f64) -> f64 {
    wh(energy_uj) / 1e3 * pue * intensity_g_per_kwh
}
