//! Times and values from the raw text of a JSON scalar.
//!
//! Must not know points or series. The short cuts read what nearly every file holds; whatever they
//! do not read goes through [`crate::json`], whose readings they share.

use serde_json::Value;

use crate::json;

/// The raw text that stands for nothing.
pub(super) const NULL: &[u8] = b"null";

/// A point's value as it stands in its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// Neither field holds anything.
    Missing,
    /// A number; NaN and infinities too.
    Number(f64),
}

/// Unix ns; 0 for null. The error is a reason for a person.
pub(super) fn time(raw: &[u8]) -> Result<i64, String> {
    if let Some(nanos) = digits(unquoted(raw)).and_then(|nanos| i64::try_from(nanos).ok()) {
        return Ok(nanos);
    }
    match value(raw)? {
        Value::Null => Ok(0),
        value => match json::integer(&value) {
            Some(nanos) if nanos >= 0 => Ok(nanos),
            _ => Err(format!("{} is not a time in Unix nanoseconds", shown(raw))),
        },
    }
}

/// The value of a point: `asInt` where it holds something, else `asDouble`.
pub(super) fn reading(as_int: &[u8], as_double: &[u8]) -> Result<Reading, String> {
    if as_int != NULL {
        whole(as_int).map(Reading::Number)
    } else if as_double != NULL {
        float(as_double).map(Reading::Number)
    } else {
        Ok(Reading::Missing)
    }
}

fn whole(raw: &[u8]) -> Result<f64, String> {
    let text = unquoted(raw);
    let (negative, tail) = match text.strip_prefix(b"-") {
        Some(tail) => (true, tail),
        None => (false, text),
    };
    if let Some(number) = digits(tail).and_then(|number| i64::try_from(number).ok()) {
        return Ok((if negative { -number } else { number }) as f64);
    }
    let value = value(raw)?;
    let number = json::integer(&value).map(|number| number as f64).or_else(|| json::number(&value));
    number.ok_or_else(|| format!("asInt {} is not a number", shown(raw)))
}

fn float(raw: &[u8]) -> Result<f64, String> {
    let plain = raw.first().is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit());
    // A JSON number that serde would call out of range is an infinity, and dropped as such.
    let text = if plain { std::str::from_utf8(raw).ok() } else { None };
    let number = match text {
        Some(text) => text.parse().ok(),
        None => json::number(&value(raw)?),
    };
    number.ok_or_else(|| format!("asDouble {} is not a number", shown(raw)))
}

/// The digits of at most 19 digits and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut number = 0u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 nines are below 2^64.
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

fn unquoted(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(raw)
}

fn value(raw: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(raw).map_err(|_| format!("{} is not a number", shown(raw)))
}

/// A raw text shortened for a message.
pub(super) fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(&raw[..raw.len().min(160)]);
    if text.chars().count() > 40 { text.chars().take(40).chain("...".chars()).collect() } else { text.into() }
}

/// The end of the scalar that begins `text`: null, a number, Python's `NaN` and `Infinity`, or a
/// text without escapes. `None` for anything else, or when `text` may go on after it.
pub(super) fn scalar_end(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => {
            let close = text[1..].iter().position(|byte| !matches!(byte, b'+'..=b'z') || *byte == b'\\')? + 1;
            (text[close] == b'"').then_some(close + 1)
        }
        b'n' => text.starts_with(NULL).then_some(NULL.len()),
        b'N' => text.starts_with(b"NaN").then_some(3),
        b'I' => text.starts_with(b"Infinity").then_some(8),
        b'-' if text.get(1) == Some(&b'I') => text.starts_with(b"-Infinity").then_some(9),
        _ => number_end(text),
    }
}

/// The end of the JSON number that begins `text`; `None` without one, or when it may go on.
fn number_end(text: &[u8]) -> Option<usize> {
    let run = |from: usize| -> Option<usize> {
        text.get(from..)?.iter().position(|byte| !byte.is_ascii_digit()).map(|count| from + count)
    };
    let first = usize::from(*text.first()? == b'-');
    let mut end = run(first)?;
    if end == first || (text[first] == b'0' && end > first + 1) {
        return None;
    }
    if text[end] == b'.' {
        let fraction = end + 1;
        end = run(fraction)?;
        if end == fraction {
            return None;
        }
    }
    if matches!(text[end], b'e' | b'E') {
        let sign = matches!(text.get(end + 1)?, b'+' | b'-');
        let exponent = end + 1 + usize::from(sign);
        end = run(exponent)?;
        if end == exponent {
            return None;
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let check =
            |raw: &str, expected: Option<i64>| assert_eq!(time(raw.as_bytes()).ok(), expected, "{raw}");
        check("\"1761544695460017300\"", Some(1761544695460017300));
        check("1761544695460017300", Some(1761544695460017300));
        check("null", Some(0));
        check("\"0\"", Some(0));
        check("1.0e3", Some(1000));
        check("\"\\u0031\"", Some(1));
        check("\" 12 \"", Some(12));
        check("9223372036854775807", Some(i64::MAX));
        check("9223372036854775808", None);
        check("-1", None);
        check("\"\"", None);
        check("true", None);
        check("[1]", None);
    }

    #[test]
    fn values_are_read_in_every_spelling() {
        let check = |as_int: &str, as_double: &str, expected: Option<Reading>| {
            let actual = reading(as_int.as_bytes(), as_double.as_bytes());
            assert_eq!(actual.ok(), expected, "{as_int} {as_double}");
        };
        check("\"98\"", "null", Some(Reading::Number(98.0)));
        check("98", "1.5", Some(Reading::Number(98.0)));
        check("-3", "null", Some(Reading::Number(-3.0)));
        check("null", "8.87272e-05", Some(Reading::Number(8.87272e-05)));
        check("null", "\"0.1\"", Some(Reading::Number(0.1)));
        check("null", "\"-Infinity\"", Some(Reading::Number(f64::NEG_INFINITY)));
        check("null", "1e999", Some(Reading::Number(f64::INFINITY)));
        check("null", "null", Some(Reading::Missing));
        check("\"2.5\"", "null", Some(Reading::Number(2.5)));
        check("\"9223372036854775808\"", "null", Some(Reading::Number(9223372036854775808.0)));
        check("\"many\"", "null", None);
        check("{}", "null", None);
        check("null", "\"\"", None);
        check("null", "false", None);
        assert!(
            matches!(reading(NULL, b"\"NaN\""), Ok(Reading::Number(number)) if number.is_nan()),
            "NaN is a number, dropped later"
        );
    }

    #[test]
    fn scalars_end_where_json_says() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(scalar_end(text.as_bytes()).map(|end| &text[..end]), expected, "{text}");
        };
        check("null,", Some("null"));
        check("12}", Some("12"));
        check("-0.5e-10]", Some("-0.5e-10"));
        check("\"12\"", Some("\"12\""));
        check("NaN}", Some("NaN"));
        check("-Infinity}", Some("-Infinity"));
        check("12", None);
        check("012,", None);
        check("1.,", None);
        check("1e,", None);
        check("-,", None);
        check("+1,", None);
        check("\"1\\u0030\"", None);
        check("\"12", None);
        check("true,", None);
        check("{", None);
    }
}
