//! Finished tests into the tables: accounted, committed, and only then told.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::{Map, Value};
use smoltrace_collect::Received;
use smoltrace_eval::run::{Finished, Sink, SinkError};
use smoltrace_model::{
    account::account_run,
    inputs::{Declared, RunInputs},
    rows::{RunRow, RunStatus},
};
use smoltrace_store::{Batch, MaintenanceOptions, Store, StoreError};
use tokio::sync::OnceCell;

use super::export::Exporting;
use crate::power::Pending;

/// Where runs that were made here say that they come from.
pub const ORIGIN: &str = "eval";

pub struct StoreSink {
    store: Store,
    run_id: String,
    declared: Map<String, Value>,
    /// The run's row before it went on, if it was there.
    before: Option<RunRow>,
    opened: OnceCell<()>,
    /// What is stored goes to where the user collects, too.
    exporting: Option<Exporting>,
    power: Option<Arc<Pending>>,
}

impl StoreSink {
    pub fn new(
        store: Store,
        run_id: &str,
        declared: Map<String, Value>,
        before: Option<RunRow>,
        exporting: Option<Exporting>,
        power: Option<Arc<Pending>>,
    ) -> Self {
        let opened = OnceCell::new();
        Self { store, run_id: run_id.into(), declared, before, opened, exporting, power }
    }

    /// Says that the run is under way, and how much it will be. Comes before any of its rows; may be called beside them.
    pub async fn open(&self) -> Result<(), StoreError> {
        self.opened.get_or_try_init(|| self.append_opening()).await.map(|_| ())
    }

    async fn append_opening(&self) -> Result<(), StoreError> {
        let row = account_run(&self.inputs(None)).run;
        let row = match &self.before {
            Some(before) => RunRow { declared: row.declared, ..before.clone() },
            None => row,
        };
        let runs = vec![RunRow { status: RunStatus::Running, ..row }.sealed()];
        self.append(Batch { runs, ..Batch::default() }).await
    }

    /// Waits for what is being exported, and says what did not arrive, for a person to read.
    pub async fn exported(&self) -> Option<String> {
        match &self.exporting {
            Some(exporting) => exporting.finish().await,
            None => None,
        }
    }

    fn inputs(&self, status: Option<RunStatus>) -> RunInputs {
        let mut metadata = self.declared.clone();
        if let Some(status) = status {
            metadata.insert("run_status".into(), status.as_str().into());
        }
        let declared = Declared { metadata, ..Declared::default() };
        RunInputs { run_id: self.run_id.clone(), origin: ORIGIN.into(), declared, ..RunInputs::default() }
    }

    /// Accounts the run from its rows and says how it ended.
    pub async fn seal(&self, partial: bool) -> Result<RunRow> {
        let status = if partial { RunStatus::Partial } else { RunStatus::Completed };
        let fresh = self.inputs(Some(status));
        let inputs = match self.store.run_data(&self.run_id).await {
            Ok(known) => RunInputs {
                declared: fresh.declared,
                // An agent's own telemetry may have opened the run.
                origin: fresh.origin,
                ..RunInputs::from_tables(&known.run, known.results, known.spans, known.points)
            },
            Err(StoreError::NotFound { .. }) => fresh,
            Err(error) => return Err(error.into()),
        };
        let accounted = account_run(&inputs);
        let row = accounted.run.clone();
        self.append(Batch { results: accounted.results, runs: vec![accounted.run], ..Batch::default() })
            .await?;
        self.store.maintain(&MaintenanceOptions::default()).await?;
        Ok(row)
    }

    /// Stores rows of the run, whose row says by then that it is under way.
    async fn append_opened(&self, batch: Batch) -> Result<(), StoreError> {
        self.open().await?;
        self.append(batch).await
    }

    /// Waits while the store says that it is busy.
    async fn append(&self, batch: Batch) -> Result<(), StoreError> {
        loop {
            match self.store.append(batch.clone()).await {
                Err(StoreError::Busy { retry_after, .. }) => tokio::time::sleep(retry_after).await,
                other => return other.map(|_| ()),
            }
        }
    }
}

#[async_trait]
impl Sink for StoreSink {
    async fn store(&self, finished: &[Finished]) -> Result<(), SinkError> {
        let mut inputs = self.inputs(None);
        for test in finished {
            inputs.spans.extend(test.spans.iter().cloned());
            inputs.results.push(test.result.clone());
        }
        // Not in this account: a test's energy is known once all samples of its time are looked at together.
        let points = match &self.power {
            Some(power) => power.take_with_now().await,
            None => Vec::new(),
        };
        let results = account_run(&inputs).results;
        let batch = Batch { spans: inputs.spans.into(), points: points.into(), results, ..Batch::default() };
        self.append_opened(batch).await.map_err(|error| SinkError(error.to_string()))?;
        if let Some(exporting) = &self.exporting {
            exporting.send(finished.iter().flat_map(|test| test.spans.iter().cloned()).collect());
        }
        Ok(())
    }
}

/// What is measured between two tests.
#[async_trait]
impl smoltrace_collect::Sink for StoreSink {
    async fn store(&self, received: Received) -> Result<(), smoltrace_collect::SinkError> {
        let Received { spans, points, events } = received;
        let batch = Batch { spans, points, events, ..Batch::default() };
        let failed = |error: StoreError| smoltrace_collect::SinkError::Failed(error.to_string());
        self.append_opened(batch).await.map_err(failed)
    }
}
