//! The tasks that were asked for.

use std::path::Path;

use anyhow::Result;
use smoltrace_eval::task::{BUILT_IN, MAX_FILE_BYTES, TaskSet, built_in};
use smoltrace_exchange::{ImportLimits, parquet_rows};

use crate::{cli::eval::TaskArgs, exit::UsageError};

pub fn read(args: &TaskArgs) -> Result<TaskSet> {
    let mut set = match built_in(&args.tasks) {
        Some(set) => set,
        None => {
            let path = Path::new(&args.tasks);
            if !path.exists() {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                return Err(UsageError(format!(
                    "no tasks `{}`: there are {} built in, and no such file is here",
                    args.tasks,
                    names.join(" and ")
                ))
                .into());
            }
            read_file(path, args)?
        }
    };
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

fn read_file(path: &Path, args: &TaskArgs) -> Result<TaskSet> {
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("parquet")) {
        return Ok(TaskSet::read(path, &args.split)?);
    }
    let limits = ImportLimits { max_decompressed_bytes: MAX_FILE_BYTES, ..ImportLimits::default() };
    let rows = parquet_rows(path, limits)?;
    let numbered = rows.into_iter().enumerate().map(|(index, row)| (index + 1, row));
    Ok(TaskSet::from_rows(&args.tasks, numbered)?)
}
