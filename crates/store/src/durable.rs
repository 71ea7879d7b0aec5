//! A local object store whose writes are durable when they return.
//!
//! `object_store`'s own local store never calls `fsync`. Here an object is staged beside its
//! final name, synced, and only then linked or renamed into place, after which the folder is
//! synced. So a name never stands for half an object, not even after a power cut.
//! Knows nothing of Delta, but that the entries of a log are numbered without a gap.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    ops::Range,
    path::{Path as FsPath, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    local::LocalFileSystem, path::Path,
};
use uuid::Uuid;

use crate::disk::Disk;

const STORE: &str = "DurableFileSystem";

/// [`LocalFileSystem`] beneath one folder, with synced writes and listings in order.
#[derive(Debug, Clone)]
pub struct DurableFileSystem {
    inner: LocalFileSystem,
    disk: Arc<dyn Disk>,
}

impl DurableFileSystem {
    /// `/` of the store is `root`, which must exist.
    pub fn new(root: &FsPath, disk: Arc<dyn Disk>) -> Result<Self> {
        Ok(Self { inner: LocalFileSystem::new_with_prefix(root)?, disk })
    }
}

impl fmt::Display for DurableFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

#[async_trait]
impl ObjectStore for DurableFileSystem {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let place = match opts.mode {
            PutMode::Overwrite => Place::Rename,
            PutMode::Create => Place::Link,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "put_opts with Update".into(),
                    implementer: STORE.into(),
                });
            }
        };
        let path = self.inner.path_to_filesystem(location)?;
        let disk = self.disk.clone();
        blocking(move || {
            let mut staged = Staged::create(&path, disk)?;
            for part in payload.iter() {
                staged.write(part)?;
            }
            staged.finish(place)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        let disk = self.disk.clone();
        let staged = blocking(move || Staged::create(&path, disk)).await?;
        Ok(Box::new(Upload { parts: Arc::default(), next: 0, staged: Arc::new(Mutex::new(Some(staged))) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, prefix) = (self.inner.clone(), prefix.cloned());
        in_order(move || inner.list(prefix.as_ref()))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, prefix, offset) = (self.inner.clone(), prefix.cloned(), offset.clone());
        in_order(move || inner.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.sync(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.sync(to).await
    }
}

impl DurableFileSystem {
    async fn sync(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        let disk = self.disk.clone();
        blocking(move || {
            let file = File::open(&path).map_err(|e| failed(&path, e))?;
            disk.sync_file(&file, &path).map_err(|e| failed(&path, e))?;
            let folder = path.parent().unwrap_or(&path);
            disk.sync_folder(folder).map_err(|e| failed(folder, e))
        })
        .await
    }
}

/// Listings of a folder until one of them counts, at most.
const LISTINGS: usize = 4;

/// A listing by name. Readers of a Delta log count on it, and folders have no order.
///
/// A large folder is read piece by piece. Of two entries that are added meanwhile the second may be seen without the first,
/// which looks like a damaged log: such a folder is listed again.
fn in_order(
    list: impl Fn() -> BoxStream<'static, Result<ObjectMeta>> + Send + 'static,
) -> BoxStream<'static, Result<ObjectMeta>> {
    stream::once(async move {
        let mut left = LISTINGS;
        loop {
            let mut found: Vec<ObjectMeta> = list().try_collect().await?;
            found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
            left -= 1;
            if left == 0 || !has_gap(&found) {
                return Ok::<_, Error>(stream::iter(found.into_iter().map(Ok)));
            }
        }
    })
    .try_flatten()
    .boxed()
}

/// Whether an entry is missing between two of a log.
fn has_gap(found: &[ObjectMeta]) -> bool {
    let mut last: Option<u64> = None;
    found.iter().filter_map(|object| log_entry(&object.location)).any(|entry| {
        let before = last.replace(entry);
        before.is_some_and(|before| before.checked_add(1) != Some(entry))
    })
}

/// The number of an entry of a log, as its name says it.
fn log_entry(location: &Path) -> Option<u64> {
    let digits = location.filename()?.strip_suffix(".json")?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

enum Place {
    /// Take the name only if it is free.
    Link,
    /// Take the name over.
    Rename,
}

/// A file that does not have its name yet. Dropped unfinished, it is removed.
#[derive(Debug)]
struct Staged {
    file: File,
    staging: PathBuf,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    finished: bool,
}

impl Staged {
    fn create(path: &FsPath, disk: Arc<dyn Disk>) -> Result<Self> {
        let folder = path.parent().unwrap_or(path);
        // Listings of a local object store leave out names that end in `#<digits>`.
        let mut staging = path.as_os_str().to_owned();
        staging.push(format!("#{}", Uuid::new_v4().as_u128()));
        let staging = PathBuf::from(staging);
        let open = || OpenOptions::new().write(true).create_new(true).open(&staging);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_folders(folder, disk.as_ref()).map_err(|e| failed(folder, e))?;
                open()
            }
            other => other,
        }
        .map_err(|e| failed(path, e))?;
        Ok(Self { file, staging, path: path.into(), disk, finished: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.disk
            .before_write(&self.path, bytes.len())
            .and_then(|()| self.file.write_all(bytes))
            .map_err(|e| failed(&self.path, e))
    }

    fn finish(mut self, place: Place) -> Result<PutResult> {
        self.disk.sync_file(&self.file, &self.path).map_err(|e| failed(&self.path, e))?;
        match place {
            Place::Rename => {
                fs::rename(&self.staging, &self.path).map_err(|e| failed(&self.path, e))?;
                self.finished = true;
            }
            // The staged name goes when `self` is dropped.
            Place::Link => fs::hard_link(&self.staging, &self.path).map_err(|e| failed(&self.path, e))?,
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        self.disk.sync_folder(folder).map_err(|e| failed(folder, e))?;
        Ok(PutResult { e_tag: None, version: None })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.staging);
        }
    }
}

/// Creates a folder with its parents; every new entry is durable on return.
pub(crate) fn create_folders(folder: &FsPath, disk: &dyn Disk) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(FsPath::new("."));
    create_folders(parent, disk)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => return Err(error),
        _ => {}
    }
    disk.sync_folder(parent)
}

