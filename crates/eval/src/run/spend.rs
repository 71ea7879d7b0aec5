//! What a run has spent so far, and what it may spend.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value};
use smoltrace_model::price;

use super::{Stop, Stopper};
use crate::chat::{ChatError, ChatModel, ChatReply, ChatRequest};

/// What a run may use at most; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    pub cost_usd: Option<f64>,
    pub tokens: Option<u64>,
    pub time: Option<Duration>,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Spent {
    pub tokens: u64,
    /// Of the calls whose price is known.
    pub cost_usd: f64,
    /// Calls whose price is not known.
    pub unpriced_calls: u64,
}

/// Counts what is spent, and stops the run when it is too much.
#[derive(Debug, Clone)]
pub struct Meter {
    spent: Arc<Mutex<Spent>>,
    limits: Limits,
    stopper: Stopper,
}

impl Meter {
    pub fn new(limits: Limits, stopper: Stopper) -> Self {
        Self { spent: Arc::default(), limits, stopper }
    }

    pub fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what one call took.
    fn add(&self, model: &dyn ChatModel, reply: &ChatReply) {
        let usage = &reply.usage;
        let count = |tokens: Option<i64>| tokens.unwrap_or(0).max(0);
        let tokens = price::Tokens {
            input: count(usage.input_tokens),
            output: count(usage.output_tokens),
            cache_read: count(usage.cache_read_tokens),
            cache_write: count(usage.cache_write_tokens),
        };
        let listed = || price::find(model.name(), Some(model.provider())).map(|price| price.cost_usd(tokens));
        let cost = usage.cost_usd.or_else(listed);
        let spent = {
            let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
            spent.tokens += (tokens.input + tokens.output).unsigned_abs();
            match cost {
                Some(usd) => spent.cost_usd += usd,
                None => spent.unpriced_calls += 1,
            }
            *spent
        };
        if let Some(limit) = self.limits.tokens.filter(|limit| spent.tokens >= *limit) {
            self.stopper.stop(Stop::Limit(format!("it used {} tokens, and may use {limit}", spent.tokens)));
        }
        if let Some(limit) = self.limits.cost_usd.filter(|limit| spent.cost_usd >= *limit) {
            self.stopper
                .stop(Stop::Limit(format!("it cost {:.6} USD, and may cost {limit}", spent.cost_usd)));
        }
    }

    /// Stops the run when its time is over; to be awaited beside it.
    pub async fn watch_time(&self) {
        match self.limits.time {
            Some(time) => {
                tokio::time::sleep(time).await;
                self.stopper.stop(Stop::Limit(format!("its time of {} s is over", time.as_secs_f64())));
            }
            None => std::future::pending().await,
        }
    }
}

/// A model whose calls are counted.
pub struct Metered {
    model: Arc<dyn ChatModel>,
    meter: Meter,
}

impl Metered {
    pub fn new(model: Arc<dyn ChatModel>, meter: Meter) -> Self {
        Self { model, meter }
    }
}

#[async_trait]
impl ChatModel for Metered {
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
        self.meter.add(&*self.model, &reply);
        Ok(reply)
    }
}
