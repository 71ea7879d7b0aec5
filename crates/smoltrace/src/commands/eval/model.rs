//! The models that were asked for, with the keys that the environment holds for them.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_trait::async_trait;
use reqwest::Url;
use smoltrace_eval::{
    chat::{
        ChatError, ChatModel, ChatReply, ChatRequest,
        openai::{OpenAi, Options},
        provider::{Generation, Provider},
        replay::Replay,
    },
    clock::Clock,
    score::Judge,
};

use crate::{cli::eval::EvalArgs, config, exit::UsageError};

/// The bundled recording of the quick set.
const QUICK: &[u8] = include_bytes!("../../../../eval/data/replay/quick.json");

/// Makes models, and remembers which secrets they were given.
pub struct Models<'a> {
    args: &'a EvalArgs,
    clock: Clock,
    secrets: Vec<String>,
    notes: Vec<String>,
    runs_here: bool,
}

impl<'a> Models<'a> {
    pub fn new(args: &'a EvalArgs, clock: Clock) -> Self {
        Self { args, clock, secrets: Vec::new(), notes: Vec::new(), runs_here: false }
    }

    /// Keys that must not be written anywhere.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }

    /// What the user should know.
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Whether the model under test runs on this machine, as far as its address says.
    pub fn runs_here(&self) -> bool {
        self.runs_here
    }

    /// The model under test.
    pub fn model(&mut self, name: &str) -> Result<Arc<dyn ChatModel>> {
        let args = self.args;
        self.runs_here = runs_here(name, args.provider.as_deref(), args.base_url.as_deref());
        if args.agents.is_own() {
            return Ok(Arc::new(Theirs::new(name, args.provider.as_deref())));
        }
        self.make(
            name,
            args.provider.as_deref(),
            args.base_url.as_deref(),
            args.api_key_env.as_deref(),
            generation(args),
        )
    }

    /// The model that judges: with its own provider, at its own settings.
    pub fn judge(&mut self, name: &str) -> Result<Judge> {
        // At another endpoint than its provider's only where the model under test is there, too.
        let named = Provider::of_model(name, None).is_ok() || name.starts_with("replay:");
        let (provider, base_url, key) = match named {
            true => (None, None, None),
            false => (
                self.args.provider.as_deref(),
                self.args.base_url.as_deref(),
                self.args.api_key_env.as_deref(),
            ),
        };
        let settings = Generation { temperature: Some(0.0), ..Generation::default() };
        let model = self.make(name, provider, base_url, key, settings)?;
        Ok(Judge::new(model, self.args.running.judge_counts))
    }

    fn make(
        &mut self,
        name: &str,
        provider: Option<&str>,
        base_url: Option<&str>,
        key_variable: Option<&str>,
        generation: Generation,
    ) -> Result<Arc<dyn ChatModel>> {
        if let Some(recording) = name.strip_prefix("replay:") {
            let bytes = match recording {
                "quick" => QUICK.to_vec(),
                path => std::fs::read(path).with_context(|| format!("cannot read the recording {path}"))?,
            };
            let replay = Replay::parse(&bytes).map_err(|problem| UsageError(format!("{name}: {problem}")))?;
            return Ok(Arc::new(replay));
        }
        let chosen = match (provider, base_url) {
            (Some(given), _) => Some(Provider::find(given).ok_or_else(|| {
                let known: Vec<&str> =
                    smoltrace_eval::chat::provider::PROVIDERS.iter().map(|provider| provider.name).collect();
                UsageError(format!("--provider {given} is none of {}", known.join(", ")))
            })?),
            (None, Some(_)) => Provider::find("custom"),
            (None, None) => None,
        };
        let (provider, model) = Provider::of_model(name, chosen).map_err(UsageError)?;
        let variables: Vec<&str> = match key_variable {
            Some(variable) => vec![variable],
            None => provider.key_variables.to_vec(),
        };
        let key = config::variable(&variables);
        if key.is_none() && (!provider.keyless || key_variable.is_some()) && base_url.is_none() {
            return Err(
                UsageError(format!("{} needs a key: set {}", provider.name, variables.join(" or "))).into()
            );
        }
        let key = key.map(|(_, key)| key);
        self.secrets.extend(key.clone());
        let base_url = base_url
            .map(str::to_owned)
            .or_else(|| config::variable(provider.url_variables).map(|(_, url)| url));
        let running = &self.args.running;
        let defaults = Options::new(name, model, provider);
        let options = Options {
            base_url,
            key,
            generation,
            request_timeout: Duration::from_secs_f64(running.request_timeout),
            retry: smoltrace_eval::chat::RetryPolicy { retries: running.retries, ..defaults.retry.clone() },
            requests_per_minute: running.requests_per_minute,
            proxy: config::proxy(),
            clock: Some(self.clock.clone()),
            ..defaults
        };
        let model = OpenAi::new(options).map_err(UsageError)?;
        if !model.not_applied().is_empty() {
            self.notes.push(format!(
                "not applied, since {} does not understand it: {}",
                provider.name,
                model.not_applied().join(", ")
            ));
        }
        Ok(Arc::new(model))
    }
}

