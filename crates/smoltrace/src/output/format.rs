//! Numbers for people: three significant digits, scaled units, `-` for what is unknown.

/// What stands where a value is unknown.
pub const UNKNOWN: &str = "-";

/// `value` with three significant digits, without a trailing fraction of zeros beyond them.
pub fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (2 - magnitude).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    // 9.996 rounds up to 10.00: one digit too many.
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded != 0.0 && rounded.abs().log10().floor() as i32 > magnitude && decimals > 0 {
        return format!("{value:.*}", decimals - 1);
    }
    text
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if value == 0.0 {
        let base = units.iter().find(|(factor, _)| *factor == 1.0).or(units.last());
        return format!("0 {}", base.map_or("", |(_, unit)| unit));
    }
    let chosen = units.iter().find(|(factor, _)| value.abs() >= *factor * 0.9995).or(units.last());
    chosen.map_or_else(
        || significant(value),
        |(factor, unit)| format!("{} {unit}", significant(value / factor)),
    )
}

fn known(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| UNKNOWN.into(), show)
}

/// Grams of CO2e.
pub fn grams(value: Option<f64>) -> String {
    known(value, |g| scaled(g, &[(1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "ug")]))
}

/// Energy in Wh.
pub fn watt_hours(value: Option<f64>) -> String {
    known(value, |wh| scaled(wh, &[(1e6, "MWh"), (1e3, "kWh"), (1.0, "Wh"), (1e-3, "mWh"), (1e-6, "uWh")]))
}

/// Energy in microjoules, shown in joules.
pub fn joules(energy_uj: Option<i128>) -> String {
    let joules = energy_uj.map(|uj| uj as f64 / 1e6);
    known(joules, |j| {
        scaled(j, &[(1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ")])
    })
}

/// US dollars; small amounts keep three significant digits.
pub fn usd(value: Option<f64>) -> String {
    known(value, |usd| {
        if usd == 0.0 {
            "$0".into()
        } else if usd.abs() >= 100.0 {
            format!("${usd:.2}")
        } else {
            format!("${}", significant(usd))
        }
    })
}

/// Milliseconds.
pub fn duration(value: Option<f64>) -> String {
    known(value, |ms| {
        if ms.abs() >= 3_600_000.0 {
            format!("{} h", significant(ms / 3_600_000.0))
        } else if ms.abs() >= 120_000.0 {
            format!("{} min", significant(ms / 60_000.0))
        } else {
            scaled(ms, &[(1e3, "s"), (1.0, "ms"), (1e-3, "us")])
        }
    })
}

/// A whole number with thousands separators.
pub fn count(value: Option<i64>) -> String {
    value.map_or_else(
        || UNKNOWN.into(),
        |value| {
            let digits = value.unsigned_abs().to_string();
            let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
            if value < 0 {
                out.push('-');
            }
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 {
                    out.push(',');
                }
                out.push(digit);
            }
            out
        },
    )
}

/// A value with a unit behind it, unscaled.
pub fn unit(value: Option<f64>, unit: &str) -> String {
    known(value, |value| format!("{} {unit}", significant(value)))
}

/// A value of a metric in its unit, as comparisons name them.
pub fn metric(value: Option<f64>, unit: &str) -> String {
    known(value, |value| match unit {
        "%" => format!("{value:.1}%"),
        "tokens" => count(Some(value.round() as i64)),
        "USD" => usd(Some(value)),
        "Wh" => watt_hours(Some(value)),
        "g" => grams(Some(value)),
        "ms" => duration(Some(value)),
        "s" => duration(Some(value * 1e3)),
        _ => significant(value),
    })
}

/// A difference of two values of a metric, with its sign; that of two percentages is in points. The unit `%%` is
/// a change in percent.
pub fn difference(value: Option<f64>, unit: &str) -> String {
    known(value, |value| {
        let amount = match unit {
            "%" => format!("{} pp", significant(value.abs())),
            "%%" => format!("{}%", significant(value.abs())),
            unit => metric(Some(value.abs()), unit),
        };
        let is_zero = !amount.contains(|c: char| matches!(c, '1'..='9'));
        match (is_zero, value < 0.0) {
            (true, _) => amount,
            (false, true) => format!("-{amount}"),
            (false, false) => format!("+{amount}"),
        }
    })
}

/// Text from a file or a model, safe to print: control characters (escape sequences among them) are
/// replaced, length is bounded.
pub fn text(value: &str, max_chars: usize) -> String {
    let mut clean: String =
        value.chars().take(max_chars + 1).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() > max_chars {
        clean = clean.chars().take(max_chars.saturating_sub(1)).collect();
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let check = |shown: String, expected: &str| assert_eq!(shown, expected);
        check(significant(1.8412823), "1.84");
        check(significant(9.996), "10.0");
        check(significant(0.00046516), "0.000465");
        check(significant(34363.5), "34364");
        check(grams(Some(1.8412823)), "1.84 g");
        check(grams(Some(0.0312)), "31.2 mg");
        check(grams(Some(0.9996)), "1.00 g");
        check(grams(Some(0.0)), "0 g");
        check(grams(None), "-");
        check(grams(Some(f64::NAN)), "-");
        check(watt_hours(Some(1234.0)), "1.23 kWh");
        check(joules(Some(1_234_567_000)), "1.23 kJ");
        check(joules(None), "-");
        check(usd(Some(0.000465)), "$0.000465");
        check(usd(Some(1234.5)), "$1234.50");
        check(duration(Some(34363.5)), "34.4 s");
        check(duration(Some(0.25)), "250 us");
        check(duration(Some(7_200_000.0)), "2.00 h");
        check(metric(Some(83.333), "%"), "83.3%");
        check(metric(Some(465.909), "tokens"), "466");
        check(metric(Some(2.8), "s"), "2.80 s");
        check(metric(None, "g"), "-");
        check(difference(Some(-4.1667), "%"), "-4.17 pp");
        check(difference(Some(12.0), "%%"), "+12.0%");
        check(difference(Some(-0.0123), "USD"), "-$0.0123");
        check(difference(Some(0.0), "g"), "0 g");
        check(difference(None, "g"), "-");
        check(count(Some(26002)), "26,002");
        check(count(Some(-1234567)), "-1,234,567");
        check(count(Some(0)), "0");
    }

    #[test]
    fn hostile_text_cannot_reach_the_terminal() {
        assert_eq!(text("a\u{1b}[31mb\nc", 80), "a [31mb c");
        assert_eq!(text("abcdef", 4), "abc…");
        assert_eq!(text("日本語テキスト", 3), "日本…");
    }
}
