//! The time of day, which whoever runs an evaluation knows.

use std::sync::Arc;

/// Tells the time: Unix nanoseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
