//! What the terminal shows: tables, numbers with units, progress. Computes nothing.

pub mod format;
pub mod junit;
pub mod markdown;
pub mod progress;
pub mod table;
