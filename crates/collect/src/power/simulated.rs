//! A device without hardware, for demonstrations: a load that comes and goes, its energy the exact
//! integral of its power. Everything it says is labelled simulated.

use std::f64::consts::TAU;

use super::device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind};

const IDLE_W: f64 = 70.0;
const SWING_W: f64 = 230.0;
const PERIOD_S: f64 = 20.0;
const MEMORY_BYTES: u64 = 80 << 30;

/// A simulated GPU.
#[derive(Debug, Clone)]
pub struct Simulated {
    device: Device,
    /// Shifts its load against that of the others, in parts of a period.
    phase: f64,
}

impl Simulated {
    /// The simulated GPU with this number.
    pub fn gpu(number: u32) -> Self {
        let device = Device {
            source: SourceKind::Simulated,
            kind: DeviceKind::Gpu,
            id: format!("simulated-gpu-{number}"),
            gpu_id: Some(number.to_string()),
            name: "Simulated GPU".into(),
            parent: None,
            energy_range_uj: None,
            power_limit_w: Some(350.0),
            is_partitioned: false,
        };
        Self { device, phase: f64::from(number) / 4.0 }
    }

    /// Share of its capacity that is in use at a moment, 0 to 1.
    fn load(&self, seconds: f64) -> f64 {
        0.5 - 0.5 * (TAU * (seconds / PERIOD_S + self.phase)).cos()
    }

    /// Power integrated from 0 on, J.
    fn energy_j(&self, seconds: f64) -> f64 {
        let wave = |seconds: f64| PERIOD_S / TAU * (TAU * (seconds / PERIOD_S + self.phase)).sin();
        (IDLE_W + SWING_W / 2.0) * seconds - SWING_W / 2.0 * (wave(seconds) - wave(0.0))
    }
}

impl PowerDevice for Simulated {
    fn device(&self) -> &Device {
        &self.device
    }

    fn read(&mut self, now_ns: i64, _detail: Detail) -> Result<Reading, ReadError> {
        // Within a day, so that the counter of a Unix time stays exact; it falls at midnight, as a counter
        // that was reset does.
        let seconds = now_ns.rem_euclid(86_400_000_000_000) as f64 / 1e9;
        let load = self.load(seconds);
        Ok(Reading {
            energy_uj: Some((self.energy_j(seconds) * 1e6).round().max(0.0) as u64),
            power_w: Some(IDLE_W + SWING_W * load),
            utilization_percent: Some((load * 100.0).round()),
            memory_used_bytes: Some(MEMORY_BYTES / 4 + (load * 8.0) as u64 * (1 << 30)),
            memory_total_bytes: Some(MEMORY_BYTES),
            temperature_celsius: Some((38.0 + 32.0 * load).round()),
        })
    }
}
