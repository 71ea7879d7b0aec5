//! `smoltrace import PATH...`: recorded runs into the tables, accounted on the way.

use anyhow::Result;
use serde::Serialize;
use smoltrace_exchange::import::{self, ImportOptions};
use smoltrace_model::{account::account_run, inputs::RunInputs, rows::RunRow};
use smoltrace_store::{Batch, MaintenanceOptions, Receipt, Store, StoreError};

use super::{open, print_json, say};
use crate::{
    cli::ImportArgs,
    config::Config,
    output::{format, progress::Progress},
};

/// What became of one run.
#[derive(Debug, Serialize)]
pub struct Imported {
    pub run_id: String,
    pub model: String,
    pub tests: i64,
    pub spans: usize,
    pub points: usize,
    pub duplicates: usize,
    pub changed: bool,
    pub notes: Vec<String>,
}

pub async fn run(args: &ImportArgs, config: &Config) -> Result<()> {
    let store = open(&config.data_dir).await?;
    let options = ImportOptions {
        simulated: args.simulated,
        max_decompressed_bytes: args.max_size.saturating_mul(1024 * 1024),
        ..ImportOptions::default()
    };
    let mut imported = Vec::new();
    let mut failed = None;
    for path in &args.paths {
        // One bad path does not keep the others out.
        let mut progress = Progress::bytes(config.progress, "reading");
        let read = import::read(path, &options, &mut |step| {
            progress.set_label(&format::text(&step.path.display().to_string(), 40));
            progress.update(step.bytes_done, step.bytes_total);
        });
        drop(progress);
        match read {
            Ok(runs) => {
                let mut progress = Progress::items(config.progress, "storing");
                let total = runs.len() as u64;
                for (done, inputs) in runs.into_iter().enumerate() {
                    imported.push(store_run(&store, inputs).await?);
                    progress.update(done as u64 + 1, total);
                }
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                if failed.is_some() {
                    crate::exit::report(&error);
                } else {
                    failed = Some(error);
                }
            }
        }
    }
    if imported.iter().any(|run| run.changed) {
        // Many small imports would leave many small files; nothing is done below the thresholds.
        store.maintain(&MaintenanceOptions::default()).await?;
    }
    if config.json {
        print_json(&imported)?;
    } else {
        for run in &imported {
            print_imported(run)?;
        }
    }
    failed.map_or(Ok(()), Err)
}

fn print_imported(run: &Imported) -> Result<()> {
    let what = if run.changed { "imported" } else { "already here" };
    say(&format!(
        "{what}  {}  {}  {} tests, {} spans, {} points{}",
        format::text(&run.run_id, 48),
        format::text(&run.model, 40),
        run.tests,
        run.spans,
        run.points,
        if run.duplicates > 0 { format!(" ({} already here)", run.duplicates) } else { String::new() },
    ))?;
    for note in &run.notes {
        say(&format!("  note: {}", format::text(note, 300)))?;
    }
    Ok(())
}

/// Accounts a run and stores it; returns after the commit. What the tables already hold of the run counts
/// too, so that spans and metrics may come in separate files.
pub async fn store_run(store: &Store, inputs: RunInputs) -> Result<Imported> {
    let notes = inputs.declared.notes.clone();
    let inputs = match store.run_data(&inputs.run_id).await {
        Ok(known) => {
            RunInputs::from_tables(&known.run, known.results, known.spans, known.points).joined(inputs)
        }
        Err(StoreError::NotFound { .. }) => inputs,
        Err(error) => return Err(error.into()),
    };
    let accounted = account_run(&inputs);
    let run: RunRow = accounted.run.clone();
    let receipt = store
        .append(Batch {
            spans: inputs.spans.into(),
            points: inputs.points.into(),
            results: accounted.results,
            runs: vec![accounted.run],
            ..Batch::default()
        })
        .await?;
    Ok(imported(run, &receipt, notes))
}

fn imported(run: RunRow, receipt: &Receipt, notes: Vec<String>) -> Imported {
    Imported {
        run_id: run.run_id,
        model: run.model,
        tests: run.total_tests,
        spans: receipt.spans.written,
        points: receipt.points.written,
        duplicates: receipt.spans.duplicates + receipt.points.duplicates,
        changed: receipt.written() > 0,
        notes,
    }
}
