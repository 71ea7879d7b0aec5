//! A store with recordings in it, and a client for the router over it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use smoltrace_exchange::import::{self, ImportOptions};
use smoltrace_model::{account::account_run, inputs::RunInputs};
use smoltrace_server::{AppState, ServerOptions, router};
use smoltrace_store::{Batch, Store, StoreOptions};
use tempfile::TempDir;
use tower::ServiceExt;

/// The recording of two simulated GPUs.
pub const RECORDING: &str = "5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11";
/// A run whose id needs every care that an address can take.
pub const ODD_ID: &str = "odd/run é ?a=b#c %2F";

/// A recording under the project's fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// What importing a path gives.
pub fn read(path: &Path) -> Vec<RunInputs> {
    import::read(path, &ImportOptions::default(), &mut |_| {}).expect("an importable path")
}

/// A server over a store of its own.
pub struct Server {
    router: Router,
    store: Store,
    _dir: TempDir,
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Server {
    /// Over empty tables.
    pub async fn empty() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = tempfile::Builder::new()
            .prefix(&format!("server-{number}-"))
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder for the tables");
        let store = Store::open(dir.path(), StoreOptions::default()).await.expect("a new store");
        let state = AppState::new(store.clone(), ServerOptions::default());
        Self { router: router(state), store, _dir: dir }
    }

    /// Over the two-GPU recording, and a copy of its spans under an odd run id.
    pub async fn with_recordings() -> Self {
        let server = Self::empty().await;
        let mut inputs = read(&fixture("smoltrace_run_two_gpus"));
        let mut odd = RunInputs { run_id: ODD_ID.into(), origin: "otlp".into(), ..RunInputs::default() };
        let trace_id = inputs[0].spans[0].trace_id.clone();
        odd.spans = inputs[0]
            .spans
            .iter()
            .filter(|span| span.trace_id == trace_id)
            .cloned()
            .map(|mut span| {
                span.run_id = ODD_ID.into();
                span.sealed()
            })
            .collect();
        inputs.push(odd);
        server.append(inputs).await;
        server
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Accounts runs and puts them into the store.
    pub async fn append(&self, inputs: Vec<RunInputs>) {
        for inputs in inputs {
            let accounted = account_run(&inputs);
            let batch = Batch {
                spans: inputs.spans.into(),
                points: inputs.points.into(),
                results: accounted.results,
                runs: vec![accounted.run],
                ..Batch::default()
            };
            self.store.append(batch).await.expect("a durable append");
        }
    }

    pub async fn ask(&self, method: Method, address: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request =
            Request::builder().method(method).uri(address).header(header::HOST, "localhost:7860");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.ask(Method::GET, address, &[]).await
    }

    /// A successful answer as the type that the OpenAPI document describes; that type refuses
    /// fields it does not have.
    pub async fn get_as<T: DeserializeOwned>(&self, address: &str) -> T {
        let answer = self.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// A successful answer as JSON.
    pub async fn json(&self, address: &str) -> Value {
        self.get_as(address).await
    }
}

/// A path segment, percent-encoded.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The run's address with what follows it.
pub fn of_run(run_id: &str, rest: &str) -> String {
    format!("/api/v1/runs/{}{rest}", encode(run_id))
}
