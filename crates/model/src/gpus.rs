//! The GPU metrics that SMOLTRACE publishes, and which GPUs a set of series tells of.
//!
//! Knows attribute and resource names; no totals, no rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::{
    rows::Instrument,
    series::{SeriesInfo, SeriesSet},
};

/// The seven metrics behind the published metrics dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GpuMetric {
    Co2Emissions,
    PowerCost,
    Utilization,
    MemoryUsed,
    MemoryTotal,
    Temperature,
    Power,
}

impl GpuMetric {
    /// In the order of the published columns.
    pub const ALL: [Self; 7] = [
        Self::Co2Emissions,
        Self::PowerCost,
        Self::Utilization,
        Self::MemoryUsed,
        Self::MemoryTotal,
        Self::Temperature,
        Self::Power,
    ];

    /// Metric name as emitted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Co2Emissions => "gen_ai.co2.emissions",
            Self::PowerCost => "gen_ai.power.cost",
            Self::Utilization => "gen_ai.gpu.utilization",
            Self::MemoryUsed => "gen_ai.gpu.memory.used",
            Self::MemoryTotal => "gen_ai.gpu.memory.total",
            Self::Temperature => "gen_ai.gpu.temperature",
            Self::Power => "gen_ai.gpu.power",
        }
    }

    /// Column of the published metrics dataset; its name ends in the unit.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Co2Emissions => "co2_emissions_gco2e",
            Self::PowerCost => "power_cost_usd",
            Self::Utilization => "gpu_utilization_percent",
            Self::MemoryUsed => "gpu_memory_used_mib",
            Self::MemoryTotal => "gpu_memory_total_mib",
            Self::Temperature => "gpu_temperature_celsius",
            Self::Power => "gpu_power_watts",
        }
    }

    /// Unit of the column.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Co2Emissions => "gCO2e",
            Self::PowerCost => "USD",
            Self::Utilization => "%",
            Self::MemoryUsed | Self::MemoryTotal => "MiB",
            Self::Temperature => "Cel",
            Self::Power => "W",
        }
    }

    /// Whether it is counted up; the others are gauges.
    pub const fn is_counter(self) -> bool {
        matches!(self, Self::Co2Emissions | Self::PowerCost)
    }

    /// The metric of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// The metric of a series; a distribution is none of the seven.
    pub fn of(info: &SeriesInfo) -> Option<Self> {
        matches!(info.instrument, Instrument::Gauge | Instrument::Sum)
            .then(|| Self::from_name(&info.metric))
            .flatten()
    }
}

/// One GPU. Ordered as rows are: by id, numbers before names, then by host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gpu<'a> {
    /// The id as a number; ids that are none come last.
    number: u64,
    /// `gpu_id`, else its UUID.
    pub gpu_id: &'a str,
    key: String,
    /// `gpu_name` of any of its series; of several the first in alphabetical order.
    pub gpu_name: Option<&'a str>,
}

/// The GPUs of a set, and which GPU each series is of.
///
/// A GPU is told apart by its UUID attribute where one of its series has it, else by `gpu_id`
/// within the host that the resource names (`host.id`, else `host.name`): GPU 0 of two hosts
/// are two GPUs. Only series of the seven metrics make a GPU.
#[derive(Debug, Clone, Default)]
pub struct Gpus<'a> {
    gpus: Vec<Gpu<'a>>,
    of_series: Vec<Option<usize>>,
}

/// Attributes that carry a GPU's UUID.
const UUID_ATTRIBUTES: [&str; 4] = ["gpu_uuid", "gpu.uuid", "hw.gpu.uuid", "UUID"];

