//! Spans to where the environment says that they are to go as well: sent beside the run, which waits for none of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use smoltrace_eval::export::OtlpExporter;
use smoltrace_model::rows::SpanRow;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::timeout,
};

use crate::{config, exit::UsageError};

/// Batches of spans that may wait; further ones are not exported.
const MOST_WAITING: usize = 256;
/// Failures in a row after which the endpoint is asked no more.
const MOST_FAILURES: usize = 3;
/// What is still to be sent at the end of the run may take so long.
const LAST_TIME: Duration = Duration::from_secs(20);

/// The exporter that OpenTelemetry's variables ask for.
pub fn exporter() -> Result<Option<OtlpExporter>> {
    // The endpoint for traces is whole, the general one a base.
    let traces = config::variable(&["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]);
    let base = config::variable(&["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let base = base.map(|(name, url)| (name, format!("{}/v1/traces", url.trim_end_matches('/'))));
    let Some((variable, url)) = traces.or(base) else { return Ok(None) };
    let headers = config::variable(&["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]);
    let headers = headers.map(|(_, headers)| headers).unwrap_or_default();
    let exporter = OtlpExporter::new(&url, &headers);
    exporter.map(Some).map_err(|problem| UsageError(format!("{variable}: {problem}")).into())
}

/// Spans that were given, that arrived, and why others did not.
#[derive(Debug, Default)]
struct Account {
    given: usize,
    arrived: usize,
    why: Option<String>,
}

/// Spans on their way.
pub struct Exporting {
    sender: Mutex<Option<mpsc::Sender<Vec<SpanRow>>>>,
    account: Arc<Mutex<Account>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Exporting {
    pub fn start(exporter: OtlpExporter) -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let account = Arc::<Mutex<Account>>::default();
        let task = tokio::spawn(send_all(exporter, receiver, account.clone()));
        Self { sender: Mutex::new(Some(sender)), account, task: Mutex::new(Some(task)) }
    }

    /// Takes spans, if there is room for them. Waits for nothing.
    pub fn send(&self, spans: Vec<SpanRow>) {
        let mut account = locked(&self.account);
        account.given += spans.len();
        let sent = locked(&self.sender).as_ref().map(|sender| sender.try_send(spans));
        if let Some(Err(TrySendError::Full(_))) = sent {
            account.why.get_or_insert_with(|| "the endpoint takes them too slowly".into());
        }
    }

    /// Waits for what is on its way, within bounds, and says what did not arrive.
    pub async fn finish(&self) -> Option<String> {
        drop(locked(&self.sender).take());
        let task = locked(&self.task).take();
        if let Some(mut task) = task
            && timeout(LAST_TIME, &mut task).await.is_err()
        {
            task.abort();
        }
        let account = locked(&self.account);
        let lost = account.given - account.arrived;
        let why = account.why.as_deref().unwrap_or("the run ended before");
        (lost > 0).then(|| format!("{lost} spans were stored here and could not be exported: {why}"))
    }
}

async fn send_all(
    exporter: OtlpExporter,
    mut spans: mpsc::Receiver<Vec<SpanRow>>,
    account: Arc<Mutex<Account>>,
) {
    let mut failures = 0;
    while let Some(spans) = spans.recv().await {
        let sent = exporter.export(&spans).await;
        let mut account = locked(&account);
        match sent {
            Ok(()) => {
                account.arrived += spans.len();
                failures = 0;
            }
            Err(why) => {
                account.why = Some(why);
                failures += 1;
                if failures == MOST_FAILURES {
                    return;
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
