//! Upkeep: what it does to files, and that no row notices.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use arrow::{array::AsArray, datatypes::Int64Type};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
};
use smoltrace_store::{Background, Disk, MaintenanceOptions, Pace, Store, StoreError, StoreOptions, Upkeep};

use crate::{
    child::{maintaining_until, run_id},
    rows::{batch, contents, open},
};

/// Everything that can be done is done at once.
pub fn at_once() -> MaintenanceOptions {
    MaintenanceOptions {
        checkpoint_commits: 1,
        small_files: 2,
        file_retention: Duration::ZERO,
        log_retention: Duration::ZERO,
        ..MaintenanceOptions::default()
    }
}

async fn with_runs(dir: &Path, runs: usize) -> Store {
    let store = open(dir).await;
    for number in 0..runs {
        store.append(batch(&run_id(number), 2)).await.unwrap();
    }
    store
}

fn data_files(dir: &Path, table: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join(table)).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

fn metadata(file: &Path) -> ParquetMetaData {
    SerializedFileReader::new(File::open(file).unwrap()).unwrap().metadata().clone()
}

/// The columns that order the rows of a file, as texts that sort as they do.
fn keys(file: &Path, columns: &[&str]) -> Vec<Vec<String>> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
    let mut keys = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |name: &&str, row: usize| {
            let column = batch.column_by_name(name).unwrap();
            match column.as_primitive_opt::<Int64Type>() {
                Some(numbers) => format!("{:020}", numbers.value(row)),
                None => column.as_string::<i32>().value(row).to_owned(),
            }
        };
        keys.extend((0..batch.num_rows()).map(|row| columns.iter().map(|name| text(name, row)).collect()));
    }
    keys
}

