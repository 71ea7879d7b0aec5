//! Rows, schemas, units and ALL accounting of smoltrace.
//!
//! Pure: no async, no I/O, no clock, no environment. What goes in is decided by the
//! caller; the same input always gives the same output, in whatever order it arrives.

pub mod account;
pub mod aggregate;
pub mod attempts;
pub mod attribution;
pub mod call_energy;
pub mod compare;
pub mod counter;
pub mod device_energy;
mod device_readings;
pub mod downsample;
pub mod energy;
pub mod estimate;
pub mod events;
pub mod factors;
pub mod flatten;
mod forest;
pub mod gpus;
pub mod grid;
mod hardware;
pub mod ids;
pub mod inputs;
mod join;
pub mod latency;
pub mod meter;
pub mod normalize;
pub mod price;
pub mod progress;
pub mod rows;
pub mod series;
pub mod stats;
mod sum;
pub mod time;
pub mod trace;
pub mod usage;
