//! The client of OpenAI-compatible endpoints: one streamed chat completion at a time, repeated where that may help.
//!
//! Everything that an endpoint can do wrong ends as a [`ChatError`] within bounds of time and size. Reads no
//! environment: address, key and proxy are given.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use reqwest::{StatusCode, header};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    ChatError, ChatModel, ChatReply, ChatRequest, Timing, ToolCall, Usage, cut_at_stop,
    provider::{Applied, Generation, Provider, takes_stop},
    rate::Gate,
    retry::{self, RetryPolicy},
};
use crate::{cause::deepest, clock::Clock, sse::Events};

/// How an endpoint is used.
#[derive(Clone)]
pub struct Options {
    /// As the run's row names the model: with the provider, as it was given.
    pub name: String,
    /// As the endpoint knows it.
    pub model: String,
    pub provider: &'static Provider,
    /// Base of the API; the provider's when not given.
    pub base_url: Option<String>,
    pub key: Option<String>,
    pub generation: Generation,
    /// One attempt may take so long, from the request to the end of the answer.
    pub request_timeout: Duration,
    pub retry: RetryPolicy,
    /// Bytes of an answer as received.
    pub most_answer_bytes: usize,
    pub requests_at_once: usize,
    pub requests_per_minute: Option<u32>,
    /// URL of a proxy for endpoints that are not on this machine.
    pub proxy: Option<String>,
    /// Tells how far off a date is that an endpoint asks to wait for; without one, only where its answer has a date.
    pub clock: Option<Clock>,
}

impl Options {
    /// Defaults for a model of a provider.
    pub fn new(name: &str, model: &str, provider: &'static Provider) -> Self {
        Self {
            name: name.into(),
            model: model.into(),
            provider,
            base_url: None,
            key: None,
            generation: Generation::default(),
            request_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            most_answer_bytes: 16 << 20,
            requests_at_once: 64,
            requests_per_minute: None,
            proxy: None,
            clock: None,
        }
    }
}

/// A model behind an endpoint.
pub struct OpenAi {
    options: Options,
    applied: Applied,
    url: reqwest::Url,
    http: reqwest::Client,
    gate: Gate,
    calls: AtomicU64,
}

