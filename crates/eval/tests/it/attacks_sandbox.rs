//! What model-written code may try against the sandbox. Each attack ends as an error that says so, and the session
//! goes on. Listed in docs/security.md.

use std::time::Duration;

use serde_json::json;
use smoltrace_eval::sandbox::{
    Execution, SandboxErrorKind,
    SandboxErrorKind::{Exception, Import, Interpreter, MemoryLimit, Syntax, TimeLimit},
    SandboxLimits,
};

use crate::sandbox::{Tools, workers};

fn limits() -> SandboxLimits {
    SandboxLimits { time: Duration::from_millis(400), memory_bytes: 32 << 20, ..SandboxLimits::default() }
}

/// Runs each attack in a session of its own, and a harmless step after it.
async fn attack(attacks: &[&str], limits: SandboxLimits, check: impl Fn(&str, &Execution)) {
    let workers = workers();
    for attack in attacks {
        let shown = &attack[..attack.floor_char_boundary(200)];
        let mut sandbox = workers.sandbox(limits.clone());
        let execution = sandbox.run(attack, &Tools::default()).await;
        check(shown, &execution);
        // The session goes on, with its state or without.
        let after = sandbox.run("6 * 7", &Tools::default()).await;
        assert_eq!(after.output, Some(json!(42)), "after {shown}: {:?}", after.error);
    }
}

/// Attacks, and the kinds of errors that they may end with.
async fn check(attacks: &[&str], limits: SandboxLimits, kinds: &[SandboxErrorKind]) {
    attack(attacks, limits, |shown, execution| {
        let error = execution.error.as_ref().unwrap_or_else(|| panic!("no error: {shown}: {execution:?}"));
        assert!(kinds.contains(&error.kind) && !error.message.is_empty(), "{shown}: {error:?}");
    })
    .await;
}

#[tokio::test]
async fn loops_end_at_the_time_limit() {
    check(
        &[
            "while True: pass",
            "try:\n    while True: pass\nexcept BaseException:\n    while True: pass",
            "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass\n    finally:\n        continue",
            "sum(range(10**12))",
            "max(range(10**11))",
        ],
        limits(),
        &[TimeLimit],
    )
    .await;
}

/// One multiplication that takes longer than all patience: the interpreter does not look at the time within it.
#[tokio::test]
async fn the_parent_ends_a_worker_that_keeps_silent() {
    let limits = SandboxLimits { memory_bytes: 256 << 20, ..limits() };
    let mut sandbox = workers().sandbox(limits);
    sandbox.run("kept = 1", &Tools::default()).await;
    let error =
        sandbox.run("x = 3 ** 200_000\nwhile True: x = x * x", &Tools::default()).await.error.unwrap();
    assert_eq!(error.kind, TimeLimit, "{error}");
    if error.state_lost {
        assert!(error.to_string().ends_with("define them again)"), "{error}");
        let error = sandbox.run("kept", &Tools::default()).await.error.unwrap();
        assert_eq!(error.message, "NameError: name 'kept' is not defined");
    }
}

#[tokio::test]
async fn large_values_are_refused_or_end_at_a_limit() {
    check(
        &[
            "10**10**9",
            "1 << 10**10",
            "pow(3, 10**9)",
            "import math\nmath.factorial(10**7)",
            "int('9' * 10**6)",
            "str(2 ** 10**6)",
            "'x' * 10**12",
            "[0] * 10**10",
            "bytes(10**11)",
            "list(range(10**10))",
            "sorted(range(10**9))",
            "f'{1:1000000000}'",
            "'{:>1000000000}'.format(1)",
            "'x'.ljust(10**10)",
            "'a'.join(['b' * 10**6] * 10**6)",
            "('a' * 1000).replace('a', 'b' * 10**7)",
            "from itertools import count\nlist(count())",
            "import json\njson.loads('[' * 100_000)",
        ],
        limits(),
        &[TimeLimit, MemoryLimit, Exception],
    )
    .await;
}

