//! Numbers for readers, as the screens write them: three significant digits, the unit that fits, `-` for what is
//! unknown. A date is in UTC and says so: a report is read anywhere.

use chrono::DateTime;

pub const UNKNOWN: &str = "-";

/// Three significant digits, thousands separated.
pub fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let size = value.abs();
    if size >= 99.95 {
        return grouped(value.round() as i64);
    }
    let places = |value: f64| (2 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.*}", places(value));
    // 9.996 becomes 10.00: one digit too many.
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded == 0.0 { text } else { format!("{value:.*}", places(rounded)) }
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Units of one dimension, the largest first; the base has factor 1.
pub type Scale = &'static [(f64, &'static str)];

pub const GRAMS: Scale = &[(1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "µg")];
pub const WATT_HOURS: Scale = &[(1e6, "MWh"), (1e3, "kWh"), (1.0, "Wh"), (1e-3, "mWh"), (1e-6, "µWh")];
pub const WATTS: Scale = &[(1e6, "MW"), (1e3, "kW"), (1.0, "W"), (1e-3, "mW")];
pub const MEBIBYTES: Scale = &[(1_048_576.0, "TiB"), (1024.0, "GiB"), (1.0, "MiB")];
pub const SECONDS: Scale = &[(1e3, "s"), (1.0, "ms"), (1e-3, "µs"), (1e-6, "ns")];
pub const USD: Scale = &[(1.0, "USD")];
pub const PERCENT: Scale = &[(1.0, "%")];
pub const CELSIUS: Scale = &[(1.0, "°C")];

/// The unit that a value of this size is written in, and what one of it is.
pub fn unit_of(value: f64, scale: Scale) -> (f64, &'static str) {
    if value == 0.0 {
        return scale.iter().copied().find(|(factor, _)| *factor == 1.0).unwrap_or((1.0, ""));
    }
    let fitting = scale.iter().find(|(factor, _)| value.abs() >= factor * 0.9995).or(scale.last());
    fitting.copied().unwrap_or((1.0, ""))
}

/// A value in base units, in the unit that fits.
pub fn written(value: Option<f64>, scale: Scale) -> String {
    known(value, |value| {
        let (factor, unit) = unit_of(value, scale);
        let glue = if unit == "%" { "" } else { " " };
        format!("{}{glue}{unit}", significant(value / factor))
    })
}

/// US dollars; from one on to the cent, very small amounts by their power of ten.
pub fn usd(value: Option<f64>) -> String {
    known(value, |amount| {
        let size = amount.abs();
        let text = if (1.0..1000.0).contains(&size) {
            format!("{amount:.2}")
        } else if size > 0.0 && size < 1e-6 {
            format!("{amount:.2e}")
        } else {
            significant(amount)
        };
        format!("{text} USD")
    })
}

/// A duration from milliseconds: ns, µs, ms, s, then minutes and hours.
pub fn duration(value: Option<f64>) -> String {
    known(value, |ms| {
        let seconds = ms.abs() / 1000.0;
        if seconds < 99.95 {
            return written(Some(ms), SECONDS);
        }
        let (sign, whole) = (if ms < 0.0 { "-" } else { "" }, seconds.round() as i64);
        if whole < 3600 {
            return format!("{sign}{}:{:02} min", whole / 60, whole % 60);
        }
        let minutes = (seconds / 60.0).round() as i64;
        format!("{sign}{}:{:02} h", grouped(minutes / 60), minutes % 60)
    })
}

/// A mark of a time axis that is `span_ms` long.
pub fn axis_time(ms: f64, span_ms: f64) -> String {
    let trimmed = |value: f64, decimals: usize| {
        let text = format!("{value:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match span_ms {
        _ if ms == 0.0 => "0".into(),
        span if span < 1.0 => format!("{} µs", trimmed(ms * 1000.0, 1)),
        span if span < 2000.0 => format!("{} ms", trimmed(ms, if span < 20.0 { 2 } else { 0 })),
        span if span < 120_000.0 => {
            format!("{} s", trimmed(ms / 1000.0, if span < 20_000.0 { 2 } else { 1 }))
        }
        span => {
            let seconds = (ms / 1000.0).round() as i64;
            if span < 7_200_000.0 {
                format!("{}:{:02}", seconds / 60, seconds % 60)
            } else {
                format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60)
            }
        }
    }
}

