//! The tasks that were asked for.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use smoltrace_eval::{
    clock::Clock,
    task::{BUILT_IN, MAX_FILE_BYTES, TaskSet, built_in},
};
use smoltrace_exchange::{ImportLimits, parquet_rows};

use super::hub;
use crate::{cli::eval::TaskArgs, exit::UsageError};

/// The tasks, and what is known of the dataset that they come from.
pub struct Chosen {
    pub set: TaskSet,
    /// Of a dataset of the Hugging Face Hub: its repository, commit and files.
    pub dataset: Option<Value>,
}

pub async fn read(args: &TaskArgs, clock: &Clock) -> Result<Chosen> {
    if let Some(reference) = hub::reference(args)? {
        let (set, dataset) = hub::read(&reference, args, clock).await?;
        return Ok(Chosen { set: left(set, args)?, dataset: Some(dataset) });
    }
    let set = match built_in(&args.tasks) {
        Some(set) => set,
        None => read_file(args)?,
    };
    Ok(Chosen { set: left(set, args)?, dataset: None })
}

/// What the arguments leave of a set.
fn left(mut set: TaskSet, args: &TaskArgs) -> Result<TaskSet> {
    for id in &args.only {
        if !set.tasks.iter().any(|task| &task.id == id) {
            return Err(UsageError(format!("--task {id}: no task of {} has this id", set.name)).into());
        }
    }
    let is = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
    set.tasks.retain(|task| {
        is(&args.difficulty, &task.difficulty)
            && is(&args.category, &task.category)
            && (args.only.is_empty() || args.only.contains(&task.id))
    });
    set.tasks.truncate(args.limit.unwrap_or(usize::MAX));
    if set.tasks.is_empty() {
        return Err(UsageError(format!("no task of {} is left by what was chosen", set.name)).into());
    }
    Ok(set)
}

fn read_file(args: &TaskArgs) -> Result<TaskSet> {
    let path = Path::new(&args.tasks);
    if !path.exists() {
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        return Err(UsageError(format!(
            "no tasks `{}`: there are {} built in, no such file is here, and a dataset of the Hugging Face Hub is \
             hf://ORG/NAME@REVISION",
            args.tasks,
            names.join(" and ")
        ))
        .into());
    }
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        true => parquet_tasks(path, &args.tasks),
        false => Ok(TaskSet::read(path, &args.split)?),
    }
}

/// The tasks of a Parquet file, which errors call `name`.
pub fn parquet_tasks(path: &Path, name: &str) -> Result<TaskSet> {
    let limits = ImportLimits { max_decompressed_bytes: MAX_FILE_BYTES, ..ImportLimits::default() };
    let rows = parquet_rows(path, limits)?;
    let numbered = rows.into_iter().enumerate().map(|(index, row)| (index + 1, row));
    Ok(TaskSet::from_rows(name, numbered)?)
}
