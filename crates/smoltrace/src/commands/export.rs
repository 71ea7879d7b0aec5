//! `smoltrace export RUN`: one run as a folder that others can read.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use smoltrace_exchange::export::{RunExport, csv_folder, json_folder, parquet_folder};

use super::{file_safe, find_run, open_to_read, print_json, say};
use crate::{
    cli::{ExportArgs, ExportFormat},
    config::Config,
};

pub async fn run(args: &ExportArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let run = find_run(&store, &args.run).await?;
    let data = store.run_data(&run.run_id).await?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("export-{}", file_safe(&run.run_id))));
    let export = RunExport { run, results: data.results, spans: data.spans, points: data.points };
    match args.format {
        ExportFormat::Json => json_folder(&export, &out)?,
        ExportFormat::Parquet => parquet_folder(&export, &out)?,
        ExportFormat::Csv => csv_folder(&export, &out)?,
    }
    if config.json {
        return print_json(&json!({
            "run_id": export.run.run_id, "path": out, "results": export.results.len(),
            "spans": export.spans.len(), "points": export.points.len(),
        }));
    }
    say(&format!(
        "{}: {} results, {} spans, {} points",
        out.display(),
        export.results.len(),
        export.spans.len(),
        export.points.len()
    ))?;
    Ok(())
}