/// A whole number: all digits up to a million, then millions and billions.
pub fn count(value: Option<i64>) -> String {
    value.map_or_else(
        || UNKNOWN.into(),
        |value| match value.unsigned_abs() {
            0..1_000_000 => grouped(value),
            size if size < 999_500_000 => format!("{}M", significant(value as f64 / 1e6)),
            _ => format!("{}B", significant(value as f64 / 1e9)),
        },
    )
}

/// A value of a sum with its unit, with enough digits to follow the sum.
pub fn reckoned(value: Option<f64>, unit: &str) -> String {
    known(value, |value| {
        let text = if value.fract() == 0.0 && value.abs() < 1e15 {
            grouped(value as i64)
        } else if value.abs() >= 1000.0 {
            let hundredths = (value.abs() * 100.0).round();
            let fraction = format!("{:02}", (hundredths % 100.0) as i64);
            let whole = grouped((hundredths / 100.0).trunc() as i64);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{}{whole}{point}{fraction}", if value < 0.0 { "-" } else { "" })
        } else if value.abs() < 1e-6 {
            format!("{value:.3e}")
        } else {
            let decimals = (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
            format!("{value:.decimals$}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        if unit.is_empty() { text } else { format!("{text} {unit}") }
    })
}

/// An instant in UTC, to the second: `23 Nov 2026, 12:05:29 UTC`.
pub fn moment(time_unix_nano: Option<i64>) -> String {
    time_unix_nano.map_or_else(
        || UNKNOWN.into(),
        |ns| DateTime::from_timestamp_nanos(ns).format("%-d %b %Y, %H:%M:%S UTC").to_string(),
    )
}

fn known(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| UNKNOWN.into(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_the_screens() {
        let check = |shown: String, expected: &str| assert_eq!(shown, expected);
        check(written(Some(1.8413), GRAMS), "1.84 g");
        check(written(Some(0.9996), GRAMS), "1.00 g");
        check(written(Some(0.0), GRAMS), "0 g");
        check(written(None, GRAMS), "-");
        check(written(Some(f64::NAN), GRAMS), "-");
        check(written(Some(99.96), PERCENT), "100%");
        check(usd(Some(0.000465)), "0.000465 USD");
        check(usd(Some(3.611e-10)), "3.61e-10 USD");
        check(usd(Some(12.345)), "12.35 USD");
        check(usd(Some(1234.5)), "1,235 USD");
        check(usd(None), "-");
        check(duration(Some(34_363.52)), "34.4 s");
        check(duration(Some(0.0412)), "41.2 µs");
        check(duration(Some(99_960.0)), "1:40 min");
        check(duration(Some(5_025_000.0)), "1:24 h");
        check(duration(None), "-");
        check(significant(9.996), "10.0");
        check(significant(-1234.5), "-1,235");
        check(count(Some(26_002)), "26,002");
        check(count(Some(1_234_567)), "1.23M");
        check(count(Some(2_000_000_000)), "2.00B");
        check(count(None), "-");
    }

    #[test]
    fn sums_can_be_followed() {
        let check =
            |value: f64, unit: &str, expected: &str| assert_eq!(reckoned(Some(value), unit), expected);
        check(26_002.0, "", "26,002");
        check(34_363.52, "ms", "34,363.52 ms");
        check(-34_363.5, "ms", "-34,363.5 ms");
        check(1_999.999, "ms", "2,000 ms");
        check(0.000465166, "USD", "0.000465166 USD");
        check(0.000465, "USD", "0.000465 USD");
        check(3.611e-10, "USD", "3.611e-10 USD");
        check(66.666_666, "%", "66.6667 %");
        check(0.0, "USD", "0 USD");
        assert_eq!(reckoned(None, "g"), "-");
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(moment(Some(1_795_435_529_424_000_000)), "23 Nov 2026, 12:05:29 UTC");
        assert_eq!(moment(None), "-");
        let check = |ms: f64, span_ms: f64, expected: &str| assert_eq!(axis_time(ms, span_ms), expected);
        check(0.0, 34_400.0, "0");
        check(8600.0, 34_400.0, "8.6 s");
        check(12.3, 49.4, "12 ms");
        check(4.25, 17.0, "4.25 ms");
        check(90_000.0, 360_000.0, "1:30");
        check(5_400_000.0, 9_000_000.0, "1 h 30");
    }
}
