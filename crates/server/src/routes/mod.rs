//! The REST API: one resource, one file with its parameters, response, handler and description.

pub mod compare;
pub mod download;
pub mod events;
pub mod facets;
pub mod health;
pub mod live;
pub mod metrics;
pub mod own_metrics;
pub mod performance;
pub mod report;
pub mod result;
pub mod results;
pub mod run;
pub mod runs;
pub mod span;
pub mod spans;
pub mod trace;
pub mod traces;
