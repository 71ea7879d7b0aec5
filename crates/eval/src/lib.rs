//! Task sets, agents, models, tools, scorers and the runner: from a task set to rows.
//!
//! Knows the rows of `model`, and no store, receiver or terminal: it emits typed events and rows,
//! and whoever runs it does with them as they like. Reads no environment, no clock of its own.

pub mod sandbox;
pub mod tool;
pub mod tools;
