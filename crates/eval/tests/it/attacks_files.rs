//! Attacks on the file tools: paths, links, races, sizes and patterns. Listed in docs/security.md.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use smoltrace_eval::tool::{ToolError, ToolSet};
use tempfile::TempDir;

use crate::tools::{call, config};

const SECRET: &str = "the-secret-outside";

/// A folder with a working directory `in` and a secret beside it.
struct Ground {
    folder: TempDir,
    tools: ToolSet,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("in/deep")).unwrap();
        fs::create_dir_all(root.join("in-too")).unwrap();
        fs::write(root.join("secret"), SECRET).unwrap();
        fs::write(root.join("in-too/secret"), SECRET).unwrap();
        fs::write(root.join("in/harmless"), "harmless\n").unwrap();
        let mut config = config("files,text");
        config.working_directory = Some(root.join("in"));
        Self { tools: config.build().await.unwrap(), folder }
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn inside(&self, path: &str) -> PathBuf {
        self.outside("in").join(path)
    }

    fn secret_is_whole(&self) {
        assert_eq!(fs::read_to_string(self.outside("secret")).unwrap(), SECRET);
    }
}

/// Every way in which a file tool reads a path.
fn reads(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("read_file", json!({"file_path": path})),
        ("grep", json!({"file_path": path, "pattern": "."})),
        ("sed", json!({"file_path": path, "command": "s/a/a/"})),
        ("sort", json!({"file_path": path})),
        ("head_tail", json!({"file_path": path})),
        ("list_directory", json!({"directory_path": path})),
        ("search_files", json!({"directory": path, "pattern": "*"})),
        ("search_files", json!({"directory": path, "pattern": "secret", "search_type": "content"})),
    ]
}

/// Every way in which one writes to a path.
fn writes(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("write_file", json!({"file_path": path, "content": "overwritten"})),
        ("write_file", json!({"file_path": path, "content": "overwritten", "mode": "append"})),
        ("sed", json!({"file_path": "harmless", "command": "s/a/a/", "output_file": path})),
        ("sort", json!({"file_path": "harmless", "output_file": path})),
    ]
}

/// No tool gets anything through any of the paths, and nothing outside changes.
async fn check(ground: &Ground, paths: &[String], expected: fn(&ToolError) -> bool) {
    for path in paths {
        for (tool, arguments) in reads(path).into_iter().chain(writes(path)) {
            match call(&ground.tools, tool, arguments.clone()).await {
                Err(error) => assert!(expected(&error), "{tool} {arguments}: {error:?}"),
                Ok(answer) => panic!("{tool} {arguments}: {answer}"),
            }
        }
    }
    ground.secret_is_whole();
}

fn is_refused(error: &ToolError) -> bool {
    matches!(error, ToolError::Refused(_))
}

