//! The bundled price table: USD per million tokens of widely used models.
//!
//! Figures only, with their source and date (`data/prices.json`). Must not know spans. A model
//! that the table does not name has no price: unknown is never 0.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// Price of one model, USD per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Canonical name, lower case, without provider, date or `-latest`.
    pub model: String,
    /// Who sells it at this price.
    pub host: String,
    /// Input that was not cached.
    pub input: f64,
    /// Output, reasoning included.
    pub output: f64,
    /// Input read from a cache; [`Price::input`] when absent.
    #[serde(default)]
    pub cache_read: Option<f64>,
    /// Input written to a cache; [`Price::input`] when absent.
    #[serde(default)]
    pub cache_write: Option<f64>,
    /// Dated names at the same price.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// The table's identity, stored with every run that it priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceTable {
    /// Name and version.
    pub id: String,
    /// Where the figures were taken from.
    pub source: String,
    /// ISO 8601 day on which they were taken.
    pub date: String,
    /// What the figures leave out.
    pub note: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(flatten)]
    table: PriceTable,
    /// Sold by the model's maker; the list price wherever the maker's API is behind the call.
    first_party: Vec<Price>,
    /// Open models: the price is the host's, and no host means no price.
    hosted: Vec<Price>,
}

struct Prices {
    table: PriceTable,
    first_party: HashMap<String, Price>,
    hosted: HashMap<(String, String), Price>,
}

static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let file: File =
        serde_json::from_str(include_str!("../data/prices.json")).expect("the bundled table is valid");
    Prices {
        table: file.table,
        first_party: file.first_party.into_iter().flat_map(named).collect(),
        hosted: file
            .hosted
            .into_iter()
            .flat_map(named)
            .map(|(name, price)| ((price.host.clone(), name), price))
            .collect(),
    }
});

fn named(price: Price) -> Vec<(String, Price)> {
    let names = std::iter::once(price.model.clone()).chain(price.aliases.clone());
    names.map(|name| (name, price.clone())).collect()
}

/// Spellings of the hosts that sell other makers' models, in provider attributes and in model
/// prefixes. The empty name stands for hardware of one's own: nothing is billed by the token.
const HOSTS: &[(&str, &str)] = &[
    ("groq", "groq"),
    ("together", "together"),
    ("together_ai", "together"),
    ("togetherai", "together"),
    ("deepinfra", "deepinfra"),
    ("fireworks", "fireworks"),
    ("fireworks_ai", "fireworks"),
    ("cerebras", "cerebras"),
    ("bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("aws.bedrock", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("sagemaker", "sagemaker"),
    ("huggingface", "huggingface"),
    ("hugging_face", "huggingface"),
    ("nebius", "nebius"),
    ("novita", "novita"),
    ("hyperbolic", "hyperbolic"),
    ("sambanova", "sambanova"),
    ("replicate", "replicate"),
    ("nvidia_nim", "nvidia_nim"),
    ("ollama", ""),
    ("ollama_chat", ""),
    ("vllm", ""),
    ("hosted_vllm", ""),
    ("transformers", ""),
    ("mlx", ""),
    ("llamacpp", ""),
    ("llama_cpp", ""),
    ("lm_studio", ""),
    ("lmstudio", ""),
    ("local", ""),
];

/// Prefixes that name the maker or a router that passes the list price on.
const MAKERS: &[&str] = &[
    "openai/",
    "azure/",
    "anthropic/",
    "google/",
    "gemini/",
    "vertex_ai/",
    "models/",
    "mistral/",
    "mistralai/",
    "deepseek/",
    "xai/",
    "x-ai/",
    "cohere/",
    "cohere_chat/",
    "perplexity/",
    "openrouter/",
    "litellm/",
    "litellm_proxy/",
    "chat/",
    "responses/",
];

/// The identity of the bundled table.
pub fn table() -> &'static PriceTable {
    &PRICES.table
}

/// All names with a price, aliases included, in no particular order.
pub fn all() -> impl Iterator<Item = &'static Price> {
    PRICES.first_party.values().chain(PRICES.hosted.values())
}

/// The price of `model`, as a span names it (`openai/gpt-4.1-nano`, `gpt-4o-2024-08-06`,
/// `groq/openai/gpt-oss-120b`), called through `provider`. `None` when the table does not know
/// that model, or knows it only from other hosts.
pub fn find(model: &str, provider: Option<&str>) -> Option<&'static Price> {
    let mut name = model.trim().to_ascii_lowercase();
    let mut host = provider.and_then(|provider| known_host(&provider.trim().to_ascii_lowercase()));
    // Routers nest prefixes (`litellm/openrouter/openai/...`): bounded by the length of the name.
    while let Some((prefix, rest)) = name.split_once('/') {
        if let Some(found) = known_host(prefix) {
            host = Some(found);
        } else if host.is_some() || !MAKERS.contains(&format!("{prefix}/").as_str()) {
            break;
        }
        name = rest.to_owned();
    }
    match host {
        Some("") => None,
        Some(host) => {
            candidates(&name).into_iter().find_map(|name| PRICES.hosted.get(&(host.to_owned(), name)))
        }
        None => candidates(&name).into_iter().find_map(|name| PRICES.first_party.get(&name)),
    }
}

fn known_host(name: &str) -> Option<&'static str> {
    HOSTS.iter().find(|(spelling, _)| *spelling == name).map(|(_, host)| *host)
}

/// The name as it is, then without `-latest`, then without a dated suffix.
fn candidates(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let base = name.strip_suffix("-latest").unwrap_or(name);
    let base = base.split_once('@').map_or(base, |(base, _)| base);
    names.push(base.to_owned());
    if let Some(base) = without_date(base) {
        names.push(base.to_owned());
    }
    names
}

/// `gpt-4o-2024-08-06` -> `gpt-4o`, `claude-sonnet-4-5-20250929` -> `claude-sonnet-4-5`. Shorter
/// dates (`mistral-large-2512`) often mark another model at another price: only aliases count.
fn without_date(name: &str) -> Option<&str> {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = name.rsplitn(4, '-');
    let (last, month, year, rest) = (parts.next()?, parts.next(), parts.next(), parts.next());
    if let (Some(month), Some(year), Some(rest)) = (month, year, rest)
        && digits(last, 2)
        && digits(month, 2)
        && digits(year, 4)
    {
        return Some(rest);
    }
    let (rest, _) = name.rsplit_once('-')?;
    digits(last, 8).then_some(rest)
}

/// Tokens of one call. Cached tokens are parts of the input, reasoning is part of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write: i64,
}

impl Price {
    /// USD of `tokens`: cached input at its own price, the rest of the input at the input price.
    /// Cached tokens that exceed the input cannot be a part of it (some clients leave them out of
    /// the input); then they cost on top.
    pub fn cost_usd(&self, tokens: Tokens) -> f64 {
        let [input, output, read, write] =
            [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write].map(|count| count.max(0));
        let cached = read.saturating_add(write);
        let fresh = if cached <= input { input - cached } else { input };
        let micro_usd = fresh as f64 * self.input
            + read as f64 * self.cache_read.unwrap_or(self.input)
            + write as f64 * self.cache_write.unwrap_or(self.input)
            + output as f64 * self.output;
        micro_usd / 1e6
    }
}