impl OpenAi {
    /// # Errors
    /// When the address, the key or the proxy cannot be one.
    pub fn new(options: Options) -> Result<Self, String> {
        let base = options.base_url.as_deref().unwrap_or(options.provider.base_url);
        let text = format!("{}/chat/completions", base.trim_end_matches('/'));
        let url: reqwest::Url = text.parse().map_err(|error| format!("`{base}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("`{base}` is no http(s) URL"));
        }
        let mut headers = header::HeaderMap::new();
        if let Some(key) = &options.key {
            let mut value = header::HeaderValue::from_str(&format!("Bearer {}", key.trim()))
                .map_err(|_| "the key has characters that no key can have".to_owned())?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            // A key must not follow to another address.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.request_timeout.min(Duration::from_secs(20)))
            .user_agent(concat!("smoltrace/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers);
        if let Some(proxy) = options.proxy.as_deref().filter(|_| !local) {
            let proxy =
                reqwest::Proxy::all(proxy).map_err(|error| format!("`{proxy}` is no proxy: {error}"))?;
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self {
            applied: options.generation.applied(options.provider),
            gate: Gate::new(options.requests_at_once, options.requests_per_minute),
            url,
            http,
            options,
            calls: AtomicU64::new(0),
        })
    }

    /// Names of the generation settings that this endpoint does not understand.
    pub fn not_applied(&self) -> &[&'static str] {
        &self.applied.not_applied
    }

    fn body(&self, request: &ChatRequest) -> Value {
        let message = |message: &super::Message| json!({"role": message.role, "content": message.content});
        let mut body = self.applied.fields.clone();
        body.insert("model".into(), self.options.model.clone().into());
        body.insert("messages".into(), request.messages.iter().map(message).collect());
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
        if !request.tools.is_empty() {
            let tool = |tool: &crate::tool::ToolSpec| {
                json!({"type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters()}})
            };
            body.insert("tools".into(), request.tools.iter().map(tool).collect());
            body.insert("tool_choice".into(), "required".into());
        }
        if !request.stop.is_empty() && takes_stop(&self.options.model) {
            body.insert("stop".into(), json!(request.stop));
        }
        Value::Object(body)
    }

    /// One attempt.
    async fn attempt(&self, body: &Value) -> Result<ChatReply, Failure> {
        let start = Instant::now();
        let request = self.http.post(self.url.clone()).json_body(body);
        let mut response = request.send().await.map_err(|error| Failure::connection(&error))?;
        let status = response.status();
        if !status.is_success() {
            let wait = retry::asked(response.headers(), self.options.clock.as_ref());
            return Err(Failure::Status { status, message: error_message(response).await, wait });
        }
        let streamed = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("text/event-stream"));
        let limit = self.options.most_answer_bytes;
        let (mut received, mut first_token) = (0, None);
        let (mut whole, mut events, mut stream) = (Vec::new(), Events::default(), Assembly::default());
        loop {
            let bytes = match response.chunk().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => return Err(Failure::CutOff(cause_of(&error))),
            };
            received += bytes.len();
            if received > limit {
                return Err(Failure::TooLarge);
            }
            if !streamed {
                whole.extend_from_slice(&bytes);
                continue;
            }
            events.feed(&bytes);
            while let Some(event) = events.next() {
                if stream.take(&event.data)? && first_token.is_none() {
                    first_token = Some(start.elapsed());
                }
            }
            if stream.done {
                break;
            }
        }
        let mut reply = if streamed {
            if let Some(event) = events.rest() {
                stream.take(&event.data).map_err(|failure| match failure {
                    // Half an event is no nonsense.
                    Failure::NoCompletion(_) => Failure::CutOff("the stream stopped within an event".into()),
                    told => told,
                })?;
            }
            stream.reply()?
        } else {
            completion(&whole)?
        };
        reply.timing = Timing { first_token, total: Some(start.elapsed()), retries: 0 };
        Ok(reply)
    }
}

/// `reqwest`'s own JSON bodies are behind a feature that brings more than this.
trait JsonBody {
    fn json_body(self, body: &Value) -> Self;
}

impl JsonBody for reqwest::RequestBuilder {
    fn json_body(self, body: &Value) -> Self {
        self.header(header::CONTENT_TYPE, "application/json").body(body.to_string())
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn provider(&self) -> &str {
        self.options.provider.name
    }

    fn settings(&self) -> Map<String, Value> {
        let mut settings = Map::new();
        let mut base = self.url.clone();
        // Whatever stands before the host is a secret.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        settings.insert("endpoint".into(), base.as_str().into());
        let requested = self.options.generation.requested();
        if !requested.is_empty() {
            settings.insert("generation".into(), requested.into());
            settings.insert("generation_not_applied".into(), json!(self.applied.not_applied));
        }
        settings
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let body = self.body(request);
        let policy = &self.options.retry;
        let salt = self.calls.fetch_add(1, Ordering::Relaxed);
        let (mut attempts, mut timeouts) = (0, 0);
        loop {
            attempts += 1;
            let outcome = {
                let _place = self.gate.enter().await;
                tokio::time::timeout(self.options.request_timeout, self.attempt(&body)).await
            };
            let failure = match outcome {
                Ok(Ok(mut reply)) => {
                    reply.timing.retries = attempts - 1;
                    if let Some(content) = &mut reply.content {
                        cut_at_stop(content, &request.stop);
                    }
                    return Ok(reply);
                }
                Ok(Err(failure)) => failure,
                Err(_) => {
                    timeouts += 1;
                    Failure::TimedOut
                }
            };
            let asked = match &failure {
                Failure::Status { wait, .. } => *wait,
                _ => None,
            };
            let again = failure.is_passing() && attempts <= policy.retries;
            if !again || timeouts > policy.retries_after_timeout {
                return Err(failure.into_error(&self.options, attempts));
            }
            tokio::time::sleep(policy.wait(attempts, asked, salt)).await;
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
enum Failure {
    Status { status: StatusCode, message: String, wait: Option<Duration> },
    Connection(String),
    CutOff(String),
    TimedOut,
    TooLarge,
    NoCompletion(String),
}

impl Failure {
    fn connection(error: &reqwest::Error) -> Self {
        Self::Connection(cause_of(error))
    }

    fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => retry::is_passing(*status),
            Self::Connection(_) | Self::CutOff(_) | Self::TimedOut | Self::NoCompletion(_) => true,
            Self::TooLarge => false,
        }
    }

    fn into_error(self, options: &Options, attempts: u32) -> ChatError {
        match self {
            Self::Status { status, message, .. } if retry::is_passing(status) => {
                ChatError::Unavailable { status: status.as_u16(), message, attempts }
            }
            Self::Status { status, message, .. } => ChatError::Refused { status: status.as_u16(), message },
            Self::Connection(message) => ChatError::NoConnection { message, attempts },
            Self::CutOff(message) => ChatError::CutOff { message, attempts },
            Self::TimedOut => ChatError::TimedOut { limit: options.request_timeout, attempts },
            Self::TooLarge => ChatError::TooLarge { limit_bytes: options.most_answer_bytes },
            Self::NoCompletion(message) => ChatError::NoCompletion { message },
        }
    }
}

/// The deepest cause: what stands above it is the address, which the run's row has.
fn cause_of(error: &reqwest::Error) -> String {
    shortened(&deepest(error).to_string())
}

/// What an endpoint says of its refusal, short: `error.message` of a JSON body, else the text.
async fn error_message(mut response: reqwest::Response) -> String {
    const MOST_BYTES: usize = 64 << 10;
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(MOST_BYTES - bytes.len())]);
        if bytes.len() == MOST_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let said = serde_json::from_slice::<Value>(&bytes).ok().and_then(|body| {
        let error = body.get("error").or_else(|| body.pointer("/0/error")).unwrap_or(&body);
        let message = error.get("message").or_else(|| error.get("detail")).unwrap_or(error);
        message.as_str().map(str::to_owned)
    });
    match said.unwrap_or_else(|| text.trim().to_owned()) {
        empty if empty.is_empty() => "the endpoint gave no reason".into(),
        said => shortened(&said),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 500;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A completion that came in one piece.
fn completion(bytes: &[u8]) -> Result<ChatReply, Failure> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| {
        Failure::NoCompletion(format!(
            "expected JSON, found {:?}",
            shortened(&String::from_utf8_lossy(bytes))
        ))
    })?;
    let mut assembly = Assembly::default();
    assembly.take_value(&value, "message")?;
    assembly.done = true;
    assembly.reply()
}

/// An answer that is put together from its pieces.
#[derive(Debug, Default)]
struct Assembly {
    reply: ChatReply,
    content: String,
    reasoning: String,
    calls: BTreeMap<u64, ToolCall>,
    chunks: u32,
    done: bool,
}

impl Assembly {
    /// Takes the data of one event; whether it was a piece of the answer itself.
    fn take(&mut self, data: &str) -> Result<bool, Failure> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(false);
        }
        let value: Value = serde_json::from_str(data)
            .map_err(|_| Failure::NoCompletion(format!("expected JSON, found {:?}", shortened(data))))?;
        self.take_value(&value, "delta")
    }

    fn take_value(&mut self, value: &Value, piece: &str) -> Result<bool, Failure> {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            let message =
                error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            let status =
                code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
            return Err(Failure::Status { status, message: shortened(&message), wait: None });
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        self.reply.model = self.reply.model.take().or_else(|| text("model"));
        self.reply.id = self.reply.id.take().or_else(|| text("id"));
        if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
            self.reply.usage = usage_of(usage);
        }
        let Some(choices) = value.get("choices").and_then(Value::as_array) else {
            return match self.chunks > 0 || value.get("usage").is_some() {
                true => Ok(false),
                false => Err(Failure::NoCompletion(format!(
                    "expected `choices`, found {}",
                    shortened(&value.to_string())
                ))),
            };
        };
        self.chunks += 1;
        let Some(choice) = choices.first() else { return Ok(false) };
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.reply.finish_reason = Some(reason.to_owned());
        }
        let Some(delta) = choice.get(piece).filter(|delta| delta.is_object()) else { return Ok(false) };
        let mut grown = append(&mut self.content, delta.get("content"));
        for name in ["reasoning_content", "reasoning"] {
            grown |= append(&mut self.reasoning, delta.get(name));
        }
        let calls = delta.get("tool_calls").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        for (place, call) in calls.iter().enumerate() {
            // Endpoints that send a call whole often leave its index out.
            let index = call.get("index").and_then(Value::as_u64).unwrap_or(match piece {
                "delta" => self.calls.len() as u64,
                _ => place as u64,
            });
            let known = self.calls.entry(index).or_default();
            if let Some(id) = call.get("id").and_then(Value::as_str) {
                known.id = id.to_owned();
            }
            let function = call.get("function").unwrap_or(call);
            append(&mut known.name, function.get("name"));
            match function.get("arguments") {
                Some(object @ Value::Object(_)) => known.arguments = object.to_string(),
                text => {
                    append(&mut known.arguments, text);
                }
            }
            grown = true;
        }
        Ok(grown)
    }

