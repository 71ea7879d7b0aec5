//! How far an import has come, for whoever shows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::source::ImportLimits;
use crate::stream::Input;

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking for inputs.
    Looking,
    /// Reading files.
    Reading,
    /// Putting runs together.
    Joining,
}

impl Stage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Looking => "looking",
            Self::Reading => "reading",
            Self::Joining => "joining",
        }
    }
}

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The file being read, or the folder being looked into.
    pub path: PathBuf,
    /// Bytes of all files read so far, as they lie on the disk.
    pub bytes_done: u64,
    /// Bytes of all files to read.
    pub bytes_total: u64,
    pub stage: Stage,
}

/// Bytes between two reports.
const STEP: u64 = 1 << 20;

/// Counts what is read and reports it.
pub(crate) struct Reporter<'p> {
    limits: ImportLimits,
    report: &'p mut dyn FnMut(Progress),
    path: PathBuf,
    /// Bytes of the files before this one.
    before: u64,
    total: u64,
    /// Bytes read of this file.
    done: Arc<AtomicU64>,
    reported: u64,
}

impl<'p> Reporter<'p> {
    pub(crate) fn new(limits: ImportLimits, report: &'p mut dyn FnMut(Progress)) -> Self {
        let (path, done) = (PathBuf::new(), Arc::default());
        Self { limits, report, path, before: 0, total: 0, done, reported: 0 }
    }

    /// Announces files that will be read.
    pub(crate) fn expect<'f>(&mut self, files: impl IntoIterator<Item = &'f PathBuf>) {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        self.total += files.into_iter().map(size).sum::<u64>();
    }

    /// The next file to read.
    pub(crate) fn file<'f>(&mut self, path: &'f Path) -> Input<'f> {
        self.before += self.done.swap(0, Ordering::Relaxed);
        self.path = path.to_owned();
        self.stage(Stage::Reading);
        Input { path, limits: self.limits, done: self.done.clone() }
    }

    /// Reports if enough was read since the last report.
    pub(crate) fn tick(&mut self) {
        let done = self.before + self.done.load(Ordering::Relaxed);
        if done.abs_diff(self.reported) >= STEP {
            self.stage(Stage::Reading);
        }
    }

    /// Reports now.
    pub(crate) fn stage(&mut self, stage: Stage) {
        self.reported = self.before + self.done.load(Ordering::Relaxed);
        (self.report)(Progress {
            path: self.path.clone(),
            bytes_done: self.reported,
            bytes_total: self.total.max(self.reported),
            stage,
        });
    }
}
