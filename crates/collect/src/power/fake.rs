//! A device that gives readings from a list: the stand-in for hardware in tests.

use super::device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind};

/// What one reading of a [`Fake`] gives.
pub type Step = Result<Reading, ReadError>;

/// Gives its steps one after the other, and the last one for ever.
#[derive(Debug, Clone)]
pub struct Fake {
    device: Device,
    steps: Vec<Step>,
    next: usize,
}

impl Fake {
    /// A simulated GPU with number `gpu_id` that gives `steps`.
    pub fn gpu(gpu_id: &str, steps: Vec<Step>) -> Self {
        Self::new(
            Device {
                source: SourceKind::Simulated,
                kind: DeviceKind::Gpu,
                id: format!("fake-{gpu_id}"),
                gpu_id: Some(gpu_id.to_owned()),
                name: "Simulated fake".into(),
                parent: None,
                energy_range_uj: None,
                power_limit_w: None,
                is_partitioned: false,
            },
            steps,
        )
    }

    pub fn new(device: Device, steps: Vec<Step>) -> Self {
        Self { device, steps, next: 0 }
    }
}

impl PowerDevice for Fake {
    fn device(&self) -> &Device {
        &self.device
    }

    fn read(&mut self, _now_ns: i64, _detail: Detail) -> Step {
        let step = self.steps.get(self.next).or(self.steps.last()).cloned();
        self.next += 1;
        step.unwrap_or_else(|| Err(ReadError("it has no readings".into())))
    }
}
