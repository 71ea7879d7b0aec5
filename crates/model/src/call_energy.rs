//! Energy of single LLM calls, where a call lasts longer than the sensors need to tell.

use crate::{
    attribution::{Timeline, Window},
    device_energy::DeviceEnergy,
    energy::median_interval_ns,
};

/// The energy of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnergy {
    /// Microjoules of each call, those of all devices; none for one that is shorter than the resolution, or that
    /// nothing was measured in. Calls at the same time share equally.
    pub calls: Vec<Option<i128>>,
    /// The longest time that a device needs from one change of its energy to the next, ns.
    pub resolution_ns: i64,
}

/// Divides the devices' energy among calls; none when no device tells of time at all. Parts of other devices are not
/// looked at.
pub fn of_calls(devices: &[DeviceEnergy], calls: &[Window]) -> Option<CallEnergy> {
    let counted: Vec<&DeviceEnergy> = devices.iter().filter(|device| !device.is_part).collect();
    let resolution_ns = counted.iter().filter_map(|device| resolution_ns(device)).max()?;
    let timeline = Timeline::new(calls);
    let mut energy: Vec<Option<i128>> = vec![None; calls.len()];
    for device in counted {
        for (held, share) in energy.iter_mut().zip(timeline.divide(&device.reading.increments).tests) {
            if share.reached {
                *held = Some(held.unwrap_or(0) + share.amount);
            }
        }
    }
    for (energy, call) in energy.iter_mut().zip(calls) {
        *energy = energy.filter(|_| call.end_ns.saturating_sub(call.start_ns) >= resolution_ns);
    }
    Some(CallEnergy { calls: energy, resolution_ns })
}

/// The usual time between two changes of a device's energy.
fn resolution_ns(device: &DeviceEnergy) -> Option<i64> {
    let changes = device.reading.increments.iter().filter(|step| step.amount > 0).map(|step| step.to_ns);
    median_interval_ns(changes)
}
