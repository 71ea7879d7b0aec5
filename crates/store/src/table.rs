//! One Delta table: opening, creating, looking for what other processes committed, committing.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use deltalake::{
    DeltaTable, DeltaTableError,
    kernel::{
        Action, Add,
        transaction::{CommitData, PROTOCOL, TransactionError},
    },
    logstore::{CommitOrBytes, LogStoreRef, StorageConfig, commit_uri_from_version, default_logstore},
    protocol::DeltaOperation,
};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath, prefix::PrefixStore};
use serde_json::{Value, json};
use tokio::sync::{Mutex, RwLock};
use url::Url;
use uuid::Uuid;

use crate::{
    diagnose,
    error::StoreError,
    layout::{LAYOUT_PROPERTY, LAYOUT_VERSION, Layout},
    log::LeanLogStore,
    parquet_file::{Effort, EncodedFile},
};

/// Where the tables are for the libraries: every path is relative to the data directory, so that
/// its own name, whatever is in it, never has to pass through a URL.
pub(crate) const ROOT_URL: &str = "smoltrace://data/";

/// Reader and writer versions of the Delta protocol that the library can understand at all.
pub(crate) const MAX_READER_VERSION: i32 = 3;
pub(crate) const MAX_WRITER_VERSION: i32 = 7;

/// Key in a log entry's `commitInfo`: how many actions the entry has. Tells a torn entry.
pub(crate) const ACTIONS: &str = "smoltraceActions";

/// A table and the newest state of it that this process has seen.
pub(crate) struct Table {
    pub(crate) layout: Arc<Layout>,
    /// Its folder.
    pub(crate) dir: PathBuf,
    log: LogStoreRef,
    read_only: bool,
    state: RwLock<DeltaTable>,
    /// One refresh at a time.
    refreshing: Mutex<()>,
}

/// What became of an attempt to commit.
pub(crate) enum Committed {
    /// It is durable.
    Done,
    /// Another writer took the version; look again and retry.
    Conflict,
}

impl Table {
    /// Opens the table under `root`, creating it first unless `read_only`.
    pub(crate) async fn open(
        layout: &Arc<Layout>,
        root: &Path,
        store: Arc<dyn ObjectStore>,
        read_only: bool,
    ) -> Result<Self, StoreError> {
        let dir = root.join(layout.name);
        let foreign = |error: DeltaTableError| StoreError::foreign(&dir, &error);
        let url = Url::parse(ROOT_URL)
            .and_then(|root| root.join(&format!("{}/", layout.name)))
            .map_err(|e| StoreError::other(&dir, e))?;
        let objects = Arc::new(PrefixStore::new(store.clone(), layout.name));
        let log = default_logstore(objects, store, &url, &StorageConfig::default());
        let log: LogStoreRef = Arc::new(LeanLogStore(log));
        if !log.is_delta_table_location().await.map_err(foreign)? {
            if read_only {
                return Err(StoreError::NotFound { what: format!("table {}", dir.display()) });
            }
            create(layout, &log, &dir).await?;
        }
        let table = load(&log, &dir).await?;
        diagnose::check_entries(log.object_store(None), &dir, None, table.version()).await?;
        let this = Self {
            layout: layout.clone(),
            log,
            read_only,
            state: RwLock::new(table.clone()),
            refreshing: Mutex::new(()),
            dir,
        };
        this.check_version(&table)?;
        Ok(this)
    }