    fn reply(mut self) -> Result<ChatReply, Failure> {
        if self.chunks == 0 {
            return Err(Failure::CutOff("there was nothing in it".into()));
        }
        if !self.done && self.reply.finish_reason.is_none() {
            return Err(Failure::CutOff("the stream stopped".into()));
        }
        self.reply.tool_calls = self.calls.into_values().filter(|call| !call.name.is_empty()).collect();
        self.reply.content = (!self.content.is_empty()).then_some(self.content);
        self.reply.reasoning = (!self.reasoning.is_empty()).then_some(self.reasoning);
        Ok(self.reply)
    }
}

/// Appends text, or the texts of a list of content parts; whether there was any.
fn append(to: &mut String, value: Option<&Value>) -> bool {
    let before = to.len();
    match value {
        Some(Value::String(text)) => to.push_str(text),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).for_each(|text| to.push_str(text));
        }
        _ => {}
    }
    to.len() > before
}

fn usage_of(usage: &Value) -> Usage {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_i64).filter(|count| *count >= 0);
    Usage {
        input_tokens: count("/prompt_tokens").or_else(|| count("/input_tokens")),
        output_tokens: count("/completion_tokens").or_else(|| count("/output_tokens")),
        cache_read_tokens: count("/prompt_tokens_details/cached_tokens")
            .or_else(|| count("/prompt_cache_hit_tokens")),
        cache_write_tokens: count("/prompt_tokens_details/cache_write_tokens")
            .or_else(|| count("/cache_creation_input_tokens")),
        reasoning_tokens: count("/completion_tokens_details/reasoning_tokens"),
        cost_usd: usage.get("cost").and_then(Value::as_f64).filter(|usd| *usd >= 0.0 && usd.is_finite()),
    }
}
