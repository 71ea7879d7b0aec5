//! What can go wrong with the tables, and how a foreign error becomes one of ours.
//!
//! Every message names the path, the cause and what to do about it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use deltalake::{DeltaTableError, kernel::transaction::TransactionError};

/// Why the store could not do what it was asked. Cloneable, because one failed group commit
/// answers many callers.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The run, trace, span or data directory does not exist.
    #[error("{what} was not found")]
    NotFound { what: String },
    /// A file of a table is missing, torn or not what the log says it is.
    #[error(
        "{}: damaged table file: {cause}. Nothing was changed; restore the file from a backup, or move the data \
         directory away and import the sources again",
        file.display()
    )]
    Corrupt { file: PathBuf, cause: String },
    /// The table was written by a newer version of smoltrace or of the Delta protocol.
    #[error("{}: the table is of a newer version: {cause}. Use a newer smoltrace", path.display())]
    NewerVersion { path: PathBuf, cause: String },
    /// The operating system denied access.
    #[error(
        "{}: permission denied ({cause}). Give this user read and write access to the data directory, or choose another one",
        path.display()
    )]
    Permission { path: PathBuf, cause: String },
    /// No space is left. What was committed before stays readable.
    #[error(
        "{}: no space left ({cause}). Nothing of this append was acknowledged; free some space and append it again",
        path.display()
    )]
    DiskFull { path: PathBuf, cause: String },
    /// The queue of appends is full.
    #[error("the store is busy: {cause}; try again in {} ms", retry_after.as_millis())]
    Busy { retry_after: Duration, cause: String },
    /// The store was opened read-only.
    #[error("{}: the data directory was opened read-only", path.display())]
    ReadOnly { path: PathBuf },
    /// A row that cannot be stored; none of its batch was.
    #[error("row {row} for table `{table}` was refused: {cause}")]
    InvalidRow { table: &'static str, row: usize, cause: String },
    /// A query that is not understood or not allowed.
    #[error("{message}")]
    InvalidQuery { message: String },
    /// A query that needs more than it is given.
    #[error("the query was stopped: {message}")]
    QueryLimit { message: String },
    /// Anything else.
    #[error("{}: {cause}", path.display())]
    Other { path: PathBuf, cause: String },
}

impl StoreError {
    pub(crate) fn other(path: &Path, cause: impl ToString) -> Self {
        Self::Other { path: path.into(), cause: cause.to_string() }
    }

    /// Of an I/O error at `path`.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::of_kind(path, error.kind(), error.raw_os_error(), error.to_string())
            .unwrap_or_else(|| Self::other(path, error))
    }

    /// Of any foreign error, by what lies beneath it. `dir` is named when nothing more
    /// precise is known.
    pub(crate) fn foreign(dir: &Path, error: &(dyn Error + 'static)) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(found) = Self::of_link(dir, inner) {
                return found;
            }
            cause = match inner.downcast_ref::<DeltaTableError>() {
                Some(DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } }) => {
                    Some(source)
                }
                _ => inner.source(),
            };
        }
        let text = error.to_string();
        match os_error_of(&text) {
            Some(code) => {
                let kind = io::Error::from_raw_os_error(code).kind();
                Self::of_kind(dir, kind, Some(code), text.clone()).unwrap_or_else(|| Self::other(dir, text))
            }
            None => Self::other(dir, text),
        }
    }

    /// Of one link of a chain of errors, when it says enough.
    fn of_link(dir: &Path, error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Self::of_kind(dir, error.kind(), error.raw_os_error(), error.to_string());
        }
        if let Some(error) = error.downcast_ref::<Self>() {
            return Some(error.clone());
        }
        match error.downcast_ref::<object_store::Error>()? {
            object_store::Error::NotFound { path, .. } => {
                Some(Self::Corrupt { file: absolute(path), cause: "the file is missing".into() })
            }
            object_store::Error::PermissionDenied { path, source } => {
                Some(Self::Permission { path: absolute(path), cause: source.to_string() })
            }
            _ => None,
        }
    }

    fn of_kind(path: &Path, kind: io::ErrorKind, code: Option<i32>, cause: String) -> Option<Self> {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match kind {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
                Some(Self::DiskFull { path, cause })
            }
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Some(Self::Permission { path, cause }),
            // Out of file descriptors: a passing condition, not damage.
            _ if code == Some(24) => {
                Some(Self::Busy { retry_after: Duration::from_secs(1), cause: "too many open files".into() })
            }
            _ => None,
        }
    }
}

/// A store path has no leading slash; a message shall name a real one.
fn absolute(path: &str) -> PathBuf {
    if path.starts_with('/') { path.into() } else { Path::new("/").join(path) }
}

/// The number of an operating-system error that only survives in a message. The Delta kernel
/// keeps errors of its storage as text.
fn os_error_of(text: &str) -> Option<i32> {
    let rest = &text[text.find("(os error ")? + "(os error ".len()..];
    rest[..rest.find(')')?].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_errors_are_told_apart() {
        let check = |error: io::Error, expected: fn(&StoreError) -> bool| {
            let dir = Path::new("/data");
            let direct = StoreError::io(dir, &error);
            assert!(expected(&direct), "{direct:?}");
            // The same error three links down, and as mere text.
            let text = DeltaTableError::Generic(error.to_string());
            let chain = DeltaTableError::ObjectStore {
                source: object_store::Error::Generic { store: "test", source: Box::new(error) },
            };
            assert!(expected(&StoreError::foreign(dir, &chain)), "{chain:?}");
            assert!(expected(&StoreError::foreign(dir, &text)), "{text:?}");
        };
        check(io::Error::from_raw_os_error(28), |e| matches!(e, StoreError::DiskFull { .. }));
        check(io::Error::from_raw_os_error(122), |e| matches!(e, StoreError::DiskFull { .. }));
        check(io::Error::from_raw_os_error(13), |e| matches!(e, StoreError::Permission { .. }));
        check(io::Error::from_raw_os_error(30), |e| matches!(e, StoreError::Permission { .. }));
        check(io::Error::from_raw_os_error(24), |e| matches!(e, StoreError::Busy { .. }));
        check(io::Error::from_raw_os_error(5), |e| matches!(e, StoreError::Other { .. }));
    }
}
