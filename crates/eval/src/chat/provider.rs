//! The endpoints that are known by name: where they are, which variable holds their key, what they understand.
//!
//! A table and the reading of model names. Reads no variable: whoever builds a client does, and passes the key.

use serde_json::{Map, Value, json};

/// What is known of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// As given before the model's name, and as recorded.
    pub name: &'static str,
    /// Base of the OpenAI-compatible API.
    pub base_url: &'static str,
    /// Environment variables that may hold the key, the first one that is set counts.
    pub key_variables: &'static [&'static str],
    /// Whether it answers without a key.
    pub keyless: bool,
    /// Environment variables that may hold another base URL.
    pub url_variables: &'static [&'static str],
    understands: Understands,
}

/// The generation settings beyond temperature, top_p and the like that an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Understands {
    top_k: bool,
    seed: bool,
    reasoning_effort: bool,
    /// Takes `chat_template_kwargs`.
    template: bool,
    /// Name of the limit of new tokens.
    max_tokens: &'static str,
}

const PLAIN: Understands = Understands {
    top_k: false,
    seed: true,
    reasoning_effort: false,
    template: false,
    max_tokens: "max_tokens",
};
const OPENAI: Understands =
    Understands { reasoning_effort: true, max_tokens: "max_completion_tokens", ..PLAIN };
const EFFORT: Understands = Understands { reasoning_effort: true, ..PLAIN };
const OPEN_WEIGHTS: Understands =
    Understands { top_k: true, reasoning_effort: true, template: true, ..PLAIN };

const fn provider(
    name: &'static str,
    base_url: &'static str,
    key_variables: &'static [&'static str],
    understands: Understands,
) -> Provider {
    Provider { name, base_url, key_variables, keyless: false, url_variables: &[], understands }
}

const fn keyless(provider: Provider, url_variables: &'static [&'static str]) -> Provider {
    Provider { keyless: true, url_variables, ..provider }
}

/// All of them.
pub const PROVIDERS: &[Provider] = &[
    provider("openai", "https://api.openai.com/v1", &["OPENAI_API_KEY"], OPENAI),
    keyless(
        provider("ollama", "http://localhost:11434/v1", &["OLLAMA_API_KEY"], EFFORT),
        &["OLLAMA_BASE_URL"],
    ),
    keyless(
        provider("vllm", "http://localhost:8000/v1", &["VLLM_API_KEY"], OPEN_WEIGHTS),
        &["VLLM_BASE_URL"],
    ),
    provider(
        "huggingface",
        "https://router.huggingface.co/v1",
        &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
        OPEN_WEIGHTS,
    ),
    provider(
        "mistral",
        "https://api.mistral.ai/v1",
        &["MISTRAL_API_KEY"],
        Understands { seed: false, ..PLAIN },
    ),
    provider("groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], OPENAI),
    provider(
        "together",
        "https://api.together.xyz/v1",
        &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY"],
        OPEN_WEIGHTS,
    ),
    provider(
        "deepseek",
        "https://api.deepseek.com/v1",
        &["DEEPSEEK_API_KEY"],
        Understands { seed: false, ..PLAIN },
    ),
    provider(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        Understands { seed: false, ..EFFORT },
    ),
    provider(
        "anthropic",
        "https://api.anthropic.com/v1",
        &["ANTHROPIC_API_KEY"],
        Understands { seed: false, ..PLAIN },
    ),
    provider(
        "openrouter",
        "https://openrouter.ai/api/v1",
        &["OPENROUTER_API_KEY"],
        Understands { template: false, ..OPEN_WEIGHTS },
    ),
    keyless(
        provider(
            "litellm",
            "http://localhost:4000/v1",
            &["LITELLM_API_KEY", "LITELLM_PROXY_API_KEY"],
            OPEN_WEIGHTS,
        ),
        &["LITELLM_BASE_URL", "LITELLM_PROXY_API_BASE"],
    ),
    // Any other, by --base-url. Its key has a variable of its own: no provider's key goes to an unknown address.
    keyless(provider("custom", "", &["SMOLTRACE_API_KEY"], OPEN_WEIGHTS), &[]),
];

/// Other names of providers, in model names and flags.
const ALIASES: &[(&str, &str)] = &[
    ("inference", "huggingface"),
    ("hf", "huggingface"),
    ("ollama_chat", "ollama"),
    ("hosted_vllm", "vllm"),
    ("together_ai", "together"),
    ("google", "gemini"),
    ("litellm_proxy", "litellm"),
];

impl Provider {
    /// The provider of a name or one of its other names.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// The provider and the name that it knows the model by: `groq/openai/gpt-oss-120b` is
    /// `openai/gpt-oss-120b` of groq. A model behind a provider that was chosen keeps its name, but for that provider's own.
    ///
    /// # Errors
    /// What is to be given when neither names a provider.
    pub fn of_model<'a>(
        model: &'a str,
        chosen: Option<&'static Self>,
    ) -> Result<(&'static Self, &'a str), String> {
        let named = model.split_once('/').and_then(|(prefix, rest)| Some((Self::find(prefix)?, rest)));
        match (chosen, named) {
            (None, Some((provider, rest))) => Ok((provider, rest)),
            (Some(chosen), Some((named, rest))) if named == chosen => Ok((chosen, rest)),
            (Some(chosen), _) => Ok((chosen, model)),
            (None, None) => {
                let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
                Err(format!(
                    "nothing says who serves `{model}`: name it as PROVIDER/MODEL or give --provider ({}) or --base-url",
                    names.join(", ")
                ))
            }
        }
    }
}

