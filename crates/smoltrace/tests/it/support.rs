//! Running the built binary on a data directory of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub fn recording() -> PathBuf {
    fixtures().join("smoltrace_run_two_gpus")
}

/// Id of the recorded run.
pub const RECORDED_RUN: &str = "5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11";

pub struct Smoltrace {
    pub data: TempDir,
}

impl Smoltrace {
    pub fn new() -> Self {
        Self { data: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smoltrace"));
        command
            .args(args)
            .env("SMOLTRACE_DATA_DIR", self.data.path().join("tables"))
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // The binary may refuse the input before it has read all of it.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the writer ends");
        output
    }

    /// Standard output of a run that must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "smoltrace {args:?} exited with {:?}: {}",
            output.status.code(),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(args);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    pub fn sql(&self, query: &str) -> Value {
        self.json(&["sql", query, "--limit", "1000000", "--json"])
    }

    /// Everything in the tables, in an order of its own.
    pub fn tables(&self) -> Value {
        let table = |name: &str| self.sql(&format!("SELECT * FROM {name} ORDER BY row_id"));
        Value::Array(TABLES.map(table).into())
    }
}

const TABLES: [&str; 5] = ["spans", "points", "events", "results", "runs"];

pub fn path(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// Asserts that two sets of tables are the same; says where they first differ, not all of both.
pub fn assert_same_tables(got: &Value, expected: &Value, what: &str) {
    for (name, index) in TABLES.iter().zip(0..) {
        let (got, expected): (&Vec<Value>, &Vec<Value>) =
            (got[index].as_array().expect("rows"), expected[index].as_array().expect("rows"));
        assert_eq!(got.len(), expected.len(), "{what}: rows in {name}");
        for (got, expected) in got.iter().zip(expected) {
            for (column, value) in expected.as_object().expect("a row") {
                assert!(&got[column] == value, "{what}: {name}.{column} of {} differs", got["row_id"]);
            }
        }
    }
}

/// Asserts exit code and that standard error says all of `parts`; nothing may look like a panic.
pub fn check_failure(output: &Output, code: i32, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}
