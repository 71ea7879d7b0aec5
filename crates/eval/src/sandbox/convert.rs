//! Python values as JSON values and back.
//!
//! The time of the host as Python's dates, in UTC unless another zone is asked for. What JSON cannot hold becomes text: whole numbers past 64 bits, `nan` and `inf`, dates, bytes, objects.

use chrono::{DateTime, Datelike, TimeDelta, Timelike};
use monty_types::{DictPairs, MontyDate, MontyDateTime, MontyObject, OsFunctionCall};
use serde_json::{Map, Number, Value};

/// Values nested deeper are written as text from there on.
const MAX_DEPTH: usize = 64;

/// Whole numbers of more digits are not written, as Python does not either: the time grows with their square.
const MAX_BITS: u64 = 14_284;

/// What Python's `str` makes of a value.
pub fn to_text(object: &MontyObject) -> String {
    if !is_writable(object, 0) {
        return LARGE_NUMBER.into();
    }
    match object {
        MontyObject::Date(date) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        MontyObject::DateTime(time) => date_time_text(time),
        MontyObject::List(_) | MontyObject::Tuple(_) | MontyObject::Dict(_) => {
            let mut text = String::new();
            write_repr(object, &mut text);
            text
        }
        other => other.to_string(),
    }
}

fn date_time_text(time: &MontyDateTime) -> String {
    let mut text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year, time.month, time.day, time.hour, time.minute, time.second
    );
    if time.microsecond != 0 {
        text.push_str(&format!(".{:06}", time.microsecond));
    }
    if let Some(offset) = time.offset_seconds {
        let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
        text.push_str(&format!("{sign}{:02}:{:02}", size / 3600, size / 60 % 60));
        if size % 60 != 0 {
            text.push_str(&format!(":{:02}", size % 60));
        }
    }
    text
}

/// What Python's `repr` makes of a value: as the interpreter has it, but for the comma of a tuple of one.
fn write_repr(object: &MontyObject, out: &mut String) {
    match object {
        MontyObject::List(items) => write_items('[', items, "]", out),
        MontyObject::Tuple(items) => write_items('(', items, if items.len() == 1 { ",)" } else { ")" }, out),
        MontyObject::Dict(pairs) => {
            out.push('{');
            for (place, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                write_repr(key, out);
                out.push_str(": ");
                write_repr(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.py_repr()),
    }
}

fn write_items(open: char, items: &[MontyObject], close: &str, out: &mut String) {
    out.push(open);
    for (place, item) in items.iter().enumerate() {
        out.push_str(if place > 0 { ", " } else { "" });
        write_repr(item, out);
    }
    out.push_str(close);
}

const LARGE_NUMBER: &str = "[a whole number of more than 4300 digits]";

/// Whether no number of a value is too large to be written.
fn is_writable(object: &MontyObject, depth: usize) -> bool {
    let all =
        |items: &[MontyObject]| depth > MAX_DEPTH || items.iter().all(|item| is_writable(item, depth + 1));
    match object {
        MontyObject::BigInt(value) => value.bits() <= MAX_BITS,
        MontyObject::List(items)
        | MontyObject::Tuple(items)
        | MontyObject::Set(items)
        | MontyObject::FrozenSet(items) => all(items),
        MontyObject::NamedTuple { values, .. } => all(values),
        MontyObject::Dict(pairs) => {
            depth > MAX_DEPTH
                || pairs
                    .iter()
                    .all(|(key, value)| is_writable(key, depth + 1) && is_writable(value, depth + 1))
        }
        _ => true,
    }
}

/// A Python value as JSON.
pub fn to_json(object: &MontyObject) -> Value {
    json_at(object, 0)
}

fn json_at(object: &MontyObject, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::String("...".into());
    }
    let list =
        |items: &[MontyObject]| Value::Array(items.iter().map(|item| json_at(item, depth + 1)).collect());
    match object {
        MontyObject::None => Value::Null,
        MontyObject::Bool(value) => Value::Bool(*value),
        MontyObject::Int(value) => Value::from(*value),
        MontyObject::Float(value) => {
            Number::from_f64(*value).map_or_else(|| Value::String(object.to_string()), Value::Number)
        }
        MontyObject::String(text) => Value::String(text.clone()),
        MontyObject::Path(text) => Value::String(text.clone()),
        MontyObject::List(items)
        | MontyObject::Tuple(items)
        | MontyObject::Set(items)
        | MontyObject::FrozenSet(items) => list(items),
        MontyObject::NamedTuple { field_names, values, .. } => Value::Object(
            field_names.iter().cloned().zip(values.iter().map(|value| json_at(value, depth + 1))).collect(),
        ),
        MontyObject::Dict(pairs) => Value::Object(object_of(pairs, depth)),
        MontyObject::ClassInstance(instance) if instance.class_type.is_dataclass => {
            Value::Object(object_of(&instance.attrs, depth))
        }
        other => Value::String(to_text(other)),
    }
}

fn object_of(pairs: &DictPairs, depth: usize) -> Map<String, Value> {
    pairs.iter().map(|(key, value)| (key_text(key), json_at(value, depth + 1))).collect()
}

/// Keys as Python's `json` writes them.
fn key_text(key: &MontyObject) -> String {
    match key {
        MontyObject::None => "null".into(),
        MontyObject::Bool(value) => value.to_string(),
        other => to_text(other),
    }
}

/// A JSON value as Python has it.
pub fn from_json(value: Value) -> MontyObject {
    match value {
        Value::Null => MontyObject::None,
        Value::Bool(value) => MontyObject::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => MontyObject::Int(value),
            (None, Some(value)) => MontyObject::BigInt(value.into()),
            _ => MontyObject::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => MontyObject::String(text),
        Value::Array(items) => MontyObject::List(items.into_iter().map(from_json).collect()),
        Value::Object(pairs) => MontyObject::dict(
            pairs
                .into_iter()
                .map(|(key, value)| (MontyObject::String(key), from_json(value)))
                .collect::<Vec<_>>(),
        ),
    }
}

/// What the functions of `datetime` that tell the time give at a time; `None` for any other function.
pub fn time_value(function: &OsFunctionCall, time_unix_nano: Option<i64>) -> Option<MontyObject> {
    let now = DateTime::from_timestamp_nanos(time_unix_nano?);
    match function {
        OsFunctionCall::DateToday => Some(MontyObject::Date(MontyDate {
            year: now.year(),
            month: u8::try_from(now.month()).ok()?,
            day: u8::try_from(now.day()).ok()?,
        })),
        OsFunctionCall::DateTimeNow(zone) => {
            let offset_seconds = zone.as_ref().map(|zone| zone.offset_seconds);
            let local = now + TimeDelta::seconds(offset_seconds.unwrap_or(0).into());
            Some(MontyObject::DateTime(MontyDateTime {
                year: local.year(),
                month: u8::try_from(local.month()).ok()?,
                day: u8::try_from(local.day()).ok()?,
                hour: u8::try_from(local.hour()).ok()?,
                minute: u8::try_from(local.minute()).ok()?,
                second: u8::try_from(local.second()).ok()?,
                microsecond: local.nanosecond() / 1_000,
                offset_seconds,
                timezone_name: zone.as_ref().and_then(|zone| zone.name.clone()),
            }))
        }
        _ => None,
    }
}
