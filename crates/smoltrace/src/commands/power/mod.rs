//! `smoltrace power`: watches power, measures a command, sends what is measured elsewhere.

mod report;
mod send;
mod wrap;

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anyhow::Result;
use smoltrace_store::Store;
use tokio::sync::watch;

use super::{open, serve::stopped, write_stdout};
use crate::{
    cli::MeasurePowerArgs,
    config::Config,
    exit::UsageError,
    power::{self, Choice, Measuring, Pending, Recording},
    record::{Keeper, KeeperOptions, Recorder},
};
use report::Snapshot;
use send::Sender;

/// How often is shown.
const EVERY: Duration = Duration::from_secs(1);

pub async fn run(args: &MeasurePowerArgs, config: &Config) -> Result<()> {
    if args.source == Choice::Off {
        return Err(UsageError("--source off leaves nothing to do here".into()).into());
    }
    // A URL that cannot be is said before anything starts.
    let sender = match (&args.otlp, &args.run_id) {
        (Some(url), Some(run_id)) => Some(Sender::new(url, run_id)?),
        _ => None,
    };
    // Opening takes time, which would count as the command's if it were measured already.
    let tables = match (&args.otlp, &args.run_id) {
        (None, Some(run_id)) => Some((run_id, Tables::open(config).await?)),
        _ => None,
    };
    let measuring = power::start(&args.measure, &args.source, true)?.map(Arc::new);
    let storing = match (tables, &measuring) {
        (Some((run_id, tables)), Some(measuring)) => Some(Storing::start(run_id, measuring, tables)),
        _ => None,
    };
    let (stop, stopping) = watch::channel(false);
    let sending = match (sender, &measuring) {
        (Some(sender), Some(measuring)) => Some(tokio::spawn(sender.run(measuring.clone(), stopping))),
        _ => None,
    };
    let outcome = match &measuring {
        // A command is run also where nothing can be measured: its energy is then unknown.
        _ if args.wrap => wrap::run(&args.command, measuring.as_deref(), config).await,
        None => anyhow::bail!(
            "no device can be read; `smoltrace power --source simulated` shows what it would look like"
        ),
        Some(measuring) => watch_devices(args, measuring, config).await,
    };
    if let Some(storing) = storing {
        storing.finish().await;
    }
    stop.send_replace(true);
    if let Some(sending) = sending {
        let sent = sending.await?;
        // The command's own exit code goes first.
        if let (Err(error), Err(_)) = (&sent, &outcome) {
            eprintln!("power: {error:#}");
        }
        return outcome.and(sent);
    }
    outcome
}

/// What is measured, on its way into the tables here.
struct Storing {
    run_id: String,
    recording: Recording,
    keeper: Arc<Keeper>,
}

struct Tables {
    store: Store,
    keeper: Arc<Keeper>,
}

impl Tables {
    async fn open(config: &Config) -> Result<Self> {
        let store = open(&config.data_dir).await?;
        let keeper = Keeper::new(store.clone(), KeeperOptions::default()).await?;
        Ok(Self { store, keeper })
    }
}

impl Storing {
    fn start(run_id: &str, measuring: &Arc<Measuring>, tables: Tables) -> Self {
        let Tables { store, keeper } = tables;
        let sink = Arc::new(Recorder::new(store, keeper.clone()));
        let recording = Recording::start(Pending::new(measuring.clone(), run_id), sink);
        Self { run_id: run_id.to_owned(), recording, keeper }
    }

    async fn finish(self) {
        if let Some(trouble) = self.recording.finish().await.trouble() {
            eprintln!("power: {trouble}");
        }
        self.keeper.seal(&self.run_id).await;
    }
}

async fn watch_devices(args: &MeasurePowerArgs, measuring: &Measuring, config: &Config) -> Result<()> {
    let on_terminal = std::io::stdout().is_terminal() && !config.json;
    let stopped = stopped()?;
    tokio::pin!(stopped);
    let mut before = Snapshot::take(measuring);
    let mut left = if args.once { Some(1) } else { args.duration };
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = &mut stopped => return Ok(()),
        }
        let now = Snapshot::take(measuring);
        let text = if config.json {
            now.json_line(&before, measuring)?
        } else {
            now.table(&before, measuring, config)
        };
        // Drawn over what was shown before: to the upper left, and what is below goes.
        let clear = if on_terminal && !args.once { "\u{1b}[H\u{1b}[2J" } else { "" };
        write_stdout(format!("{clear}{text}").as_bytes())?;
        before = now;
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(());
        }
    }
}
