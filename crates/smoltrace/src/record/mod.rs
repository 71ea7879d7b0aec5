//! Received telemetry into the tables, and the rows of its runs kept current.

mod keeper;
mod metrics;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use smoltrace_collect::{Received, Sink, SinkError};
use smoltrace_model::{
    account::account_run,
    inputs::RunInputs,
    rows::{Block as _, RunRow, RunStatus},
};
use smoltrace_store::{Batch, Store, StoreError};

use crate::power::Follow;

pub use keeper::{Keeper, KeeperOptions, Size};
pub use metrics::{QueueDepth, StoreMetrics};

/// Where runs that came as telemetry say that they come from.
const ORIGIN: &str = "otlp";

/// Stores what the receivers take in.
pub struct Recorder {
    store: Store,
    keeper: Arc<Keeper>,
    power: Option<Follow>,
}

impl Recorder {
    pub fn new(store: Store, keeper: Arc<Keeper>) -> Self {
        Self { store, keeper, power: None }
    }

    /// Stores what is measured while the runs' spans last beside them.
    pub fn with_power(self, power: Option<Follow>) -> Self {
        Self { power, ..self }
    }

    /// A row that says that the run is under way, in the same commit as its first rows: so a run with
    /// rows that no account covers is always known as such, also after a crash.
    async fn opening(&self, run_id: &str) -> Result<Option<RunRow>, StoreError> {
        let row = match self.store.run(run_id).await {
            Ok(row) if row.status == RunStatus::Running => return Ok(None),
            Ok(row) => row,
            Err(StoreError::NotFound { .. }) => {
                let inputs =
                    RunInputs { run_id: run_id.to_owned(), origin: ORIGIN.into(), ..RunInputs::default() };
                account_run(&inputs).run
            }
            Err(error) => return Err(error),
        };
        Ok(Some(RunRow { status: RunStatus::Running, ..row }.sealed()))
    }
}

#[async_trait]
impl Sink for Recorder {
    async fn store(&self, received: Received) -> Result<(), SinkError> {
        let Received { spans, mut points, events } = received;
        let measured = self.power.as_ref().map(|power| power.rows(&spans));
        let reach = measured.map(|(rows, reach)| {
            points.extend(rows);
            reach
        });
        let mut rows: BTreeMap<String, Size> = BTreeMap::new();
        for (run_id, count) in spans.rows_per_run() {
            size_of(&mut rows, run_id).spans += count;
        }
        for (run_id, count) in points.rows_per_run() {
            size_of(&mut rows, run_id).points += count;
        }
        for event in &events {
            size_of(&mut rows, &event.run_id).events += 1;
        }
        let visit = self.keeper.enter(rows).await;
        let mut runs = Vec::new();
        for run_id in visit.unopened() {
            runs.extend(self.opening(run_id).await.map_err(sink_error)?);
        }
        self.store
            .append(Batch { spans, points, events, runs, ..Batch::default() })
            .await
            .map_err(sink_error)?;
        visit.stored();
        if let (Some(power), Some(reach)) = (&self.power, reach) {
            power.stored(reach);
        }
        Ok(())
    }
}

fn size_of<'a>(rows: &'a mut BTreeMap<String, Size>, run_id: &str) -> &'a mut Size {
    // Mostly all rows are of one run: its name is copied once.
    if !rows.contains_key(run_id) {
        rows.insert(run_id.to_owned(), Size::default());
    }
    rows.get_mut(run_id).expect("it is there now")
}

fn sink_error(error: StoreError) -> SinkError {
    match error {
        StoreError::Busy { retry_after, cause } => SinkError::Busy { retry_after, cause },
        other => SinkError::Failed(other.to_string()),
    }
}
