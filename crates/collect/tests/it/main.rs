//! Power: devices found and read, sampled, and told as metrics. Without hardware: NVML against a shared
//! library with its C interface, the others against trees of files.

mod amd;
mod metrics;
mod nvml;
mod rapl;
mod sampler;
mod support;
