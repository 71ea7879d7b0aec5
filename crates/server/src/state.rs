//! What the routes share: the store, the limits, and the index of the runs.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::registry::Registry;
use smoltrace_model::{
    account::{Accounting, CallEnergies},
    rows::{ResultRow, RunRow, SpanRow},
    series::SeriesSet,
};
use smoltrace_store::Store;

use crate::{
    error::ApiError,
    leaderboard::RunIndex,
    live::{Listener, Live},
    recent::Recent,
    respond,
};

/// How the server answers.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerOptions {
    /// Names by which this server may be addressed beside the loopback ones: `host` or
    /// `host:port`. Guards a loopback server against DNS rebinding.
    pub allowed_hosts: Vec<String>,
    /// Whether the `Host` header is checked. [`crate::serve`] also checks it when its listener is
    /// bound to loopback.
    pub check_host: bool,
    /// Longest path and query, bytes.
    pub max_uri_bytes: usize,
    /// Requests in work at once; one more is answered 503.
    pub max_concurrent_requests: usize,
    /// Time to work out an answer.
    pub request_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            check_host: true,
            max_uri_bytes: 16 * 1024,
            max_concurrent_requests: 64,
            request_timeout: Duration::from_secs(60),
        }
    }
}

/// State of the server. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct AppState {
    store: Store,
    options: Arc<ServerOptions>,
    runs: Arc<Mutex<Option<Arc<RunIndex>>>>,
    series: Recent<SeriesKey, SeriesSet>,
    call_energies: Recent<SeriesKey, CallEnergies>,
    live: Live,
    registry: Arc<Registry>,
}

/// Run id and the content of its row: a run whose points change is accounted again, and its row
/// counts them.
type SeriesKey = (String, String);

/// Samples of recently drawn runs that are kept, 24 bytes each.
const MAX_KEPT_SAMPLES: usize = 5_000_000;
/// Calls of recently opened traces' runs whose energy is kept.
const MAX_KEPT_CALLS: usize = 500_000;

impl AppState {
    pub fn new(store: Store, options: ServerOptions) -> Self {
        Self {
            store,
            options: Arc::new(options),
            runs: Arc::default(),
            series: Recent::new(MAX_KEPT_SAMPLES),
            call_energies: Recent::new(MAX_KEPT_CALLS),
            live: Live::new(),
            registry: Arc::default(),
        }
    }

    /// Shows `registry` at `/metrics`.
    #[must_use]
    pub fn with_registry(self, registry: Registry) -> Self {
        Self { registry: Arc::new(registry), ..self }
    }

    pub fn options(&self) -> &Arc<ServerOptions> {
        &self.options
    }

    pub(crate) fn with_options(self, options: ServerOptions) -> Self {
        Self { options: Arc::new(options), ..self }
    }

    /// The index over the newest runs, made anew when they have changed.
    pub(crate) async fn run_index(&self) -> Result<Arc<RunIndex>, ApiError> {
        let rows = self.store.runs().await?;
        if let Some(index) = self.cached_index(&rows) {
            return Ok(index);
        }
        let runs = self.runs.clone();
        respond::compute(move || {
            let index = Arc::new(RunIndex::new(rows));
            *runs.lock().unwrap_or_else(PoisonError::into_inner) = Some(index.clone());
            Ok(index)
        })
        .await
    }

    fn cached_index(&self, rows: &Arc<Vec<RunRow>>) -> Option<Arc<RunIndex>> {
        let cached = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|index| Arc::ptr_eq(index.rows(), rows)).cloned()
    }

    pub(crate) async fn run(&self, run_id: &str) -> Result<RunRow, ApiError> {
        let rows = self.store.runs().await?;
        rows.iter().find(|run| run.run_id == run_id).cloned().ok_or_else(|| ApiError::no_run(run_id))
    }

    pub(crate) async fn results(&self, run_id: &str) -> Result<Vec<ResultRow>, ApiError> {
        Ok(self.store.results(run_id).await?)
    }

    /// The run's metric points by series; kept for the next window of the same run.
    pub(crate) async fn series(&self, run: &RunRow) -> Result<Arc<SeriesSet>, ApiError> {
        let key = (run.run_id.clone(), run.row_id.clone());
        if let Some(set) = self.series.get(&key) {
            return Ok(set);
        }
        let set = Arc::new(self.store.series(&run.run_id, &[]).await?);
        let samples = set.series().iter().map(|series| series.samples.len()).sum();
        self.series.put(key, set.clone(), samples);
        Ok(set)
    }

    /// Energy of the run's LLM calls; none when its account says that no call has one.
    pub(crate) async fn call_energies(&self, run: &RunRow) -> Result<Option<Arc<CallEnergies>>, ApiError> {
        let key = (run.run_id.clone(), run.row_id.clone());
        if let Some(energies) = self.call_energies.get(&key) {
            return Ok(Some(energies));
        }
        let accounting: Accounting = serde_json::from_str(&run.accounting).unwrap_or_default();
        if accounting.call_energy.is_none_or(|figures| figures.calls == 0) {
            return Ok(None);
        }
        let (spans, set) = tokio::try_join!(self.spans_of_run(&run.run_id), self.series(run))?;
        let energies = respond::compute(move || Ok(CallEnergies::of_run(&spans, &set))).await?;
        Ok(energies.map(|energies| {
            let energies = Arc::new(energies);
            self.call_energies.put(key, energies.clone(), energies.len());
            energies
        }))
    }

    pub(crate) async fn spans_of_run(&self, run_id: &str) -> Result<Vec<SpanRow>, ApiError> {
        Ok(self.store.spans_of_run_compact(run_id).await?)
    }

    pub(crate) async fn trace(&self, run_id: &str, trace_id: &str) -> Result<Vec<SpanRow>, ApiError> {
        Ok(self.store.trace(run_id, trace_id).await?)
    }

    pub(crate) async fn trace_compact(&self, run_id: &str, trace_id: &str) -> Result<Vec<SpanRow>, ApiError> {
        Ok(self.store.trace_compact(run_id, trace_id).await?)
    }

    pub(crate) async fn span(
        &self,
        run_id: &str,
        trace_id: &str,
        span_id: &str,
    ) -> Result<SpanRow, ApiError> {
        Ok(self.store.span(run_id, trace_id, span_id).await?)
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn listen(&self) -> Result<Listener, ApiError> {
        let full = || ApiError::Busy("too many windows listen for changes; close one".into());
        self.live.listen(&self.store).ok_or_else(full)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
