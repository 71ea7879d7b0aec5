//! Attributes of every spelling as a JSON object: OTLP key/value lists and plain objects.
//!
//! Integers stay exact; bytes become base64; NaN and infinities become their protobuf names.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use serde_json::Value;

use crate::json::{Object, base64, double, integer, number};

/// Attributes of a protobuf message.
pub fn from_proto(list: Vec<KeyValue>) -> Object {
    list.into_iter().map(|pair| (pair.key, any(pair.value))).collect()
}

pub fn any(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        None => Value::Null,
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(flag)) => Value::Bool(flag),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => double(number),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(|item| any(Some(item))).collect(),
        Some(Any::KvlistValue(list)) => Value::Object(from_proto(list.values)),
        Some(Any::BytesValue(bytes)) => Value::String(base64(&bytes)),
        // An index into a dictionary that only profiles carry.
        Some(_) => Value::Null,
    }
}

/// Attributes in JSON: an object, an OTLP list of `{key, value}`, or null for none.
/// `None` when it is something else.
pub fn from_json(value: Value) -> Option<Object> {
    match value {
        Value::Null => Some(Object::new()),
        Value::Object(object) => Some(object.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        Value::Array(list) => {
            let mut object = Object::new();
            for pair in list {
                let Value::Object(mut pair) = pair else { return None };
                let Some(Value::String(key)) = pair.remove("key") else { return None };
                object.insert(key, wire_value(pair.remove("value").unwrap_or_default()));
            }
            Some(object)
        }
        _ => None,
    }
}

/// A value in a list of OTLP, where an empty object is a value that is not set.
fn wire_value(value: Value) -> Value {
    match value {
        Value::Object(object) if object.is_empty() => Value::Null,
        value => plain(value),
    }
}

/// An object as OTLP's list of `{key, value}`.
pub fn to_json(object: &Object) -> Value {
    let pair = |(key, value): (&String, &Value)| {
        let mut pair = Object::new();
        pair.insert("key".into(), key.as_str().into());
        pair.insert("value".into(), to_wire_value(value));
        Value::Object(pair)
    };
    object.iter().map(pair).collect()
}

fn to_wire_value(value: &Value) -> Value {
    let mut out = Object::new();
    let (tag, inner) = match value {
        Value::Null => return Value::Object(out),
        Value::String(_) => ("stringValue", value.clone()),
        Value::Bool(_) => ("boolValue", value.clone()),
        Value::Number(number) if number.is_f64() => ("doubleValue", value.clone()),
        Value::Number(_) => ("intValue", value.clone()),
        Value::Array(items) => {
            let mut list = Object::new();
            list.insert("values".into(), items.iter().map(to_wire_value).collect());
            ("arrayValue", list.into())
        }
        Value::Object(object) => {
            let mut list = Object::new();
            list.insert("values".into(), to_json(object));
            ("kvlistValue", list.into())
        }
    };
    out.insert(tag.into(), inner);
    out.into()
}

/// The value inside OTLP's `{"stringValue": ...}` and its kin; any other value as it is.
pub fn plain(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    if object.len() != 1 {
        return Value::Object(object);
    }
    let Some(tag) = object.keys().next().cloned() else { return Value::Object(object) };
    let inner = object.remove(&tag).unwrap_or_default();
    match (tag.as_str(), inner) {
        ("stringValue" | "string_value" | "bytesValue" | "bytes_value", Value::String(text)) => {
            Value::String(text)
        }
        ("boolValue" | "bool_value", Value::Bool(flag)) => Value::Bool(flag),
        ("intValue" | "int_value", inner) if integer(&inner).is_some() => {
            integer(&inner).unwrap_or_default().into()
        }
        ("doubleValue" | "double_value", inner) if number(&inner).is_some() => {
            double(number(&inner).unwrap_or_default())
        }
        ("arrayValue" | "array_value", Value::Object(mut list)) => match list.remove("values") {
            Some(Value::Array(items)) => items.into_iter().map(wire_value).collect(),
            _ => Value::Array(Vec::new()),
        },
        ("kvlistValue" | "kvlist_value", Value::Object(mut list)) => {
            Value::Object(list.remove("values").and_then(from_json).unwrap_or_default())
        }
        (_, inner) => {
            object.insert(tag, inner);
            Value::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_gives_the_plain_object() {
        let check = |input: Value, expected: Option<Value>| {
            assert_eq!(from_json(input.clone()).map(Value::Object), expected, "{input}");
        };
        check(json!(null), Some(json!({})));
        check(json!({"a": 1, "b": [1, "x"]}), Some(json!({"a": 1, "b": [1, "x"]})));
        check(
            json!([{"key": "a", "value": {"intValue": "9007199254740993"}}, {"key": "b", "value": "plain"}]),
            Some(json!({"a": 9007199254740993i64, "b": "plain"})),
        );
        check(
            json!([{"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"boolValue": true}]}}},
                   {"key": "m", "value": {"kvlistValue": {"values": [{"key": "d", "value": {"doubleValue": 1}}]}}}]),
            Some(json!({"l": ["x", true], "m": {"d": 1.0}})),
        );
        check(json!([{"key": "a"}]), Some(json!({"a": null})));
        check(json!({"a": {"doubleValue": "NaN"}}), Some(json!({"a": "NaN"})));
        check(json!({"a": {"intValue": "many"}}), Some(json!({"a": {"intValue": "many"}})));
        check(json!("text"), None);
        check(json!([1]), None);
    }
}