#[tokio::test]
async fn merging_keeps_rows_bloom_filters_statistics_and_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 10).await;
    let before = contents(&store).await;
    let options =
        MaintenanceOptions { file_retention: Duration::ZERO, checkpoint_commits: 1000, ..at_once() };
    let done = store.maintain(&options).await.unwrap();
    assert_eq!((done.merged_files, done.merged_into, done.removed_files), (40, 4, 40));
    assert_eq!(contents(&store).await, before);
    assert_eq!(contents(&open(dir.path()).await).await, before);

    for (table, bloom, stats, sort) in [
        (
            "spans",
            &["run_id", "trace_id"][..],
            &["run_id", "trace_id", "start_time_unix_nano"][..],
            &["run_id", "trace_id", "start_time_unix_nano", "span_id"][..],
        ),
        (
            "points",
            &["run_id"],
            &["run_id", "metric", "time_unix_nano"],
            &["run_id", "metric", "series_id", "time_unix_nano"],
        ),
        ("results", &["run_id", "trace_id"], &["run_id", "test_uid"], &["run_id", "test_uid", "attempt"]),
        ("runs", &["run_id"], &["run_id"], &["run_id", "version"]),
    ] {
        let files = data_files(dir.path(), table);
        let [file] = &files[..] else { panic!("{table}: {files:?}") };
        let metadata = metadata(file);
        let group = metadata.row_group(0);
        let column = |name: &str| group.columns().iter().find(|c| c.column_path().string() == name).unwrap();
        for name in bloom {
            assert!(column(name).bloom_filter_offset().is_some(), "{table}.{name} has no bloom filter");
        }
        for name in stats {
            let statistics = column(name).statistics().unwrap();
            assert!(statistics.min_bytes_opt() <= statistics.max_bytes_opt(), "{table}.{name}");
            assert!(statistics.min_bytes_opt().is_some(), "{table}.{name} has no statistics");
        }
        assert!(group.sorting_columns().is_some_and(|columns| columns[0].column_idx == 0), "{table}");
        assert!(keys(file, sort).is_sorted(), "{table}");
        // And in the log, where whole files are skipped by it.
        let log = dir.path().join(table).join("_delta_log/00000000000000000011.json");
        let text = fs::read_to_string(log).unwrap();
        let first = format!(r#"\"run_id\":\"{}\""#, run_id(0));
        assert!(text.contains("minValues") && text.contains(&first), "{text}");
        assert!(text.contains(r#""dataChange":false"#) && !text.contains(r#""dataChange":true"#), "{text}");
    }
    // Nothing is due any more, and what came before is still known.
    assert_eq!(store.maintain(&options).await.unwrap(), Upkeep::default());
    assert_eq!(store.append(batch(&run_id(3), 2)).await.unwrap().written(), 0);
}

#[tokio::test]
async fn under_load_points_are_put_together_as_they_are_and_written_anew_when_it_is_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 5).await;
    let before = contents(&store).await;
    let options = MaintenanceOptions { as_they_are_rows: 20, merged_rows: 150, ..at_once() };
    let busy = MaintenanceOptions { pace: Pace::Busy, ..options.clone() };
    store.maintain(&busy).await.unwrap();
    let files = data_files(dir.path(), "points");
    let [file] = &files[..] else { panic!("{files:?}") };
    let together = metadata(file);
    assert_eq!(together.num_row_groups(), 5);
    let mut first = Vec::new();
    for group in together.row_groups() {
        let runs = &group.columns()[0];
        assert_eq!(runs.column_path().string(), "run_id");
        assert!(runs.bloom_filter_offset().is_some() && runs.offset_index_offset().is_some());
        first.push(String::from_utf8(runs.statistics().unwrap().min_bytes_opt().unwrap().into()).unwrap());
        // The whole is in no order.
        assert!(group.sorting_columns().is_none());
    }
    first.sort();
    assert_eq!(first, (0..5).map(run_id).collect::<Vec<_>>());
    let log = fs::read_to_string(dir.path().join("points/_delta_log/00000000000000000006.json")).unwrap();
    for bound in [
        format!(r#"\"minValues\":{{\"metric\":\"gen_ai.co2.emissions\",\"run_id\":\"{}\""#, run_id(0)),
        format!(r#"\"maxValues\":{{\"metric\":\"gen_ai.gpu.power\",\"run_id\":\"{}\""#, run_id(4)),
        r#"\"numRecords\":100"#.to_owned(),
    ] {
        assert!(log.contains(&bound), "{bound} is not in {log}");
    }
    assert_eq!(contents(&store).await, before);
    assert_eq!(contents(&open(dir.path()).await).await, before);
    assert_eq!(store.append(batch(&run_id(3), 2)).await.unwrap().written(), 0);

    assert_eq!(store.maintain(&options).await.unwrap(), Upkeep::default());
    let quiet = MaintenanceOptions { pace: Pace::Quiet, ..options };
    let done = store.maintain(&quiet).await.unwrap();
    assert_eq!((done.merged_files, done.merged_into), (1, 1));
    let files = data_files(dir.path(), "points");
    let [file] = &files[..] else { panic!("{files:?}") };
    let anew = metadata(file);
    assert_eq!(anew.num_row_groups(), 1);
    assert!(anew.row_group(0).sorting_columns().is_some());
    assert!(keys(file, &["run_id", "metric", "series_id", "time_unix_nano"]).is_sorted());
    assert_eq!(contents(&store).await, before);
    assert_eq!(store.maintain(&quiet).await.unwrap(), Upkeep::default());
}

#[tokio::test]
async fn spans_that_were_put_together_as_they_are_are_found_and_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 5).await;
    let before = contents(&store).await;
    let options = MaintenanceOptions { as_they_are_rows: 5, merged_rows: 40, ..at_once() };
    let busy = MaintenanceOptions { pace: Pace::Busy, ..options.clone() };
    store.maintain(&busy).await.unwrap();
    let files = data_files(dir.path(), "spans");
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!(metadata(file).num_row_groups(), 5);
    let order = ["run_id", "trace_id", "start_time_unix_nano", "span_id"];
    assert_eq!(contents(&store).await, before);
    for span in before.iter().flat_map(|run| &run.spans) {
        let found = store.trace(&span.run_id, &span.trace_id).await.unwrap();
        assert!(found.contains(span), "{span:?} is not among {found:?}");
    }

    let quiet = MaintenanceOptions { pace: Pace::Quiet, ..options };
    assert!(store.maintain(&quiet).await.unwrap().merged_into > 0);
    let files = data_files(dir.path(), "spans");
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!(metadata(file).num_row_groups(), 1);
    assert!(keys(file, &order).is_sorted());
    assert_eq!(contents(&store).await, before);
}