/// An upload in parts. Parts may be written in any order; they are put together on completion.
#[derive(Debug)]
struct Upload {
    parts: Arc<Mutex<Vec<Option<PutPayload>>>>,
    next: usize,
    staged: Arc<Mutex<Option<Staged>>>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (parts, staged, index) = (self.parts.clone(), self.staged.clone(), self.next);
        self.next += 1;
        Box::pin(blocking(move || {
            let mut parts = parts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if parts.len() <= index {
                parts.resize(index + 1, None);
            }
            parts[index] = Some(data);
            // All that is contiguous goes to disk now; the rest waits for what is missing.
            let mut staged = staged.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let Some(staged) = staged.as_mut() else { return Err(aborted()) };
            for slot in parts.iter_mut() {
                match slot {
                    Some(payload) => {
                        for bytes in payload.iter() {
                            staged.write(bytes)?;
                        }
                        *slot = Some(PutPayload::new());
                    }
                    None => break,
                }
            }
            Ok(())
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.staged.clone();
        blocking(move || {
            let staged = staged.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            staged.ok_or_else(aborted)?.finish(Place::Rename)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        Ok(())
    }
}

fn aborted() -> Error {
    Error::Generic { store: STORE, source: "the upload has ended already".into() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

/// An I/O error with the path it happened at, in the words that callers of a store test for.
fn failed(path: &FsPath, error: io::Error) -> Error {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path, source: error.into() },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: error.into() },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source: error.into() },
        _ => Error::Generic { store: STORE, source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use futures::executor::block_on;

    use super::*;
    use crate::disk::SyncedDisk;

    #[test]
    fn a_log_that_grows_is_listed_without_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = DurableFileSystem::new(folder.path(), Arc::new(SyncedDisk)).unwrap();
        let add = |number: u64| drop(File::create(folder.path().join(format!("{number:020}.json"))).unwrap());
        let (before, each, rounds) = (4_000, 40, 25);
        (0..before).for_each(add);
        let round = Barrier::new(2);
        let listings = thread::scope(|scope| {
            scope.spawn(|| {
                for nth in 0..rounds {
                    round.wait();
                    let first = before + nth * each;
                    (first..first + each).for_each(add);
                }
            });
            let list = |_| {
                round.wait();
                block_on(store.list(None).try_collect::<Vec<ObjectMeta>>()).unwrap()
            };
            (0..rounds).map(list).collect::<Vec<_>>()
        });
        for found in listings {
            let numbers: Vec<u64> = found.iter().filter_map(|object| log_entry(&object.location)).collect();
            assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
        }
    }
}
