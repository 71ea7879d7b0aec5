//! Upkeep: checkpoints, merging of small files, clean-up of the log and of files that no
//! version needs.
//!
//! One maintainer a table at a time, by an advisory lock; but nothing hangs on the lock. A merge
//! is committed as exactly one version, after a look that its files are all still there, so
//! that even two maintainers without a lock could not double or lose a row.

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    ops::Range,
    path::Path,
    time::{Duration, SystemTime},
};

use deltalake::{
    DeltaTable, checkpoints,
    kernel::{Action, LogicalFileView, Remove},
    protocol::DeltaOperation,
};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;

use crate::{
    concat, diagnose,
    error::StoreError,
    merge::{self, DataFile},
    table::{Committed, Table, is_fresh, now_ms},
    tail,
};

/// When upkeep does what.
#[derive(Debug, Clone, PartialEq)]
pub struct MaintenanceOptions {
    /// A checkpoint is written after so many commits.
    pub checkpoint_commits: u64,
    /// Data files below this size are merged ...
    pub small_file_bytes: u64,
    /// ... once there are so many of them.
    pub small_files: usize,
    /// Rows of a merged file at most; a file of half as many is left alone.
    pub merged_rows: usize,
    /// How long a file that no version needs any more stays for readers of older versions, and
    /// an unfinished file for its writer. Must be longer than any query or append takes.
    pub file_retention: Duration,
    /// How long log entries stay behind a checkpoint. Those of versions whose files are gone serve nobody, and each look
    /// at the log passes over them.
    pub log_retention: Duration,
    /// What else the machine has to do; in the background that is found out.
    pub pace: Pace,
    /// Files of so many rows and more are put together as they are, when there is little time.
    pub as_they_are_rows: usize,
}

/// How much of its work upkeep does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Appends take much of the time: large files are put together as they are.
    Busy,
    /// Files are merged; those that were put together as they are stay so.
    Usual,
    /// Also writes anew what was put together as it is, which makes it smaller.
    Quiet,
}

/// Rows of a file that is merged row by row while appends are busy, at most.
const BUSY_MERGED_ROWS: usize = 65_536;
/// How often one round looks for files to be merged, at most, when appends are not busy.
const PASSES: usize = 16;
/// Files that one round writes anew at most, so that it ends.
const ANEW: usize = 64;

impl Default for MaintenanceOptions {
    fn default() -> Self {
        Self {
            checkpoint_commits: 100,
            small_file_bytes: 16 << 20,
            small_files: 16,
            merged_rows: 262_144,
            file_retention: Duration::from_secs(3600),
            log_retention: Duration::from_secs(3600),
            pace: Pace::Usual,
            as_they_are_rows: 4_096,
        }
    }
}

/// What upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Checkpoints written.
    pub checkpoints: usize,
    /// Small files that were merged ...
    pub merged_files: usize,
    /// ... into so many.
    pub merged_into: usize,
    /// Files removed that no version needed.
    pub removed_files: usize,
    /// Log entries removed.
    pub removed_log_entries: usize,
    /// Tables left alone, because another process is at it.
    pub busy_tables: usize,
}

impl Upkeep {
    pub(crate) fn add(&mut self, other: Self) {
        self.checkpoints += other.checkpoints;
        self.merged_files += other.merged_files;
        self.merged_into += other.merged_into;
        self.removed_files += other.removed_files;
        self.removed_log_entries += other.removed_log_entries;
        self.busy_tables += other.busy_tables;
    }
}

/// Does for one table what is due, clean-up only when told to: that looks at all files. Asks before each step for the pace,
/// and leaves the rest to the next round when appends have become busy.
pub(crate) async fn maintain(
    table: &Table,
    root: &Path,
    options: &MaintenanceOptions,
    clean_up: bool,
    pace: &mut (dyn FnMut() -> Pace + Send),
) -> Result<Upkeep, StoreError> {
    let mut done = Upkeep::default();
    let Some(_lock) = lock(table, root)? else {
        return Ok(Upkeep { busy_tables: 1, ..done });
    };
    let begun = pace();
    // While files are merged, appends leave new ones. These are for the next round: without an end to this one, no
    // checkpoint would be written, each look at the table would take longer, and more files would come meanwhile.
    let passes = if begun == Pace::Busy { 1 } else { PASSES };
    let mut goes_on = || begun == Pace::Busy || pace() != Pace::Busy;
    for _ in 0..passes {
        let (files, into) = merge_small(table, options, begun, &mut goes_on).await?;
        done.merged_files += files;
        done.merged_into += into;
        if into == 0 || !goes_on() {
            break;
        }
    }
    if begun == Pace::Quiet {
        for _ in 0..ANEW {
            if !goes_on() || !write_anew(table, options).await? {
                break;
            }
            done.merged_files += 1;
            done.merged_into += 1;
        }
    }
    let state = table.latest().await?;
    let version = state.version().unwrap_or_default();
    let objects = table.objects();
    let checkpoint = diagnose::last_checkpoint(objects.as_ref()).await;
    if version - checkpoint.unwrap_or_default().min(version) >= options.checkpoint_commits {
        checkpoints::create_checkpoint(&state, None).await.map_err(|e| table.foreign(&e))?;
        done.checkpoints = 1;
    }
    if clean_up {
        done.removed_files = vacuum(table, &state, options).await?;
        let before = now_ms() - options.log_retention.as_millis() as i64;
        done.removed_log_entries =
            checkpoints::cleanup_expired_logs_for(version, table.log().as_ref(), before, None)
                .await
                .map_err(|e| table.foreign(&e))?;
    }
    if done.checkpoints + done.removed_log_entries > 0 {
        // From here on this process, too, starts from the checkpoint.
        table.reload().await?;
    }
    Ok(done)
}

