//! What a model wrote -> calls and code. Everything may be nonsense; then it is said what was expected.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::memory::Call;
use crate::{
    chat::{ChatReply, ToolCall},
    tool::{ToolError, ToolSpec},
};

/// How code is marked.
pub(super) const OPENING_TAG: &str = "<code>";
pub(super) const CLOSING_TAG: &str = "</code>";
/// Longest text of a model that is repeated to it in an error.
const MOST_REPEATED: usize = 4000;

/// The calls of a reply: those that came as calls, else the one that its text describes.
///
/// # Errors
/// When there is none, in words for the model.
pub(super) fn calls(reply: &ChatReply) -> Result<Vec<Call>, String> {
    if !reply.tool_calls.is_empty() {
        let call = |(place, call): (usize, &ToolCall)| Call {
            id: if call.id.is_empty() { format!("call_{place}") } else { call.id.clone() },
            name: call.name.trim().to_owned(),
            arguments: arguments(&call.arguments),
        };
        return Ok(reply.tool_calls.iter().enumerate().map(call).collect());
    }
    let Some(text) = reply.content.as_deref().filter(|text| !text.trim().is_empty()) else {
        return Err(
            "The output has neither text nor a tool call. Call a tool, or final_answer with the answer."
                .into(),
        );
    };
    let expected =
        "Call a tool, or write one as JSON: {\"name\": \"tool\", \"arguments\": {\"name\": \"value\"}}";
    let found = text.find('{').zip(text.rfind('}')).and_then(|(start, end)| text.get(start..=end));
    let Some(json) = found else {
        return Err(format!("There is no tool call in the output:\n{}\n{expected}", repeated(text)));
    };
    let value: Value = serde_json::from_str(json).map_err(|error| {
        format!("The tool call is no valid JSON ({error}):\n{}\n{expected}", repeated(json))
    })?;
    let Some(name) = value.get("name").and_then(Value::as_str) else {
        return Err(format!("The JSON names no tool:\n{}\n{expected}", repeated(json)));
    };
    let given = value.get("arguments").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    let given = given.as_str().map(arguments).unwrap_or(given);
    Ok(vec![Call { id: "call_0".into(), name: name.trim().into(), arguments: given }])
}

/// Arguments as a value; text that is no JSON stays text.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(text) {
        // Some models quote their JSON once more.
        Ok(Value::String(inner)) => serde_json::from_str(&inner).unwrap_or(Value::String(inner)),
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    }
}

/// The arguments as a tool takes them.
///
/// # Errors
/// What the tool does not take, in words for the model.
pub(super) fn checked(spec: &ToolSpec, given: &Value) -> Result<Map<String, Value>, ToolError> {
    let wrong = |problem: String| Err(ToolError::Arguments(problem));
    let given = match (given, spec.inputs.as_slice()) {
        (Value::Object(given), _) => given.clone(),
        // One bare value for the one argument.
        (bare, [input]) => Map::from_iter([(input.name.clone(), bare.clone())]),
        (other, _) => {
            return wrong(format!("the arguments of {} must be a JSON object, found {other}", spec.name));
        }
    };
    for (name, value) in &given {
        let Some(input) = spec.inputs.iter().find(|input| &input.name == name) else {
            let known: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
            return wrong(format!("{} has no argument {name}; it takes: {}", spec.name, known.join(", ")));
        };
        if !takes(&input.schema, value) && (input.required || !value.is_null()) {
            let expected = input.schema.get("type").map_or_else(|| "another type".into(), Value::to_string);
            return wrong(format!("argument {name} of {} must be {expected}, found {value}", spec.name));
        }
    }
    match spec.inputs.iter().find(|input| input.required && !given.contains_key(&input.name)) {
        Some(missing) => wrong(format!("argument {} of {} is missing", missing.name, spec.name)),
        None => Ok(given),
    }
}

/// Whether a value is of the type that a schema names; schemas that say more are the tool's to check.
fn takes(schema: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) && value.is_null() {
        return true;
    }
    match schema.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// The code of an output, and the output as the model is to remember it: ended by the closing tag.
