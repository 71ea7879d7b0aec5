//! `smoltrace rebuild`: run and result rows again, from spans and points.

use anyhow::Result;
use serde_json::json;
use smoltrace_model::{account::account_run, inputs::RunInputs};
use smoltrace_store::Batch;

use super::{find_run, open, print_json, say};
use crate::{cli::RebuildArgs, config::Config, output::progress::Progress};

pub async fn run(args: &RebuildArgs, config: &Config) -> Result<()> {
    let store = open(&config.data_dir).await?;
    let mut run_ids = Vec::new();
    for run in &args.runs {
        run_ids.push(find_run(&store, run).await?.run_id);
    }
    if run_ids.is_empty() {
        run_ids = store.run_ids().await?;
    }
    let (mut changed_runs, mut changed_results) = (0, 0);
    let mut progress = Progress::items(config.progress, "rebuilding");
    for (done, run_id) in run_ids.iter().enumerate() {
        let data = store.run_data(run_id).await?;
        let mut inputs = RunInputs::from_tables(&data.run, data.results, data.spans, data.points);
        if let Some(estimate) = args.estimate {
            inputs.declared.estimate = estimate;
        }
        let accounted = account_run(&inputs);
        let receipt = store
            .append(Batch { runs: vec![accounted.run], results: accounted.results, ..Batch::default() })
            .await?;
        changed_runs += receipt.runs.written;
        changed_results += receipt.results.written;
        progress.update(done as u64 + 1, run_ids.len() as u64);
    }
    drop(progress);
    if config.json {
        return print_json(&json!({
            "runs": run_ids.len(), "changed_runs": changed_runs, "changed_results": changed_results,
        }));
    }
    say(&format!(
        "{} runs computed again: {changed_runs} run rows and {changed_results} results changed",
        run_ids.len()
    ))?;
    Ok(())
}