/// The table's lock, or `None` when another maintainer has it. The operating system frees it
/// when its process ends, however that happens.
fn lock(table: &Table, root: &Path) -> Result<Option<File>, StoreError> {
    let path = root.join(format!(".maintenance-{}.lock", table.layout.name));
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| StoreError::io(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, &error)),
    }
}

/// A data file to be merged.
struct Part {
    path: String,
    rows: usize,
    remove: Remove,
}

/// Merges groups of small files as long as it may go on. Returns how many became how many.
async fn merge_small(
    table: &Table,
    options: &MaintenanceOptions,
    pace: Pace,
    goes_on: &mut (dyn FnMut() -> bool + Send),
) -> Result<(usize, usize), StoreError> {
    let state = table.latest().await?;
    let small = small_files(table, &state, options)?;
    // All of them on one look at the table, since that takes longer than many a merge.
    let mut since = Since::of(&state);
    let (mut files, mut into) = (0, 0);
    for (group, as_they_are) in plan(small, options, pace) {
        if into > 0 && !goes_on() {
            break;
        }
        let count = group.len();
        if replace(table, &mut since, group, as_they_are, options.small_file_bytes).await? {
            files += count;
            into += 1;
        }
    }
    Ok((files, into))
}

/// Writes a large file anew that was written in haste. Says whether there was one.
async fn write_anew(table: &Table, options: &MaintenanceOptions) -> Result<bool, StoreError> {
    let state = table.latest().await?;
    let snapshot = state.snapshot().map_err(|e| table.foreign(&e))?;
    let large = |file: &LogicalFileView| {
        let rows = file.num_records().filter(|rows| *rows > options.merged_rows / 2)?;
        let fresh = is_fresh(&file.path()) && file.deletion_vector_descriptor().is_none();
        fresh.then(|| part(file, rows))
    };
    let Some(file) = snapshot.log_data().iter().find_map(|file| large(&file)) else { return Ok(false) };
    replace(table, &mut Since::of(&state), vec![file], false, options.small_file_bytes).await
}

/// What happened to a table since its files were looked at.
struct Since {
    /// The newest version that was read.
    version: u64,
    /// Files that went.
    removed: HashSet<String>,
}

impl Since {
    fn of(state: &DeltaTable) -> Self {
        Self { version: state.version().unwrap_or_default(), removed: HashSet::new() }
    }

    fn took(&self, group: &[Part]) -> bool {
        group.iter().any(|part| self.removed.contains(&part.path))
    }

    /// Reads what was committed meanwhile: the entries themselves, since appends come faster than a whole state is made.
    async fn follow(&mut self, table: &Table) -> Result<(), StoreError> {
        while let Some(actions) = table.actions(self.version + 1).await? {
            self.removed.extend(actions.iter().filter_map(|action| tail::path_of(&action["remove"])));
            self.version += 1;
        }
        Ok(())
    }
}

/// Puts one file in the place of several. Says `false` when one of them went meanwhile.
async fn replace(
    table: &Table,
    since: &mut Since,
    group: Vec<Part>,
    as_they_are: bool,
    target_bytes: u64,
) -> Result<bool, StoreError> {
    since.follow(table).await?;
    if since.took(&group) {
        return Ok(false);
    }
    let mut files = Vec::with_capacity(group.len());
    for part in &group {
        files.push(DataFile::open(table.dir.join(&part.path), part.rows)?);
    }
    let layout = table.layout.clone();
    let file = tokio::task::spawn_blocking(move || {
        let concatenated = if as_they_are { concat::row_groups(&layout, &files)? } else { None };
        concatenated.map_or_else(|| merge::merge(&layout, files), Ok)
    });
    let file = file.await.map_err(|e| StoreError::other(&table.dir, e))??;
    let add = table.put(file, false).await?;
    loop {
        let actions = group.iter().map(|part| Action::Remove(part.remove.clone()));
        let actions = actions.chain([Action::Add(add.clone())]).collect();
        let operation = DeltaOperation::Optimize { predicate: None, target_size: target_bytes as i64 };
        match table.commit(since.version + 1, actions, operation).await {
            // What it put in the place of the files is none of those looked at.
            Ok(Committed::Done) => {
                since.version += 1;
                return Ok(true);
            }
            Ok(Committed::Conflict) => {}
            Err(error) => {
                table.discard(&add).await;
                return Err(error);
            }
        }
        since.follow(table).await?;
        if since.took(&group) {
            table.discard(&add).await;
            return Ok(false);
        }
    }
}

