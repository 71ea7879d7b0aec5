//! What is worth another attempt, and when.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};

/// How often and how patiently a call is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// Wait before the first of them; it doubles from one to the next.
    pub first_wait: Duration,
    /// No wait is longer, whatever the endpoint asks for.
    pub longest_wait: Duration,
    /// Attempts after one that took all its time without an answer.
    pub retries_after_timeout: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            retries_after_timeout: 1,
        }
    }
}

impl RetryPolicy {
    /// The wait before attempt `attempt` (from 1): what the endpoint asks for, else twice the wait before, less up to a
    /// quarter that `salt` decides, so that callers do not come back all at once.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>, salt: u64) -> Duration {
        if let Some(asked) = asked {
            return asked.min(self.longest_wait);
        }
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        let share = (salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(attempt) % 256) as u32;
        doubled.min(self.longest_wait) * (1024 - share) / 1024
    }
}

/// Whether a status may be another one the next time.
pub(super) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

/// What the endpoint asks for: `retry-after-ms`, or `retry-after` in seconds. A date is left out: without a clock it says
/// nothing.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| {
        let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    let millis = number("retry-after-ms").map(|millis| millis / 1e3);
    millis.or_else(|| number("retry-after")).map(|seconds| Duration::from_secs_f64(seconds.min(1e6)))
}
