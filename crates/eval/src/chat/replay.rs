//! Conversations on file: recorded from a model, replayed without one.
//!
//! A request is known by the hash of what it says; where nothing has that hash (a tool told the time), the answer is the one
//! that came at this place of this test. Replaying never waits and uses no network.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use smoltrace_model::ids::content_id;

use super::{ChatError, ChatModel, ChatReply, ChatRequest};

/// What every recording says that it is.
pub const FORMAT: &str = "smoltrace-replay/1";

/// A recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// [`FORMAT`].
    pub format: String,
    /// The model that answered; of a script, the name it is to go by.
    pub model: String,
    pub provider: String,
    /// Who made it and how, for a person to read.
    pub made_by: String,
    pub calls: Vec<RecordedCall>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// `<agent_type>:<test_id>`.
    pub test: String,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// From 0.
    pub index: u32,
    /// [`request_hash`]; absent in scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    pub reply: ChatReply,
}

fn first() -> u32 {
    1
}

fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

/// 32 hex digits of what a request says: its messages, its tools, its stop texts.
pub fn request_hash(request: &ChatRequest) -> String {
    let mut parts: Vec<String> = Vec::new();
    for message in &request.messages {
        parts.push(message.role.as_str().into());
        parts.push(message.content.clone());
    }
    for tool in request.tools.iter() {
        parts.push(json!([tool.name, tool.description, tool.parameters()]).to_string());
    }
    parts.extend(request.stop.iter().cloned());
    content_id(parts.iter().map(|part| part.as_bytes()))
}

type Place = (String, u32, u32);

/// Answers from a recording.
#[derive(Debug)]
pub struct Replay {
    model: String,
    made_by: String,
    by_request: HashMap<String, ChatReply>,
    by_place: HashMap<Place, (Option<String>, ChatReply)>,
}

impl Replay {
    /// A model that answers as `bytes` say, under the name of the recorded one.
    ///
    /// # Errors
    /// What is wrong with the recording.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let recording: Recording = serde_json::from_slice(bytes)
            .map_err(|error| format!("no recording of conversations: {error}"))?;
        if recording.format != FORMAT {
            return Err(format!("expected a recording of format `{FORMAT}`, found `{}`", recording.format));
        }
        let mut this = Self {
            model: recording.model,
            made_by: recording.made_by,
            by_request: HashMap::new(),
            by_place: HashMap::new(),
        };
        for call in recording.calls {
            if let Some(hash) = &call.request {
                this.by_request.entry(hash.clone()).or_insert_with(|| call.reply.clone());
            }
            this.by_place.insert((call.test, call.attempt, call.index), (call.request, call.reply));
        }
        Ok(this)
    }
}

#[async_trait]
impl ChatModel for Replay {
    fn name(&self) -> &str {
        &self.model
    }

    fn provider(&self) -> &str {
        "replay"
    }

    fn settings(&self) -> Map<String, Value> {
        Map::from_iter([("replay".to_owned(), Value::from(self.made_by.clone()))])
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let scope = &request.scope;
        let at = |attempt| self.by_place.get(&(scope.test_uid.clone(), attempt, scope.index));
        // A script has no hashes: none need be made.
        let hash = (!self.by_request.is_empty()).then(|| request_hash(request));
        let here = at(scope.attempt).filter(|(recorded, _)| recorded == &hash).map(|(_, reply)| reply);
        let same = || self.by_request.get(hash.as_ref()?);
        let nearest = || at(scope.attempt).or_else(|| at(1)).map(|(_, reply)| reply);
        here.or_else(same)
            .or_else(nearest)
            .cloned()
            .ok_or_else(|| ChatError::NotRecorded { test_uid: scope.test_uid.clone(), index: scope.index })
    }
}

/// Passes calls on and keeps the answers. Failed calls are not kept.
pub struct Recorder {
    model: Arc<dyn ChatModel>,
    calls: Mutex<BTreeMap<Place, RecordedCall>>,
}

impl Recorder {
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self { model, calls: Mutex::default() }
    }

    /// What was recorded so far, in the order of tests and calls.
    pub fn recording(&self, made_by: &str) -> Recording {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Recording {
            format: FORMAT.into(),
            model: self.model.name().into(),
            provider: self.model.provider().into(),
            made_by: made_by.into(),
            calls: calls.values().cloned().collect(),
        }
    }
}

#[async_trait]
impl ChatModel for Recorder {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn provider(&self) -> &str {
        self.model.provider()
    }

    fn settings(&self) -> Map<String, Value> {
        self.model.settings()
    }

    fn is_simulated(&self) -> bool {
        self.model.is_simulated()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let reply = self.model.chat(request).await?;
        let scope = &request.scope;
        let call = RecordedCall {
            test: scope.test_uid.clone(),
            attempt: scope.attempt,
            index: scope.index,
            request: Some(request_hash(request)),
            reply: reply.clone(),
        };
        let place = (scope.test_uid.clone(), scope.attempt, scope.index);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(place, call);
        Ok(reply)
    }
}
