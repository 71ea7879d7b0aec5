//! Attacks through ps, kill, env and which. Listed in docs/security.md.

use serde_json::json;
use smoltrace_eval::{
    tool::ToolError,
    tools::{Processes, is_secret_name, is_secret_value},
};

use crate::tools::{call, config};

/// What docs/security.md promises is what the tests try.
#[test]
fn every_attack_that_is_listed_has_a_test() {
    let page = include_str!("../../../../docs/security.md");
    let tests = [
        include_str!("attacks_files.rs"),
        include_str!("attacks_network.rs"),
        include_str!("attacks_sandbox.rs"),
        include_str!("attacks_system.rs"),
        include_str!("mcp.rs"),
        include_str!("mcp_sse.rs"),
        include_str!("sandbox.rs"),
        include_str!("tools.rs"),
        include_str!("../../src/sandbox/wire.rs"),
        include_str!("../../src/tools/mcp/sse.rs"),
        include_str!("../../src/tools/net/address.rs"),
    ]
    .concat();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack"));
    let mut named = 0;
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            assert!(tests.contains(&format!("fn {name}(")), "{name}");
            named += 1;
        }
    }
    assert!(named > 40, "{named}");
}

#[test]
fn secrets_are_known_by_their_names() {
    for name in [
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "DB_PASSWORD",
        "db_passwd",
        "PGPASSFILE",
        "SESSION_COOKIE",
        "GITHUB_PAT_TOKEN",
        "SSH_AUTH_SOCK",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "DATABASE_URL",
        "SENTRY_DSN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "MYSQL_PWD",
        "PRIVATE_PEM",
        "SLACK_WEBHOOK",
        "TLS_CERT",
        "ADMIN_PASS",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["PATH", "HOME", "LANG", "USER", "SHELL", "TERM", "PWD_DIR", "COMPASS", "HOSTNAME", "EDITOR"]
    {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn secrets_are_known_by_their_values() {
    for value in [
        "sk-abcdefghijklmnopqrstuvwx",
        "sk-proj-abc_DEF-ghijklmnopqrst",
        "hf_abcdefghijklmnopqrst",
        "ghp_abcdefghijklmnopqrst0123456789abcdef",
        "github_pat_11ABCDEFG0abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "-----BEGIN RSA PRIVATE KEY-----",
        "postgres://user:password@host/db",
        "redis://:password@host",
        "Bearer abcdefghijklmnopqrst",
        "DefaultEndpointsProtocol=https;AccountKey=abcd1234;",
        "host=h password=hunter2",
        "a b wJalrXUtnFEMI9K7MDENG2bPxRfiCYEXAMPLEKEY",
        "d41d8cd98f00b204e9800998ecf8427e",
    ] {
        assert!(is_secret_value(value), "{value}");
    }
    for value in [
        "/usr/local/bin:/usr/bin:/bin",
        "C.UTF-8",
        "/home/user/.cargo/registry/src/index.crates.io",
        "https://example.com/a?b=c",
        "2026-01-02T03:04:05Z",
        "x86_64-unknown-linux-gnu",
        "Hello, world",
    ] {
        assert!(!is_secret_value(value), "{value}");
    }
}

#[tokio::test]
async fn the_environment_gives_no_secrets() {
    let mut config = config("env");
    config.environment = [
        ("OPENAI_API_KEY", "plain"),
        ("MY_SETTING", "sk-abcdefghijklmnopqrstuvwx"),
        ("SERVICE", "https://user:hunter2@example.com/"),
        ("MODE", "test"),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    let tools = config.build().await.unwrap();
    for name in ["OPENAI_API_KEY", "MY_SETTING", "SERVICE", "HF_TOKEN"] {
        let error = call(&tools, "env", json!({"action": "get", "name": name})).await.unwrap_err();
        assert_eq!(error, ToolError::Refused(format!("{name} looks like a secret")));
    }
    let listed = call(&tools, "env", json!({"action": "list"})).await.unwrap();
    assert_eq!(listed, "MODE=test\n(3 that look like secrets are not shown)");
    // The environment of the process itself is not there at all.
    assert!(call(&tools, "env", json!({"action": "get", "name": "PATH"})).await.is_err());
    for (name, value) in [("A=B", "c"), ("", "c"), ("A\0", "c"), ("A", "b\0")] {
        let set = json!({"action": "set", "name": name, "value": value});
        assert!(matches!(call(&tools, "env", set).await, Err(ToolError::Arguments(_))));
    }
}

#[tokio::test]
async fn nothing_is_ended_that_was_not_started() {
    let others = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
    let this = i64::from(std::process::id());
    let tools = config("kill").build().await.unwrap();
    for pid in [0, 1, this, i64::from(std::os::unix::process::parent_id()), i64::from(others.id().unwrap())] {
        let error = call(&tools, "kill", json!({"pid": pid, "force": true})).await.unwrap_err();
        assert!(matches!(error, ToolError::Refused(_)), "{pid}: {error}");
    }
    // Negative numbers would be groups of processes.
    for pid in [json!(-1), json!(-this), json!(1.5), json!("1; id"), json!(4_294_967_297_u64)] {
        let error = call(&tools, "kill", json!({"pid": pid})).await.unwrap_err();
        assert!(matches!(error, ToolError::Arguments(_)), "{pid}: {error}");
    }
    // Even who may end any process may not end these.
    let mut config = config("kill");
    config.processes = Processes::any();
    let tools = config.build().await.unwrap();
    for pid in [0, 1, this] {
        let error = call(&tools, "kill", json!({"pid": pid})).await.unwrap_err();
        assert!(matches!(error, ToolError::Refused(_)), "{pid}: {error}");
    }
    call(&tools, "kill", json!({"pid": others.id().unwrap()})).await.unwrap();
}

#[tokio::test]
async fn lists_of_processes_show_no_command_lines() {
    let marked = "password=hunter2";
    let child = tokio::process::Command::new("sh")
        .args(["-c", "read x", marked])
        .stdin(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let tools = config("ps").build().await.unwrap();
    let listed =
        call(&tools, "ps", json!({"limit": 500, "sort_by": "pid", "descending": true})).await.unwrap();
    assert!(listed.contains(&child.id().unwrap().to_string()), "{listed}");
    assert!(!listed.contains("hunter2"), "{listed}");
}

#[tokio::test]
async fn which_looks_nowhere_but_in_the_path() {
    let mut config = config("which");
    // Relative folders would be looked for wherever the program was started.
    config.environment = [("PATH".to_owned(), ".:bin:/usr/bin:/bin".to_owned())].into();
    let tools = config.build().await.unwrap();
    for command in ["/bin/sh", "../bin/sh", "./sh", "..", "", "sh;id", "sh\0", "$(id)", "a b", "~"] {
        let error = call(&tools, "which", json!({"command": command})).await.unwrap_err();
        assert!(matches!(error, ToolError::Arguments(_)), "{command}: {error}");
    }
    let found = call(&tools, "which", json!({"command": "sh", "all_matches": true})).await.unwrap();
    assert!(found.lines().all(|line| line.starts_with('/')), "{found}");
}
