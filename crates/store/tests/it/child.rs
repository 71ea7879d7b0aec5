//! A second process: this test binary, run again to do one thing to a data directory.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use smoltrace_store::{Disk, Store, StoreOptions, SyncedDisk};

use crate::rows::batch;

const DIR: &str = "STORE_TEST_DIR";
const FROM: &str = "STORE_TEST_FROM";
const TO: &str = "STORE_TEST_TO";
const DIE_AT: &str = "STORE_TEST_DIE_AT";

/// Starts a process that appends the runs `from..to` one after the other and prints each run's
/// number when it is acknowledged.
pub fn appending(dir: &Path, from: usize, to: usize) -> Child {
    appending_until(dir, from, to, i64::MAX)
}

/// As [`appending`]; the process is gone, as by `kill -9`, at its `die_at`-th operation on the disk.
pub fn appending_until(dir: &Path, from: usize, to: usize, die_at: i64) -> Child {
    spawn("child::append_runs", dir, from, to, die_at)
}

/// Starts a process that does all upkeep at once, and is gone at its `die_at`-th operation.
pub fn maintaining_until(dir: &Path, die_at: i64) -> Child {
    spawn("child::maintain_runs", dir, 0, 0, die_at)
}

/// A process of a user that may read `dir` but write nowhere in it: opens it, appends, and prints
/// both errors. `None` when no such process can be started here.
#[cfg(unix)]
pub fn appending_as_nobody(dir: &Path) -> Option<Child> {
    use std::os::unix::process::CommandExt as _;
    let mut command = command("child::append_and_fail", dir, 0, 0, i64::MAX);
    command.uid(65534).gid(65534).spawn().ok()
}

fn spawn(body: &str, dir: &Path, from: usize, to: usize, die_at: i64) -> Child {
    command(body, dir, from, to, die_at).spawn().unwrap()
}

fn command(body: &str, dir: &Path, from: usize, to: usize, die_at: i64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([body, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(FROM, from.to_string())
        .env(TO, to.to_string())
        .env(DIE_AT, die_at.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn number(name: &str) -> usize {
    std::env::var(name).unwrap().parse().unwrap()
}

async fn open_mortal(dir: &str) -> Store {
    let disk = Arc::new(Mortal { left: AtomicI64::new(number(DIE_AT) as i64) });
    let options = StoreOptions { disk, ..StoreOptions::default() };
    Store::open(Path::new(dir), options).await.unwrap()
}

pub fn run_id(number: usize) -> String {
    format!("run-{number:03}")
}

#[tokio::test]
#[ignore = "the body of a child process, started by other tests"]
async fn append_runs() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = open_mortal(&dir).await;
    for run in number(FROM)..number(TO) {
        store.append(batch(&run_id(run), 2)).await.unwrap();
        println!("acknowledged {run}");
    }
}

#[tokio::test]
#[ignore = "the body of a child process, started by other tests"]
async fn maintain_runs() {
    let Ok(dir) = std::env::var(DIR) else { return };
    open_mortal(&dir).await.maintain(&crate::maintain::at_once()).await.unwrap();
}

#[tokio::test]
#[ignore = "the body of a child process, started by other tests"]
async fn append_and_fail() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = open_mortal(&dir).await;
    assert_eq!(store.spans_of_run(&run_id(0)).await.unwrap().len(), 6);
    println!("append: {:?}", store.append(batch(&run_id(1), 1)).await.unwrap_err());
    let below = Path::new(&dir).join("below");
    println!("create: {:?}", Store::open(&below, StoreOptions::default()).await.unwrap_err());
    let log = Path::new(&dir).join("hidden");
    println!("open: {:?}", Store::open(&log, StoreOptions::default()).await.unwrap_err());
}

/// The real disk, until the process dies: before a write, or before or after a sync.
#[derive(Debug)]
struct Mortal {
    left: AtomicI64,
}

impl Mortal {
    fn step(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            // No unwinding, no destructor, nothing flushed.
            std::process::abort();
        }
    }
}

impl Disk for Mortal {
    fn before_write(&self, _: &Path, _: usize) -> io::Result<()> {
        self.step();
        Ok(())
    }

    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.step();
        SyncedDisk.sync_file(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step();
        SyncedDisk.sync_folder(folder)?;
        self.step();
        Ok(())
    }
}
