//! Tests of the crate as its users see it.

mod agents;
mod chaos;
mod replay;
mod runner;
mod scoring;
mod support;
mod tasks;
