//! A model that says what it was told to: the fake beside the trait.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{ChatError, ChatModel, ChatReply, ChatRequest};

/// Gives its answers one after the other, and keeps what it was asked.
#[derive(Debug, Default)]
pub struct Scripted {
    replies: Mutex<VecDeque<Result<ChatReply, ChatError>>>,
    requests: Mutex<Vec<ChatRequest>>,
}

impl Scripted {
    pub fn new(replies: impl IntoIterator<Item = Result<ChatReply, ChatError>>) -> Self {
        Self { replies: Mutex::new(replies.into_iter().collect()), requests: Mutex::default() }
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ChatModel for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn provider(&self) -> &str {
        "scripted"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let next = self.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| {
            let scope = &request.scope;
            Err(ChatError::NotRecorded { test_uid: scope.test_uid.clone(), index: scope.index })
        })
    }
}
