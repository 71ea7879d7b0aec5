//! The arguments of a call, checked against the tool's description. Models write `"10"` for 10 and `null` for nothing:
//! both are taken as meant.

use serde_json::{Map, Value, json};

use crate::tool::{ToolError, ToolInput, ToolSpec};

/// A required argument.
pub fn required(name: &str, kind: &str, description: &str) -> ToolInput {
    ToolInput { name: name.into(), schema: json!({"type": kind, "description": description}), required: true }
}

/// An argument that may be left out.
pub fn optional(name: &str, kind: &str, description: &str) -> ToolInput {
    ToolInput {
        name: name.into(),
        schema: json!({"type": kind, "description": description, "nullable": true}),
        required: false,
    }
}

/// A tool's description whose answer is text.
pub fn spec(name: &str, description: &str, inputs: Vec<ToolInput>) -> ToolSpec {
    ToolSpec { name: name.into(), description: description.into(), inputs, output_type: "string".into() }
}

/// Arguments of which every name is known and every required one is there.
#[derive(Debug)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    pub fn new(spec: &ToolSpec, mut arguments: Map<String, Value>) -> Result<Self, ToolError> {
        arguments.retain(|_, value| !value.is_null());
        let names = || spec.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", ");
        for name in arguments.keys() {
            if !spec.inputs.iter().any(|input| &input.name == name) {
                let message = format!("{} has no argument {name:?}; it takes: {}", spec.name, names());
                return Err(ToolError::Arguments(message));
            }
        }
        for input in &spec.inputs {
            if input.required && !arguments.contains_key(&input.name) {
                let message = format!("{} needs {:?}; it takes: {}", spec.name, input.name, names());
                return Err(ToolError::Arguments(message));
            }
        }
        Ok(Self(arguments))
    }

    pub fn text(&self, name: &str) -> Result<String, ToolError> {
        self.optional_text(name)?.ok_or_else(|| ToolError::Arguments(format!("{name:?} is missing")))
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<String>, ToolError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(other) => Err(wrong(name, "text", other)),
        }
    }

    /// A whole number within `range`, or `default`.
    pub fn integer(
        &self,
        name: &str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, ToolError> {
        let number = match self.0.get(name) {
            None => default,
            Some(value) => whole(value).ok_or_else(|| wrong(name, "a whole number", value))?,
        };
        if range.contains(&number) {
            Ok(number)
        } else {
            let message = format!("{name:?} must be from {} to {}, not {number}", range.start(), range.end());
            Err(ToolError::Arguments(message))
        }
    }

    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, ToolError> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// One of `choices`; the first of them when it is left out.
    pub fn choice<'a>(&self, name: &str, choices: &[&'a str]) -> Result<&'a str, ToolError> {
        let Some(given) = self.optional_text(name)? else { return Ok(choices[0]) };
        choices.iter().find(|choice| choice.eq_ignore_ascii_case(given.trim())).copied().ok_or_else(|| {
            ToolError::Arguments(format!("{name:?} must be one of {}, not {given:?}", choices.join(", ")))
        })
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        // A float that is whole, and no larger than what a float counts exactly.
        Value::Number(number) => number.as_i64().or_else(|| {
            number
                .as_f64()
                .filter(|value| value.fract() == 0.0 && value.abs() < 9e15)
                .map(|value| value as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn wrong(name: &str, wanted: &str, given: &Value) -> ToolError {
    let mut given = given.to_string();
    if given.len() > 80 {
        given.truncate(given.floor_char_boundary(80));
        given.push_str("...");
    }
    ToolError::Arguments(format!("{name:?} must be {wanted}, not {given}"))
}
