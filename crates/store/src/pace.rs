//! How busy appends are, and so how much upkeep does. Knows no table.

use std::time::{Duration, Instant};

use crate::{maintain::Pace, writer::Done};

/// The share of the time from which on appends leave upkeep little.
const BUSY_SHARE: f64 = 0.25;
/// A share is of so long at least: of a moment it says nothing.
const LEAST: Duration = Duration::from_secs(1);

/// What is known of how busy appends are.
pub(crate) struct Pacer {
    /// When the share was taken last, and what was done by then.
    at: Instant,
    busy: Duration,
    /// Whether they were busy then, and until when it is not quiet.
    is_busy: bool,
    busy_until: Instant,
    /// How long after busy appends it is quiet.
    quiet_after: Duration,
}

impl Pacer {
    pub(crate) fn new(now: Instant, quiet_after: Duration) -> Self {
        Self { at: now, busy: Duration::ZERO, is_busy: false, busy_until: now, quiet_after }
    }

    /// The pace of a round that begins now. The share is of the time since the round before began.
    pub(crate) fn next(&mut self, now: Instant, done: Done) -> Pace {
        let time = now - self.at;
        if time >= LEAST {
            self.is_busy = (done.busy - self.busy).div_duration_f64(time) >= BUSY_SHARE;
            (self.at, self.busy) = (now, done.busy);
        }
        if self.is_busy {
            self.busy_until = now + self.quiet_after;
            Pace::Busy
        } else if now < self.busy_until {
            Pace::Usual
        } else {
            Pace::Quiet
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_right_after_another_goes_on_at_its_pace() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let done = |millis| Done { commits: 0, busy: Duration::from_millis(millis) };
        let mut pacer = Pacer::new(start, Duration::from_secs(60));
        assert_eq!(pacer.next(at(5_000), done(1_000)), Pace::Quiet);
        assert_eq!(pacer.next(at(10_000), done(3_000)), Pace::Busy);
        // The writer has not said yet what it has done since.
        assert_eq!(pacer.next(at(10_001), done(3_000)), Pace::Busy);
        assert_eq!(pacer.next(at(20_000), done(4_000)), Pace::Usual);
        assert_eq!(pacer.next(at(69_999), done(4_000)), Pace::Usual);
        assert_eq!(pacer.next(at(71_500), done(4_000)), Pace::Quiet);
    }
}
