//! The energy of one device while it is read: what has accrued so far, reading by reading.
//!
//! The same rules as [`crate::energy`], which reads a whole recording at once: counter first, else the
//! trapezoid over power; a reset or a pause is unknown, not zero. Knows no hardware and no clock.

use crate::energy::{self, CounterSample, CounterUnit, PowerSample};

/// Counts up the energy of one device. Readings come in order of time; one that is not later than the
/// one before is ignored.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// Where the device's counter starts again at 0, microjoules.
    wrap_range_uj: Option<u64>,
    /// Longest pause that power is bridged over.
    max_gap_ns: i64,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
    counter: Option<CounterSample>,
    power: Option<PowerSample>,
    counted_uj: i128,
    integrated_uj: i128,
    uncovered_ns: i64,
    resets: u64,
    /// What counter and power each say of the stretches that both cover.
    both: Option<(i128, i128)>,
    /// Counter and power as they were last read together.
    together: Option<(CounterSample, PowerSample)>,
}

impl Meter {
    /// A meter of a device whose counter wraps at `wrap_range_uj` (none: never). Pauses longer than
    /// `max_gap_ns` are not bridged where only power is known.
    pub fn new(wrap_range_uj: Option<u64>, max_gap_ns: i64) -> Self {
        Self { wrap_range_uj, max_gap_ns, ..Self::default() }
    }

    /// Takes a reading: the counter in microjoules, the power in W, either where it could be read.
    pub fn take(&mut self, time_ns: i64, counter_uj: Option<u64>, power_w: Option<f64>) {
        let power = power_w.filter(|power_w| power_w.is_finite() && *power_w >= 0.0);
        if self.last_ns.is_some_and(|last_ns| time_ns <= last_ns) || (counter_uj.is_none() && power.is_none())
        {
            return;
        }
        let counter = counter_uj.map(|value| CounterSample { time_ns, value });
        let power = power.map(|power_w| PowerSample { time_ns, power_w });
        self.first_ns.get_or_insert(time_ns);
        self.last_ns = Some(time_ns);
        self.check(counter, power);
        if let (Some(before), Some(after)) = (self.counter, counter) {
            match energy::counter_growth_uj(before, after, CounterUnit::Microjoules, self.wrap_range_uj) {
                Some(grown) => self.counted_uj += grown,
                None => {
                    self.resets += 1;
                    self.uncovered(before.time_ns, time_ns);
                }
            }
        }
        if let (Some(before), Some(after)) = (self.power, power)
            && !self.has_counter()
        {
            if time_ns.saturating_sub(before.time_ns) > self.max_gap_ns {
                self.uncovered(before.time_ns, time_ns);
            } else {
                self.integrated_uj += energy::trapezoid_uj(before, after);
            }
        }
        self.counter = counter.or(self.counter);
        self.power = power.or(self.power);
    }

    /// Compares the counter with the power over a stretch that both cover without a pause.
    fn check(&mut self, counter: Option<CounterSample>, power: Option<PowerSample>) {
        let (Some(counter), Some(power)) = (counter, power) else { return };
        let before = self.together.replace((counter, power));
        let Some((counter_before, power_before)) = before else { return };
        if counter.time_ns.saturating_sub(counter_before.time_ns) > self.max_gap_ns {
            return;
        }
        let unit = CounterUnit::Microjoules;
        if let Some(grown) = energy::counter_growth_uj(counter_before, counter, unit, self.wrap_range_uj) {
            let (counted, integrated) = self.both.get_or_insert((0, 0));
            *counted += grown;
            *integrated += energy::trapezoid_uj(power_before, power);
        }
    }

    fn uncovered(&mut self, from_ns: i64, to_ns: i64) {
        self.uncovered_ns = self.uncovered_ns.saturating_add(to_ns.saturating_sub(from_ns));
    }

    /// Whether the device's counter was ever read: its power is then only the check.
    pub fn has_counter(&self) -> bool {
        self.counter.is_some()
    }

    /// What accrued so far, microjoules.
    pub fn energy_uj(&self) -> i128 {
        self.counted_uj + self.integrated_uj
    }

    /// Time between the first and the last reading of which nothing is known, ns.
    pub fn uncovered_ns(&self) -> i64 {
        self.uncovered_ns
    }

    /// Time from the first to the last reading, ns.
    pub fn covered_ns(&self) -> i64 {
        match (self.first_ns, self.last_ns) {
            (Some(first), Some(last)) => last.saturating_sub(first).saturating_sub(self.uncovered_ns),
            _ => 0,
        }
    }

    /// How often the counter fell without wrapping.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// The counter's energy as a multiple of the integrated power over the same time; none where the
    /// device has not both, or drew nothing.
    pub fn counter_to_power(&self) -> Option<f64> {
        let (counted, integrated) = self.both?;
        (integrated > 0).then(|| counted as f64 / integrated as f64)
    }
}