/// What can be set of how a model writes; `None` leaves it to the endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Generation {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    pub max_new_tokens: Option<u32>,
    pub seed: Option<i64>,
    /// none, minimal, low, medium, high.
    pub reasoning_effort: Option<String>,
    /// The switch of chat templates.
    pub enable_thinking: Option<bool>,
}

/// What of the settings goes into requests, and what the endpoint would not understand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// Fields of the request.
    pub fields: Map<String, Value>,
    /// Names of settings that are not sent.
    pub not_applied: Vec<&'static str>,
}

impl Generation {
    /// The settings as `provider` takes them.
    pub fn applied(&self, provider: &Provider) -> Applied {
        let mut applied = Applied::default();
        let can = provider.understands;
        let mut set = |name, given: Option<Value>, field: Option<&str>| match (given, field) {
            (None, _) => {}
            (Some(value), Some(field)) => {
                applied.fields.insert(field.into(), value);
            }
            (Some(_), None) => applied.not_applied.push(name),
        };
        let when = |can: bool, field| can.then_some(field);
        set("temperature", self.temperature.map(Value::from), Some("temperature"));
        set("top_p", self.top_p.map(Value::from), Some("top_p"));
        set("top_k", self.top_k.map(Value::from), when(can.top_k, "top_k"));
        set("max_new_tokens", self.max_new_tokens.map(Value::from), Some(can.max_tokens));
        set("seed", self.seed.map(Value::from), when(can.seed, "seed"));
        set(
            "reasoning_effort",
            self.reasoning_effort.clone().map(Value::from),
            when(can.reasoning_effort, "reasoning_effort"),
        );
        let thinking = self.enable_thinking.map(|on| json!({ "enable_thinking": on }));
        set("enable_thinking", thinking, when(can.template, "chat_template_kwargs"));
        applied
    }

    /// What was asked for, by name.
    pub fn requested(&self) -> Map<String, Value> {
        let all = [
            ("temperature", self.temperature.map(Value::from)),
            ("top_p", self.top_p.map(Value::from)),
            ("top_k", self.top_k.map(Value::from)),
            ("max_new_tokens", self.max_new_tokens.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
            ("reasoning_effort", self.reasoning_effort.clone().map(Value::from)),
            ("enable_thinking", self.enable_thinking.map(Value::from)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Whether the model takes `stop`: OpenAI's reasoning models refuse it.
pub(super) fn takes_stop(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let reasons = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    !["o1", "o3", "o4", "gpt-5"].iter().any(|prefix| reasons(prefix)) && !name.starts_with("grok-")
}
