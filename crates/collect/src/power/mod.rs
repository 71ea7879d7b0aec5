//! Power measurement: devices found at run time, read by a sampler on a thread of its own, and their
//! readings as rows.
//!
//! Must not know runs, tables or what a joule costs: who starts a [`Sampler`] says when "now" is and
//! where the rows go. Hardware that is not there is no error. Nothing here is asynchronous.

mod amd;
mod device;
mod discover;
mod export;
mod fake;
mod nvml;
mod points;
mod rapl;
mod ring;
mod sampler;
mod simulated;
mod sysfs;

pub use device::{Detail, Device, DeviceKind, PowerDevice, ReadError, Reading, SourceKind};
pub use discover::{Discovered, Places, discover};
pub use export::export_request;
pub use fake::{Fake, Step};
pub use points::{PointForm, Resource, points};
pub use ring::{DeviceSample, Lost, PowerSample};
pub use sampler::{DeviceTotal, Engine, Sampler, SamplerOptions, SamplerStats, is_part};
pub use simulated::Simulated;
