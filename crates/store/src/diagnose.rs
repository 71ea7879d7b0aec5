//! Finds the file behind a read error, so that a person knows what to restore.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use deltalake::DeltaTable;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::error::StoreError;

/// Reader and writer versions that this version of the Delta library can understand at all.
const MAX_READER_VERSION: i64 = 3;
const MAX_WRITER_VERSION: i64 = 7;

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
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if text.trim().is_empty() {
        return Ok(Some("the log entry is empty".into()));
    }
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Err(error) => return Ok(Some(format!("line {} is no complete JSON: {error}", index + 1))),
            Ok(action) => {
                if let Some(cause) = newer_protocol(&action) {
                    let path = folder.parent().unwrap_or(folder).to_path_buf();
                    return Err(StoreError::NewerVersion { path, cause });
                }
            }
        }
    }
    Ok(None)
}

fn newer_protocol(action: &Value) -> Option<String> {
    let protocol = action.get("protocol")?;
    let version = |key: &str| protocol[key].as_i64().unwrap_or(0);
    let (reader, writer) = (version("minReaderVersion"), version("minWriterVersion"));
    if reader > MAX_READER_VERSION || writer > MAX_WRITER_VERSION {
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
