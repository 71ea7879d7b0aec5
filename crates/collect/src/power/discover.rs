//! Which devices there are.

use std::path::PathBuf;

use super::{
    amd,
    device::{PowerDevice, SourceKind},
    nvml, rapl,
    simulated::Simulated,
};

/// Where devices are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// NVML's library; none: the system's.
    pub nvml: Option<PathBuf>,
    /// Usually `/sys/class/drm`.
    pub drm: PathBuf,
    /// Usually `/sys/class/powercap`.
    pub powercap: PathBuf,
    /// How many simulated GPUs there are where they are asked for.
    pub simulated_gpus: u32,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            nvml: None,
            drm: "/sys/class/drm".into(),
            powercap: "/sys/class/powercap".into(),
            simulated_gpus: 1,
        }
    }
}

/// What was found.
#[derive(Default)]
pub struct Discovered {
    /// GPUs first.
    pub devices: Vec<Box<dyn PowerDevice>>,
    /// What a user should know: what is there and cannot be read, and how to change that.
    pub notes: Vec<String>,
    /// What is not there, for who asked for it by name.
    pub missing: Vec<String>,
}

/// The devices of `sources`, those of a source in the order of its own tools. A source without hardware
/// adds nothing to `devices`.
pub fn discover(sources: &[SourceKind], places: &Places) -> Discovered {
    let mut found = Discovered::default();
    for source in sources {
        let before = found.devices.len();
        match source {
            SourceKind::Nvml => match nvml::devices(places.nvml.as_deref()) {
                nvml::Found::Devices(devices, notes) => {
                    found.devices.extend(devices);
                    found.notes.extend(notes);
                }
                nvml::Found::Nothing(why) => found.missing.push(why),
                nvml::Found::Broken(why) => found.notes.push(why),
            },
            SourceKind::Amd => found.devices.extend(amd::devices(&places.drm)),
            SourceKind::Rapl => {
                let (devices, notes) = rapl::devices(&places.powercap);
                found.devices.extend(devices);
                found.notes.extend(notes);
            }
            SourceKind::Simulated => {
                let gpus = (0..places.simulated_gpus).map(Simulated::gpu);
                found.devices.extend(gpus.map(|gpu| Box::new(gpu) as Box<dyn PowerDevice>));
            }
        }
        if found.devices.len() == before {
            found.missing.push(format!("no {} device can be read here", source.as_str()));
        }
    }
    found
}
