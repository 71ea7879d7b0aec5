//! Processor packages and memory by RAPL, as the kernel's powercap tree has them.
//!
//! The domains nest: a platform (psys) has the packages and the memory in it, a package its cores and what
//! is beside them; memory stands beside its package. Each names the one that it is in, so that nobody adds
//! the two up.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind},
    sysfs::{entries, name, number, text},
};

/// The RAPL domains under `powercap` (`/sys/class/powercap`), and for those that are there but may not be
/// read a sentence that says what to do.
pub(super) fn devices(powercap: &Path) -> (Vec<Box<dyn PowerDevice>>, Vec<String>) {
    let mut zones = Vec::new();
    // The same counters show up a second time as intel-rapl-mmio.
    for folder in entries(powercap, "intel-rapl:") {
        zones.extend(Zone::find(&folder));
        // Some trees nest the parts of a package instead of putting them beside it.
        for part in entries(&folder, "intel-rapl:") {
            let is_beside = name(&part).is_some_and(|name| powercap.join(name).exists());
            zones.extend((!is_beside).then(|| Zone::find(&part)).flatten());
        }
    }
    let platform = zones.iter().find(|zone| zone.kind() == DeviceKind::Platform).map(Zone::id);
    let mut devices: Vec<Box<dyn PowerDevice>> = Vec::new();
    let mut denied = Vec::new();
    for zone in &zones {
        match number(&zone.folder.join("energy_uj")) {
            Ok(_) => devices.push(Box::new(Domain {
                device: zone.device(platform.as_deref()),
                energy: zone.folder.join("energy_uj"),
            })),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied.push(zone.label.clone()),
            Err(_) => {}
        }
    }
    let mut notes = Vec::new();
    if !denied.is_empty() {
        notes.push(format!(
            "RAPL: no permission to read the energy of {}; the kernel keeps it for root. Run as root, or allow it \
             until the next start: sudo chmod a+r {}/intel-rapl:*/energy_uj",
            denied.join(", "),
            powercap.display()
        ));
    }
    (devices, notes)
}

struct Zone {
    folder: PathBuf,
    /// intel-rapl:0:1
    key: String,
    /// package-0, core, uncore, dram, psys
    label: String,
}

impl Zone {
    fn find(folder: &Path) -> Option<Self> {
        let label = text(&folder.join("name")).ok().filter(|label| !label.is_empty())?;
        folder.join("energy_uj").exists().then(|| Self {
            folder: folder.to_owned(),
            key: name(folder).unwrap_or_default().to_owned(),
            label,
        })
    }

    fn id(&self) -> String {
        id(&self.key)
    }

    fn kind(&self) -> DeviceKind {
        match self.label.as_str() {
            "psys" => DeviceKind::Platform,
            "dram" => DeviceKind::Memory,
            label if label.starts_with("package") => DeviceKind::Cpu,
            _ => DeviceKind::CpuPart,
        }
    }

    fn device(&self, platform: Option<&str>) -> Device {
        let kind = self.kind();
        let within = self.key.rsplit_once(':').map(|(package, _)| package);
        let package = within.filter(|package| package.contains(':'));
        let parent = match kind {
            DeviceKind::Platform => None,
            DeviceKind::CpuPart => package.map(id).or(platform.map(str::to_owned)),
            _ => platform.map(str::to_owned),
        };
        let number = package.unwrap_or(&self.key).rsplit(':').next().unwrap_or("0");
        Device {
            source: SourceKind::Rapl,
            kind,
            id: self.id(),
            gpu_id: None,
            name: match kind {
                DeviceKind::Cpu | DeviceKind::Platform => format!("CPU {}", self.label),
                _ => format!("CPU {} of package {number}", self.label),
            },
            parent,
            energy_range_uj: self::number(&self.folder.join("max_energy_range_uj")).ok(),
            power_limit_w: None,
            is_partitioned: false,
        }
    }
}

fn id(key: &str) -> String {
    key.replacen("intel-rapl", "rapl", 1)
}

struct Domain {
    device: Device,
    energy: PathBuf,
}

impl PowerDevice for Domain {
    fn device(&self) -> &Device {
        &self.device
    }

    fn read(&mut self, _now_ns: i64, _detail: Detail) -> Result<Reading, ReadError> {
        let energy = number(&self.energy);
        let energy = energy.map_err(|error| ReadError(format!("{}: {error}", self.energy.display())))?;
        Ok(Reading { energy_uj: Some(energy), ..Reading::default() })
    }
}