fn part(file: &LogicalFileView, rows: usize) -> Part {
    Part { path: file.path().into_owned(), rows, remove: file.remove_action(false) }
}

/// Files that are not as large as they may be, in order of their rows.
fn small_files(
    table: &Table,
    state: &DeltaTable,
    options: &MaintenanceOptions,
) -> Result<Vec<Part>, StoreError> {
    let snapshot = state.snapshot().map_err(|e| table.foreign(&e))?;
    let mut small: Vec<Part> = snapshot
        .log_data()
        .iter()
        .filter(|file| file.deletion_vector_descriptor().is_none())
        .filter(|file| (file.size() as u64) < options.small_file_bytes)
        .filter_map(|file| {
            let rows = file.num_records().filter(|rows| *rows <= options.merged_rows / 2)?;
            Some(part(&file, rows))
        })
        .collect();
    small.sort_by(|a, b| (a.rows, &a.path).cmp(&(b.rows, &b.path)));
    Ok(small)
}

/// Groups of files of which each is worth putting into one, and whether as they are.
fn plan(mut small: Vec<Part>, options: &MaintenanceOptions, pace: Pace) -> Vec<(Vec<Part>, bool)> {
    if pace != Pace::Busy {
        return groups(small, options).into_iter().map(|group| (group, false)).collect();
    }
    let large = small.split_off(small.partition_point(|part| part.rows < options.as_they_are_rows));
    // In short steps: appends wait meanwhile.
    let steps =
        MaintenanceOptions { merged_rows: options.merged_rows.min(BUSY_MERGED_ROWS), ..options.clone() };
    let merged = groups(small, &steps).into_iter().map(|group| (group, false));
    merged.chain(groups(large, options).into_iter().map(|group| (group, true))).collect()
}

/// Groups of files that are many enough and alike enough to become one each.
fn groups(mut small: Vec<Part>, options: &MaintenanceOptions) -> Vec<Vec<Part>> {
    let size = |part: &Part| Size { rows: part.rows, bytes: part.remove.size.unwrap_or_default() as u64 };
    let mut sizes: Vec<Size> = small.iter().map(size).collect();
    let mut groups = Vec::new();
    loop {
        let group = group(&sizes, options);
        if group.len() < 2 {
            return groups;
        }
        sizes.drain(group.clone());
        groups.push(small.drain(group).collect());
    }
}

/// What counts when files are put together.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: usize,
    bytes: u64,
}

/// The first files, of those sorted by rows, that are many enough and alike enough to be merged.
/// None is much larger than those before it together: so a row is rewritten only as often as
/// its file grows by a multiple, and not with every merge.
fn group(sizes: &[Size], options: &MaintenanceOptions) -> Range<usize> {
    let most = options.small_file_bytes.saturating_mul(2);
    for start in 0..sizes.len() {
        let (mut rows, mut bytes, mut end) = (0, 0, start);
        for size in &sizes[start..] {
            let alike = end == start || size.rows <= 2 * rows;
            if !alike || rows + size.rows > options.merged_rows || bytes + size.bytes > most {
                break;
            }
            rows += size.rows;
            bytes += size.bytes;
            end += 1;
        }
        let full = end < sizes.len() && rows + sizes[end].rows > options.merged_rows;
        if end - start >= options.small_files.max(2) || (full && end - start >= 2) {
            return start..end;
        }
    }
    0..0
}

