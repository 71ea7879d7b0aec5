//! Tasks from a dataset of the Hugging Face Hub, with what the environment says of it.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use smoltrace_eval::{
    clock::Clock,
    hub::{self, Dataset, DatasetRef, ENDPOINT, HubFile, HubOptions, SCHEME},
    task::{MAX_FILE_BYTES, TaskSet},
};

use super::tasks::parquet_tasks;
use crate::{cli::eval::TaskArgs, config, exit::UsageError};

/// The dataset that the arguments name: by its scheme, or by its bare name with a revision, as for smoltrace-eval.
pub fn reference(args: &TaskArgs) -> Result<Option<DatasetRef>, UsageError> {
    let text = match (&args.dataset_revision, args.tasks.starts_with(SCHEME)) {
        (_, true) => args.tasks.clone(),
        (Some(_), false) => format!("{SCHEME}{}", args.tasks),
        (None, false) => return Ok(None),
    };
    let fail = |problem: String| UsageError(format!("--tasks {}: {problem}", args.tasks));
    let reference = DatasetRef::parse(&text).map_err(fail)?;
    match &args.dataset_revision {
        Some(revision) => reference.with_revision(revision).map(Some).map_err(fail),
        None => Ok(Some(reference)),
    }
}

/// The token that the environment holds for the Hub.
pub fn token() -> Option<String> {
    config::variable(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).map(|(_, token)| token)
}

/// Downloads the dataset; its tasks, and what the run's row says of it.
pub async fn read(reference: &DatasetRef, args: &TaskArgs, clock: &Clock) -> Result<(TaskSet, Value)> {
    if config::variable(&["HF_HUB_OFFLINE"])
        .is_some_and(|(_, on)| !matches!(on.as_str(), "0" | "false" | "no"))
    {
        return Err(
            UsageError(format!("{reference}: HF_HUB_OFFLINE is set, and nothing is downloaded")).into()
        );
    }
    let endpoint = config::variable(&["HF_ENDPOINT"]).map_or_else(|| ENDPOINT.to_owned(), |(_, url)| url);
    let options = HubOptions {
        token: token(),
        proxy: config::proxy(),
        clock: Some(clock.clone()),
        ..HubOptions::new(&endpoint, MAX_FILE_BYTES)
    };
    let dataset = hub::dataset(options, reference, &args.split).await?;
    let name = dataset.pinned.to_string();
    let sets = dataset.files.iter().map(|file| tasks(&dataset, file, args));
    let sets = sets.collect::<Result<Vec<_>>>()?;
    let mut set = TaskSet::joined(&name, sets)?;
    set.notes.splice(0..0, dataset.notes.iter().cloned());
    let source = json!({
        "repo": dataset.pinned.repo,
        "revision": dataset.revision,
        "commit": dataset.commit,
        "split": args.split,
        "files": dataset.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
    });
    Ok((set, source))
}

fn tasks(dataset: &Dataset, file: &HubFile, args: &TaskArgs) -> Result<TaskSet> {
    let whole = DatasetRef { path: Some(file.path.clone()), ..dataset.pinned.clone() };
    let name = whole.to_string();
    if !name.to_lowercase().ends_with(".parquet") {
        return Ok(TaskSet::parse(&name, &file.bytes, &args.split)?);
    }
    // Parquet is read from files. No name of the dataset's becomes one here.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("tasks.parquet");
    fs::write(&path, &file.bytes).context("cannot write the downloaded tasks")?;
    parquet_tasks(&path, &name).with_context(|| name.clone())
}
