//! What a run has spent so far, and what it may spend. A limit that cannot be kept, since what a call took is not known, is
//! taken for reached.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{Stop, Stopper};
use crate::chat::{ChatError, ChatModel, ChatReply, ChatRequest};

/// What a run may use at most, its judge included; `None` is no limit.
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

/// Who calls a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Agents,
    Judge,
}

#[derive(Debug, Default)]
struct Accounts {
    agents: Spent,
    judge: Spent,
}

/// Counts what is spent, and stops the run when it is too much.
#[derive(Debug, Clone)]
pub struct Meter {
    accounts: Arc<Mutex<Accounts>>,
    limits: Limits,
    stopper: Stopper,
}

impl Meter {
    pub fn new(limits: Limits, stopper: Stopper) -> Self {
        Self { accounts: Arc::default(), limits, stopper }
    }

    /// By the agents.
    pub fn spent(&self) -> Spent {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).agents
    }

    /// By the judge.
    pub fn judged(&self) -> Spent {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).judge
    }

    /// Adds what one call took.
    fn add(&self, caller: Caller, model: &dyn ChatModel, reply: &ChatReply) {
        let usage = &reply.usage;
        let count = |tokens: Option<i64>| tokens.unwrap_or(0).max(0).unsigned_abs();
        let tokens = count(usage.input_tokens) + count(usage.output_tokens);
        let cost = usage.cost_at(model);
        let (used, cost_usd) = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            let spent = match caller {
                Caller::Agents => &mut accounts.agents,
                Caller::Judge => &mut accounts.judge,
            };
            spent.tokens += tokens;
            match cost {
                Some(usd) => spent.cost_usd += usd,
                None => spent.unpriced_calls += 1,
            }
            let Accounts { agents, judge } = &*accounts;
            (agents.tokens + judge.tokens, agents.cost_usd + judge.cost_usd)
        };
        let stop = |why: String| self.stopper.stop(Stop::Limit(why));
        if let Some(limit) = self.limits.tokens {
            if used >= limit {
                stop(format!("it used {used} tokens, and may use {limit}"));
            } else if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
                stop(format!("{} does not say what tokens it uses, and {limit} may be used", model.name()));
            }
        }
        if let Some(limit) = self.limits.cost_usd {
            if cost_usd >= limit {
                stop(format!("it cost {cost_usd:.6} USD, and may cost {limit}"));
            } else if cost.is_none() {
                stop(format!("nobody knows the price of {}, and it may cost {limit} USD", model.name()));
            }
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
    caller: Caller,
}

impl Metered {
    /// The model of the agents.
    pub fn new(model: Arc<dyn ChatModel>, meter: Meter) -> Self {
        Self { model, meter, caller: Caller::Agents }
    }

    /// The model of the judge: counted apart, under the same limits.
    pub fn judging(model: Arc<dyn ChatModel>, meter: Meter) -> Self {
        Self { model, meter, caller: Caller::Judge }
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
        self.meter.add(self.caller, &*self.model, &reply);
        Ok(reply)
    }
}