/// Values that fit, and are too large to be handed over.
#[tokio::test]
async fn large_results_are_not_handed_over_whole() {
    attack(&["'x' * 20_000_000", "[2 ** 10**6, 1]", "[0] * 1_000_000"], limits(), |shown, execution| {
        match &execution.error {
            Some(error) => assert!([MemoryLimit, TimeLimit].contains(&error.kind), "{shown}: {error:?}"),
            None => assert!(execution.output_text.as_ref().unwrap().len() < 2 << 20, "{shown}"),
        }
    })
    .await;
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    // Time enough for a slow build to use up the memory.
    let limits = SandboxLimits { time: Duration::from_secs(30), memory_bytes: 8 << 20, ..limits() };
    check(
        &[
            "x = []\nwhile True: x.append('a' * 1000)",
            "x = []\nwhile True: x.append(bytes(90_000))",
            "x = {}\ni = 0\nwhile True:\n    x[i] = 'a' * 200\n    i += 1",
            "s = 'x'\nwhile True: s += s",
            "def f(x): return f(x + x)\nf('aaaaaaaa' * 1000)",
        ],
        limits,
        &[MemoryLimit],
    )
    .await;
}

#[tokio::test]
async fn depth_ends_as_an_error() {
    attack(
        &[
            "def f(): return f()\nf()",
            "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
            "class A:\n    def __eq__(self, o): return self == o\nA() == A()",
            "def f(n): return sorted([1, 2], key=lambda _: f(n + 1))\nf(0)",
        ],
        limits(),
        |shown, execution| {
            let error = execution.error.as_ref().unwrap();
            assert_eq!(error.message, "RecursionError: maximum recursion depth exceeded", "{shown}");
        },
    )
    .await;
}

#[tokio::test]
async fn nested_sources_end_as_errors() {
    let many = 20_000;
    let around = |open: &str, close: &str| open.repeat(many) + "1" + &close.repeat(many);
    let sources = [
        around("(", ")"),
        around("[", "]"),
        around("{", "}"),
        around("f(", ")"),
        around("-", ""),
        around("not ", ""),
        around("lambda: ", ""),
        around("1+", ""),
        around("1**", ""),
        around("a.", "").replace('1', "b"),
        around("1 if 1 else ", ""),
        around("await ", ""),
        "x[0]".to_owned() + &"[0]".repeat(many),
        "f'{".repeat(2_000) + "1" + &"}'".repeat(2_000),
        (0..1_000).map(|depth| " ".repeat(depth) + "if 1:\n").collect(),
        "if 0:\n pass\n".to_owned() + &"elif 0:\n pass\n".repeat(many),
        "match x:\n case ".to_owned() + &"[".repeat(many),
        "\0".into(),
        "\u{feff}\u{202e}(".into(),
    ];
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    check(&sources, limits(), &[Syntax, MemoryLimit, TimeLimit, Interpreter]).await;
    // As long as code may be, and longer.
    let long = "x = 1\n".repeat(1 << 18);
    check(&[&long], limits(), &[Syntax]).await;
}

#[tokio::test]
async fn nested_values_end_as_errors_or_text() {
    let deep = "a = []\nfor i in range(20_000): a = [a]\n";
    let uses = ["print(a)", "a", "final_answer(a)", "echo(a)", "str(a)", "{'a': a}"]
        .map(|end| deep.to_owned() + end);
    let uses: Vec<&str> = uses
        .iter()
        .map(String::as_str)
        .chain(["a = []\na.append(a)\na", "a = {}\na[1] = a\necho(a)"])
        .collect();
    let limits = SandboxLimits { time: Duration::from_secs(10), ..limits() };
    attack(&uses, limits.clone(), |_, _| {}).await;
    let compared = deep.to_owned() + "b = []\nfor i in range(20_000): b = [b]\na == b";
    let hashed = "a = ()\nfor i in range(20_000): a = (a,)\nhash(a)";
    let dumped = deep.to_owned() + "import json\njson.dumps(a)";
    check(&[&compared, hashed, &dumped], limits, &[Exception]).await;
}