    /// Refuses a table that this version would not understand.
    fn check_version(&self, table: &DeltaTable) -> Result<(), StoreError> {
        let read_only = self.read_only;
        let newer = |cause: String| StoreError::NewerVersion { path: self.dir.clone(), cause };
        let snapshot = table.snapshot().map_err(|e| self.foreign(&e))?;
        let allowed =
            if read_only { PROTOCOL.can_read_from(snapshot) } else { PROTOCOL.can_write_to(snapshot) };
        allowed.map_err(|error| newer(error.to_string()))?;
        let protocol = snapshot.protocol();
        let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
        if reader > MAX_READER_VERSION || (!read_only && writer > MAX_WRITER_VERSION) {
            return Err(newer(format!("Delta protocol reader {reader}, writer {writer}")));
        }
        if let Some(version) = snapshot.metadata().configuration().get(LAYOUT_PROPERTY)
            && version.parse::<u64>().map_or(true, |version| version > LAYOUT_VERSION)
        {
            return Err(newer(format!("layout version {version}, this smoltrace knows {LAYOUT_VERSION}")));
        }
        Ok(())
    }

    pub(crate) fn foreign(&self, error: &(dyn std::error::Error + 'static)) -> StoreError {
        StoreError::foreign(&self.dir, error)
    }

    /// The store, rooted at the table's folder.
    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    pub(crate) fn log(&self) -> &LogStoreRef {
        &self.log
    }

    /// The newest state, other processes' commits included. Costs one or two looks at the
    /// file system when nothing changed.
    pub(crate) async fn latest(&self) -> Result<DeltaTable, StoreError> {
        let known = self.state.read().await.clone();
        if self.is_current(&known).await? {
            return Ok(known);
        }
        let _one_at_a_time = self.refreshing.lock().await;
        let mut table = self.state.read().await.clone();
        if table.version() == known.version() {
            if table.update_incremental(None).await.is_err() {
                table = load(&self.log, &self.dir).await?;
            }
            diagnose::check_entries(self.objects(), &self.dir, known.version(), table.version()).await?;
            self.check_version(&table)?;
            *self.state.write().await = table.clone();
        }
        Ok(table)
    }

    /// Whether the rows of each data file are all there are in it, under the columns' own names.
    pub(crate) async fn has_plain_files(&self) -> bool {
        let state = self.state.read().await;
        // Deletion vectors and renamed columns need a later version.
        state.snapshot().is_ok_and(|snapshot| snapshot.protocol().min_reader_version() <= 1)
    }

    /// Forgets the state and reads it anew from the last checkpoint.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().await;
        *self.state.write().await = load(&self.log, &self.dir).await?;
        Ok(())
    }

    /// Names of the data files of a state.
    pub(crate) fn files(&self, state: &DeltaTable) -> Result<HashSet<String>, StoreError> {
        let snapshot = state.snapshot().map_err(|e| self.foreign(&e))?;
        Ok(snapshot.log_data().iter().map(|file| file.path().into_owned()).collect())
    }

    async fn is_current(&self, table: &DeltaTable) -> Result<bool, StoreError> {
        let Some(version) = table.version() else { return Ok(false) };
        if self.has_entry(version + 1).await? {
            return Ok(false);
        }
        // Log clean-up removes old entries in order. When our own is gone, the next may be too.
        self.has_entry(version).await
    }

