//! Models that chat: what agents ask them, what they answer, what that took.
//!
//! Knows no agent and no task. A model is anything behind [`ChatModel`]: an endpoint ([`openai`]), a recording
//! ([`replay`]), a script ([`scripted`]).

pub mod openai;
pub mod provider;
mod rate;
pub mod replay;
pub(crate) mod retry;
pub mod scripted;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use smoltrace_model::price;

pub use retry::RetryPolicy;

use crate::tool::ToolSpec;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A message. Tool calls and observations are text, as smolagents sends them: every endpoint takes that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

impl Message {
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// Which call of which execution this is: what recordings are ordered by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallScope {
    /// `<agent_type>:<test_id>`.
    pub test_uid: String,
    /// From 1.
    pub attempt: u32,
    /// From 0, within the execution.
    pub index: u32,
}

/// What a model is asked.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    pub messages: Vec<Message>,
    /// Tools that it can call; none when it is only to write.
    pub tools: Arc<[ToolSpec]>,
    /// Texts at which it is to stop.
    pub stop: Vec<String>,
    pub scope: CallScope,
}

/// A call that a model wants made. The arguments are as it wrote them: perhaps no JSON at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    #[serde(default)]
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// Tokens of one call; `None` is what the endpoint did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<i64>,
    /// USD, as the endpoint says (OpenRouter, LiteLLM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// What a call of the model cost, USD: as the endpoint says, else by the bundled prices; none when neither knows.
    pub fn cost_at(&self, model: &dyn ChatModel) -> Option<f64> {
        let count = |tokens: Option<i64>| tokens.unwrap_or(0).max(0);
        let tokens = price::Tokens {
            input: count(self.input_tokens),
            output: count(self.output_tokens),
            cache_read: count(self.cache_read_tokens),
            cache_write: count(self.cache_write_tokens),
        };
        let listed = || price::find(model.name(), Some(model.provider())).map(|price| price.cost_usd(tokens));
        self.cost_usd.or_else(listed)
    }
}

/// What a model answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatReply {
    pub content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// What a reasoning model lets see of its reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    pub usage: Usage,
    /// `stop`, `length`, `tool_calls`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The model that answered, as the endpoint names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The endpoint's id of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip)]
    pub timing: Timing,
}

/// What an answer took. Not part of a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// From the request that was answered to the first piece of the answer.
    pub first_token: Option<Duration>,
    /// From that request to the end of the answer.
    pub total: Option<Duration>,
    /// Requests before it that failed and were repeated.
    pub retries: u32,
}

/// Why there is no answer. The message goes into the result and the trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The endpoint says that the request is wrong, or not allowed: repeating it would not help.
    #[error("the endpoint refused the request ({status}): {message}")]
    Refused { status: u16, message: String },
    /// It kept saying that it cannot answer now.
    #[error("the endpoint failed ({status}) in each of {attempts} attempts: {message}")]
    Unavailable { status: u16, message: String, attempts: u32 },
    #[error("no connection to the endpoint in {attempts} attempts: {message}")]
    NoConnection { message: String, attempts: u32 },
    #[error("no answer within {} s in {attempts} attempts", .limit.as_secs_f64())]
    TimedOut { limit: Duration, attempts: u32 },
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the answer ended before its end in each of {attempts} attempts ({message})")]
    CutOff { message: String, attempts: u32 },
    #[error("the answer is no chat completion: {message}")]
    NoCompletion { message: String },
    #[error("the recording has no answer for call {index} of {test_uid}")]
    NotRecorded { test_uid: String, index: u32 },
}

impl ChatError {
    /// A name for counting: `error.type` of the span.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::NoConnection { .. } => "no_connection",
            Self::TimedOut { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::CutOff { .. } => "cut_off",
            Self::NoCompletion { .. } => "no_completion",
            Self::NotRecorded { .. } => "not_recorded",
        }
    }
}

/// A model.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// As it is called in the run's row.
    fn name(&self) -> &str;

    /// Who serves it.
    fn provider(&self) -> &str;

    /// What is recorded of how it is asked: generation settings, the endpoint.
    fn settings(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    /// Whether no model answers, but a recording or a script.
    fn is_simulated(&self) -> bool {
        false
    }

    /// Asks it. Dropping the future ends the call.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError>;
}

/// Leaves out of an answer what comes after a stop text: not every endpoint stops there.
pub(crate) fn cut_at_stop(content: &mut String, stop: &[String]) {
    if let Some(at) = stop.iter().filter_map(|text| content.find(text.as_str())).min() {
        content.truncate(at);
    }
}