/// Whether a model runs on this machine: a recording, or an endpoint at a loopback address. A LiteLLM proxy is here, and
/// what it asks is elsewhere.
fn runs_here(name: &str, provider: Option<&str>, base_url: Option<&str>) -> bool {
    if name.starts_with("replay:") {
        return true;
    }
    let provider = match provider {
        Some(given) => Provider::find(given),
        None => Provider::of_model(name, None).map(|(provider, _)| provider).ok(),
    };
    let elsewhere = provider.is_some_and(|provider| provider.name == "litellm");
    let variables = provider.map_or(&[][..], |provider| provider.url_variables);
    let url = base_url
        .map(str::to_owned)
        .or_else(|| config::variable(variables).map(|(_, url)| url))
        .or_else(|| provider.map(|provider| provider.base_url.to_owned()));
    !elsewhere && url.is_some_and(|url| is_loopback(&url))
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

fn generation(args: &EvalArgs) -> Generation {
    let given = &args.generation;
    Generation {
        temperature: given.temperature,
        top_p: given.top_p,
        top_k: given.top_k,
        max_new_tokens: given.max_new_tokens,
        seed: given.seed,
        reasoning_effort: given.reasoning_effort.clone(),
        enable_thinking: given.enable_thinking,
    }
}

/// The model of an agent that is not ours: the agent asks it, the run is named by it.
struct Theirs {
    name: String,
    provider: String,
}

impl Theirs {
    fn new(name: &str, provider: Option<&str>) -> Self {
        let named = Provider::of_model(name, None).map(|(provider, _)| provider.name).ok();
        Self { name: name.into(), provider: provider.or(named).unwrap_or("external").into() }
    }
}

#[async_trait]
impl ChatModel for Theirs {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &str {
        &self.provider
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        Err(ChatError::NoCompletion { message: "the agent asks its model itself".into() })
    }
}

#[cfg(test)]
mod tests {
    use super::runs_here;

    #[test]
    fn where_a_model_runs() {
        let check = |name: &str, provider: Option<&str>, base_url: Option<&str>, here: bool| {
            assert_eq!(runs_here(name, provider, base_url), here, "{name} {provider:?} {base_url:?}");
        };
        check("replay:quick", None, None, true);
        check("openai/gpt-5-mini", None, None, false);
        check("openai/gpt-5-mini", None, Some("http://127.0.0.1:8000/v1"), true);
        check("m", None, Some("http://[::1]:8000/v1"), true);
        check("m", None, Some("http://LOCALHOST:8000/v1"), true);
        check("m", None, Some("http://gpu-box:8000/v1"), false);
        check("m", None, Some("http://127.0.0.1.example.com/v1"), false);
        check("m", None, Some("nonsense"), false);
        check("m", None, None, false);
        check("litellm/gpt-5-mini", None, Some("http://127.0.0.1:4000/v1"), false);
        check("ollama/qwen3:8b", None, Some("http://10.0.0.7:11434/v1"), false);
    }
}
