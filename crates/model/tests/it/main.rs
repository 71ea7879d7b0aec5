//! The integration tests of the accounting, one binary.

mod account;
mod energy;
mod estimate;
mod hardware;
mod metrics;
mod normalize;
mod power;
mod price;
mod rows;
mod statistics;
mod support;
mod trace;
mod usage;
