//! Tests of the crate as its users see it.

mod agents;
mod chaos;
mod replay;
mod runner;
mod sandbox;
mod scoring;
mod support;
mod tasks;
mod tools;
