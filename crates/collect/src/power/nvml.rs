//! NVIDIA GPUs through NVML, the driver's own library, loaded when it is there.

use std::{
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use nvml_wrapper::{Nvml, enum_wrappers::device::TemperatureSensor, error::NvmlError};

use super::device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind};

/// What NVML gives: its devices, or why there are none. A library that is not there is no error.
pub(super) enum Found {
    Devices(Vec<Box<dyn PowerDevice>>, Vec<String>),
    /// There is no NVIDIA driver here.
    Nothing(String),
    /// There is one, and it does not work.
    Broken(String),
}

/// The GPUs that NVML knows. `library` is loaded instead of the system's when given.
pub(super) fn devices(library: Option<&Path>) -> Found {
    let library = match Library::open(library) {
        Ok(library) => Arc::new(library),
        Err(error @ (NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound)) => {
            return Found::Nothing(format!("NVML: {error}"));
        }
        Err(error) => return Found::Broken(format!("NVML: {error}")),
    };
    let nvml = library.current();
    let count = match nvml.device_count() {
        Ok(count) => count,
        Err(error) => return Found::Broken(format!("NVML: the GPUs cannot be counted: {error}")),
    };
    let mut devices: Vec<Box<dyn PowerDevice>> = Vec::new();
    let mut notes = Vec::new();
    for index in 0..count {
        match describe(&nvml, index) {
            Ok(device) => {
                if device.is_partitioned {
                    notes.push(format!(
                        "GPU {index} is split into MIG instances; its power and energy are those of the whole GPU"
                    ));
                }
                devices.push(Box::new(NvmlGpu { library: library.clone(), index, device }));
            }
            Err(error) => notes.push(format!("NVML: GPU {index} is left out: {error}")),
        }
    }
    Found::Devices(devices, notes)
}

fn describe(nvml: &Nvml, index: u32) -> Result<Device, NvmlError> {
    let gpu = nvml.device_by_index(index)?;
    let limit = gpu.enforced_power_limit().or_else(|_| gpu.power_management_limit());
    Ok(Device {
        source: SourceKind::Nvml,
        kind: DeviceKind::Gpu,
        id: gpu.uuid().unwrap_or_else(|_| format!("nvml-{index}")),
        gpu_id: Some(index.to_string()),
        name: gpu.name().unwrap_or_else(|_| "NVIDIA GPU".into()),
        parent: None,
        energy_range_uj: None,
        power_limit_w: limit.ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
        // 1 is enabled.
        is_partitioned: gpu.mig_mode().is_ok_and(|mode| mode.current == 1),
    })
}

/// The loaded library. It is loaded again when the driver was.
struct Library {
    path: Option<OsString>,
    current: Mutex<Arc<Nvml>>,
}

impl Library {
    fn open(path: Option<&Path>) -> Result<Self, NvmlError> {
        let path = path.map(|path| path.as_os_str().to_owned());
        Ok(Self { current: Mutex::new(Arc::new(Self::load(path.as_ref())?)), path })
    }

    fn load(path: Option<&OsString>) -> Result<Nvml, NvmlError> {
        match path {
            Some(path) => Nvml::builder().lib_path(path).init(),
            // The name without version is only there where the driver's development files are.
            None => Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init().or_else(|_| Nvml::init()),
        }
    }

    fn current(&self) -> Arc<Nvml> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins again after the driver did; what cannot be begun yet is tried again with the next reading.
    fn restart(&self, failed: &Arc<Nvml>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Another device of this library may have done it.
        if Arc::ptr_eq(&current, failed)
            && let Ok(nvml) = Self::load(self.path.as_ref())
        {
            *current = Arc::new(nvml);
        }
    }
}

struct NvmlGpu {
    library: Arc<Library>,
    index: u32,
    device: Device,
}

impl NvmlGpu {
    fn try_read(&self, nvml: &Nvml, detail: Detail) -> Result<Reading, NvmlError> {
        let gpu = nvml.device_by_index(self.index)?;
        let energy = supported(gpu.total_energy_consumption())?;
        let power = supported(gpu.power_usage())?;
        if energy.is_none() && power.is_none() {
            return Err(NvmlError::NotSupported);
        }
        let mut reading = Reading {
            energy_uj: energy.map(|millijoules| millijoules.saturating_mul(1000)),
            power_w: power.map(|milliwatts| f64::from(milliwatts) / 1e3),
            ..Reading::default()
        };
        if detail == Detail::Full {
            reading.utilization_percent = gpu.utilization_rates().ok().map(|rates| f64::from(rates.gpu));
            let celsius = gpu.temperature(TemperatureSensor::Gpu);
            reading.temperature_celsius = celsius.ok().map(f64::from);
            if let Ok(memory) = gpu.memory_info() {
                reading.memory_used_bytes = Some(memory.used);
                reading.memory_total_bytes = Some(memory.total);
            }
        }
        Ok(reading)
    }
}

/// What a GPU cannot tell is none; anything else that fails is a failure.
fn supported<T>(read: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(NvmlError::NotSupported | NvmlError::NoData | NvmlError::FailedToLoadSymbol(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl PowerDevice for NvmlGpu {
    fn device(&self) -> &Device {
        &self.device
    }

    fn read(&mut self, _now_ns: i64, detail: Detail) -> Result<Reading, ReadError> {
        let nvml = self.library.current();
        self.try_read(&nvml, detail).map_err(|error| {
            if matches!(
                error,
                NvmlError::Uninitialized
                    | NvmlError::DriverNotLoaded
                    | NvmlError::LibRmVersionMismatch
                    | NvmlError::GpuLost
                    | NvmlError::Unknown
            ) {
                self.library.restart(&nvml);
            }
            ReadError(format!("GPU {}: {error}", self.index))
        })
    }
}