///
/// # Errors
/// When there is no code, in words for the model.
pub(super) fn code(output: &str) -> (String, Result<String, String>) {
    static TAGGED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?s)<code>(.*?)</code>").expect("a valid pattern"));
    static FENCED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?s)```(?:python|py)(.*?)\n```").expect("a valid pattern"));
    let mut output = output.to_owned();
    if !output.trim().is_empty() && !output.trim_end().ends_with(CLOSING_TAG) {
        output.push_str(CLOSING_TAG);
    }
    let found = [&*TAGGED, &*FENCED].into_iter().find_map(|pattern| {
        let blocks: Vec<&str> =
            pattern.captures_iter(&output).filter_map(|found| Some(found.get(1)?.as_str().trim())).collect();
        (!blocks.is_empty()).then(|| blocks.join("\n\n"))
    });
    let code = match found {
        Some(code) => Ok(without_assignment(&code)),
        None => Err(format!(
            "There is no code between {OPENING_TAG} and {CLOSING_TAG} in the output:\n{}\nWrite your thoughts, then the code:\n\
             {OPENING_TAG}\n# code\n{CLOSING_TAG}\nTo end with an answer:\n{OPENING_TAG}\nfinal_answer(\"the answer\")\n{CLOSING_TAG}",
            repeated(&output)
        )),
    };
    (output, code)
}

/// Code that assigns to `final_answer` and calls it would call the variable: the variable gets another name.
fn without_assignment(code: &str) -> String {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bfinal_answer\b").expect("a valid pattern"));
    // An attribute of that name is something else.
    let own = |found: &regex::Match| !code[..found.start()].ends_with('.');
    let after = |found: &regex::Match| code[found.end()..].trim_start().to_owned();
    let assigned = |found: regex::Match| {
        own(&found) && after(&found).starts_with('=') && !after(&found).starts_with("==")
    };
    if !code.contains("final_answer(") || !NAMED.find_iter(code).any(assigned) {
        return code.to_owned();
    }
    let (mut renamed, mut done) = (String::with_capacity(code.len()), 0);
    for found in NAMED.find_iter(code).filter(|found| own(found) && !after(found).starts_with('(')) {
        renamed.push_str(&code[done..found.end()]);
        renamed.push_str("_variable");
        done = found.end();
    }
    renamed.push_str(&code[done..]);
    renamed
}

fn repeated(text: &str) -> String {
    truncated(text, MOST_REPEATED)
}

/// The beginning and the end of a text that is too long.
pub(super) fn truncated(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(count - most / 2).collect();
    format!("{head}\n... ({} characters left out) ...\n{tail}", count - most / 2 * 2)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::ToolInput;

    #[test]
    fn code_is_found() {
        let check = |output: &str, expected: Option<&str>| {
            assert_eq!(code(output).1.ok().as_deref(), expected, "{output}")
        };
        check("Thought\n<code>\nx = 1\n</code>", Some("x = 1"));
        check("<code>a</code> and <code>b</code>", Some("a\n\nb"));
        check("cut at the stop text <code>\nprint(1)\n", Some("print(1)"));
        check("```python\nprint(2)\n```", Some("print(2)"));
        check("only words", None);
        check("", None);
        check(
            "<code>final_answer = 3\nfinal_answer(final_answer)</code>",
            Some("final_answer_variable = 3\nfinal_answer(final_answer_variable)"),
        );
        check("<code>final_answer == 3</code>", Some("final_answer == 3"));
    }

    #[test]
    fn calls_are_found() {
        let reply = |content: &str| ChatReply { content: Some(content.into()), ..ChatReply::default() };
        let check = |content: &str, expected: Option<(&str, Value)>| {
            let found = calls(&reply(content)).ok().and_then(|calls| calls.into_iter().next());
            assert_eq!(
                found.map(|call| (call.name, call.arguments)),
                expected.map(|(n, a)| (n.to_owned(), a)),
                "{content}"
            );
        };
        check(r#"I will. {"name": "add", "arguments": {"a": 1}} Done"#, Some(("add", json!({"a": 1}))));
        check(r#"{"name": "add", "arguments": "{\"a\": 1}"}"#, Some(("add", json!({"a": 1}))));
        check(r#"{"name": "now"}"#, Some(("now", json!({}))));
        check("{]}", None);
        check("{\"arguments\": {}}", None);
        check("", None);
    }

    #[test]
    fn arguments_are_checked() {
        let input = |name: &str, kind: &str, required| ToolInput {
            name: name.into(),
            schema: json!({"type": kind, "description": ""}),
            required,
        };
        let spec = ToolSpec {
            name: "t".into(),
            description: String::new(),
            inputs: vec![input("n", "integer", true), input("s", "string", false)],
            output_type: "string".into(),
        };
        let check =
            |given: Value, expected: bool| assert_eq!(checked(&spec, &given).is_ok(), expected, "{given}");
        check(json!({"n": 1}), true);
        check(json!({"n": 1.0, "s": null}), true);
        check(json!({"n": 1.5}), false);
        check(json!({"n": "1"}), false);
        check(json!({"s": "x"}), false);
        check(json!({"n": 1, "x": 1}), false);
        check(json!("no JSON"), false);
    }
}
