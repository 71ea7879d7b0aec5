//! The energy of each device that the series of a run tell of: measured by a sampler of ours, or reported
//! by the client.
//!
//! Knows metric, unit and attribute names; how energy is computed is [`crate::energy`]'s.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::{
    counter::Increment,
    device_readings::{Quantity, Readings},
    energy::EnergyReading,
    factors::{Factors, POWER_SOURCE},
    gpus::Gpus,
    rows::Source,
    series::{Series, SeriesSet},
};

/// A gap in reported power is longer than this many median intervals of the device's readings.
pub const GAP_INTERVALS: i64 = 3;
/// A counter and the integrated power that differ by more than this share of the latter are worth a word.
pub const WORTH_A_WORD: f64 = 0.25;

/// Point attribute: where the device's energy counter starts again at 0, microjoules.
pub const RANGE_ATTRIBUTE: &str = "smoltrace.energy.range_uj";
/// Point attribute: the GPU is split into instances, and its readings are those of the whole.
pub const PARTITIONED_ATTRIBUTE: &str = "smoltrace.gpu.partitioned";

/// What a device's energy was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergyMethod {
    /// Differences of the device's energy counter.
    Counter,
    /// Trapezoid over power samples.
    Power,
}

impl EnergyMethod {
    /// `counter` or `power`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Power => "power",
        }
    }
}

/// The energy of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceEnergy {
    /// Its place in [`Gpus::all`]; none when it is no GPU, or only the series of its energy tell of it.
    pub gpu: Option<usize>,
    /// What it is called, where it is no GPU of [`Gpus::all`].
    pub name: Option<String>,
    /// `gpu`, `cpu`, `memory`, ... as `hw.type` has it.
    pub kind: String,
    /// `measured` by a sampler of ours, `simulated` by it, or `reported` by the client.
    pub source: Source,
    pub method: EnergyMethod,
    pub reading: EnergyReading,
    /// What it used before the time that counts, as far as readings tell.
    pub before: Vec<Increment>,
    /// What its energy is turned into CO2 and cost with; a sampler of ours says so.
    pub factors: Option<Factors>,
    /// The counter's energy as a multiple of the integrated power, over what both cover.
    pub counter_to_power: Option<f64>,
    /// Its readings are those of a GPU that is split into instances.
    pub is_partitioned: bool,
    /// Whether another device here has its energy in its own: such a part is never added up.
    pub is_part: bool,
}

/// The time that energy counts in, `[start, end)` in Unix ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Of what a sampler of ours measured.
    pub own: Option<(i64, i64)>,
    /// Of what the client reported.
    pub reported: Option<(i64, i64)>,
}