impl<'a> Gpus<'a> {
    /// Finds the GPUs; every series that names one of them gets its place, of whatever metric.
    pub fn of(set: &'a SeriesSet) -> Self {
        let mut hosts = HashMap::new();
        let named: Vec<Option<Named<'a>>> =
            set.series().iter().map(|series| Named::of(&series.info, &mut hosts)).collect();

        // Some metrics of a GPU carry its UUID and some only its id.
        let mut uuids: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
        for named in named.iter().flatten() {
            if let (Some(uuid), Some(id)) = (named.uuid, named.id) {
                uuids.entry((&named.host, id)).or_default().insert(uuid);
            }
        }
        let keys: Vec<Option<String>> = named
            .iter()
            .map(|named| {
                let named = named.as_ref()?;
                let by_id = || {
                    let known = uuids.get(&(named.host.as_str(), named.id?))?;
                    known.first().copied().filter(|_| known.len() == 1)
                };
                Some(match named.uuid.or_else(by_id) {
                    Some(uuid) => format!("uuid {uuid}"),
                    None => format!("id {}\u{0}{}", named.host, named.id.unwrap_or_default()),
                })
            })
            .collect();

        let mut found: BTreeMap<&str, Seen<'a>> = BTreeMap::new();
        for (series, key) in set.series().iter().zip(&keys) {
            if let Some(key) = key
                && GpuMetric::of(&series.info).is_some()
            {
                found.entry(key).or_default();
            }
        }
        for ((series, key), named) in set.series().iter().zip(&keys).zip(&named) {
            if let (Some(key), Some(named)) = (key, named)
                && let Some(seen) = found.get_mut(key.as_str())
            {
                least(&mut seen.id, named.id);
                least(&mut seen.uuid, named.uuid);
                least(&mut seen.name, series.info.gpu_name.as_deref().filter(|name| !name.is_empty()));
            }
        }
        let mut gpus: Vec<Gpu<'a>> = found
            .into_iter()
            .map(|(key, seen)| {
                let gpu_id = seen.id.or(seen.uuid).unwrap_or_default();
                Gpu {
                    number: gpu_id.parse().unwrap_or(u64::MAX),
                    gpu_id,
                    key: key.to_owned(),
                    gpu_name: seen.name,
                }
            })
            .collect();
        gpus.sort();
        let places: HashMap<&str, usize> =
            gpus.iter().enumerate().map(|(place, gpu)| (gpu.key.as_str(), place)).collect();
        let of_series = keys.iter().map(|key| places.get(key.as_deref()?).copied()).collect();
        Self { gpus, of_series }
    }

    /// The GPUs, in the order of rows.
    pub fn all(&self) -> &[Gpu<'a>] {
        &self.gpus
    }

    /// How many GPUs.
    pub fn count(&self) -> usize {
        self.gpus.len()
    }

    /// The place in [`Self::all`] of the GPU that the set's n-th series names; none for a
    /// host-level series.
    pub fn of_series(&self, series: usize) -> Option<usize> {
        self.of_series.get(series).copied().flatten()
    }

    /// As [`Self::of_series`], but a host-level series belongs to the only GPU when there is one.
    pub fn of_series_or_only(&self, series: usize) -> Option<usize> {
        self.of_series(series).or((self.gpus.len() == 1).then_some(0))
    }
}

/// What all series of a GPU say of it.
#[derive(Default)]
struct Seen<'a> {
    id: Option<&'a str>,
    uuid: Option<&'a str>,
    name: Option<&'a str>,
}

/// What a series says of its GPU.
struct Named<'a> {
    host: String,
    id: Option<&'a str>,
    uuid: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn of(info: &'a SeriesInfo, hosts: &mut HashMap<&'a str, String>) -> Option<Self> {
        let id = info.gpu_id.as_deref().filter(|id| !id.is_empty());
        let uuid = uuid(&info.attributes);
        if id.is_none() && uuid.is_none() {
            return None;
        }
        let host = hosts.entry(&info.resource).or_insert_with(|| host(&info.resource)).clone();
        Some(Self { host, id, uuid })
    }
}

/// The UUID as it stands in the attributes' text; one that is written with escapes is no UUID.
fn uuid(attributes: &str) -> Option<&str> {
    if !UUID_ATTRIBUTES.iter().any(|name| attributes.contains(name)) {
        return None;
    }
    let values = object(attributes)?;
    let uuid = UUID_ATTRIBUTES.iter().find_map(|name| values.get(*name)?.as_str())?;
    let at = attributes.find(uuid).filter(|_| !uuid.is_empty())?;
    attributes.get(at..at + uuid.len())
}

fn host(resource: &str) -> String {
    object(resource)
        .and_then(|resource| {
            ["host.id", "host.name"].iter().find_map(|name| Some(resource.get(*name)?.as_str()?.to_owned()))
        })
        .unwrap_or_default()
}

fn object(json: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(json).ok()
}

fn least<'a>(held: &mut Option<&'a str>, other: Option<&'a str>) {
    *held = match (*held, other) {
        (Some(held), Some(other)) => Some(held.min(other)),
        (held, other) => held.or(other),
    };
}
