//! Connections: accepted within a bound, watched for silence, drained at the end.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
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
/// What an HTTP/1 connection reads at a time, and sets aside even while it waits.
const CONNECTION_BYTES: usize = 64 << 10;
/// When accepting fails (no file descriptor is left, say), the next attempt waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/2 from the first byte.
    Grpc,
    /// HTTP/1.1.
    Http,
}

impl Protocol {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// How a client of HTTP/2 begins.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// Time between two looks at how much of it is there.
const PREFACE_LOOK: Duration = Duration::from_millis(20);

pub(super) struct Connections {
    server: auto::Builder<TokioExecutor>,
    read_timeout: Duration,
    places: Arc<Semaphore>,
    counters: Counters,
    graceful: Mutex<GracefulShutdown>,
}

impl Connections {
    pub(super) fn new(receiver: &Receiver) -> Self {
        let limits = receiver.limits();
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.read_timeout)
            .max_buf_size(CONNECTION_BYTES);
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(16 * 1024);
        Self {
            server,
            read_timeout: limits.read_timeout,
            places: Arc::new(Semaphore::new(limits.connections)),
            counters: receiver.counters().clone(),
            graceful: Mutex::new(GracefulShutdown::new()),
        }
    }

    /// Accepts connections for ever, if there is where to.
    pub(super) async fn accept(&self, protocol: Protocol, listener: Option<TcpListener>, app: Router) {
        let Some(listener) = listener else { return };
        let transport = protocol.as_str();
        let server = match protocol {
            Protocol::Grpc => self.server.clone().http2_only(),
            Protocol::Http => self.server.clone().http1_only(),
        };
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
            let (server, watcher) = (server.clone(), self.graceful.lock().await.watcher());
            let (counters, read_timeout) = (self.counters.clone(), self.read_timeout);
            counters.connection(transport, 1);
            tokio::spawn(async move {
                // HTTP/1 has a timeout for heads of its own; HTTP/2 none until both sides have greeted.
                let begun = protocol == Protocol::Http
                    || tokio::time::timeout(read_timeout, preface(&stream)).await.is_ok_and(|begun| begun);
                if begun {
                    let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
                    if let Err(error) = watcher.watch(connection).await {
                        tracing::debug!(transport, %error, "connection ended");
                    }
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

/// Waits until the client has said that it speaks HTTP/2; false when it went away.
async fn preface(stream: &TcpStream) -> bool {
    let mut begin = [0; PREFACE];
    loop {
        match stream.peek(&mut begin).await {
            Ok(PREFACE) => return true,
            Ok(0) | Err(_) => return false,
            // What is there stays there, so there is nothing to be woken by.
            Ok(_) => tokio::time::sleep(PREFACE_LOOK).await,
        }
    }
}
