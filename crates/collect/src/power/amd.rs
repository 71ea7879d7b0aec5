//! AMD GPUs by what the amdgpu driver publishes under `/sys/class/drm`.

use std::path::{Path, PathBuf};

use super::{
    device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind},
    sysfs::{entries, name, number, text},
};

const VENDOR: &str = "0x1002";

/// The AMD GPUs under `drm` (`/sys/class/drm`) that tell their power or energy.
pub(super) fn devices(drm: &Path) -> Vec<Box<dyn PowerDevice>> {
    entries(drm, "card")
        .iter()
        // card0, not its outputs (card0-DP-1).
        .filter(|card| name(card).is_some_and(|name| name[4..].bytes().all(|byte| byte.is_ascii_digit())))
        .map(|card| card.join("device"))
        .filter(|folder| text(&folder.join("vendor")).is_ok_and(|vendor| vendor == VENDOR))
        .filter_map(|folder| AmdGpu::find(&folder))
        .enumerate()
        .map(|(number, mut gpu)| {
            gpu.device.gpu_id = Some(number.to_string());
            Box::new(gpu) as Box<dyn PowerDevice>
        })
        .collect()
}

struct AmdGpu {
    device: Device,
    folder: PathBuf,
    /// uJ, of those that count energy.
    energy: Option<PathBuf>,
    /// uW: the mean over the driver's own interval, or of the moment.
    power: Option<PathBuf>,
    /// Thousandths of a degree Celsius.
    temperature: PathBuf,
}

impl AmdGpu {
    fn find(folder: &Path) -> Option<Self> {
        let hwmons = entries(&folder.join("hwmon"), "hwmon");
        let of = |names: &[&str]| {
            let mut paths = names.iter().flat_map(|name| hwmons.iter().map(move |hwmon| hwmon.join(name)));
            paths.find(|path| path.exists())
        };
        let (energy, power) = (of(&["energy1_input"]), of(&["power1_average", "power1_input"]));
        if energy.is_none() && power.is_none() {
            return None;
        }
        let said = |file: &str| text(&folder.join(file)).ok().filter(|text| !text.is_empty());
        let place = folder.canonicalize().ok();
        let place = place.as_deref().and_then(name).unwrap_or("device").to_owned();
        let model = || format!("AMD GPU {}", said("device").unwrap_or_default()).trim().to_owned();
        let device = Device {
            source: SourceKind::Amd,
            kind: DeviceKind::Gpu,
            id: said("unique_id").map_or_else(|| format!("amd-{place}"), |id| format!("GPU-{id}")),
            gpu_id: None,
            name: said("product_name").unwrap_or_else(model),
            parent: None,
            energy_range_uj: None,
            power_limit_w: of(&["power1_cap"]).and_then(|path| number(&path).ok()).map(|uw| uw as f64 / 1e6),
            is_partitioned: said("current_compute_partition").is_some_and(|mode| mode != "SPX"),
        };
        let temperature = of(&["temp1_input"]).unwrap_or_else(|| folder.join("temp1_input"));
        Some(Self { device, folder: folder.to_owned(), energy, power, temperature })
    }
}

impl PowerDevice for AmdGpu {
    fn device(&self) -> &Device {
        &self.device
    }

    fn read(&mut self, _now_ns: i64, detail: Detail) -> Result<Reading, ReadError> {
        let energy = self.energy.as_deref().map(number);
        let power = self.power.as_deref().map(number);
        let mut reading = Reading {
            energy_uj: energy.as_ref().and_then(|read| read.as_ref().ok()).copied(),
            power_w: power.as_ref().and_then(|read| read.as_ref().ok()).map(|uw| *uw as f64 / 1e6),
            ..Reading::default()
        };
        if reading.energy_uj.is_none() && reading.power_w.is_none() {
            let error = energy.and_then(Result::err).or(power.and_then(Result::err));
            let error = error.map_or_else(|| "no power".into(), |error| error.to_string());
            return Err(ReadError(format!("{}: {error}", self.folder.display())));
        }
        if detail == Detail::Full {
            let of = |file: &str| number(&self.folder.join(file)).ok();
            reading.utilization_percent = of("gpu_busy_percent").map(|percent| percent as f64);
            reading.memory_used_bytes = of("mem_info_vram_used");
            reading.memory_total_bytes = of("mem_info_vram_total");
            let celsius = text(&self.temperature).ok().and_then(|text| text.parse::<f64>().ok());
            reading.temperature_celsius = celsius.map(|thousandths| thousandths / 1e3);
        }
        Ok(reading)
    }
}
