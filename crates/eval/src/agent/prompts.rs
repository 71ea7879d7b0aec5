//! The texts that agents are set up with: ours, or those of a `--prompt-yml` file in smolagents' form.
//!
//! Templates are Jinja's; what stands in them is rendered without access to anything but the tools and the task.

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context,
    value::{Enumerator, Object, ObjectRepr, ValueKind},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::parse::{CLOSING_TAG, OPENING_TAG};
use crate::{python, tool::ToolSpec};

const TOOL_PROMPTS: &str = include_str!("../../data/prompts/tool.yaml");
const CODE_PROMPTS: &str = include_str!("../../data/prompts/code.yaml");
/// Sections of a prompt file in smolagents' form.
const SECTIONS: [&str; 4] = ["system_prompt", "planning", "managed_agent", "final_answer"];
/// A prompt file is text that people write.
const MOST_BYTES: usize = 1 << 20;

/// Why a prompt file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PromptError(String);

/// Prompts of one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompts {
    texts: Texts,
    /// Settings that a prompt file may carry.
    pub max_steps: Option<u32>,
    pub planning_interval: Option<u32>,
    /// What of the file means nothing here.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Texts {
    system_prompt: String,
    planning: Planning,
    final_answer: FinalAnswer,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Planning {
    initial_plan: String,
    update_plan_pre_messages: String,
    update_plan_post_messages: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct FinalAnswer {
    pre_messages: String,
    post_messages: String,
}

impl Prompts {
    /// Our texts for the tool-calling agent.
    pub fn tool_calling() -> Self {
        Self::built_in(TOOL_PROMPTS)
    }

    /// Our texts for the agent that writes code.
    pub fn code() -> Self {
        Self::built_in(CODE_PROMPTS)
    }

    fn built_in(yaml: &str) -> Self {
        let texts = serde_saphyr::from_str(yaml).expect("the bundled prompts are valid");
        Self { texts, max_steps: None, planning_interval: None, notes: Vec::new() }
    }

    /// These prompts with what a file replaces: smolagents' template sections, at the top or under
    /// `prompt_templates`, whole or in part. A plain `system_prompt` alone is an instruction that goes before the system prompt,
    /// which carries what the agent has to know.
    ///
    /// # Errors
    /// When the file is no YAML of that form, or a template cannot be rendered.
    pub fn replaced(&self, yaml: &str) -> Result<Self, PromptError> {
        if yaml.len() > MOST_BYTES {
            return Err(PromptError(format!("larger than {MOST_BYTES} bytes")));
        }
        let file: Map<String, Json> = serde_saphyr::from_str(yaml)
            .map_err(|error| PromptError(format!("no YAML of prompts: {error}")))?;
        let nested = file.get("prompt_templates").and_then(Json::as_object);
        let given = nested.unwrap_or(&file);
        let mut prompts = self.clone();
        let whole = nested.is_some() || SECTIONS[1..].iter().any(|section| given.contains_key(*section));
        if let Some(system) = text(given, "system_prompt")? {
            prompts.texts.system_prompt = match whole || system.contains("{{") || system.contains("{%") {
                true => system,
                false => format!("{}\n\n{}", system.trim(), self.texts.system_prompt),
            };
        }
        let planning = &mut prompts.texts.planning;
        replace(given, "planning", "initial_plan", &mut planning.initial_plan)?;
        replace(given, "planning", "update_plan_pre_messages", &mut planning.update_plan_pre_messages)?;
        replace(given, "planning", "update_plan_post_messages", &mut planning.update_plan_post_messages)?;
        replace(given, "final_answer", "pre_messages", &mut prompts.texts.final_answer.pre_messages)?;
        replace(given, "final_answer", "post_messages", &mut prompts.texts.final_answer.post_messages)?;
        prompts.max_steps = count(&file, "max_steps")?.or(self.max_steps);
        prompts.planning_interval = count(&file, "planning_interval")?.or(self.planning_interval);
        let known = |key: &str| {
            SECTIONS.contains(&key) || ["prompt_templates", "max_steps", "planning_interval"].contains(&key)
        };
        let unknown: Vec<&str> = file.keys().map(String::as_str).filter(|key| !known(key)).collect();
        if !unknown.is_empty() {
            prompts
                .notes
                .push(format!("keys that mean nothing here were passed over: {}", unknown.join(", ")));
        }
        // Better now than in every test.
        let texts = &prompts.texts;
        let planning = &texts.planning;
        for template in [
            &texts.system_prompt,
            &planning.initial_plan,
            &planning.update_plan_pre_messages,
            &planning.update_plan_post_messages,
            &texts.final_answer.pre_messages,
            &texts.final_answer.post_messages,
        ] {
            render(template, &[], "", 0)?;
        }
        Ok(prompts)
    }

    pub(super) fn system(&self, tools: &[ToolSpec]) -> Result<String, PromptError> {
        render(&self.texts.system_prompt, tools, "", 0)
    }

    pub(super) fn initial_plan(&self, tools: &[ToolSpec], task: &str) -> Result<String, PromptError> {
        render(&self.texts.planning.initial_plan, tools, task, 0)
    }

    /// What stands before and after the history.
    pub(super) fn new_plan(
        &self,
        tools: &[ToolSpec],
        task: &str,
        remaining_steps: u32,
    ) -> Result<(String, String), PromptError> {
        let planning = &self.texts.planning;
        Ok((
            render(&planning.update_plan_pre_messages, tools, task, remaining_steps)?,
            render(&planning.update_plan_post_messages, tools, task, remaining_steps)?,
        ))
    }

    /// What stands before and after the history.
    pub(super) fn last_answer(&self, task: &str) -> Result<(String, String), PromptError> {
        let last = &self.texts.final_answer;
        Ok((render(&last.pre_messages, &[], task, 0)?, render(&last.post_messages, &[], task, 0)?))
    }
}

fn text(fields: &Map<String, Json>, key: &str) -> Result<Option<String>, PromptError> {
    match fields.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(PromptError(format!("`{key}` must be text, found {other}"))),
    }
}

