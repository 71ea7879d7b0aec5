//! Finds the file behind a read error, so that a person knows what to restore.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use deltalake::{DeltaTable, logstore::commit_uri_from_version};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::{
    error::StoreError,
    table::{ACTIONS, MAX_READER_VERSION, MAX_WRITER_VERSION},
};

/// Log entries that are read at once.
const ENTRIES_AT_ONCE: usize = 16;

/// Checks the log entries after `seen` up to `newest`: the Delta library reads a torn entry as
/// one with fewer rows. Entries before the last checkpoint are not needed any more, and not read.
pub(crate) async fn check_entries(
    objects: Arc<dyn ObjectStore>,
    dir: &Path,
    seen: Option<u64>,
    newest: Option<u64>,
) -> Result<(), StoreError> {
    let Some(newest) = newest else { return Ok(()) };
    let first = match seen {
        Some(seen) => seen + 1,
        None => last_checkpoint(objects.as_ref()).await.map_or(0, |version| version + 1),
    };
    stream::iter(first..=newest)
        .map(|version| {
            let (objects, path) = (objects.clone(), commit_uri_from_version(Some(version)));
            async move {
                let text = match objects.get(&path).await {
                    Ok(found) => found.bytes().await,
                    Err(error) => Err(error),
                };
                let problem = match text {
                    Ok(text) => entry_problem(&text),
                    // Cleaned up behind a checkpoint.
                    Err(object_store::Error::NotFound { .. }) => None,
                    Err(error) => return Err(StoreError::foreign(dir, &error)),
                };
                match problem {
                    Some(cause) => Err(StoreError::Corrupt { file: dir.join(path.as_ref()), cause }),
                    None => Ok(()),
                }
            }
        })
        .buffer_unordered(ENTRIES_AT_ONCE)
        .try_collect()
        .await
}

/// Version of the checkpoint that reading starts from.
pub(crate) async fn last_checkpoint(objects: &dyn ObjectStore) -> Option<u64> {
    let hint = objects.get(&"_delta_log/_last_checkpoint".into()).await.ok()?.bytes().await.ok()?;
    serde_json::from_slice::<Value>(&hint).ok()?["version"].as_u64()
}

/// What is wrong with a log entry, if anything.
pub(crate) fn entry_problem(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("the log entry is no text".into()) };
    let (mut actions, mut expected) = (0, None);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Err(error) => return Some(format!("line {} is no complete JSON: {error}", index + 1)),
            Ok(action) => expected = expected.or(action["commitInfo"][ACTIONS].as_u64()),
        }
        actions += 1;
    }
    if actions == 0 {
        return Some("the log entry is empty".into());
    }
    expected
        .filter(|expected| *expected != actions)
        .map(|expected| format!("the log entry ends after {actions} of {expected} actions"))
}

/// The error of a log that could not be read: names the first damaged entry, or says that the
/// table is of a newer version.
pub(crate) async fn log_error(dir: &Path, error: &deltalake::DeltaTableError) -> StoreError {
    let (folder, text) = (dir.join("_delta_log"), error.to_string());
    let known = StoreError::foreign(dir, error);
    if matches!(known, StoreError::Permission { .. } | StoreError::Busy { .. }) {
        return known;
    }
    let found = tokio::task::spawn_blocking({
        let (folder, text) = (folder.clone(), text.clone());
        move || inspect_log(&folder, &text)
    })
    .await;
    match (found, known) {
        (Ok(Some(found)), _) => found,
        (_, StoreError::Other { .. }) => StoreError::Corrupt { file: folder, cause: text },
        (_, known) => known,
    }
}

fn inspect_log(folder: &Path, error: &str) -> Option<StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Some(StoreError::io(folder, &error)),
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut versions = Vec::new();
    for file in &files {
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(version) = name.get(..20).and_then(|digits| digits.parse::<u64>().ok()) else { continue };
        let problem = if name.ends_with(".checkpoint.parquet") {
            parquet_problem(file)
        } else if name[20..] == *".json" {
            versions.push(version);
            match commit_problem(file, folder) {
                Err(found) => return Some(found),
                Ok(problem) => problem,
            }
        } else {
            None
        };
        if let Some(cause) = problem {
            return Some(StoreError::Corrupt { file: file.clone(), cause });
        }
    }
    let gap = versions.windows(2).find(|pair| pair[1] != pair[0] + 1)?;
    let file = folder.join(format!("{:020}.json", gap[0] + 1));
    Some(StoreError::Corrupt { file, cause: format!("the log entry is missing ({error})") })
}

/// What is wrong with a log entry, or `Err` when it says that the table is of a newer version.
fn commit_problem(file: &Path, folder: &Path) -> Result<Option<String>, StoreError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let problem = entry_problem(&bytes);
    if problem.is_none() {
        let actions =
            bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        if let Some(cause) = actions.filter_map(|action| newer_protocol(&action)).next() {
            let path = folder.parent().unwrap_or(folder).to_path_buf();
            return Err(StoreError::NewerVersion { path, cause });
        }
    }
    Ok(problem)
}

fn newer_protocol(action: &Value) -> Option<String> {
    let protocol = action.get("protocol")?;
    let version = |key: &str| protocol[key].as_i64().unwrap_or(0);
    let (reader, writer) = (version("minReaderVersion"), version("minWriterVersion"));
    if reader > i64::from(MAX_READER_VERSION) || writer > i64::from(MAX_WRITER_VERSION) {
        return Some(format!("Delta protocol reader {reader}, writer {writer}"));
    }
    // Our own tables need no features at all; those that someone else turned on are named.
    let features: Vec<&str> = ["readerFeatures", "writerFeatures"]
        .iter()
        .filter_map(|key| protocol[*key].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    (!features.is_empty()).then(|| format!("table features {}", features.join(", ")))
}

/// The error of a scan that failed: names the first active file that is missing or damaged.
pub(crate) async fn scan_error(dir: &Path, table: &DeltaTable, error: StoreError) -> StoreError {
    if !matches!(error, StoreError::Other { .. } | StoreError::Corrupt { .. }) {
        return error;
    }
    let Ok(snapshot) = table.snapshot() else { return error };
    let files: Vec<(PathBuf, i64)> =
        snapshot.log_data().iter().map(|file| (dir.join(file.path().as_ref()), file.size())).collect();
    let found = tokio::task::spawn_blocking(move || {
        files.into_iter().find_map(|(file, size)| {
            let cause = match fs::metadata(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => "the file is missing".to_string(),
                Err(error) => return Some(StoreError::io(&file, &error)),
                Ok(found) if found.len() as i64 != size => {
                    format!("{} bytes long, the log says {size}", found.len())
                }
                Ok(_) => parquet_problem(&file)?,
            };
            Some(StoreError::Corrupt { file, cause })
        })
    })
    .await;
    match found {
        Ok(Some(found)) => found,
        _ => error,
    }
}

/// What is wrong with a Parquet file: reads it whole, page by page.
fn parquet_problem(file: &Path) -> Option<String> {
    let check = || -> Result<(), Box<dyn std::error::Error>> {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            for column in 0..group.num_columns() {
                for page in group.get_column_page_reader(column)? {
                    page?;
                }
            }
        }
        Ok(())
    };
    check().err().map(|error| error.to_string())
}
