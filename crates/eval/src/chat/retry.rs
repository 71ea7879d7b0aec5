//! What is worth another attempt, and when.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header::HeaderMap};

use crate::clock::Clock;

/// More than anybody waits, and less than what overflows.
const LONGEST_ASKED_S: f64 = 1e6;

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
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>, salt: u64) -> Duration {
        if let Some(asked) = asked {
            return asked.min(self.longest_wait);
        }
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        let share = (salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(attempt) % 256) as u32;
        doubled.min(self.longest_wait) * (1024 - share) / 1024
    }
}

/// Whether a status may be another one the next time.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

/// What the endpoint asks for: `retry-after-ms`, or `retry-after` in seconds or as a date. A date is held against the
/// answer's own, so that its clock need not agree with ours, and against `clock` where the answer has none.
pub(crate) fn asked(headers: &HeaderMap, clock: Option<&Clock>) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let number = |name: &str| {
        let number: f64 = text(name)?.parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    let seconds = number("retry-after-ms").map(|millis| millis / 1e3).or_else(|| number("retry-after"));
    if let Some(seconds) = seconds {
        return Some(Duration::from_secs_f64(seconds.min(LONGEST_ASKED_S)));
    }
    let date = |name: &str| httpdate::parse_http_date(text(name)?).ok();
    let until = date("retry-after")?;
    let ours = || Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(clock?()).ok()?));
    let now = date("date").or_else(ours)?;
    // What is past may be asked for at once.
    let wait = until.duration_since(now).unwrap_or_default();
    Some(wait.min(Duration::from_secs_f64(LONGEST_ASKED_S)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_an_endpoint_asks_for_is_understood() {
        const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATER: &str = "Sun, 06 Nov 1994 08:49:44 GMT";
        let seconds = Duration::from_secs_f64;
        let check = |given: &[(&'static str, &'static str)], expected: Option<Duration>| {
            let headers = given
                .iter()
                .map(|(name, value)| ((*name).parse().expect("a name"), (*value).parse().expect("a value")));
            // Two seconds after NOW.
            let clock: Clock = Arc::new(|| 784_111_779_000_000_000);
            assert_eq!(asked(&headers.collect(), Some(&clock)), expected, "{given:?}");
        };
        check(&[], None);
        check(&[("retry-after", "3")], Some(seconds(3.0)));
        check(&[("retry-after", " 0.5 ")], Some(seconds(0.5)));
        check(&[("retry-after-ms", "20"), ("retry-after", "3")], Some(seconds(0.02)));
        check(&[("retry-after", "-3")], None);
        check(&[("retry-after", "NaN")], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "1e300")], Some(seconds(LONGEST_ASKED_S)));
        check(&[("retry-after", LATER), ("date", NOW)], Some(seconds(7.0)));
        check(&[("retry-after", LATER)], Some(seconds(5.0)));
        check(&[("retry-after", LATER), ("date", "now")], Some(seconds(5.0)));
        check(&[("retry-after", NOW), ("date", LATER)], Some(Duration::ZERO));
        // The two older forms of dates.
        check(&[("retry-after", "Sunday, 06-Nov-94 08:49:44 GMT"), ("date", NOW)], Some(seconds(7.0)));
        check(&[("retry-after", "Sun Nov  6 08:49:44 1994"), ("date", NOW)], Some(seconds(7.0)));
        check(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(seconds(LONGEST_ASKED_S)));
        let none: HeaderMap =
            [("retry-after".parse().expect("a name"), LATER.parse().expect("a value"))].into_iter().collect();
        assert_eq!(asked(&none, None), None, "a date alone, without a clock");
    }
}
