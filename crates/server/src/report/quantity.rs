//! Numbers for readers, as the screens write them: three significant digits, the unit that fits, `-` for what is
//! unknown.

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
    value.filter(|value| value.is_finite()).map_or_else(
        || UNKNOWN.into(),
        |value| {
            let (factor, unit) = unit_of(value, scale);
            format!("{} {unit}", significant(value / factor))
        },
    )
}

/// A whole number.
pub fn count(value: Option<i64>) -> String {
    value.map_or_else(|| UNKNOWN.into(), grouped)
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
        check(written(Some(0.000465), USD), "0.000465 USD");
        check(written(Some(34_363.52), SECONDS), "34.4 s");
        check(written(Some(99.96), PERCENT), "100 %");
        check(significant(9.996), "10.0");
        check(significant(-1234.5), "-1,235");
        check(count(Some(26_002)), "26,002");
        check(count(None), "-");
    }
}
