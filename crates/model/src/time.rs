//! Unix nanoseconds as civil time. Knows no clock and no time zone but UTC.

/// Nanoseconds of a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A UTC time as Python's `datetime.isoformat` writes it: `2025-10-27T05:58:15.460017`, without
/// fraction when that is zero, without offset. Microseconds come about as in
/// `datetime.fromtimestamp(ns / 1e9)`, floating point included, so that the published
/// `timestamp` column keeps its values to the last digit.
pub fn iso_micros(time_unix_nano: i64) -> String {
    let mut buffer = [0; ISO_MAX];
    let len = write_iso_micros(time_unix_nano, &mut buffer);
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

/// Longest text of [`write_iso_micros`]; years of an `i64` of nanoseconds have four digits.
pub const ISO_MAX: usize = 26;

/// [`iso_micros`] into a buffer; returns the length.
pub fn write_iso_micros(time_unix_nano: i64, buffer: &mut [u8; ISO_MAX]) -> usize {
    let micros = python_micros(time_unix_nano);
    let (year, month, day) = civil_from_days(micros.div_euclid(MICROS_PER_DAY));
    let of_day = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let mut put = |at: usize, width: usize, value: i64, after: Option<u8>| {
        let mut rest = value;
        for digit in buffer[at..at + width].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if let Some(after) = after {
            buffer[at + width] = after;
        }
    };
    put(0, 4, year, Some(b'-'));
    put(5, 2, month, Some(b'-'));
    put(8, 2, day, Some(b'T'));
    put(11, 2, seconds / 3600, Some(b':'));
    put(14, 2, seconds / 60 % 60, Some(b':'));
    put(17, 2, seconds % 60, None);
    if fraction == 0 {
        return 19;
    }
    buffer[19] = b'.';
    for (place, digit) in buffer[20..26].iter_mut().enumerate() {
        *digit = b'0' + (fraction / 10_i64.pow(5 - place as u32) % 10) as u8;
    }
    ISO_MAX
}

/// Microseconds as Python's `fromtimestamp` rounds them: whole seconds and fraction of the
/// double apart, the fraction half to even.
fn python_micros(time_unix_nano: i64) -> i64 {
    let seconds = time_unix_nano as f64 / 1e9;
    let whole = seconds.trunc();
    whole as i64 * 1_000_000 + ((seconds - whole) * 1e6).round_ties_even() as i64
}

/// Year, month and day of the proleptic Gregorian calendar from days since 1970-01-01.
///
/// Counts in 400-year eras of 146,097 days that begin on 1 March of year 0, so that the leap
/// day is a year's last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let since_era_zero = days + 719_468;
    let era = since_era_zero.div_euclid(146_097);
    let day_of_era = since_era_zero.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_python_writes_it() {
        let check = |ns: i64, expected: &str| assert_eq!(iso_micros(ns), expected, "{ns}");
        check(0, "1970-01-01T00:00:00");
        check(1_761_544_695_460_017_300, "2025-10-27T05:58:15.460017");
        check(1_761_544_695_000_000_000, "2025-10-27T05:58:15");
        check(951_827_696_500_000_000, "2000-02-29T12:34:56.500000");
        check(4_107_542_399_999_999_900, "2100-03-01T00:00:00");
        check(-1_500_000_000, "1969-12-31T23:59:58.500000");
        check(i64::MAX, "2262-04-11T23:47:16.854776");
        check(i64::MIN, "1677-09-21T00:12:43.145224");
    }
}
