//! What reaches the disk, in which order, and what happens when it does not.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use smoltrace_store::{Batch, Disk, Store, StoreError, StoreOptions, SyncedDisk};

use crate::rows::{batch, contents, open, span};

/// The real disk with a log of what was synced, and room for so many bytes.
#[derive(Debug)]
struct Watched {
    synced: Mutex<Vec<PathBuf>>,
    room: AtomicI64,
}

impl Watched {
    fn new() -> Arc<Self> {
        Arc::new(Self { synced: Mutex::default(), room: AtomicI64::new(i64::MAX) })
    }
}

impl Disk for Watched {
    fn before_write(&self, _: &Path, bytes: usize) -> io::Result<()> {
        let room = self.room.fetch_sub(bytes as i64, Ordering::SeqCst);
        if room < bytes as i64 {
            self.room.fetch_add(bytes as i64, Ordering::SeqCst);
            return Err(io::Error::from_raw_os_error(28));
        }
        Ok(())
    }

    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.synced.lock().unwrap().push(path.into());
        SyncedDisk.sync_file(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.synced.lock().unwrap().push(folder.into());
        SyncedDisk.sync_folder(folder)
    }
}

async fn open_on(dir: &Path, disk: Arc<Watched>) -> Result<Store, StoreError> {
    Store::open(dir, StoreOptions { disk, ..StoreOptions::default() }).await
}

#[tokio::test]
async fn a_commit_is_synced_file_then_folder_before_it_is_acknowledged() {
    let parent = tempfile::tempdir().unwrap();
    let parent = parent.path().canonicalize().unwrap();
    let dir = parent.join("new/data");
    let disk = Watched::new();
    let store = open_on(&dir, disk.clone()).await.unwrap();
    let created = std::mem::take(&mut *disk.synced.lock().unwrap());
    // Every new folder is durable in its parent: a file alone would be lost with it.
    for folder in [&parent, &parent.join("new"), &dir, &dir.join("spans")] {
        assert!(created.contains(folder), "{} in {created:?}", folder.display());
    }

    store.append(Batch { spans: vec![span("r1", 0, 0)].into(), ..Batch::default() }).await.unwrap();
    let synced = std::mem::take(&mut *disk.synced.lock().unwrap());
    let table = dir.join("spans");
    let log = table.join("_delta_log");
    let [data, folder, entry, log_folder] = &synced[..] else { panic!("{synced:?}") };
    assert_eq!(data.extension().unwrap(), "parquet");
    assert_eq!((folder, entry, log_folder), (&table, &log.join("00000000000000000001.json"), &log));
    assert!(data.exists(), "synced under the name it has");
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Watched::new();
    let store = open_on(dir.path(), disk.clone()).await.unwrap();
    let needed = i64::MAX - {
        disk.room.store(i64::MAX, Ordering::SeqCst);
        store.append(batch("r1", 2)).await.unwrap();
        disk.room.load(Ordering::SeqCst)
    };
    let before = contents(&store).await;
    // Full at once, within the first data file, between tables, before a log entry ... What a
    // failed append got done stays done, so the one after it needs less.
    let rooms = [0, 100, needed / 8, needed / 8, needed / 8, needed / 8, 0];
    for room in rooms {
        disk.room.store(room, Ordering::SeqCst);
        match store.append(batch("r2", 2)).await {
            Err(error @ StoreError::DiskFull { .. }) => {
                assert!(error.to_string().contains("free some space"))
            }
            other => panic!("with room for {room}: {other:?}"),
        }
        let reader = open_read_only(dir.path()).await;
        assert_eq!(contents(&reader).await, before, "with room for {room}");
        assert!(
            walk(dir.path()).iter().all(|file| !file.to_string_lossy().contains('#')),
            "staged files are gone"
        );
    }
    disk.room.store(i64::MAX, Ordering::SeqCst);
    store.append(batch("r2", 2)).await.unwrap();
    let clean = tempfile::tempdir().unwrap();
    let expected = open(clean.path()).await;
    for id in ["r1", "r2"] {
        expected.append(batch(id, 2)).await.unwrap();
    }
    assert_eq!(contents(&store).await, contents(&expected).await);
}

#[tokio::test]
async fn a_full_disk_at_the_first_start_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Watched::new();
    disk.room.store(10, Ordering::SeqCst);
    let error = open_on(dir.path(), disk.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    disk.room.store(i64::MAX, Ordering::SeqCst);
    open_on(dir.path(), disk).await.unwrap();
}

/// A disk that takes as long as it is told to.
#[derive(Debug, Default)]
struct Stalling {
    stalled: Mutex<bool>,
    changed: Condvar,
}

impl Stalling {
    fn set(&self, stalled: bool) {
        *self.stalled.lock().unwrap() = stalled;
        self.changed.notify_all();
    }
}

impl Disk for Stalling {
    fn before_write(&self, _: &Path, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        let stalled = self.stalled.lock().unwrap();
        drop(self.changed.wait_while(stalled, |stalled| *stalled).unwrap());
        SyncedDisk.sync_file(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        SyncedDisk.sync_folder(folder)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_keeps_no_more_than_the_queue_and_stops_no_reader() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Stalling::default());
    let options = StoreOptions { disk: disk.clone(), queue_rows: 20, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    store.append(batch("r0", 1)).await.unwrap();

    disk.set(true);
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.append(Batch { spans: vec![span("r1", n, 0)].into(), ..Batch::default() }).await
            })
        })
        .collect();
    while store.queued_rows() < 20 {
        tokio::task::yield_now().await;
    }
    // One more is told to come back, now; what is there can be read.
    let refused = store.append(Batch { spans: vec![span("r1", 20, 0)].into(), ..Batch::default() }).await;
    assert!(matches!(refused, Err(StoreError::Busy { .. })), "{refused:?}");
    assert_eq!(store.run_ids().await.unwrap(), ["r0"]);
    assert_eq!(store.spans_of_run("r1").await.unwrap(), []);

    disk.set(false);
    for append in waiting {
        assert_eq!(append.await.unwrap().unwrap().spans.written, 1);
    }
    store.append(Batch { spans: vec![span("r1", 20, 0)].into(), ..Batch::default() }).await.unwrap();
    assert_eq!(store.spans_of_run("r1").await.unwrap().len(), 21);
    assert_eq!(store.queued_rows(), 0);
}

async fn open_read_only(dir: &Path) -> Store {
    Store::open_read_only(dir, StoreOptions::default()).await.unwrap()
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
