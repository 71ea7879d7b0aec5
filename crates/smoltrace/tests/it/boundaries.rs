//! Which crate may use which (ARCHITECTURE.md), read from cargo itself.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

const ALLOWED: &[(&str, &[&str])] = &[
    ("smoltrace-model", &[]),
    ("smoltrace-otlp", &["smoltrace-model"]),
    ("smoltrace-collect", &["smoltrace-model", "smoltrace-otlp"]),
    ("smoltrace-eval", &["smoltrace-model"]),
    ("smoltrace-exchange", &["smoltrace-model", "smoltrace-otlp"]),
    ("smoltrace-store", &["smoltrace-model"]),
    ("smoltrace-server", &["smoltrace-model", "smoltrace-store", "smoltrace-exchange"]),
    (
        "smoltrace",
        &[
            "smoltrace-model",
            "smoltrace-store",
            "smoltrace-collect",
            "smoltrace-eval",
            "smoltrace-exchange",
            "smoltrace-server",
        ],
    ),
    ("smoltrace-py", &["smoltrace-model", "smoltrace-exchange"]),
];

/// Only the store knows how the tables are kept; the model knows no I/O and no runtime.
const RESERVED: &[(&str, &[&str])] = &[
    ("deltalake", &["smoltrace-store"]),
    ("datafusion", &["smoltrace-store"]),
    ("object_store", &["smoltrace-store"]),
    ("axum", &["smoltrace-collect", "smoltrace-server"]),
    ("pyo3", &["smoltrace-py"]),
    ("clap", &["smoltrace"]),
    ("tokio", &["smoltrace-store", "smoltrace-collect", "smoltrace-eval", "smoltrace-server", "smoltrace"]),
];

#[test]
fn crates_use_only_what_they_may() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, ALLOWED.iter().map(|(name, _)| *name).collect(), "a crate was added or removed");

    for package in packages {
        let name = package["name"].as_str().expect("name");
        let (_, allowed) = ALLOWED.iter().find(|(known, _)| *known == name).expect("compared above");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("name");
            let is_dev = dependency["kind"].as_str() == Some("dev");
            if names.contains(used) && !is_dev {
                assert!(allowed.contains(&used), "{name} must not use {used}");
            }
            if let Some((_, users)) = RESERVED.iter().find(|(reserved, _)| *reserved == used)
                && !is_dev
            {
                assert!(users.contains(&name), "{name} must not use {used}");
            }
        }
    }
}
