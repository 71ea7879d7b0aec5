//! `smoltrace demo`: the bundled recordings and simulated runs, loaded the way of any import, then served.

use anyhow::{Context, Result};
use clap::Parser;
use smoltrace_exchange::import::{self, ImportOptions};
use smoltrace_model::rows::RunRow;
use smoltrace_store::{Batch, Store, StoreError};

use super::{
    eval::Evaluation,
    import::store_run,
    print_json, say,
    serve::{self, Taken},
};
use crate::{
    cli::{Cli, Command, DemoArgs},
    config::Config,
    demo::{self, Scale},
    output::progress::Progress,
};

/// Whole runs that the bare rows of `--rows-only` are varied from.
const TEMPLATES: u32 = 5;
/// Bare rows that go into one commit.
const ROWS_PER_COMMIT: u32 = 2000;

pub async fn run(args: &DemoArgs, config: &Config) -> Result<()> {
    let config = Config { data_dir: config.demo_data_dir(), ..config.clone() };
    let (store, registry) = serve::open_to_serve(&config.data_dir, &args.serve.receive).await?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    demo::write_recordings(folder.path())?;
    if args.big_trace > 0 {
        demo::write_big_trace(folder.path(), args.big_trace, args.seed)?;
    }
    let whole_runs = if args.rows_only { args.runs.min(TEMPLATES) } else { args.runs };
    demo::write_simulated_runs(folder.path(), whole_runs, args.seed, Scale::default())?;

    let mut paths: Vec<_> = std::fs::read_dir(folder.path())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut progress = Progress::items(config.progress, "loading the demo");
    let mut imported = Vec::new();
    for (done, path) in paths.iter().enumerate() {
        // What the recordings' programs called a GPU and a model was simulated in each of them.
        let options = ImportOptions { simulated: true, ..ImportOptions::default() };
        for inputs in import::read(path, &options, &mut |_| {})? {
            imported.push(store_run(&store, inputs).await?);
        }
        progress.update(done as u64 + 1, paths.len() as u64);
    }
    drop(progress);
    drop(folder);
    if args.rows_only {
        let templates = store.runs().await?;
        rows_only(&store, args, &templates).await?;
    }

    let serving = !args.no_serve;
    let replay = replay(&store, &config);
    if !serving {
        replay.await?;
        if config.json {
            return print_json(&imported);
        }
        say(&format!("{} runs are in {}", imported.len(), config.data_dir.display()))?;
        return Ok(());
    }
    // The evaluation runs while the page is open: its run comes in live.
    let replayed = async {
        if let Err(error) = replay.await {
            crate::exit::report(&error);
        }
        Ok(())
    };
    // Another server may already receive.
    let served = serve::serve(&args.serve, &config, store.clone(), registry, Taken::LeftOut);
    tokio::try_join!(served, replayed).map(|_| ())
}

/// Id of the evaluation that the demo runs.
const REPLAYED: &str = "replay-quick";

/// Both agents on the quick tasks, with the bundled recording as their model; once.
async fn replay(store: &Store, config: &Config) -> Result<()> {
    match store.run(REPLAYED).await {
        Err(StoreError::NotFound { .. }) => {}
        Ok(_) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let words =
        ["smoltrace", "eval", "--model", "replay:quick", "--run-id", REPLAYED, "--power", "simulated"];
    let Command::Eval(args) = Cli::try_parse_from(words)?.command else { return Ok(()) };
    let config = Config { quiet: true, json: false, progress: false, ..config.clone() };
    Evaluation::new(&args).await?.run(store, &config, std::future::pending()).await
}

/// Many bare leaderboard rows: those of a few simulated runs, their figures varied.
async fn rows_only(store: &Store, args: &DemoArgs, templates: &[RunRow]) -> Result<()> {
    let mut progress = Progress::items(true, "rows");
    let mut start = 0;
    while start < args.runs {
        let end = (start + ROWS_PER_COMMIT).min(args.runs);
        let runs = demo::varied_rows(templates, start..end, args.seed);
        store.append(Batch { runs, ..Batch::default() }).await?;
        progress.update(u64::from(end), u64::from(args.runs));
        start = end;
    }
    Ok(())
}
