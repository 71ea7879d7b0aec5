//! `smoltrace demo`: the bundled recordings and simulated runs, loaded the way of any import, then served.

use anyhow::{Context, Result};
use smoltrace_exchange::import::{self, ImportOptions};
use smoltrace_model::rows::RunRow;
use smoltrace_store::{Batch, Store};

use super::{
    import::store_run,
    print_json, say,
    serve::{self, Taken},
};
use crate::{
    cli::DemoArgs,
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
    let (store, registry) = serve::open_to_serve(&config.data_dir).await?;
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

    if args.no_serve {
        if config.json {
            return print_json(&imported);
        }
        say(&format!("{} runs are in {}", imported.len(), config.data_dir.display()))?;
        return Ok(());
    }
    // Another server may already receive.
    serve::serve(&args.serve, &config, store, registry, Taken::LeftOut).await
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