#[tokio::test]
async fn patterns_come_to_an_end() {
    let limits = SandboxLimits { time: Duration::from_secs(10), ..limits() };
    attack(&["import re\nre.match('(a+)+$', 'a' * 40 + 'b')"], limits.clone(), |_, execution| {
        assert_eq!(execution.error, None);
    })
    .await;
    check(
        &[
            r"import re
re.match(r'(?:(a+)+)\1$', 'a' * 40 + 'b')",
            "import re\nre.match('(' * 5000 + ')' * 5000, 'a')",
            "import re\nre.compile('((a{1000}){1000}){1000}')",
        ],
        limits,
        &[Exception],
    )
    .await;
}

#[tokio::test]
async fn there_is_no_way_to_the_interpreter() {
    check(
        &[
            "().__class__",
            "().__class__.__bases__[0].__subclasses__()",
            "''.__class__.__mro__",
            "(lambda: 0).__globals__",
            "(lambda: 0).__code__",
            "print.__self__",
            "getattr('', '__cla' + 'ss__')",
            "getattr(echo, '__globals__')",
            "echo.__wrapped__",
            "echo.__class__",
            "'{0.__class__.__mro__}'.format('')",
            "f'{().__class__}'",
            "__builtins__",
            "__loader__",
            "globals()",
            "locals()",
            "vars()",
            "breakpoint()",
            "import sys\nsys.modules",
            "import sys\nsys._getframe()",
            "import json\njson.decoder",
            "import asyncio\nasyncio.create_subprocess_shell('id')",
            "import functools\nfunctools.partial(print).func.__globals__",
        ],
        limits(),
        &[Exception],
    )
    .await;
}

#[tokio::test]
async fn there_is_no_way_to_the_system() {
    check(
        &[
            "__import__('os')",
            "eval('1')",
            "exec('1')",
            "compile('1', '', 'eval')",
            "input()",
            "open('/etc/passwd')",
            "with open('/tmp/x', 'w') as f: f.write('x')",
            "import os\nos.system('id')",
            "import os\nos.popen('id')",
            "import os\nos.environ",
            "import os\nos.environ['PATH']",
            "import os\nos.getenv('PATH')",
            "import os\nos.listdir('/')",
            "import os\nos.remove('/tmp/x')",
            "import pathlib\npathlib.Path('/etc/passwd').read_text()",
            "import pathlib\npathlib.Path('/tmp/x').write_text('x')",
            "import pathlib\nlist(pathlib.Path('.').iterdir())",
            "import pathlib\npathlib.Path('/etc').exists()",
        ],
        limits(),
        &[Exception],
    )
    .await;
    check(
        &[
            "import subprocess",
            "import importlib",
            "import ctypes",
            "import socket",
            "import builtins",
            "import gc",
            "import inspect",
            "import pickle",
            "import os.path as p, subprocess",
            "from os import system",
            "from sys import modules",
        ],
        limits(),
        &[Import],
    )
    .await;
}

/// What a worker has of the process that started it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn workers_are_started_with_nothing() {
    let workers = workers();
    let mut sandbox = workers.sandbox(limits());
    sandbox.run("1", &Tools::default()).await;
    let this = std::process::id();
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let mut seen = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let status = read(format!("/proc/{pid}/status"));
        let is_worker =
            status.starts_with("Name:\tsmoltrace-sandb") && status.contains(&format!("\nPPid:\t{this}\n"));
        // Those of other tests may be about to begin or to end.
        let limits = read(format!("/proc/{pid}/limits"));
        let line = |name: &str| {
            limits
                .lines()
                .find(|line| line.starts_with(name))
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        if !is_worker || line("Max processes").is_none_or(|line| !line.starts_with("Max processes 0 0")) {
            continue;
        }
        // Options of the allocator, always the same.
        let environment = read(format!("/proc/{pid}/environ"));
        assert!(environment.starts_with("_RJEM_MALLOC_CONF=retain:false,"), "{environment}");
        assert_eq!(environment.matches('=').count(), 1, "{environment}");
        assert_eq!(line("Max file size").unwrap(), "Max file size 0 0 bytes");
        assert_eq!(line("Max core file size").unwrap(), "Max core file size 0 0 bytes");
        assert_eq!(line("Max open files").unwrap(), "Max open files 8 8 files");
        seen += 1;
    }
    assert!(seen > 0);
}
