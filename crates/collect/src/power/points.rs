//! Readings as series of metrics: under the published names for GPUs, under OpenTelemetry's for all.

use std::sync::Arc;

use serde_json::{Map, Value};
use smoltrace_model::{
    factors::{Factors, POWER_SOURCE},
    rows::{Instrument, PointRow, Temporality},
    series::{Sample, SeriesInfo, SeriesSet},
};
use smoltrace_otlp::{json::canonical_object, scope_json};

use super::{
    device::{Detail, Device, DeviceKind, SourceKind},
    ring::PowerSample,
};

const SERVICE: &str = "smoltrace-power";
pub(super) const SCOPE: &str = "smoltrace.power";

/// What the series say of where they are from.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub run_id: String,
    /// Name of the machine: GPU 0 of two machines are two GPUs.
    pub host: Option<String>,
    /// What the energy is turned into CO2 and cost with; none: neither is told.
    pub factors: Option<Factors>,
}

/// Under which names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointForm {
    /// For our own tables: each quantity once.
    Once,
    /// Likewise, of a run that is recorded from start to end: its counters begin with the sampler, so that what devices
    /// used between two recordings of a run is not the run's.
    Recorded,
    /// For others: what a GPU tells also as `hw.*`.
    Both,
}

/// The rows of samples, sealed. See [`series`].
pub fn points(
    resource: &Resource,
    devices: &[Device],
    start_unix_nano: i64,
    samples: &[Arc<PowerSample>],
    form: PointForm,
) -> Vec<PointRow> {
    series(resource, devices, start_unix_nano, samples, form).into_points(&resource.run_id)
}

/// The series of samples. `hw.energy` is the device's own counter in J, as it reads: it may fall. It has a start time
/// only where the form says so.
/// `gen_ai.co2.emissions` and `gen_ai.power.cost` count what devices used since `start_unix_nano`, those
/// left out whose energy is in another one's.
pub(super) fn series(
    resource: &Resource,
    devices: &[Device],
    start_unix_nano: i64,
    samples: &[Arc<PowerSample>],
    form: PointForm,
) -> SeriesSet {
    let mut set = SeriesSet::default();
    for (place, device) in devices.iter().enumerate() {
        let mut writer = Writer::new(resource, devices, device, start_unix_nano, &mut set);
        for sample in samples {
            for read in sample.devices.iter().filter(|read| read.device == place) {
                writer.add(sample, &read.reading, read.energy_uj, form);
            }
        }
    }
    set
}

struct Writer<'a> {
    set: &'a mut SeriesSet,
    /// Without metric, unit and type.
    info: SeriesInfo,
    is_gpu: bool,
    factors: Option<&'a Factors>,
    start_unix_nano: i64,
    slots: Vec<(&'static str, usize)>,
}

impl<'a> Writer<'a> {
    fn new(
        resource: &'a Resource,
        devices: &[Device],
        device: &Device,
        start_unix_nano: i64,
        set: &'a mut SeriesSet,
    ) -> Self {
        let is_within = |parent: &String| devices.iter().any(|other| other.id == *parent);
        let counts = !device.parent.as_ref().is_some_and(is_within);
        let info = SeriesInfo {
            service: SERVICE.into(),
            gpu_id: device.gpu_id.clone(),
            gpu_name: device.gpu_id.as_ref().map(|_| device.name.clone()),
            attributes: canonical_object(&attributes(device)),
            resource: canonical_object(&resource.attributes(device.source)),
            scope: scope_json(SCOPE, env!("CARGO_PKG_VERSION"), Map::new()),
            ..SeriesInfo::default()
        };
        Self {
            set,
            info,
            is_gpu: device.kind == DeviceKind::Gpu,
            factors: resource.factors.as_ref().filter(|_| counts),
            start_unix_nano,
            slots: Vec::new(),
        }
    }

