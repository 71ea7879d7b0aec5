//! One file a command. A command reads its arguments and `Config`, calls the libraries, prints.

mod aggregate;
mod api;
mod bundle;
pub mod compare;
mod demo;
mod eval;
mod export;
mod flatten;
mod import;
mod leaderboard;
mod power;
mod rebuild;
mod report;
mod serve;
mod show;
mod sql;

use std::{future::Future, io::Write, path::Path};

use anyhow::{Context, Result};
use clap::CommandFactory;
use serde::Serialize;
use smoltrace_model::rows::RunRow;
use smoltrace_store::{Store, StoreOptions};

use crate::{
    cli::{Cli, Command},
    config::Config,
    exit::UsageError,
};

pub fn run(command: Command, config: &Config) -> Result<()> {
    match command {
        Command::Aggregate(args) => aggregate::run(&args),
        Command::Flatten(args) => flatten::run(&args, config),
        Command::Eval(args) => wait(eval::run(&args, config)),
        Command::Import(args) => wait(import::run(&args, config)),
        Command::Leaderboard(args) => wait(leaderboard::run(&args, config)),
        Command::Show(args) => wait(show::run(&args, config)),
        Command::Compare(args) => wait(compare::run(&args, config)),
        Command::Export(args) => wait(export::run(&args, config)),
        Command::Report(args) => wait(report::run(&args, config)),
        Command::Bundle(args) => wait(bundle::run(&args, config)),
        Command::Sql(args) => wait(sql::run(&args, config)),
        Command::Serve(args) => wait(serve::run(&args, config)),
        Command::Power(args) => wait(power::run(&args, config)),
        Command::Demo(args) => wait(demo::run(&args, config)),
        Command::Rebuild(args) => wait(rebuild::run(&args, config)),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "smoltrace", &mut script);
            write_stdout(&script)
        }
        Command::Openapi => print_json(&smoltrace_server::openapi()),
    }
}

/// Runs a command that needs the store or the network.
fn wait<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?
        .block_on(command)
}

async fn open(dir: &Path) -> Result<Store> {
    Ok(Store::open(dir, StoreOptions::default()).await?)
}

/// Opens for reading only: a command that only looks never creates a data directory.
async fn open_to_read(dir: &Path) -> Result<Store> {
    Ok(Store::open_read_only(dir, StoreOptions::default()).await?)
}

/// The run that `text` names: its id, or the beginning of exactly one id.
async fn find_run(store: &Store, text: &str) -> Result<RunRow> {
    let runs = store.runs().await?;
    if let Some(run) = runs.iter().find(|run| run.run_id == text) {
        return Ok(run.clone());
    }
    let matching: Vec<&RunRow> = runs.iter().filter(|run| run.run_id.starts_with(text)).collect();
    match matching.as_slice() {
        [run] => Ok((*run).clone()),
        [] => Err(UsageError(format!(
            "no run `{}`; `smoltrace leaderboard` lists the {} that are here",
            crate::output::format::text(text, 80),
            runs.len()
        ))
        .into()),
        several => Err(UsageError(format!(
            "`{text}` is the beginning of {} runs: {}",
            several.len(),
            several.iter().take(5).map(|run| run.run_id.as_str()).collect::<Vec<_>>().join(", ")
        ))
        .into()),
    }
}

/// A run id as part of a file name: whatever could leave the folder or the shell's quoting is replaced.
fn file_safe(run_id: &str) -> String {
    let safe: String = run_id
        .chars()
        .take(80)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .collect();
    if safe.is_empty() { "run".into() } else { safe }
}

fn write_stdout(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Prints a line. Unlike `println!` it returns an error when nobody reads any more (`smoltrace ... | head`).
fn say(line: &str) -> Result<()> {
    write_stdout(format!("{line}\n").as_bytes())
}

fn print_json<T: Serialize>(value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write_stdout(&bytes)
}
