//! The OTLP receivers: gRPC and HTTP, each on a listener of its own.

mod body;
mod connections;
mod grpc;
mod http;
mod status;

use tokio::net::TcpListener;

use crate::Receiver;
use connections::{Connections, Protocol};

/// Where is listened.
#[derive(Debug, Default)]
pub struct Listeners {
    pub grpc: Option<TcpListener>,
    pub http: Option<TcpListener>,
}

/// Serves OTLP/gRPC and OTLP/HTTP until `shutdown` completes; requests in work are then finished for a
/// few seconds.
pub async fn serve(listeners: Listeners, receiver: Receiver, shutdown: impl Future<Output = ()> + Send) {
    let connections = Connections::new(&receiver);
    let accept = async {
        let grpc = connections.accept(Protocol::Grpc, listeners.grpc, grpc::router(receiver.clone()));
        let http = connections.accept(Protocol::Http, listeners.http, http::router(receiver));
        tokio::join!(grpc, http);
    };
    tokio::select! {
        // Without a listener there is only the end to wait for.
        () = async { accept.await; std::future::pending().await } => {}
        () = shutdown => {}
    }
    connections.drain().await;
}
