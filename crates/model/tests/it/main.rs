//! The integration tests of the accounting, one binary.

mod account;
mod compare;
mod energy;
mod estimate;
mod executions;
mod hardware;
mod latency;
mod metrics;
mod normalize;
mod power;
mod price;
mod progress;
mod rows;
mod statistics;
mod support;
mod trace;
mod usage;