#[tokio::test]
async fn merged_files_do_not_grow_without_bound() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 9).await;
    let before = contents(&store).await;
    // Three runs of 20 points, or ten of 6 spans, fill a file.
    let options = MaintenanceOptions { merged_rows: 60, ..at_once() };
    store.maintain(&options).await.unwrap();
    assert_eq!(data_files(dir.path(), "points").len(), 3);
    assert_eq!(data_files(dir.path(), "spans").len(), 1);
    assert_eq!(contents(&store).await, before);
}

#[tokio::test]
async fn checkpoints_and_clean_up_leave_what_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 6).await;
    // This one has seen only version 6; entry 7 will be gone when it looks again.
    let idle = Store::open_read_only(dir.path(), StoreOptions::default()).await.unwrap();
    assert_eq!(idle.runs().await.unwrap().len(), 6);
    for number in 6..8 {
        store.append(batch(&run_id(number), 2)).await.unwrap();
    }
    let before = contents(&store).await;
    let done = store.maintain(&at_once()).await.unwrap();
    assert_eq!(done.checkpoints, 4);
    assert!(done.removed_log_entries >= 4 * 8, "{done:?}");
    let log = dir.path().join("runs/_delta_log");
    assert!(!log.join("00000000000000000007.json").exists());
    assert!(log.join("_last_checkpoint").exists());

    assert_eq!(contents(&idle).await, before);
    assert_eq!(contents(&open(dir.path()).await).await, before);
    assert_eq!(contents(&store).await, before);
    store.append(batch("later", 1)).await.unwrap();
    assert_eq!(idle.run("later").await.unwrap().run_id, "later");

    // A torn checkpoint is named.
    let root = dir.path().canonicalize().unwrap();
    let files = fs::read_dir(root.join("spans/_delta_log")).unwrap().map(|entry| entry.unwrap().path());
    let checkpoint = files.into_iter().find(|file| file.to_string_lossy().contains(".checkpoint")).unwrap();
    let whole = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &whole[..whole.len() / 2]).unwrap();
    match Store::open(dir.path(), StoreOptions::default()).await {
        Err(StoreError::Corrupt { file, .. }) => assert_eq!(file, checkpoint),
        other => panic!("{other:?}"),
    }
    fs::write(&checkpoint, &whole).unwrap();
    assert_eq!(contents(&open(dir.path()).await).await.len(), 9);
}

#[tokio::test]
async fn files_stay_as_long_as_a_reader_may_need_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 4).await;
    let staged = dir.path().join("spans/part-x.parquet#123");
    fs::write(&staged, "left by a killed writer").unwrap();
    let options = MaintenanceOptions { file_retention: Duration::from_secs(3600), ..at_once() };
    let done = store.maintain(&options).await.unwrap();
    assert_eq!((done.merged_files, done.removed_files), (16, 0));
    assert_eq!(data_files(dir.path(), "spans").len(), 5);
    assert!(staged.exists());
    let done = store.maintain(&at_once()).await.unwrap();
    assert_eq!((done.merged_files, done.removed_files), (0, 17));
    assert!(!staged.exists());
}

#[tokio::test]
async fn one_maintainer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_runs(dir.path(), 3).await;
    let held = File::create(dir.path().join(".maintenance-points.lock")).unwrap();
    held.try_lock().unwrap();
    let done = store.maintain(&at_once()).await.unwrap();
    assert_eq!((done.busy_tables, done.merged_into), (1, 3));
    drop(held);
    assert_eq!(store.maintain(&at_once()).await.unwrap().merged_into, 1);
    let reader = Store::open_read_only(dir.path(), StoreOptions::default()).await.unwrap();
    assert!(matches!(reader.maintain(&at_once()).await, Err(StoreError::ReadOnly { .. })));
}

