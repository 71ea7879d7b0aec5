//! Damaged, newer and forbidden tables: the error names the file, and nothing is lost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use smoltrace_store::{Store, StoreError, StoreOptions};

use crate::{
    child::{appending_as_nobody, run_id},
    rows::{batch, contents, open},
};

async fn with_two_commits() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for id in ["r1", "r2"] {
        store.append(batch(id, 2)).await.unwrap();
    }
    dir
}

async fn opening(dir: &Path) -> Result<(), StoreError> {
    Store::open(dir, StoreOptions::default()).await.map(drop)
}

fn entry(dir: &Path, table: &str, version: u64) -> PathBuf {
    dir.join(table).join("_delta_log").join(format!("{version:020}.json"))
}

fn data_files(dir: &Path, table: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join(table))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    files.sort();
    files
}

#[track_caller]
fn assert_corrupt(result: Result<(), StoreError>, file: &Path) {
    match result {
        Err(StoreError::Corrupt { file: named, .. }) => assert_eq!(named, file),
        other => panic!("{}: {other:?}", file.display()),
    }
}

#[tokio::test]
async fn a_torn_log_entry_is_named_wherever_it_is_torn() {
    let dir = with_two_commits().await;
    let root = dir.path().canonicalize().unwrap();
    let file = entry(&root, "spans", 2);
    let whole = fs::read(&file).unwrap();
    let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for length in [0, 1, 50, first_line - 1, first_line + 2, whole.len() / 2, whole.len() - 3] {
        fs::write(&file, &whole[..length]).unwrap();
        assert_corrupt(opening(dir.path()).await, &file);
    }
    fs::write(&file, &whole).unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.spans_of_run("r2").await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_missing_log_entry_is_named() {
    let dir = with_two_commits().await;
    let root = dir.path().canonicalize().unwrap();
    let file = entry(&root, "points", 1);
    fs::remove_file(&file).unwrap();
    assert_corrupt(opening(dir.path()).await, &file);
}

#[tokio::test]
async fn a_missing_or_torn_data_file_is_named() {
    let dir = with_two_commits().await;
    let root = dir.path().canonicalize().unwrap();
    let store = open(dir.path()).await;
    let file = data_files(&root, "points").remove(0);
    let whole = fs::read(&file).unwrap();
    let reading = async || {
        let store = open(dir.path()).await;
        for id in ["r1", "r2"] {
            store.points(id).await?;
        }
        Ok::<(), StoreError>(())
    };
    for length in [0, 4, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert_corrupt(reading().await, &file);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() - 20] ^= 0xff;
    fs::write(&file, &flipped).unwrap();
    assert_corrupt(reading().await, &file);
    fs::remove_file(&file).unwrap();
    assert_corrupt(reading().await, &file);
    // Other tables go on, and so does the run whose file is there: the statistics in the log tell
    // that the missing one need not be read.
    let alive = [store.points("r1").await.is_ok(), store.points("r2").await.is_ok()];
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
    assert_eq!(store.spans_of_run("r1").await.unwrap().len(), 6);
    fs::write(&file, &whole).unwrap();
    assert_eq!(contents(&open(dir.path()).await).await.len(), 2);
}

#[tokio::test]
async fn a_table_of_a_newer_version_is_refused() {
    let check = async |table: &str, from: &str, to: &str, cause: &str| {
        let dir = with_two_commits().await;
        let file = entry(dir.path(), table, 0);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        match opening(dir.path()).await {
            Err(error @ StoreError::NewerVersion { .. }) => {
                let message = error.to_string();
                assert!(message.contains(table) && message.contains(cause), "{message}");
            }
            other => panic!("{other:?}"),
        }
    };
    check("spans", r#""minReaderVersion":1"#, r#""minReaderVersion":99"#, "99").await;
    check("runs", r#""minWriterVersion":2"#, r#""minWriterVersion":42"#, "42").await;
    let features =
        r#""readerFeatures":["timeTravelling"],"writerFeatures":["timeTravelling"],"minReaderVersion":3"#;
    let both = r#""minReaderVersion":1,"minWriterVersion":2"#;
    check("points", both, &format!(r#"{features},"minWriterVersion":7"#), "timeTravelling").await;
    check("results", r#""smoltrace.layoutVersion":"1""#, r#""smoltrace.layoutVersion":"2""#, "layout").await;
}

#[tokio::test]
async fn a_path_that_cannot_be_a_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = opening(&path).await.unwrap_err();
        assert!(error.to_string().contains("not a directory"), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"x");
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_without_permission_is_refused() {
    use std::{io::Read as _, os::unix::fs::PermissionsExt as _};

    let dir = tempfile::tempdir().unwrap();
    let allow = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(dir.path()).await.append(batch(&run_id(0), 2)).await.unwrap();
    let hidden = dir.path().join("hidden");
    drop(open(&hidden).await);
    for path in walk(dir.path()) {
        allow(&path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    allow(&hidden.join("spans/_delta_log"), 0o000);
    // The owner may do anything here, so another user tries.
    let Some(mut child) = appending_as_nobody(dir.path()) else {
        eprintln!("skipped: this user cannot start a process of another user");
        return;
    };
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "{output}");
    for attempt in ["append: Permission", "create: Permission", "open: Permission"] {
        assert!(output.contains(attempt), "{attempt} in {output}");
    }
    // Nothing was lost or changed.
    let all = contents(&open(dir.path()).await).await;
    assert_eq!((all.len(), all[0].spans.len()), (1, 6));
}

#[cfg(unix)]
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut paths = vec![dir.to_path_buf()];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { paths.extend(walk(&path)) } else { paths.push(path) }
    }
    paths
}
