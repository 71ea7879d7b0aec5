//! Task sets, agents, models, tools, scorers and the runner: from a task set to rows.
//!
//! Knows the rows of `model`, and no store, receiver or terminal: it emits typed events and rows,
//! and whoever runs it does with them as they like. Reads no environment, no clock of its own.

pub mod agent;
mod cause;
pub mod chat;
pub mod clock;
pub mod export;
pub mod hub;
mod python;
mod redact;
pub mod run;
pub mod sandbox;
pub mod score;
pub mod span;
mod sse;
pub mod task;
pub mod tool;
pub mod tools;

pub use redact::Redactor;
