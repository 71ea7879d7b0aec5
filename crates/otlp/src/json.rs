//! Canonical JSON text, and lenient readings of loosely typed values.
//!
//! Must not know what a value means: only how numbers, times and texts are spelled.

use serde_json::{Map, Value};

pub type Object = Map<String, Value>;

/// JSON text with object keys sorted at every depth, whatever order the map keeps.
pub fn canonical(value: &Value) -> String {
    let mut out = Vec::with_capacity(64);
    write(value, &mut out);
    into_text(out)
}

/// [`canonical`] of an object.
pub fn canonical_object(object: &Object) -> String {
    let mut out = Vec::with_capacity(64);
    write_object(object, &mut out);
    into_text(out)
}

/// [`canonical`] of an array.
pub fn canonical_array(items: &[Value]) -> String {
    let mut out = Vec::with_capacity(2);
    write_array(items, &mut out);
    into_text(out)
}

fn into_text(out: Vec<u8>) -> String {
    String::from_utf8(out).expect("JSON is written as UTF-8")
}

pub(crate) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(object) => write_object(object, out),
        Value::Array(items) => write_array(items, out),
        Value::String(text) => write_text(text, out),
        scalar => serde_json::to_writer(out, scalar).expect("a scalar can be written to memory"),
    }
}

pub(crate) fn write_array(items: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn write_object(object: &Object, out: &mut Vec<u8>) {
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

/// Whether a byte of a text stands in JSON as something else.
pub(crate) fn is_escaped(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Mostly nothing needs an escape. Looked for without a branch, so that many bytes are looked at together.
    if text.bytes().fold(false, |any, byte| any | is_escaped(byte)) {
        return serde_json::to_writer(out, text).expect("a text can be written to memory");
    }
    write_plain(text, out);
}

/// A text in which nothing needs an escape.
pub(crate) fn write_plain(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// The object in a JSON text; empty when the text is not an object.
pub fn parse_object(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_default()
}

/// A whole number: a JSON number without a fraction, or its decimal text.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() < 9_223_372_036_854_774_784.0;
    fits.then_some(number as i64)
}

/// A number or its text, `NaN` and `Infinity` included.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A truth value: a JSON boolean, 0 or 1, or its text.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a scalar, or the JSON of a list or an object; `None` for null.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(canonical(other)),
    }
}

/// [`text`] that is not blank.
pub fn filled(value: Option<&Value>) -> Option<String> {
    value.and_then(text).filter(|text| !text.trim().is_empty())
}

/// A double as a JSON value; what JSON has no number for is spelled as protobuf's JSON does.
pub fn double(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Standard base64 with padding, as protobuf's JSON spells bytes.
pub fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_sorts_keys_at_every_depth() {
        let check = |text: &str, expected: &str| {
            assert_eq!(canonical(&serde_json::from_str(text).unwrap()), expected);
        };
        check(
            r#"{"b":1,"a":{"d":[{"z":1.0,"y":"é"}],"c":null}}"#,
            r#"{"a":{"c":null,"d":[{"y":"é","z":1.0}]},"b":1}"#,
        );
        check("[]", "[]");
        check("9007199254740993", "9007199254740993");
    }

    #[test]
    fn texts_are_escaped_as_json_wants_it() {
        let all: String = (0..0x300).filter_map(char::from_u32).collect();
        for text in ["", "plain", "é", "a\"b", "a\\b", "a\nb", "\u{7f}", "\u{0}", "\u{2028}", &all] {
            assert_eq!(canonical(&json!(text)), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn loose_numbers_are_read() {
        let check = |value: Value, expected: Option<i64>| assert_eq!(integer(&value), expected, "{value}");
        check(json!(5), Some(5));
        check(json!("1795435495376632383"), Some(1795435495376632383));
        check(json!(5.0), Some(5));
        check(json!(5.5), None);
        check(json!("1e3"), Some(1000));
        check(json!(u64::MAX), None);
        check(json!(""), None);
        check(json!(true), None);
        assert_eq!(number(&json!("NaN")).map(f64::is_nan), Some(true));
        assert_eq!(number(&json!("-Infinity")), Some(f64::NEG_INFINITY));
        assert_eq!(double(f64::NAN), json!("NaN"));
    }
}
