//! `smoltrace report RUN`: one run as one HTML file to pass on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use smoltrace_server::Query;

use super::{api, file_safe, find_run, open_to_read, print_json, say, write_stdout};
use crate::{cli::ReportArgs, config::Config};

pub async fn run(args: &ReportArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let run_id = find_run(&store, &args.run).await?.run_id;
    let page = api::bytes(&store, &Query::at(&["api", "v1", "runs", &run_id, "report"])).await?;
    if args.out.as_deref() == Some(Path::new("-")) {
        return write_stdout(&page);
    }
    let out =
        args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.report.html", file_safe(&run_id))));
    std::fs::write(&out, &page).with_context(|| format!("cannot write {}", out.display()))?;
    if config.json {
        return print_json(&json!({ "run_id": run_id, "path": out, "bytes": page.len() }));
    }
    say(&format!("{}", out.display()))
}
