//! The integration tests of the accounting, one binary.

mod metrics;
mod normalize;
mod price;
mod support;
mod trace;
mod usage;
