//! Compression for those whom it serves: on the same machine it costs more time than it saves.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request},
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    middleware::Next,
    response::Response,
};
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, DefaultPredicate, Predicate},
};

/// Marks an answer that stays on this machine.
#[derive(Debug, Clone, Copy)]
struct Local;

/// Compresses what [`mark`] did not mark.
pub fn layer() -> CompressionLayer<impl Predicate + Send + Sync + 'static> {
    CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Fastest)
        .compress_when(DefaultPredicate::new().and(is_not_local))
}

/// Marks answers to clients on this machine. Belongs inside [`layer`].
pub async fn mark(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let local = peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback());
    // A proxy on this machine passes the answer on.
    let proxied = [header::FORWARDED, header::VIA].iter().any(|name| request.headers().contains_key(name))
        || request.headers().contains_key("x-forwarded-for");
    let mut response = next.run(request).await;
    if local && !proxied {
        response.extensions_mut().insert(Local);
    }
    response
}

fn is_not_local(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<Local>().is_none()
}