/// Removes data files that neither the newest version nor a recent one needs, and what killed
/// writers left behind.
async fn vacuum(
    table: &Table,
    state: &DeltaTable,
    options: &MaintenanceOptions,
) -> Result<usize, StoreError> {
    let snapshot = state.snapshot().map_err(|e| table.foreign(&e))?;
    let oldest_kept = now_ms() - options.file_retention.as_millis() as i64;
    let mut kept = table.files(state)?;
    let mut tombstones = snapshot.all_tombstones(table.log().as_ref());
    while let Some(tombstone) = tombstones.try_next().await.map_err(|e| table.foreign(&e))? {
        if tombstone.deletion_timestamp().is_none_or(|removed| removed > oldest_kept) {
            kept.insert(tombstone.path().into_owned());
        }
    }
    let objects = table.objects();
    let listing: Vec<_> = objects.list_with_delimiter(None).await.map_err(|e| table.foreign(&e))?.objects;
    let mut removed = 0;
    for object in listing {
        let name = object.location.as_ref();
        let ours = name.ends_with(".parquet") && !name.starts_with(['_', '.']);
        if !ours || kept.contains(name) || object.last_modified.timestamp_millis() > oldest_kept {
            continue;
        }
        match objects.delete(&object.location).await {
            Ok(()) => removed += 1,
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(table.foreign(&error)),
        }
    }
    for folder in [table.dir.clone(), table.dir.join("_delta_log")] {
        removed += remove_staged(&folder, options.file_retention).map_err(|e| StoreError::io(&folder, &e))?;
    }
    Ok(removed)
}

/// Removes files `<name>#<digits>` that a killed writer never gave their name.
fn remove_staged(folder: &Path, retention: Duration) -> std::io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((_, digits)) = name.to_str().and_then(|name| name.rsplit_once('#')) else { continue };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(changed) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        let age = SystemTime::now().duration_since(changed).unwrap_or_default();
        if age >= retention && fs::remove_file(entry.path()).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use smoltrace_model::rows::{EventRow, TableRow as _};

    use super::*;
    use crate::{
        disk::SyncedDisk,
        durable::DurableFileSystem,
        layout::{EVENTS, LAYOUTS},
        parquet_file::{self, Effort},
    };

    /// A table of files of so many rows each.
    async fn table(dir: &Path, rows: &[usize]) -> Table {
        let files = DurableFileSystem::new(dir, Arc::new(SyncedDisk)).unwrap();
        let table = Table::open(&LAYOUTS[EVENTS], dir, Arc::new(files), false).await.unwrap();
        for (version, rows) in (1..).zip(rows) {
            let event = |number: usize| EventRow {
                run_id: "r".into(),
                trace_id: "t".into(),
                span_id: "s".into(),
                time_unix_nano: number as i64,
                name: "e".into(),
                service: "a service".into(),
                event: "{}".into(),
                row_id: format!("{version:016x}{number:016x}"),
            };
            let batch = EventRow::to_batch(&(0..*rows).map(event).collect::<Vec<_>>());
            let file = parquet_file::encode(&table.layout, &batch, Effort::Fresh).unwrap();
            let add = table.put(file, true).await.unwrap();
            let operation = DeltaOperation::Optimize { predicate: None, target_size: 1 };
            let committed = table.commit(version, vec![Action::Add(add)], operation).await.unwrap();
            assert!(matches!(committed, Committed::Done));
        }
        table
    }

    /// Whoever did nothing for long is not known to be busy before a round has begun.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_leaves_the_rest_when_appends_become_busy() {
        let options = MaintenanceOptions { small_files: 2, merged_rows: 18, ..MaintenanceOptions::default() };
        for (busy_from, merges) in [(0, 3), (1, 1), (2, 2), (usize::MAX, 3)] {
            let dir = tempfile::tempdir().unwrap();
            let table = table(dir.path(), &[1, 1, 1, 9, 9, 9, 9]).await;
            let mut asked = 0;
            let mut pace = || {
                asked += 1;
                if asked > busy_from { Pace::Busy } else { Pace::Usual }
            };
            let done = maintain(&table, dir.path(), &options, true, &mut pace).await.unwrap();
            assert_eq!(done.merged_into, merges, "busy from {busy_from}");
        }
    }

    #[test]
    fn files_of_a_size_are_merged() {
        let check = |rows: &[usize], expected: Range<usize>| {
            let sizes: Vec<Size> = rows.iter().map(|rows| Size { rows: *rows, bytes: 1 }).collect();
            let options =
                MaintenanceOptions { small_files: 4, merged_rows: 100, ..MaintenanceOptions::default() };
            assert_eq!(group(&sizes, &options), expected, "{rows:?}");
        };
        check(&[], 0..0);
        check(&[5, 5, 5], 0..0);
        check(&[5, 5, 5, 5], 0..4);
        // The large one is left alone until there are more like it.
        check(&[5, 5, 5, 5, 90], 0..4);
        check(&[1, 1, 1, 20], 0..0);
        check(&[1, 20, 20, 20, 20], 1..5);
        // Each alike what is before it, though not alike the first.
        check(&[1, 2, 4, 8, 16], 0..5);
        // A file that is full is merged however few go into it.
        check(&[40, 45, 48], 0..2);
        check(&[30, 30, 30, 30], 0..3);
    }
}
