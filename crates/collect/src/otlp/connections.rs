//! Connections: accepted within a bound, watched for silence, drained at the end.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, Semaphore},
};

use crate::{Counters, Receiver};

/// How long requests in work may go on after the end was called.
const DRAIN: Duration = Duration::from_secs(10);
/// An HTTP/2 client that says nothing is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 128;
/// When accepting fails (no file descriptor is left, say), the next attempt waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Connections {
    server: auto::Builder<TokioExecutor>,
    places: Arc<Semaphore>,
    counters: Counters,
    graceful: Mutex<GracefulShutdown>,
}

impl Connections {
    pub(super) fn new(receiver: &Receiver) -> Self {
        let limits = receiver.limits();
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(limits.read_timeout);
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(16 * 1024);
        Self {
            server,
            places: Arc::new(Semaphore::new(limits.connections)),
            counters: receiver.counters().clone(),
            graceful: Mutex::new(GracefulShutdown::new()),
        }
    }

    /// Accepts connections for ever, if there is where to.
    pub(super) async fn accept(&self, transport: &'static str, listener: Option<TcpListener>, app: Router) {
        let Some(listener) = listener else { return };
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(transport, %error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Answers are small: none should wait for another.
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(app.clone());
            let connection = self.server.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = self.graceful.lock().await.watch(connection);
            let counters = self.counters.clone();
            counters.connection(transport, 1);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(transport, %error, "connection ended");
                }
                counters.connection(transport, -1);
                drop(place);
            });
        }
    }

    /// Lets requests in work finish.
    pub(super) async fn drain(self) {
        if tokio::time::timeout(DRAIN, self.graceful.into_inner().shutdown()).await.is_err() {
            tracing::warn!("clients that did not finish in {} s are cut off", DRAIN.as_secs());
        }
    }
}
