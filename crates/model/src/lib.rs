//! Rows, schemas, units and ALL accounting of smoltrace.
//!
//! Pure: no async, no I/O, no clock, no environment. What goes in is decided by the
//! caller; the same input always gives the same output, in whatever order it arrives.

pub mod ids;
pub mod inputs;
pub mod rows;
pub mod series;
