//! Energy of single LLM calls, where a call lasts longer than the sensors need to tell.
//!
//! What a test has is divided on among its calls, so that they never have more than it, whatever runs beside it.

use std::collections::BTreeSet;

use crate::{
    attribution::{Cumulated, Timeline, Window},
    device_energy::DeviceEnergy,
    energy::median_interval_ns,
};

/// A test and its calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestCalls {
    pub test: Option<Window>,
    pub calls: Vec<Window>,
}

/// The energy of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnergy {
    /// Microjoules of each call of each test, those of all devices; none for one that is shorter than the resolution,
    /// that nothing was measured in, or that is no test's. Of what a call lasts beyond its test, nothing is its.
    pub tests: Vec<Vec<Option<i128>>>,
    /// The longest time that a device needs from one change of its energy to the next, ns.
    pub resolution_ns: i64,
}

/// Divides each test's part of the devices' energy among its calls, equally among those at the same time; none when
/// no device tells of time at all. Parts of other devices are not looked at.
pub fn of_calls(devices: &[DeviceEnergy], tests: &[TestCalls]) -> Option<CallEnergy> {
    let counted: Vec<&DeviceEnergy> = devices.iter().filter(|device| !device.is_part).collect();
    let resolution_ns = counted.iter().filter_map(|device| resolution_ns(device)).max()?;
    let windows: Vec<Window> = tests.iter().filter_map(|of| of.test).collect();
    let timeline = Timeline::new(&windows);
    let calls: Vec<Vec<Window>> = tests.iter().map(TestCalls::within).collect();
    let timelines: Vec<Timeline> = calls.iter().map(|calls| Timeline::new(calls)).collect();
    let times: BTreeSet<i64> = timelines.iter().flat_map(|calls| calls.cuts()).copied().collect();
    let times: Vec<i64> = times.into_iter().collect();

    let mut energy: Vec<Vec<Option<i128>>> = calls.iter().map(|calls| vec![None; calls.len()]).collect();
    for device in counted {
        let accrued: Vec<Cumulated> = timeline.each_until(&device.reading.increments, &times);
        let until = |time: i64| accrued[times.partition_point(|at| *at < time)];
        for (energy, calls) in energy.iter_mut().zip(&timelines) {
            for (held, share) in energy.iter_mut().zip(calls.divide_accrued(until).tests) {
                if share.reached {
                    *held = Some(held.unwrap_or(0) + share.amount);
                }
            }
        }
    }
    for (energy, calls) in energy.iter_mut().zip(&calls) {
        for (energy, call) in energy.iter_mut().zip(calls) {
            *energy = energy.filter(|_| call.end_ns.saturating_sub(call.start_ns) >= resolution_ns);
        }
    }
    Some(CallEnergy { tests: energy, resolution_ns })
}

impl TestCalls {
    /// The calls as far as they are within the test.
    fn within(&self) -> Vec<Window> {
        let cut = |call: &Window| match self.test {
            Some(test) => {
                let start_ns = call.start_ns.max(test.start_ns);
                Window { start_ns, end_ns: call.end_ns.min(test.end_ns).max(start_ns) }
            }
            None => Window { start_ns: call.start_ns, end_ns: call.start_ns },
        };
        self.calls.iter().map(cut).collect()
    }
}

/// The usual time between two changes of a device's energy.
fn resolution_ns(device: &DeviceEnergy) -> Option<i64> {
    let changes = device.reading.increments.iter().filter(|step| step.amount > 0).map(|step| step.to_ns);
    median_interval_ns(changes)
}