    /// Whether the log has an entry of its own for a version.
    pub(crate) async fn has_entry(&self, version: u64) -> Result<bool, StoreError> {
        match self.objects().head(&commit_uri_from_version(Some(version))).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.foreign(&error)),
        }
    }

    /// The actions of the log's entry for a version, if there is one.
    ///
    /// # Errors
    /// `Corrupt` for a torn entry, `NewerVersion` when with it the table has become too new.
    pub(crate) async fn actions(&self, version: u64) -> Result<Option<Vec<Value>>, StoreError> {
        let Some(entry) = self.entry(version).await? else { return Ok(None) };
        if let Some(cause) = diagnose::entry_problem(&entry) {
            let file = self.dir.join(commit_uri_from_version(Some(version)).as_ref());
            return Err(StoreError::Corrupt { file, cause });
        }
        let lines = entry.split(|byte| *byte == b'\n');
        let actions: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        if actions.iter().any(|action| action.get("protocol").or(action.get("metaData")).is_some()) {
            self.latest().await?;
        }
        Ok(Some(actions))
    }

    async fn entry(&self, version: u64) -> Result<Option<Bytes>, StoreError> {
        let found = match self.objects().get(&commit_uri_from_version(Some(version))).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.foreign(&error)),
        }
    }

    /// Puts a data file and returns its log entry.
    pub(crate) async fn put(&self, file: EncodedFile, data_change: bool) -> Result<Add, StoreError> {
        let path = file_name(file.effort);
        let size = file.bytes.len() as i64;
        self.objects()
            .put(&ObjectPath::from(path.as_str()), file.bytes.into())
            .await
            .map_err(|e| self.foreign(&e))?;
        Ok(Add {
            path,
            size,
            modification_time: now_ms(),
            data_change,
            stats: Some(file.stats),
            ..Add::default()
        })
    }

    /// Removes a data file that no commit refers to. Best effort: a file that stays is removed
    /// by maintenance.
    pub(crate) async fn discard(&self, add: &Add) {
        let _ = self.objects().delete(&ObjectPath::from(add.path.as_str())).await;
    }

    /// Writes `actions` as `version`, and only as that one.
    pub(crate) async fn commit(
        &self,
        version: u64,
        actions: Vec<Action>,
        operation: DeltaOperation,
    ) -> Result<Committed, StoreError> {
        // The commitInfo itself is one more.
        let about = HashMap::from([(ACTIONS.to_string(), json!(actions.len() + 1))]);
        let data = CommitData::new(actions, operation, about, Vec::new());
        let mut bytes = data.get_bytes().map_err(|e| self.foreign(&e))?.to_vec();
        bytes.push(b'\n');
        let entry = CommitOrBytes::LogBytes(bytes.into());
        match self.log.write_commit_entry(version, entry, Uuid::new_v4()).await {
            Ok(()) => Ok(Committed::Done),
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(Committed::Conflict),
            Err(TransactionError::ObjectStore { source }) => Err(self.foreign(&source)),
            Err(error) => Err(self.foreign(&error)),
        }
    }
}

/// A name that says whether the rows are still to be written anew.
fn file_name(effort: Effort) -> String {
    match effort {
        Effort::Fresh => format!("{FRESH}{}.parquet", Uuid::new_v4()),
        Effort::Kept => format!("part-{}.zstd.parquet", Uuid::new_v4()),
    }
}

/// Whether upkeep should write the rows of a file anew when there is time.
pub(crate) fn is_fresh(path: &str) -> bool {
    path.starts_with(FRESH)
}

/// What the names of files begin with that were written in haste.
const FRESH: &str = "fresh-";

/// Reads the log from its last checkpoint.
///
/// A listing and the reads that follow it are not one: clean-up, by whichever process, may remove
/// entries between them. It does so only behind a newer checkpoint, from which the next attempt
/// starts. What is truly damaged is still so then.
async fn load(log: &LogStoreRef, dir: &Path) -> Result<DeltaTable, StoreError> {
    const ATTEMPTS: usize = 4;
    let mut attempt = 1;
    loop {
        let mut table = DeltaTable::new(log.clone());
        match table.load().await {
            Ok(()) => return Ok(table),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(diagnose::log_error(dir, &error).await),
        }
    }
}

/// Writes version 0. Another process may do so at the same time; one of them wins, and both see
/// the same table.
async fn create(layout: &Layout, log: &LogStoreRef, dir: &Path) -> Result<(), StoreError> {
    let lines = layout.creation(&Uuid::new_v4().to_string(), now_ms());
    match log.write_commit_entry(0, CommitOrBytes::LogBytes(lines.into()), Uuid::new_v4()).await {
        Ok(()) | Err(TransactionError::VersionAlreadyExists(_)) => Ok(()),
        Err(TransactionError::ObjectStore { source }) => Err(StoreError::foreign(dir, &source)),
        Err(error) => Err(StoreError::foreign(dir, &error)),
    }
}

/// Milliseconds since 1970, for the log's own bookkeeping.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
