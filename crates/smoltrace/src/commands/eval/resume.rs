//! Which tests of a run are done.

use std::collections::HashSet;

use anyhow::Result;
use serde_json::{Map, Value};
use smoltrace_eval::{hub::SCHEME, task::TaskSet};
use smoltrace_model::{
    account::{RUN_STOPPED, is_synthesised},
    inputs::Declared,
    rows::{RunRow, SpanRow},
};
use smoltrace_store::{Store, StoreError};

use super::super::find_run;
use crate::exit::UsageError;

/// A run that goes on.
pub struct Resumed {
    pub run: RunRow,
    /// Test uid and attempt.
    pub done: HashSet<(String, u32)>,
}

impl Resumed {
    /// The run that `text` names. Its tests must have been run with the same model.
    pub async fn find(store: &Store, text: &str, model: &str) -> Result<Self> {
        let run = find_run(store, text).await?;
        if run.origin != super::sink::ORIGIN {
            return Err(UsageError(format!(
                "{} was not made by `smoltrace eval`: it cannot go on",
                run.run_id
            ))
            .into());
        }
        if run.model != model {
            return Err(UsageError(format!(
                "{} is a run of {}; it cannot go on with {model}",
                run.run_id, run.model
            ))
            .into());
        }
        let data = store.run_data(&run.run_id).await?;
        let whole = data
            .results
            .iter()
            .filter(|row| row.stop_reason.as_deref() != Some(RUN_STOPPED) && !is_synthesised(row))
            .filter_map(|row| Some((row.test_uid.clone(), u32::try_from(row.attempt).ok()?)));
        // A crash may have come between the commit of a test's spans and that of its result: its trace says how it
        // ended, and stands for the result.
        let roots = data.spans.iter().filter(|span| span.parent_span_id.is_none());
        let done = whole.chain(roots.filter_map(ended)).collect();
        Ok(Self { run, done })
    }

    /// What the run said of itself, but for how it ended.
    ///
    /// # Errors
    /// When its tasks are of another commit of a dataset than `tasks`.
    pub fn declared(&self, tasks: &TaskSet) -> Result<Map<String, Value>> {
        let mut declared: Declared = serde_json::from_str(&self.run.declared).unwrap_or_default();
        let metadata = &mut declared.metadata;
        metadata.remove("run_status");
        let before = metadata.get("dataset_used").and_then(Value::as_str).unwrap_or_default();
        if [before, &tasks.name].iter().any(|name| name.starts_with(SCHEME)) && before != tasks.name {
            return Err(UsageError(format!(
                "{} has the tasks of {before}, and cannot go on with {}: give --tasks {before}",
                self.run.run_id, tasks.name
            ))
            .into());
        }
        Ok(declared.metadata)
    }
}

/// Test uid and attempt of an execution that came to its end, from its root span.
fn ended(root: &SpanRow) -> Option<(String, u32)> {
    let attributes: Map<String, Value> = serde_json::from_str(&root.attributes).ok()?;
    let stopped = attributes.get("test.stop_reason")?.as_str()? == RUN_STOPPED;
    let attempt = attributes.get("test.attempt")?.as_u64().and_then(|attempt| u32::try_from(attempt).ok())?;
    (!stopped).then_some((root.test_uid.clone()?, attempt))
}

/// An id that no run has yet.
pub async fn fresh_id(store: &Store, given: &str) -> Result<String> {
    if given.is_empty()
        || given.len() > 128
        || !given.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
    {
        return Err(UsageError("--run-id: expected letters, digits, and any of - _ . :".into()).into());
    }
    match store.run(given).await {
        Err(StoreError::NotFound { .. }) => Ok(given.to_owned()),
        Ok(_) => {
            Err(UsageError(format!("there is a run {given} already; --resume {given} goes on with it"))
                .into())
        }
        Err(error) => Err(error.into()),
    }
}
