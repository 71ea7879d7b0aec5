//! The few operations on files that durability hangs on, as a trait, so that a test can watch
//! them or let them fail.

use std::{fmt, fs::File, io, path::Path};

/// How bytes reach the disk.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Called before `bytes` bytes are written to `path`; an error stands for a full or broken disk.
    fn before_write(&self, path: &Path, bytes: usize) -> io::Result<()>;
    /// Returns when the file's content is durable.
    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()>;
    /// Returns when the folder's entries are durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The real thing: `fsync` of the file, then of its folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncedDisk;

impl Disk for SyncedDisk {
    fn before_write(&self, _path: &Path, _bytes: usize) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Only Unix can open a folder to sync it; elsewhere the file system journals the entry.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}
