//! Task files: JSON, JSON lines, CSV. What a file is, is decided by its name; without one that says, by its
//! first byte.

use std::{fs, io::Read, path::Path};

use serde_json::{Map, Value};

use super::{TaskError, TaskSet};

/// The largest task file that is read.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

impl TaskSet {
    /// The tasks of a file. In a JSON object with several lists, `split` names the one that counts.
    ///
    /// # Errors
    /// When the file cannot be read, is too large, or a row of it is no task.
    pub fn read(path: &Path, split: &str) -> Result<Self, TaskError> {
        let name = path.display().to_string();
        let fail = |problem: String| TaskError::of_source(&name, problem);
        let file = fs::File::open(path).map_err(|error| fail(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(fail(format!("larger than {} MiB", MAX_FILE_BYTES >> 20)));
        }
        Self::parse(&name, &bytes, split)
    }

    /// The tasks in `bytes`; `name` says what they are by its ending, and names them in errors.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(name: &str, bytes: &[u8], split: &str) -> Result<Self, TaskError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        match ending.as_deref() {
            Some("jsonl" | "ndjson") => json_lines(name, bytes),
            Some("csv") => csv_rows(name, bytes),
            Some("json") => json(name, bytes, split),
            _ => match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[') => json(name, bytes, split),
                Some(b'{') => json(name, bytes, split).or_else(|_| json_lines(name, bytes)),
                _ => Err(TaskError::of_source(name, "expected a .json, .jsonl, .csv or .parquet file")),
            },
        }
    }
}

fn json(name: &str, bytes: &[u8], split: &str) -> Result<TaskSet, TaskError> {
    let fail = |problem: String| TaskError::of_source(name, problem);
    let mut value: Value =
        serde_json::from_slice(bytes).map_err(|error| fail(format!("no valid JSON: {error}")))?;
    let list = match &mut value {
        Value::Array(list) => std::mem::take(list),
        Value::Object(parts) => {
            let key =
                [split, "data", "tasks"].into_iter().find(|key| parts.get(*key).is_some_and(Value::is_array));
            match key.and_then(|key| parts.remove(key)) {
                Some(Value::Array(list)) => list,
                _ => {
                    return Err(fail(format!(
                        "expected a list, or an object with a list `{split}`, `data` or `tasks`"
                    )));
                }
            }
        }
        _ => return Err(fail("expected a list of tasks".into())),
    };
    let rows = list.into_iter().enumerate().map(|(index, value)| object(name, index + 1, value));
    TaskSet::from_rows(name, rows.collect::<Result<Vec<_>, _>>()?)
}

fn json_lines(name: &str, bytes: &[u8]) -> Result<TaskSet, TaskError> {
    let mut rows = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value = serde_json::from_slice(line).map_err(|error| TaskError {
            row: Some(index + 1),
            ..TaskError::of_source(name, format!("no valid JSON at column {}", error.column()))
        })?;
        rows.push(object(name, index + 1, value)?);
    }
    TaskSet::from_rows(name, rows)
}

fn csv_rows(name: &str, bytes: &[u8]) -> Result<TaskSet, TaskError> {
    let fail = |row: Option<usize>, error: csv::Error| TaskError {
        row,
        ..TaskError::of_source(name, format!("no valid CSV: {error}"))
    };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|error| fail(None, error))?.clone();
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| fail(Some(index + 1), error))?;
        let cells = header.iter().zip(&record).map(|(key, cell)| (key.trim().to_owned(), Value::from(cell)));
        rows.push((index + 1, cells.collect()));
    }
    TaskSet::from_rows(name, rows)
}

fn object(name: &str, row: usize, value: Value) -> Result<(usize, Map<String, Value>), TaskError> {
    match value {
        Value::Object(fields) => Ok((row, fields)),
        _ => Err(TaskError { row: Some(row), ..TaskError::of_source(name, "expected an object of fields") }),
    }
}
