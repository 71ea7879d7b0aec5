//! What a device draws while no test runs, and what it used above that while tests ran.

use crate::{attribution::Window, counter::Increment, device_energy::DeviceEnergy};

/// Less time without a test says too little, ns.
const LEAST_NS: i64 = 1_000_000_000;

/// The time in which any test ran.
pub(super) struct Busy {
    /// Ascending, none touching another.
    stretches: Vec<(i64, i64)>,
}

/// A device's baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Idle {
    /// Mean power over the readings between which no test ran, W.
    pub(super) power_w: f64,
    /// Of how much time, s.
    pub(super) seconds: f64,
    /// Energy while tests ran beyond what the idle power comes to in that time, microjoules; never negative.
    pub(super) above_uj: i128,
}

impl Busy {
    pub(super) fn new(tests: &[Window]) -> Self {
        let mut windows: Vec<(i64, i64)> = tests
            .iter()
            .map(|test| (test.start_ns, test.end_ns))
            .filter(|(start, end)| start < end)
            .collect();
        windows.sort_unstable();
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        for (start, end) in windows {
            match stretches.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => stretches.push((start, end)),
            }
        }
        Self { stretches }
    }

    /// How much of the increment's time tests ran, ns.
    fn within(&self, step: &Increment) -> i64 {
        let first = self.stretches.partition_point(|(_, end)| *end <= step.from_ns);
        let reached = self.stretches[first..].iter().take_while(|(start, _)| *start < step.to_ns);
        // Times may be anything: two of them may be further apart than a number of ns can say.
        let shared =
            reached.map(|(start, end)| (*end).min(step.to_ns).saturating_sub((*start).max(step.from_ns)));
        shared.fold(0, i64::saturating_add)
    }

    /// None when less than a second is known without a test, before the run's first span and between its tests.
    pub(super) fn baseline(&self, device: &DeviceEnergy) -> Option<Idle> {
        let (mut idle_uj, mut idle_ns) = (0_i128, 0_i64);
        let (mut busy_uj, mut busy_ns) = (0.0, 0_i64);
        for step in device.before.iter().chain(&device.reading.increments) {
            let length = step.to_ns.saturating_sub(step.from_ns);
            if length <= 0 {
                continue;
            }
            match self.within(step) {
                // A reading that reaches into a test tells of both.
                0 => (idle_uj, idle_ns) = (idle_uj + step.amount, idle_ns.saturating_add(length)),
                busy => {
                    busy_uj += step.amount as f64 * (busy as f64 / length as f64);
                    busy_ns = busy_ns.saturating_add(busy);
                }
            }
        }
        if idle_ns < LEAST_NS {
            return None;
        }
        // uJ per ns are kW.
        let power_w = idle_uj as f64 / idle_ns as f64 * 1e3;
        let above_uj = (busy_uj - power_w * busy_ns as f64 / 1e3).max(0.0).round() as i128;
        Some(Idle { power_w, seconds: idle_ns as f64 / 1e9, above_uj })
    }
}
