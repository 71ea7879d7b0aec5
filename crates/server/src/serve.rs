//! The server on a listener, until it is told to stop.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;

use crate::{
    api::router,
    state::{AppState, ServerOptions},
};

/// How long requests in work may go on after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves on `listener` until `shutdown` completes, then lets requests in work finish for a few
/// seconds. On a loopback address the `Host` header is checked whatever the options say.
///
/// # Errors
/// When the listener has no local address or stops accepting.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let options = ServerOptions {
        check_host: loopback || state.options().check_host,
        ..ServerOptions::clone(state.options())
    };
    let live = state.live().clone();
    let app = router(state.with_options(options)).into_make_service_with_connect_info::<SocketAddr>();
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let graceful = axum::serve(listener, app).with_graceful_shutdown(async move {
        shutdown.await;
        // A stream of events would otherwise be waited for.
        live.close();
        // The receiver lives until the server is done.
        let _ = stopping.send(());
    });
    let drained = async {
        // Without a sender the server ended on its own.
        if stopped.await.is_ok() {
            tokio::time::sleep(DRAIN).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = graceful => result,
        () = drained => Ok(()),
    }
}