#[tokio::test]
async fn paths_out_of_the_working_directory() {
    let ground = Ground::new().await;
    let absolute = |path: &str| ground.outside(path).display().to_string();
    let paths = [
        "../secret".into(),
        "deep/../../secret".into(),
        "./deep/.././../secret".into(),
        "deep/../../../../../../../../etc/passwd".into(),
        "/etc/passwd".into(),
        "//etc/passwd".into(),
        "/proc/self/environ".into(),
        "/proc/self/root/etc/passwd".into(),
        "/dev/zero".into(),
        absolute("secret"),
        absolute("in/../secret"),
        // A folder whose name begins like the working directory's.
        absolute("in-too/secret"),
        absolute("in") + "/../in-too/secret",
    ];
    check(&ground, &paths, is_refused).await;
    for (tool, arguments) in reads("..") {
        assert!(is_refused(&call(&ground.tools, tool, arguments).await.unwrap_err()));
    }
    check(&ground, &["".into(), "a\0b".into()], |error| matches!(error, ToolError::Arguments(_))).await;
    // Nothing of another system's or a shell's forms has a meaning.
    for path in [
        "~/secret",
        "file:///etc/passwd",
        "..\\secret",
        "C:\\secret",
        "%2e%2e/secret",
        "$HOME/x",
        "..%2fsecret",
    ] {
        for (tool, arguments) in reads(path) {
            let error = call(&ground.tools, tool, arguments).await.unwrap_err();
            assert!(error.to_string().contains("does not exist"), "{path}: {error}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_working_directory() {
    use std::os::unix::fs::symlink;

    let ground = Ground::new().await;
    symlink("../secret", ground.inside("relative")).unwrap();
    symlink(ground.outside("secret"), ground.inside("absolute")).unwrap();
    symlink("..", ground.inside("up")).unwrap();
    symlink("/", ground.inside("root")).unwrap();
    symlink("relative", ground.inside("chain")).unwrap();
    symlink("/proc/self/environ", ground.inside("environment")).unwrap();
    symlink("/dev/zero", ground.inside("zero")).unwrap();
    symlink("../new", ground.inside("dangling")).unwrap();
    let paths = [
        "relative",
        "absolute",
        "up",
        "up/secret",
        "root/etc/passwd",
        "chain",
        "environment",
        "zero",
        "up/in/harmless",
    ];
    check(&ground, &paths.map(str::to_owned), is_refused).await;
    for (tool, arguments) in writes("dangling") {
        assert!(is_refused(&call(&ground.tools, tool, arguments).await.unwrap_err()));
    }
    assert!(!ground.outside("new").exists());
    // A search does not go where a link leads, and a list says what it is.
    let search = json!({"directory": ".", "pattern": "*secret*"});
    assert!(call(&ground.tools, "search_files", search).await.unwrap().starts_with("No files found"));
    let search = json!({"directory": ".", "pattern": SECRET, "search_type": "content"});
    assert!(call(&ground.tools, "search_files", search).await.unwrap().starts_with("No files found"));
    let listed = call(&ground.tools, "list_directory", json!({"directory_path": "."})).await.unwrap();
    assert!(listed.contains("[LINK] up"), "{listed}");
    // Links within are followed for reading.
    symlink("../harmless", ground.inside("deep/within")).unwrap();
    assert!(
        call(&ground.tools, "read_file", json!({"file_path": "deep/within"}))
            .await
            .unwrap()
            .contains("harmless")
    );
    // A folder in a circle of links comes to an end.
    symlink("loop", ground.inside("loop")).unwrap();
    call(&ground.tools, "read_file", json!({"file_path": "loop/loop/x"})).await.unwrap_err();
}

#[cfg(unix)]
#[tokio::test]
async fn hard_links_pipes_and_devices() {
    let ground = Ground::new().await;
    fs::hard_link(ground.outside("secret"), ground.inside("hard")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(ground.inside("pipe")).status().unwrap();
    assert!(made.success());
    for path in ["hard", "pipe"] {
        for (tool, arguments) in writes(path).into_iter().chain(reads(path).into_iter().take(5)) {
            let error = call(&ground.tools, tool, arguments.clone()).await.unwrap_err();
            // To write to a pipe that nobody reads fails before it is seen what it is.
            assert!(is_refused(&error) || path == "pipe", "{tool} {arguments}: {error:?}");
        }
    }
    ground.secret_is_whole();
    let search = json!({"directory": ".", "pattern": SECRET, "search_type": "content"});
    assert!(call(&ground.tools, "search_files", search).await.unwrap().starts_with("No files found"));
}

/// A folder and a link to the outside change their names with each other, again and again, while the folder is read
/// and written through.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_appear_while_a_path_is_resolved() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::os::unix::fs::symlink;

    let ground = Ground::new().await;
    let (folder, link) = (ground.inside("d"), ground.inside("link"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("secret"), "harmless").unwrap();
    symlink("..", &link).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut swaps = 0;
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
                std::thread::yield_now();
            }
            swaps
        })
    };
    let mut seen = [0; 2];
    for _ in 0..500 {
        match call(&ground.tools, "read_file", json!({"file_path": "d/secret"})).await {
            Ok(text) => {
                assert!(!text.contains(SECRET), "{text}");
                seen[0] += 1;
            }
            Err(_) => seen[1] += 1,
        }
        let _ =
            call(&ground.tools, "write_file", json!({"file_path": "d/secret", "content": "harmless"})).await;
        let _ = call(
            &ground.tools,
            "write_file",
            json!({"file_path": "d/new", "content": "x", "mode": "append"}),
        )
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = swapping.join().unwrap();
    assert!(swaps > 10 && seen.iter().all(|count| *count > 0), "{swaps} swaps, {seen:?}");
    ground.secret_is_whole();
    assert!(!ground.outside("new").exists());
}

#[tokio::test]
async fn files_and_answers_without_end() {
    let ground = Ground::new().await;
    fs::File::create(ground.inside("huge")).unwrap().set_len(11 << 20).unwrap();
    for (tool, arguments) in reads("huge").into_iter().take(5) {
        let error = call(&ground.tools, tool, arguments).await.unwrap_err();
        assert!(error.to_string().contains("larger than 10 MiB"), "{tool}: {error}");
    }
    fs::write(ground.inside("wide"), "a".repeat(1 << 20)).unwrap();
    let read = call(&ground.tools, "read_file", json!({"file_path": "wide"})).await.unwrap();
    assert!(read.len() < 300_000 && read.contains("[cut: "));
    // Each line becomes a hundred times as long.
    fs::write(ground.inside("many"), ("a".repeat(100) + "\n").repeat(2_000)).unwrap();
    let grow = json!({"file_path": "many", "command": format!("s/a+/{}/", "&".repeat(100))});
    let error = call(&ground.tools, "sed", grow).await.unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    let fill = json!({"file_path": "full", "content": "x".repeat(6 << 20), "mode": "append"});
    call(&ground.tools, "write_file", fill.clone()).await.unwrap();
    assert!(call(&ground.tools, "write_file", fill).await.unwrap_err().to_string().contains("larger than"));
    // A folder of many entries, and one that is deep.
    let mut path = ground.inside("0");
    for _ in 0..60 {
        path.push("0");
    }
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("bottom"), "").unwrap();
    let search = json!({"directory": ".", "pattern": "bottom"});
    assert!(call(&ground.tools, "search_files", search).await.unwrap().contains("[the search was cut"));
}

#[tokio::test]
async fn patterns_that_never_end() {
    let ground = Ground::new().await;
    fs::write(ground.inside("a"), "a".repeat(50_000) + "b").unwrap();
    // Exponential for an engine that goes back; not for this one.
    for pattern in ["(a+)+$", "(a|a)+$", "(a*)*c", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*x"] {
        let found =
            call(&ground.tools, "grep", json!({"file_path": "a", "pattern": pattern, "count_only": true}))
                .await;
        assert_eq!(found.as_deref(), Ok("0 matching lines in a"), "{pattern}");
        let command = json!({"file_path": "a", "command": format!("s/{pattern}/x/g")});
        assert!(call(&ground.tools, "sed", command).await.is_ok());
    }
    let deep = "(".repeat(1_000) + &")".repeat(1_000);
    for pattern in ["((a{1000}){1000}){1000}", r"\w{1000000}", "(?=a)", r"(a)\1", "(", &deep] {
        let error =
            call(&ground.tools, "grep", json!({"file_path": "a", "pattern": pattern})).await.unwrap_err();
        assert!(matches!(error, ToolError::Arguments(_)), "{error}");
    }
}
