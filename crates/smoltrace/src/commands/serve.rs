//! `smoltrace serve`: the web UI and the REST API over one data directory.

use std::{future::Future, path::Path};

use anyhow::{Context, Result};
use smoltrace_server::{AppState, ServerOptions};
use smoltrace_store::{Background, Store, StoreOptions};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::say;
use crate::{cli::ServeArgs, config::Config, exit::UsageError};

pub async fn run(args: &ServeArgs, config: &Config) -> Result<()> {
    let store = open_to_serve(&config.data_dir).await?;
    serve(args, config, store).await
}

/// Opens for a long life: the tables are kept small in the background.
pub async fn open_to_serve(dir: &Path) -> Result<Store> {
    let options = StoreOptions { background: Some(Background::default()), ..StoreOptions::default() };
    Ok(Store::open(dir, options).await?)
}

/// Serves until Ctrl-C or SIGTERM, then flushes.
pub async fn serve(args: &ServeArgs, config: &Config, store: Store) -> Result<()> {
    if !args.listen.ip().is_loopback() && !args.insecure {
        return Err(UsageError(format!(
            "{} can be reached from other machines and nothing here asks who they are; listen on 127.0.0.1, \
             or pass --insecure when the network is yours",
            args.listen
        ))
        .into());
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .with_ansi(config.color)
        .init();
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!("cannot listen on {}; is it in use? choose another with --listen ADDR", args.listen)
    })?;
    let address = listener.local_addr()?;
    // The address goes to standard output, so that a script can wait for the line and read it.
    say(&format!("TraceMind  http://{address}"))?;
    say(&format!("data       {}", config.data_dir.display()))?;
    say("Ctrl-C stops it.")?;
    let options = ServerOptions { allowed_hosts: args.allow_hosts.clone(), ..ServerOptions::default() };
    smoltrace_server::serve(listener, AppState::new(store.clone(), options), stopped()?).await?;
    Ok(())
}

#[cfg(unix)]
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
