//! Instants as people and SMOLTRACE write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Unix ns of an ISO 8601 date or date-time; UTC when it names no offset. A date is its first
/// instant, or its last one with `end_of_day`. None when it is not a time.
pub fn unix_nano(text: &str, end_of_day: bool) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return time.and_utc().timestamp_nanos_opt();
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let start: DateTime<Utc> = day.and_time(NaiveTime::MIN).and_utc();
    let start = start.timestamp_nanos_opt()?;
    Some(if end_of_day { start.checked_add(24 * 3_600 * 1_000_000_000 - 1)? } else { start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let check = |text: &str, end: bool, expected: Option<i64>| {
            assert_eq!(unix_nano(text, end), expected, "{text}");
        };
        check("1970-01-02", false, Some(86_400_000_000_000));
        check("1970-01-01", true, Some(86_399_999_999_999));
        check("1970-01-01T00:00:01Z", false, Some(1_000_000_000));
        check("1970-01-01T01:00:01+01:00", false, Some(1_000_000_000));
        check("1970-01-01T00:00:01.5", false, Some(1_500_000_000));
        check("1970-01-01T00:01", false, Some(60_000_000_000));
        check("1970-01-01 00:00:02", false, Some(2_000_000_000));
        check("yesterday", false, None);
        check("9999-01-01", false, None);
        check("", false, None);
    }
}