    fn add(
        &mut self,
        sample: &PowerSample,
        reading: &super::device::Reading,
        energy_uj: i128,
        form: PointForm,
    ) {
        let at = sample.time_unix_nano;
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        if let Some(uj) = reading.energy_uj {
            let start = if form == PointForm::Recorded { self.start_unix_nano } else { 0 };
            self.push("hw.energy", "J", Some(start), at, uj as f64 / 1e6);
        }
        self.gauge("hw.power", "W", at, reading.power_w);
        if sample.detail != Detail::Full {
            return;
        }
        if let Some(factors) = self.factors {
            let start = Some(self.start_unix_nano);
            self.push("gen_ai.co2.emissions", "gCO2e", start, at, factors.co2_g(energy_uj));
            self.push("gen_ai.power.cost", "USD", start, at, factors.power_cost_usd(energy_uj));
        }
        if !self.is_gpu {
            return;
        }
        self.gauge("gen_ai.gpu.power", "W", at, reading.power_w);
        self.gauge("gen_ai.gpu.utilization", "%", at, reading.utilization_percent);
        self.gauge("gen_ai.gpu.memory.used", "MiB", at, reading.memory_used_bytes.map(mib));
        self.gauge("gen_ai.gpu.memory.total", "MiB", at, reading.memory_total_bytes.map(mib));
        self.gauge("gen_ai.gpu.temperature", "Cel", at, reading.temperature_celsius);
        if form == PointForm::Both {
            self.gauge("hw.gpu.utilization", "1", at, reading.utilization_percent.map(|value| value / 100.0));
            self.gauge("hw.gpu.memory.usage", "By", at, reading.memory_used_bytes.map(|bytes| bytes as f64));
            self.gauge("hw.gpu.memory.limit", "By", at, reading.memory_total_bytes.map(|bytes| bytes as f64));
            self.gauge("hw.temperature", "Cel", at, reading.temperature_celsius);
        }
    }

    fn gauge(&mut self, metric: &'static str, unit: &str, at: i64, value: Option<f64>) {
        if let Some(value) = value {
            self.push(metric, unit, None, at, value);
        }
    }

    /// `start` makes it a counter; 0: since nobody knows when.
    fn push(&mut self, metric: &'static str, unit: &str, start: Option<i64>, at: i64, value: f64) {
        let known = self.slots.iter().find(|(name, _)| *name == metric);
        let slot = match known {
            Some((_, slot)) => *slot,
            None => {
                let mut info = SeriesInfo { metric: metric.into(), unit: unit.into(), ..self.info.clone() };
                if start.is_some() {
                    info.instrument = Instrument::Sum;
                    info.temporality = Temporality::Cumulative;
                    info.monotonic = true;
                }
                let slot = self.set.slot(info);
                self.slots.push((metric, slot));
                slot
            }
        };
        let sample = Sample { start_time_unix_nano: start.unwrap_or(0), time_unix_nano: at, value };
        self.set.push(slot, sample);
    }
}

impl Resource {
    fn attributes(&self, source: SourceKind) -> Map<String, Value> {
        let mut attributes = self.factors.as_ref().map(Factors::attributes).unwrap_or_default();
        let mut say = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
        say("service.name", SERVICE.into());
        say("run.id", self.run_id.as_str().into());
        say(POWER_SOURCE, source.as_str().into());
        if let Some(host) = &self.host {
            say("host.name", host.as_str().into());
        }
        if source == SourceKind::Simulated {
            say("smoltrace.simulated", true.into());
        }
        attributes
    }
}

fn attributes(device: &Device) -> Map<String, Value> {
    let mut attributes = Map::new();
    let mut say = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
    say("hw.id", device.id.as_str().into());
    say("hw.name", device.name.as_str().into());
    say("hw.type", device.kind.hw_type().into());
    if let Some(parent) = &device.parent {
        say("hw.parent", parent.as_str().into());
    }
    if let Some(gpu_id) = &device.gpu_id {
        say("gpu_id", gpu_id.as_str().into());
        say("gpu_name", device.name.as_str().into());
        say("gpu_uuid", device.id.as_str().into());
    }
    if let Some(range) = device.energy_range_uj {
        say(smoltrace_model::device_energy::RANGE_ATTRIBUTE, range.into());
    }
    if device.is_partitioned {
        say(smoltrace_model::device_energy::PARTITIONED_ATTRIBUTE, true.into());
    }
    attributes
}