fn replace(
    fields: &Map<String, Json>,
    section: &str,
    key: &str,
    slot: &mut String,
) -> Result<(), PromptError> {
    match fields.get(section) {
        None | Some(Json::Null) => Ok(()),
        Some(Json::Object(section)) => {
            if let Some(text) = text(section, key)? {
                *slot = text;
            }
            Ok(())
        }
        Some(other) => Err(PromptError(format!("`{section}` must be a section, found {other}"))),
    }
}

fn count(fields: &Map<String, Json>, key: &str) -> Result<Option<u32>, PromptError> {
    match fields.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => {
            match value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0) {
                Some(count) => Ok(Some(count)),
                None => Err(PromptError(format!("`{key}` must be a whole number above 0, found {value}"))),
            }
        }
    }
}

fn render(
    template: &str,
    tools: &[ToolSpec],
    task: &str,
    remaining_steps: u32,
) -> Result<String, PromptError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(1_000_000));
    environment.set_unknown_method_callback(python_method);
    let variables = context! {
        tools => Value::from_object(Toolbox(tools.to_vec())),
        managed_agents => Value::from_object(Toolbox(Vec::new())),
        authorized_imports => python::repr(&Json::from(crate::sandbox::MODULES)),
        custom_instructions => "",
        code_block_opening_tag => OPENING_TAG,
        code_block_closing_tag => CLOSING_TAG,
        task => task,
        remaining_steps => remaining_steps,
    };
    environment
        .render_str(template, variables)
        .map_err(|error| PromptError(format!("a template cannot be rendered: {error:#}").replace('\n', " ")))
}

/// What templates written for Jinja call on Python's texts.
fn python_method(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let filter = match (value.kind(), method) {
        (ValueKind::String, "strip") => "trim",
        (ValueKind::String, "upper") => "upper",
        (ValueKind::String, "lower") => "lower",
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    };
    let mut all = vec![value.clone()];
    all.extend_from_slice(args);
    state.apply_filter(filter, &all)
}

/// Tools by their names and in their order: what a dict is in Python.
#[derive(Debug)]
struct Toolbox(Vec<ToolSpec>);

impl Object for Toolbox {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let spec = self.0.iter().find(|spec| spec.name == name)?;
        Some(Value::from_object(Described(spec.clone())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|spec| Value::from(spec.name.as_str())).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        let tool = |spec: &ToolSpec| Value::from_object(Described(spec.clone()));
        let name = |spec: &ToolSpec| Value::from(spec.name.as_str());
        match method {
            "values" => Ok(self.0.iter().map(tool).collect::<Vec<_>>().into()),
            "keys" => Ok(self.0.iter().map(name).collect::<Vec<_>>().into()),
            "items" => Ok(self
                .0
                .iter()
                .map(|spec| Value::from(vec![name(spec), tool(spec)]))
                .collect::<Vec<_>>()
                .into()),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// A tool as templates see it.
#[derive(Debug)]
struct Described(ToolSpec);

impl Object for Described {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let spec = &self.0;
        match key.as_str()? {
            "name" => Some(spec.name.clone().into()),
            "description" => Some(spec.description.clone().into()),
            "output_type" => Some(spec.output_type.clone().into()),
            "inputs" => Some(inputs(spec).into()),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "to_code_prompt" => Ok(as_function(&self.0).into()),
            "to_tool_calling_prompt" => Ok(as_tool(&self.0).into()),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

fn inputs(spec: &ToolSpec) -> String {
    let inputs: Map<String, Json> =
        spec.inputs.iter().map(|input| (input.name.clone(), input.schema.clone())).collect();
    python::repr(&Json::Object(inputs))
}

fn as_tool(spec: &ToolSpec) -> String {
    format!(
        "{}: {}\n    Takes: {}\n    Gives: {}",
        spec.name,
        spec.description,
        inputs(spec),
        spec.output_type
    )
}

/// A Python function with its documentation, and no body.
fn as_function(spec: &ToolSpec) -> String {
    let described = |schema: &Json| schema.get("description").and_then(Json::as_str).unwrap_or("").to_owned();
    let arguments: Vec<String> = spec
        .inputs
        .iter()
        .map(|input| {
            let kind = input.schema.get("type").and_then(Json::as_str).unwrap_or("any");
            let default = if input.required { "" } else { " = None" };
            format!("{}: {}{default}", input.name, python_type(kind))
        })
        .collect();
    let mut text = format!(
        "def {}({}) -> {}:\n    \"\"\"{}\n",
        spec.name,
        arguments.join(", "),
        python_type(&spec.output_type),
        spec.description.trim().replace('\n', "\n    ")
    );
    if !spec.inputs.is_empty() {
        text.push_str("\n    Args:\n");
        for input in &spec.inputs {
            text.push_str(&format!("        {}: {}\n", input.name, described(&input.schema)));
        }
    }
    text.push_str("    \"\"\"");
    text
}

fn python_type(kind: &str) -> &str {
    match kind {
        "string" => "str",
        "integer" => "int",
        "number" => "float",
        "boolean" => "bool",
        "array" => "list",
        "object" => "dict",
        "null" => "None",
        "any" => "Any",
        other => other,
    }
}
