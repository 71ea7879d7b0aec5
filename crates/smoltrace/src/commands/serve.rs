//! `smoltrace serve`: receives OTLP, and serves the web UI and the REST API, over one data directory.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use prometheus_client::registry::Registry;
use smoltrace_collect::{Counters, Limits, Listeners, Receiver};
use smoltrace_server::{AppState, ServerOptions};
use smoltrace_store::{Background, Store, StoreOptions};
use tokio::{net::TcpListener, sync::watch};
use tracing_subscriber::EnvFilter;

use super::say;
use crate::{
    cli::{Listen, ReceiveArgs, ServeArgs},
    config::Config,
    exit::UsageError,
    power,
    record::{Keeper, KeeperOptions, QueueDepth, Recorder, StoreMetrics},
};

/// The usual addresses of OTLP.
const GRPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4317);
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4318);

/// What becomes of a receiver whose usual address is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Fails,
    LeftOut,
}

pub async fn run(args: &ServeArgs, config: &Config) -> Result<()> {
    let (store, registry) = open_to_serve(&config.data_dir, &args.receive).await?;
    serve(args, config, store, registry, Taken::Fails).await
}

/// Opens for a long life: the tables are kept small in the background, and what is done is counted.
pub async fn open_to_serve(dir: &Path, receive: &ReceiveArgs) -> Result<(Store, Registry)> {
    let mut registry = Registry::default();
    let mut background = Background::default();
    let kept = Duration::from_secs(receive.keep_replaced);
    (background.maintenance.file_retention, background.maintenance.log_retention) = (kept, kept);
    let options = StoreOptions {
        background: Some(background),
        observer: Some(Arc::new(StoreMetrics::new(&mut registry))),
        ..StoreOptions::default()
    };
    let store = Store::open(dir, options).await?;
    registry.register_collector(Box::new(QueueDepth(store.clone())));
    Ok((store, registry))
}

/// Serves until Ctrl-C or SIGTERM, then flushes.
pub async fn serve(
    args: &ServeArgs,
    config: &Config,
    store: Store,
    mut registry: Registry,
    taken: Taken,
) -> Result<()> {
    let receive = &args.receive;
    let addresses = [
        ("--listen", Some(Listen::At(args.listen))),
        ("--otlp-grpc", receive.otlp_grpc),
        ("--otlp-http", receive.otlp_http),
    ];
    for (flag, listen) in addresses {
        if let Some(Listen::At(address)) = listen
            && !address.ip().is_loopback()
            && !args.insecure
        {
            return Err(UsageError(format!(
                "{flag} {address} can be reached from other machines and nothing here asks who they are; \
                 listen on 127.0.0.1, or pass --insecure when the network is yours"
            ))
            .into());
        }
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .with_ansi(config.color)
        .init();
    let web = bind("--listen", args.listen).await?;
    let address = web.local_addr()?;
    let listeners = Listeners {
        grpc: bind_receiver("--otlp-grpc", receive.otlp_grpc, GRPC, taken).await?,
        http: bind_receiver("--otlp-http", receive.otlp_http, HTTP, taken).await?,
    };
    let keeper_options =
        KeeperOptions { seal_after: Duration::from_secs(receive.seal_after), ..KeeperOptions::default() };
    let keeper = Keeper::new(store.clone(), keeper_options).await?;
    let measuring =
        power::start(&args.power.measure, &args.power.choice(power::Choice::Off), true)?.map(Arc::new);
    let follow = measuring.clone().map(power::Follow::new);
    let sink = Arc::new(Recorder::new(store.clone(), keeper.clone()).with_power(follow));
    let receiver = Receiver::new(sink, limits(receive), Counters::new(&mut registry));

    // The addresses go to standard output, so that a script can wait for the lines and read them.
    say(&format!("TraceMind  http://{address}"))?;
    if let Some(grpc) = &listeners.grpc {
        say(&format!("OTLP/gRPC  http://{}", grpc.local_addr()?))?;
    }
    if let Some(http) = &listeners.http {
        say(&format!("OTLP/HTTP  http://{}", http.local_addr()?))?;
    }
    if let Some(measuring) = &measuring {
        say(&format!("power      {}", measuring.describe()))?;
    }
    say(&format!("data       {}", config.data_dir.display()))?;
    say("Ctrl-C stops it.")?;

    let (stop, stopping) = watch::channel(false);
    let signal = stopped()?;
    tokio::spawn(async move {
        signal.await;
        stop.send_replace(true);
    });
    let options = ServerOptions { allowed_hosts: args.allow_hosts.clone(), ..ServerOptions::default() };
    let state = AppState::new(store, options).with_registry(registry);
    // What was received is answered before its runs are sealed, and the page lasts as long as that.
    let receiving = async {
        let received = smoltrace_collect::serve(listeners, receiver, until(stopping.clone()));
        tokio::join!(received, keeper.keep(until(stopping.clone())));
        keeper.seal_all().await;
        Ok(())
    };
    tokio::try_join!(smoltrace_server::serve(web, state, until(stopping.clone())), receiving)?;
    Ok(())
}

async fn until(mut stopping: watch::Receiver<bool>) {
    // Without a sender there is nothing left to wait for either.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is it in use? choose another with {flag} ADDR"))
}

async fn bind_receiver(
    flag: &str,
    given: Option<Listen>,
    usual: SocketAddr,
    taken: Taken,
) -> Result<Option<TcpListener>> {
    let address = match given {
        Some(Listen::Off) => return Ok(None),
        Some(Listen::At(address)) => address,
        None => usual,
    };
    match bind(flag, address).await {
        Err(error) if given.is_none() && taken == Taken::LeftOut => {
            eprintln!("{error:#}; nothing is received there");
            Ok(None)
        }
        bound => bound.map(Some),
    }
}

fn limits(args: &ReceiveArgs) -> Limits {
    let mut limits = Limits {
        body_bytes: args.max_body,
        decoded_bytes: args.max_decoded,
        memory_bytes: args.max_memory,
        requests: args.max_requests,
        wait: Duration::from_secs(args.max_wait),
        connections: connections(args.max_connections),
        read_timeout: Duration::from_secs(args.read_timeout),
        series: args.max_series,
        ..Limits::default()
    };
    limits.bounds.items = args.max_items;
    limits.bounds.attributes.count = args.max_attributes;
    limits.bounds.attributes.text_bytes = args.max_attribute;
    limits.bounds.attributes.depth = args.max_attribute_depth;
    limits
}

/// Every connection takes a file descriptor, and the tables need some: raises what this process may have
/// as far as that goes, and says how many connections it is enough for.
fn connections(wanted: usize) -> usize {
    const FOR_FILES: u64 = 256;
    match rlimit::increase_nofile_limit((wanted as u64).saturating_add(FOR_FILES)) {
        Ok(limit) => wanted.min(limit.saturating_sub(FOR_FILES).max(16) as usize),
        Err(_) => wanted,
    }
}

/// Completes with Ctrl-C or SIGTERM.
#[cfg(unix)]
pub fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
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
pub fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
