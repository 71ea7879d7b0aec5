//! JSON values as Python writes them: models are shown what smolagents would show them.

use serde_json::Value;

/// As `str` has it.
pub(crate) fn str_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// As `repr` has it.
pub(crate) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&float_of(float)),
            None => out.push_str(&number.to_string()),
        },
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (place, (key, field)) in fields.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                quote(key, out);
                out.push_str(": ");
                write(field, out);
            }
            out.push('}');
        }
    }
}

/// Exponents from 1e16 on and below 1e-4, as Python has it.
fn float_of(float: f64) -> String {
    let size = float.abs();
    if float.is_finite() && (size >= 1e16 || (size < 1e-4 && size > 0.0)) {
        let text = format!("{float:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{float:?}")
}

fn quote(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() && (c as u32) < 256 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_python_writes_it() {
        let check = |value: Value, expected: &str| assert_eq!(repr(&value), expected);
        check(json!(null), "None");
        check(json!([true, 1, 2.0, -0.5, 1e16, 1e-5]), "[True, 1, 2.0, -0.5, 1e+16, 1e-05]");
        check(json!({"a": "it's"}), "{'a': \"it's\"}");
        check(json!("a'b\"c\n\u{1}"), "'a\\'b\"c\\n\\x01'");
        assert_eq!(str_of(&json!("it's")), "it's");
    }
}
