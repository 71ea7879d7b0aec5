//! Disks with faults under a server: nothing is acknowledged that is not on the disk, memory stays bounded,
//! clients are told to come again, and afterwards all is as if nothing had been.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    receive::{Serving, traces},
    support::Smoltrace,
};

/// A disk whose faults come and go.
struct Disk {
    control: TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { control: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A server on this disk.
    fn serve(&self, smoltrace: &Smoltrace, more: &[&str]) -> Serving {
        let library = self.control.path().join("libdisk.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1"])
            .arg(format!("-DCONTROL=\"{}\"", self.control.path().display()))
            .arg(format!("-DDATA=\"{}\"", smoltrace.data.path().display()))
            .arg("-o")
            .arg(&library)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standin/disk.c"))
            .arg("-ldl")
            .output()
            .expect("cc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Serving::start_preloaded(smoltrace, &library, more)
    }

    /// Brings a fault: `hanging`, `full` or `read-only`.
    fn becomes(&self, fault: &str) -> Fault {
        let path = self.control.path().join(fault);
        fs::write(&path, "").expect("a file");
        Fault(path)
    }
}

struct Fault(PathBuf);

impl Fault {
    fn is_there(&self) -> bool {
        self.0.exists()
    }

    fn ends(&self) {
        fs::remove_file(&self.0).expect("removed");
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "never came to be: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn assert_stored_once(smoltrace: &Smoltrace, spans: u64) {
    let rows = smoltrace.sql(
        "SELECT count(*) AS spans, count(DISTINCT span_id) AS distinct_spans FROM spans WHERE run_id = 'run'",
    );
    assert_eq!(rows, json!([{"spans": spans, "distinct_spans": spans}]));
}

#[test]
fn requests_wait_for_their_turn() {
    const CLIENTS: usize = 4;
    let (disk, smoltrace) = (Disk::new(), Smoltrace::new());
    let serving = disk.serve(&smoltrace, &["--max-requests", "1", "--max-wait", "600"]);
    assert_eq!(serving.post_json("/v1/traces", &traces("run", &[(0, 1)])).status, 200);
    let bytes = |serving: &Serving| {
        let told = serving.own_metrics();
        let line = told
            .lines()
            .find_map(|line| line.strip_prefix("smoltrace_otlp_received_bytes_total{signal=\"traces\"} "));
        line.expect("they are counted").parse::<usize>().expect("a number")
    };
    let (before, answered) = (bytes(&serving), AtomicUsize::new(0));
    let fault = disk.becomes("hanging");
    std::thread::scope(|scope| {
        let bodies: Vec<_> = (1..=CLIENTS).map(|client| traces("run", &[(client as u64, 1)])).collect();
        let whole = before + bodies.iter().map(|body| body.to_string().len()).sum::<usize>();
        for body in bodies {
            let (serving, answered) = (&serving, &answered);
            scope.spawn(move || {
                assert_eq!(serving.post_json("/v1/traces", &body).status, 200);
                answered.fetch_add(1, Ordering::AcqRel);
            });
        }
        wait_until("all of them have arrived", || bytes(&serving) == whole);
        assert_eq!(answered.load(Ordering::Acquire), 0);
        fault.ends();
    });
    assert_eq!(answered.into_inner(), CLIENTS);
    serving.stop();
    assert_stored_once(&smoltrace, CLIENTS as u64 + 1);

    let serving = disk.serve(&smoltrace, &["--max-requests", "0", "--max-wait", "0"]);
    let answer = serving.post_json("/v1/traces", &traces("run", &[(9, 1)]));
    assert_eq!((answer.status, answer.retry_after().is_some()), (429, true), "{answer:?}");
}

#[test]
fn a_disk_that_hangs_is_waited_for_within_bounds() {
    const CLIENTS: u64 = 32;
    /// About 70 kB as JSON.
    const SPANS: u64 = 128;
    let (disk, smoltrace) = (Disk::new(), Smoltrace::new());
    // Room for about ten of the requests: the others are told to come later.
    let serving = disk.serve(&smoltrace, &["--max-memory", "1MiB"]);
    assert_eq!(serving.post_json("/v1/traces", &traces("before", &[(0, 1)])).status, 200);

    let fault = disk.becomes("hanging");
    let acknowledged = AtomicU64::new(0);
    let turned_away = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (serving, fault, acknowledged, turned_away) = (&serving, &fault, &acknowledged, &turned_away);
            scope.spawn(move || {
                let spans: Vec<_> = (0..SPANS).map(|number| (client * SPANS + number, 1)).collect();
                let body = traces("run", &spans);
                loop {
                    let answer = serving.post_json("/v1/traces", &body);
                    if answer.status == 200 {
                        assert!(!fault.is_there(), "acknowledged before it was on the disk");
                        acknowledged.fetch_add(1, Ordering::AcqRel);
                        return;
                    }
                    assert_eq!(answer.status, 429, "{answer:?}");
                    assert!(answer.retry_after().is_some(), "{answer:?}");
                    turned_away.fetch_add(1, Ordering::AcqRel);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        wait_until("more clients than there is room for", || turned_away.load(Ordering::Acquire) > 100);
        // Reading goes on.
        assert_eq!(serving.run("before")["run_id"], json!("before"));
        let memory = serving.resident_bytes();
        assert!(memory < 512 << 20, "{memory} bytes");
        assert_eq!(acknowledged.load(Ordering::Acquire), 0);
        fault.ends();
    });
    assert_eq!(acknowledged.into_inner(), CLIENTS);
    serving.await_run("run", |run| run["total_tokens"] == json!(CLIENTS * SPANS));
    serving.stop();
    assert_stored_once(&smoltrace, CLIENTS * SPANS);
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_recovered_from() {
    let (disk, smoltrace) = (Disk::new(), Smoltrace::new());
    let serving = disk.serve(&smoltrace, &[]);
    let mut stored = 0;
    for fault in ["full", "read-only"] {
        assert_eq!(serving.post_json("/v1/traces", &traces("run", &[(stored, 1)])).status, 200);
        stored += 1;
        let fault = disk.becomes(fault);
        let more = traces("run", &[(stored, 1), (stored + 1, 1)]);
        for _ in 0..3 {
            let answer = serving.post_json("/v1/traces", &more);
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.retry_after().is_some(), "{answer:?}");
            assert_eq!(serving.run("run")["run_id"], json!("run"));
        }
        fault.ends();
        assert_eq!(serving.post_json("/v1/traces", &more).status, 200);
        stored += 2;
    }
    serving.await_run("run", |run| run["total_tokens"] == json!(stored));
    serving.stop();
    assert_stored_once(&smoltrace, stored);
}
