//! A receiver for what agents of the user's own export, open as long as the run.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::{Context, Result};
use prometheus_client::registry::Registry;
use smoltrace_collect::{Counters, Limits, Listeners, Receiver};
use smoltrace_store::Store;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::record::{Keeper, KeeperOptions, Recorder};

/// OTLP/HTTP on a free port of this machine.
pub struct Reception {
    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Reception {
    pub async fn open(store: &Store) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free for telemetry")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let keeper = Keeper::new(store.clone(), KeeperOptions::default()).await?;
        let sink = Arc::new(Recorder::new(store.clone(), keeper));
        let receiver = Receiver::new(sink, Limits::default(), Counters::new(&mut Registry::default()));
        let (stop, stopped) = oneshot::channel();
        let listeners = Listeners { grpc: None, http: Some(listener) };
        let serving = tokio::spawn(smoltrace_collect::serve(listeners, receiver, async {
            let _ = stopped.await;
        }));
        Ok(Self { endpoint, stop, serving })
    }

    /// Answers what is under way, and ends.
    pub async fn close(self) -> Result<()> {
        let _ = self.stop.send(());
        self.serving.await.context("the receiver failed")
    }
}
