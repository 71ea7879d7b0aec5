//! Small files of the kernel: one value each.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The text of a file without white space around it.
pub(super) fn text(path: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

/// The number in a file.
pub(super) fn number(path: &Path) -> io::Result<u64> {
    let text = text(path)?;
    text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("`{text}` is no count")))
}

/// What is in a folder whose name begins with `prefix`, in order of name; nothing where there is no folder.
pub(super) fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| name(path).is_some_and(|name| name.starts_with(prefix)))
        .collect();
    // card10 after card9.
    paths.sort_by_key(|path| {
        let name = name(path).unwrap_or_default();
        (name.len(), name.to_owned())
    });
    paths
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
