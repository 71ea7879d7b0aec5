//! What a device is, and what one reading of it says.

/// Where readings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    Nvml,
    Amd,
    Rapl,
    /// No hardware at all; said wherever its numbers are seen.
    Simulated,
}

impl SourceKind {
    pub const ALL: [Self; 4] = [Self::Nvml, Self::Amd, Self::Rapl, Self::Simulated];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nvml => "nvml",
            Self::Amd => "amd",
            Self::Rapl => "rapl",
            Self::Simulated => "simulated",
        }
    }
}

/// What kind of thing draws the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    Gpu,
    /// A processor package.
    Cpu,
    /// A part of a package: its cores, or what is beside them.
    CpuPart,
    Memory,
    /// The whole platform.
    Platform,
}

impl DeviceKind {
    /// Value of OpenTelemetry's `hw.type`.
    pub const fn hw_type(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Cpu | Self::CpuPart => "cpu",
            Self::Memory => "memory",
            Self::Platform => "enclosure",
        }
    }
}

/// What is known of a device before it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    pub source: SourceKind,
    pub kind: DeviceKind,
    /// Distinct among the devices of a machine: a GPU's UUID, else source and place.
    pub id: String,
    /// `gpu_id`: the number that the vendor's tools give it. GPUs alone have one.
    pub gpu_id: Option<String>,
    /// As the driver names it.
    pub name: String,
    /// `id` of the device whose energy has this one's in it: never add the two up.
    pub parent: Option<String>,
    /// Where the energy counter starts again at 0, microjoules; none when it does not wrap.
    pub energy_range_uj: Option<u64>,
    /// Highest power that the device is allowed, W.
    pub power_limit_w: Option<f64>,
    /// The device is split into instances (MIG); its readings are those of the whole.
    pub is_partitioned: bool,
}

/// How much is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Energy counter and power.
    Energy,
    /// All that the device tells.
    Full,
}

/// One reading. What the device does not tell is none, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// The device's own counter, microjoules; it may fall (a reset) or wrap.
    pub energy_uj: Option<u64>,
    pub power_w: Option<f64>,
    pub utilization_percent: Option<f64>,
    pub memory_used_bytes: Option<u64>,
    pub memory_total_bytes: Option<u64>,
    pub temperature_celsius: Option<f64>,
}

/// Why a device could not be read now. It may be readable again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// A device whose power can be read.
pub trait PowerDevice: Send {
    /// What it is.
    fn device(&self) -> &Device;

    /// Reads it. `now_ns` is the time of the reading on the sampler's clock; only devices that are not
    /// real look at it.
    fn read(&mut self, now_ns: i64, detail: Detail) -> Result<Reading, ReadError>;
}