/// Energy of every GPU with a usable energy counter (`gen_ai.gpu.energy`, `hw.energy` of a GPU),
/// else of its power (`gen_ai.gpu.power`, `hw.power` of a GPU), and of every device that a sampler of ours
/// measured. A counter or power that was read once tells nothing.
///
/// `hw.*` series of a device that cannot be matched to a known GPU count only when the set has no
/// `gen_ai.gpu.*` power or energy: they are likely to tell of the same devices. Where a sampler of ours
/// measured GPUs, what the client reports of GPUs is left out for the same reason.
///
/// `windows` limits the result to the run: what lies outside is cut off and what no reading covers inside is
/// told. GPUs first, in their order.
pub fn of_devices(set: &SeriesSet, gpus: &Gpus<'_>, windows: Windows) -> Vec<DeviceEnergy> {
    let mut devices: BTreeMap<Key, Told<'_>> = BTreeMap::new();
    let mut resources = HashMap::new();
    let named = set.series().iter().any(|series| {
        matches!(series.info.metric.as_str(), "gen_ai.gpu.energy" | "gen_ai.gpu.power")
            && !series.samples.is_empty()
    });
    for (place, series) in set.series().iter().enumerate() {
        if !is_energy_or_power(&series.info.metric) {
            continue;
        }
        let attributes: Map<String, Value> =
            serde_json::from_str(&series.info.attributes).unwrap_or_default();
        let own = resources.entry(series.info.resource.as_str()).or_insert_with_key(|text| Own::of(text));
        let Some(quantity) = Quantity::of(series, &attributes, own.is_some()) else { continue };
        let said = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = said("hw.type").map_or_else(|| "gpu".into(), |kind| kind.to_lowercase());
        let gpu = gpus.of_series_or_only(place).filter(|_| kind == "gpu" || own.is_none());
        let key = match (gpu, &own) {
            (Some(gpu), _) => Key::Gpu(gpu),
            (None, None) if named && series.info.metric.starts_with("hw.") => continue,
            (None, own) => {
                let id = series.info.gpu_id.clone().or_else(|| said("hw.id")).unwrap_or_default();
                let host = own.as_ref().map_or(series.info.resource.as_str(), |own| own.host.as_str());
                Key::Other(format!("{id}\u{0}{host}"))
            }
        };
        let told = devices.entry(key).or_default();
        told.kinds.insert(kind);
        told.names.extend(said("hw.name"));
        told.ids.extend(said("hw.id"));
        told.parents.extend(said("hw.parent"));
        told.is_partitioned |= attributes.get(PARTITIONED_ATTRIBUTE) == Some(&Value::Bool(true));
        let readings = match own {
            Some(own) => {
                told.own.push((series, own.clone()));
                &mut told.measured
            }
            None => &mut told.reported,
        };
        match quantity {
            Quantity::Energy { uj } => readings.energy.push((series, uj)),
            Quantity::Power { w } => readings.power.push((series, w)),
        }
    }
    let mut found: Vec<(Told<'_>, DeviceEnergy)> = devices
        .into_iter()
        .filter_map(|(key, told)| told.energy(&key, windows).map(|device| (told, device)))
        .collect();
    let measures_gpus = |device: &DeviceEnergy| device.source != Source::Reported && device.kind == "gpu";
    if found.iter().any(|(_, device)| measures_gpus(device)) {
        found.retain(|(_, device)| device.source != Source::Reported);
    }
    leave_out_parts(&mut found);
    found.into_iter().map(|(_, device)| device).collect()
}

fn is_energy_or_power(metric: &str) -> bool {
    matches!(metric, "gen_ai.gpu.energy" | "gen_ai.gpu.power" | "hw.energy" | "hw.power")
}

/// Marks every device that is in another one which has energy of its own, however far up.
fn leave_out_parts(found: &mut [(Told<'_>, DeviceEnergy)]) {
    let parents: HashMap<&str, &str> = (found.iter())
        .flat_map(|(told, _)| told.ids.iter().zip(told.parents.first()))
        .map(|(id, parent)| (id.as_str(), parent.as_str()))
        .collect();
    let with_energy: BTreeSet<&str> = found
        .iter()
        .filter(|(_, device)| device.reading.energy_uj() > 0)
        .flat_map(|(told, _)| told.ids.iter().map(String::as_str))
        .collect();
    let is_part = |told: &Told<'_>| {
        let mut at = told.parents.first().map(String::as_str);
        let mut is_within = false;
        // No longer than there are devices, and none is a part of itself: hostile ones may name each other.
        for _ in 0..=found.len() {
            let Some(parent) = at else { return is_within };
            if told.ids.contains(parent) {
                return false;
            }
            is_within |= with_energy.contains(parent);
            at = parents.get(parent).copied();
        }
        false
    };
    let parts: Vec<bool> = found.iter().map(|(told, _)| is_part(told)).collect();
    for ((_, device), is_part) in found.iter_mut().zip(parts) {
        device.is_part = is_part;
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Gpu(usize),
    /// Told apart by device id and by host, or by resource where no sampler of ours names the host.
    Other(String),
}

/// What a sampler of ours says in its resource.
#[derive(Clone)]
struct Own {
    host: String,
    source: Source,
    factors: Option<Factors>,
}

impl Own {
    /// None when it is not one of ours.
    fn of(resource: &str) -> Option<Self> {
        if !resource.contains(POWER_SOURCE) {
            return None;
        }
        let resource: Map<String, Value> = serde_json::from_str(resource).ok()?;
        let source = resource.get(POWER_SOURCE)?.as_str()?;
        let host = resource.get("host.name").and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            host: host.to_owned(),
            source: if source == "simulated" { Source::Simulated } else { Source::Measured },
            factors: Factors::from_attributes(&resource),
        })
    }
}

/// All that is told of one device.
#[derive(Default)]
struct Told<'a> {
    kinds: BTreeSet<String>,
    names: BTreeSet<String>,
    ids: BTreeSet<String>,
    parents: BTreeSet<String>,
    is_partitioned: bool,
    own: Vec<(&'a Series, Own)>,
    measured: Readings<'a>,
    reported: Readings<'a>,
}

impl Told<'_> {
    fn energy(&self, key: &Key, windows: Windows) -> Option<DeviceEnergy> {
        let measured = self.measured.energy().map(|energy| (energy, windows.own));
        let is_own = measured.is_some();
        let ((method, reading, counter_to_power), window) =
            measured.or_else(|| Some((self.reported.energy()?, windows.reported)))?;
        let (before, reading) = match window {
            Some((start, end)) => {
                let whole = reading.increments.iter().filter(|step| step.to_ns <= start);
                (whole.copied().collect(), reading.within(start, end))
            }
            None => (Vec::new(), reading),
        };
        // Of several samplers the one whose series come first by identity, whatever came first.
        let own = self.own.iter().filter(|_| is_own).min_by_key(|(series, _)| series.info.identity());
        let simulated = self.own.iter().any(|(_, own)| own.source == Source::Simulated);
        let gpu = match key {
            Key::Gpu(gpu) => Some(*gpu),
            Key::Other(_) => None,
        };
        Some(DeviceEnergy {
            gpu,
            name: self.names.first().filter(|_| gpu.is_none()).cloned(),
            kind: self.kinds.first().cloned().unwrap_or_default(),
            source: match (is_own, simulated) {
                (false, _) => Source::Reported,
                (true, false) => Source::Measured,
                (true, true) => Source::Simulated,
            },
            method,
            reading,
            before,
            factors: own.and_then(|(_, own)| own.factors.clone()),
            counter_to_power,
            is_partitioned: self.is_partitioned,
            is_part: false,
        })
    }
}
