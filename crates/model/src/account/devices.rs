//! The devices of a run: which count, what each used, and what is to be said of them.

use super::{
    accounting::{DeviceFigures, Step},
    footprint::{Division, Quantity},
    idle::Busy,
};
use crate::{
    counter::{MICRO, from_units},
    device_energy::{self, DeviceEnergy, EnergyMethod, WORTH_A_WORD, Windows},
    energy,
    factors::Factors,
    gpus::Gpus,
    rows::Source,
    series::SeriesSet,
};

/// The devices with their energy during the run. What was measured counts while the run's spans last; what the
/// client reported after the last span still belongs to the run, as with its counters.
pub(super) fn of_run(
    set: &SeriesSet,
    gpus: &Gpus<'_>,
    run_start: Option<i64>,
    run_end: Option<i64>,
) -> Vec<DeviceEnergy> {
    let last_sample = set.series().iter().flat_map(|series| &series.samples).map(|s| s.time_unix_nano).max();
    let windows = Windows { own: run_start.zip(run_end), reported: run_start.zip(run_end.max(last_sample)) };
    let mut found = device_energy::of_devices(set, gpus, windows);
    if found.iter().all(|device| device.reading.increments.is_empty()) {
        found.clear();
    }
    found
}

/// What a device is called.
pub(super) fn label(device: &DeviceEnergy, division: &Division) -> String {
    match (device.gpu, &device.name) {
        (None, Some(name)) => name.clone(),
        (gpu, _) => division.label(gpu),
    }
}

/// The source of a sum: that of the part which is least measured.
pub(super) fn weakest(sources: impl Iterator<Item = Source>) -> Source {
    let rank = |source: &Source| match source {
        Source::Measured => 0,
        Source::Reported => 1,
        _ => 2,
    };
    sources.max_by_key(rank).unwrap_or_default()
}

/// Energy of the devices that are in no other one, and its division.
pub(super) fn energy_wh(found: &[DeviceEnergy], division: &Division, notes: &mut Vec<String>) -> Quantity {
    let mut quantity = Quantity {
        shares: vec![None; division.units],
        gpus: vec![None; division.gpus.count()],
        ..Quantity::default()
    };
    let counted: Vec<&DeviceEnergy> = found.iter().filter(|device| !device.is_part).collect();
    if counted.is_empty() {
        return quantity;
    }
    let mut total_uj = 0;
    let mut uncovered_ns = 0_i64;
    for device in &counted {
        let energy_uj = device.reading.energy_uj();
        total_uj += energy_uj;
        uncovered_ns = uncovered_ns.max(device.reading.uncovered_ns);
        let wh = energy::wh(energy_uj);
        let step = Step::new(label(device, division), wh, "Wh").from(device.source);
        quantity.steps.push(step.note(method(device)));
        if let Some(part) = device.gpu.and_then(|gpu| quantity.gpus.get_mut(gpu)) {
            *part = Some(part.unwrap_or(0.0) + wh);
        }
        notes.extend(remarks(device, &label(device, division)));
    }
    if uncovered_ns > 0 {
        notes.push(format!(
            "No energy reading covers {:.1} s of the run; the energy of that time is unknown and not counted.",
            uncovered_ns as f64 / 1e9
        ));
    }
    quantity.total = Some(energy::wh(total_uj));
    quantity.source = weakest(counted.iter().map(|device| device.source));
    let readings = counted.iter().map(|device| device.reading.increments.as_slice());
    division.shares(readings).finish(&mut quantity, energy::MICROJOULES_PER_WH);
    quantity
}

fn method(device: &DeviceEnergy) -> &'static str {
    match (device.method, device.source) {
        (EnergyMethod::Counter, _) => "Differences of the device's energy counter.",
        (EnergyMethod::Power, Source::Reported) => "Trapezoid over the reported power samples.",
        (EnergyMethod::Power, _) => "Trapezoid over the measured power.",
    }
}

fn remarks(device: &DeviceEnergy, label: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(ratio) = device.counter_to_power
        && (ratio - 1.0).abs() > WORTH_A_WORD
    {
        notes.push(format!(
            "{label}: the energy counter says {ratio:.2} times what the power readings add up to; the counter counts."
        ));
    }
    if device.is_partitioned {
        notes.push(format!("{label} is split into instances (MIG): its energy is that of the whole GPU."));
    }
    notes
}

/// Each device with what it used, those that are parts of another one marked.
pub(super) fn figures(found: &[DeviceEnergy], division: &Division, busy: &Busy) -> Vec<DeviceFigures> {
    let of = |device: &DeviceEnergy| {
        let energy_uj = device.reading.energy_uj();
        let factors = device.factors.as_ref();
        let covered_ns = device.reading.increments.iter().map(|step| step.to_ns.saturating_sub(step.from_ns));
        let idle = busy.baseline(device);
        DeviceFigures {
            device: label(device, division),
            kind: device.kind.clone(),
            source: device.source,
            method: device.method.as_str().into(),
            energy_wh: energy::wh(energy_uj),
            energy_j: from_units(energy_uj, MICRO),
            co2_emissions_g: factors.map(|factors| factors.co2_g(energy_uj)),
            power_cost_usd: factors.map(|factors| factors.power_cost_usd(energy_uj)),
            factors: factors.cloned(),
            covered_s: covered_ns.fold(0, i64::saturating_add) as f64 / 1e9,
            uncovered_s: device.reading.uncovered_ns as f64 / 1e9,
            counter_to_power: device.counter_to_power,
            idle_power_w: idle.map(|idle| idle.power_w),
            idle_s: idle.map(|idle| idle.seconds),
            above_idle_wh: idle.map(|idle| energy::wh(idle.above_uj)),
            is_partitioned: device.is_partitioned,
            is_part: device.is_part,
        }
    };
    found.iter().map(of).collect()
}

/// What the energy of the devices that count was turned into CO2 and cost with; each once.
pub(super) fn factors(found: &[DeviceEnergy]) -> Vec<Factors> {
    let mut distinct: Vec<Factors> = Vec::new();
    for factors in found.iter().filter(|device| !device.is_part).filter_map(|device| device.factors.as_ref())
    {
        if !distinct.contains(factors) {
            distinct.push(factors.clone());
        }
    }
    distinct
}
