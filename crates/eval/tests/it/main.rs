//! Tests of the crate as its users see it.

mod agents;
mod attacks_files;
mod attacks_network;
mod attacks_sandbox;
mod attacks_system;
mod chaos;
mod hub;
mod mcp;
mod mcp_sse;
mod replay;
mod runner;
mod sandbox;
mod scoring;
mod support;
mod tasks;
mod tools;