/// A disk that takes as long for each merged file of spans as for two appended ones.
#[derive(Debug, Default)]
struct SlowForMerges {
    appended: Mutex<usize>,
    more: Condvar,
}

impl Disk for SlowForMerges {
    fn before_write(&self, _: &Path, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, _: &File, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.parent().is_some_and(|folder| folder.ends_with("spans")) {
            let mut appended = self.appended.lock().unwrap();
            if name.starts_with("fresh-") {
                *appended += 1;
                self.more.notify_all();
            } else {
                let enough = *appended + 2;
                let _done = self.more.wait_while(appended, |appended| *appended < enough).unwrap();
            }
        }
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_round_under_load_ends_while_appends_go_on() {
    let dir = tempfile::tempdir().unwrap();
    with_runs(dir.path(), 4).await;
    let disk = Arc::new(SlowForMerges::default());
    let options = StoreOptions { background: None, disk, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let busy =
        MaintenanceOptions { pace: Pace::Busy, checkpoint_commits: 1, small_files: 2, ..Default::default() };
    let appends = async {
        for number in 4.. {
            store.append(batch(&run_id(number), 2)).await.unwrap();
        }
    };
    tokio::select! {
        () = appends => unreachable!("appends go on"),
        done = tokio::time::timeout(Duration::from_secs(60), store.maintain(&busy)) => {
            let done = done.expect("the round ends").unwrap();
            assert!(done.merged_files >= 4 && done.checkpoints > 0, "{done:?}");
        }
    }
}

/// Readers, writers and maintainers of several stores on one directory.
#[tokio::test]
async fn upkeep_while_others_read_and_write() {
    const RUNS: usize = 12;
    let dir = tempfile::tempdir().unwrap();
    let maintenance = MaintenanceOptions { file_retention: Duration::from_secs(3600), ..at_once() };
    let background = Background { every: Duration::from_secs(3600), commits: 2, maintenance };
    let options = StoreOptions { background: Some(background), ..StoreOptions::default() };
    let kept = Store::open(dir.path(), options).await.unwrap();
    let other = open(dir.path()).await;
    let write = async |store: &Store, from: usize| {
        for number in (from..RUNS).step_by(2) {
            store.append(batch(&run_id(number), 2)).await.unwrap();
        }
    };
    let read = async {
        while other.runs().await.unwrap().len() < RUNS {
            for data in contents(&other).await {
                assert_eq!((data.spans.len(), data.points.len(), data.results.len()), (6, 20, 2));
            }
        }
    };
    tokio::join!(write(&kept, 0), write(&other, 1), read);
    let clean = tempfile::tempdir().unwrap();
    let expected = contents(&with_runs(clean.path(), RUNS).await).await;
    assert_eq!(contents(&kept).await, expected);
    assert_eq!(contents(&other).await, expected);
}

#[tokio::test]
async fn killed_during_upkeep_at_any_operation_on_the_disk() {
    let clean = tempfile::tempdir().unwrap();
    let expected = contents(&with_runs(clean.path(), 3).await).await;
    let mut died = 0;
    for die_at in (0..200).step_by(5) {
        let dir = tempfile::tempdir().unwrap();
        copy(clean.path(), dir.path());
        let mut child = maintaining_until(dir.path(), die_at);
        if child.wait().unwrap().success() {
            break;
        }
        died += 1;
        let store = open(dir.path()).await;
        assert_eq!(contents(&store).await, expected, "killed at operation {die_at}");
        store.maintain(&at_once()).await.unwrap();
        assert_eq!(contents(&store).await, expected, "upkeep after a kill at operation {die_at}");
        assert_eq!(data_files(dir.path(), "spans").len(), 1);
    }
    assert!(died > 5, "died only {died} times");
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
