//! Model-written code: what it can do, how its errors read, and that nothing of it reaches past its limits.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use smoltrace_eval::{
    sandbox::{Execution, Sandbox, SandboxErrorKind, SandboxLimits, SandboxWorkers, ToolCaller},
    tool::{ToolError, ToolInput, ToolSpec},
};

/// 2026-01-02 03:04:05 UTC.
pub const NOW_UNIX_NANO: i64 = 1_767_323_045_000_000_000;

pub fn workers() -> Arc<SandboxWorkers> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_smoltrace-sandbox-worker"));
    SandboxWorkers::new(program, Vec::new(), Arc::new(|| NOW_UNIX_NANO))
}

pub fn sandbox() -> Sandbox {
    workers().sandbox(SandboxLimits {
        time: Duration::from_secs(2),
        memory_bytes: 64 << 20,
        ..SandboxLimits::default()
    })
}

/// Two tools, and a record of their calls.
#[derive(Default)]
pub struct Tools(Mutex<Vec<(String, Value)>>);

#[async_trait]
impl ToolCaller for Tools {
    fn specs(&self) -> Vec<ToolSpec> {
        let input = |name: &str, required| ToolInput { name: name.into(), schema: json!({}), required };
        let spec = |name: &str, inputs| ToolSpec {
            name: name.into(),
            description: String::new(),
            inputs,
            output_type: "any".into(),
        };
        vec![
            spec("echo", vec![input("value", true), input("times", false)]),
            spec("fail", vec![input("how", true)]),
        ]
    }

    async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        self.0.lock().unwrap().push((name.into(), Value::Object(arguments.clone())));
        match (name, arguments.get("how").and_then(Value::as_str)) {
            ("echo", _) => Ok(arguments["value"].clone()),
            (_, Some("arguments")) => Err(ToolError::Arguments("not so".into())),
            (_, Some("refused")) => Err(ToolError::Refused("never".into())),
            _ => Err(ToolError::Failed("went wrong".into())),
        }
    }
}

async fn run(code: &str) -> Execution {
    sandbox().run(code, &Tools::default()).await
}

#[tokio::test]
async fn answers_are_written_as_python_writes_them() {
    let cases = [
        ("(1,)", "(1,)"),
        ("()", "()"),
        ("[(1,), ('a', 2), {'k': (None,)}]", "[(1,), ('a', 2), {'k': (None,)}]"),
        ("{(1,): [True, 1.0, \"it's\"]}", "{(1,): [True, 1.0, \"it's\"]}"),
        ("100 / 5", "20.0"),
        ("'20'", "20"),
        ("['20']", "['20']"),
        ("{1}", "{1}"),
        ("datetime.date(2026, 1, 2)", "2026-01-02"),
        ("datetime.datetime(2026, 1, 2, 3, 4)", "2026-01-02 03:04:00"),
        ("datetime.datetime(2026, 1, 2, 3, 4, 5, 60)", "2026-01-02 03:04:05.000060"),
        (
            "datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))",
            "2026-01-02 00:00:00-03:30",
        ),
        ("[datetime.date(2026, 1, 2)]", "[datetime.date(2026, 1, 2)]"),
    ];
    for (value, expected) in cases {
        let done = run(&format!("import datetime\nfinal_answer({value})")).await;
        assert_eq!(done.final_answer_text.as_deref(), Some(expected), "{value}: {:?}", done.error);
    }
}

#[tokio::test]
async fn code_gives_what_python_gives() {
    let cases = [
        ("1 + 1", json!(2)),
        ("x = 41\nx + 1", json!(42)),
        ("x = 5", json!(5)),
        ("x: int = 6", json!(6)),
        ("x = 5\nx += 2", json!(7)),
        ("for i in range(3):\n    pass", Value::Null),
        ("2 ** 100", json!("1267650600228229401496703205376")),
        ("float('inf')", json!("inf")),
        ("0.1 + 0.2", json!(0.30000000000000004)),
        ("f'{3.14159:.2f} {\"a\":>3} {1_000:,}'", json!("3.14   a 1,000")),
        ("[x * x for x in range(4) if x % 2]", json!([1, 9])),
        ("{k: v for k, v in zip('ab', (1, 2))}", json!({"a": 1, "b": 2})),
        ("sorted({3, 1, 2}, reverse=True)", json!([3, 2, 1])),
        ("(1, 'a', None, True)", json!([1, "a", null, true])),
        ("{1: 'a', None: 'b'}", json!({"1": "a", "null": "b"})),
        ("' Hello World '.strip().lower().replace('o', '0').split()", json!(["hell0", "w0rld"])),
        ("import math\nmath.sqrt(16) + math.pi * 0", json!(4.0)),
        ("import json\njson.loads('{\"a\": [1, 2]}')['a'][1]", json!(2)),
        ("import re\nre.findall(r'\\d+', 'a1 b22')", json!(["1", "22"])),
        ("from collections import Counter\nCounter('abca').most_common(1)", json!([["a", 2]])),
        ("import datetime\nstr(datetime.datetime.now())", json!("2026-01-02 03:04:05")),
        (
            "from datetime import datetime, timedelta, timezone\nstr(datetime.now(timezone.utc) + timedelta(days=1))",
            json!("2026-01-03 03:04:05+00:00"),
        ),
        ("from datetime import date\ndate.today().isoformat()", json!("2026-01-02")),
        ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    r = str(e)\nr", json!("division by zero")),
        (
            "class A:\n    def __init__(self, n):\n        self.n = n\n    def twice(self):\n        return self.n * 2\nA(4).twice()",
            json!(8),
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: int = 2\nP(1)",
            json!({"x": 1, "y": 2}),
        ),
        ("def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(15)", json!(610)),
        ("list(n * n for n in range(3))", json!([0, 1, 4])),
        ("with_ = lambda *a, **k: (a, k)\nwith_(1, b=2)", json!([[1], {"b": 2}])),
        ("a, *b = [1, 2, 3]\nb", json!([2, 3])),
        ("echo({'a': [1, 2.5, None, True]})", json!({"a": [1, 2.5, null, true]})),
        ("echo(value='x', times=3)", json!("x")),
        (
            "try:\n    fail('x')\nexcept Exception as e:\n    r = repr(e)\nr",
            json!("RuntimeError('went wrong')"),
        ),
    ];
    for (code, expected) in cases {
        let execution = run(code).await;
        assert_eq!(execution.error, None, "{code}");
        assert_eq!(execution.output.unwrap_or_default(), expected, "{code}");
    }
}

#[tokio::test]
async fn errors_say_what_where_and_what_would_do() {
    use SandboxErrorKind::*;
    let cases = [
        ("x = 1\ny = x / 0", Exception, "at line 2 'y = x / 0' due to: ZeroDivisionError: division by zero"),
        ("print(nothing)", Exception, "NameError: name 'nothing' is not defined"),
        ("x = (", Syntax, "line 1"),
        ("class A(B):\n    pass", Syntax, "this Python does not know class inheritance"),
        ("import requests", Import, "Modules that can be imported: asyncio, base64"),
        ("from os import system", Import, "as it is in the sandbox"),
        ("echo()", Exception, "TypeError: echo(value, times=...) misses: value"),
        ("echo(1, 2, 3)", Exception, "takes 2 arguments, 3 given"),
        ("echo(1, value=2)", Exception, "more than one value for 'value'"),
        ("echo(1, colour=2)", Exception, "echo(value, times=...) has no argument 'colour'"),
        ("fail('arguments')", Exception, "ValueError: not so"),
        ("fail('refused')", Exception, "PermissionError: refused: never"),
        ("final_answer()", Exception, "final_answer() takes 1 argument, 0 given"),
        ("open('/etc/passwd').read()", Exception, "files cannot be opened from code"),
        ("def f():\n    return g()\ndef g():\n    raise ValueError('deep')\nf()", Exception, "at line 4"),
    ];
    for (code, kind, words) in cases {
        let execution = run(code).await;
        let error = execution.error.unwrap_or_else(|| panic!("no error: {code}"));
        assert_eq!(error.kind, kind, "{code}: {error}");
        assert!(error.to_string().contains(words), "{code}: {error}");
    }
}

#[tokio::test]
async fn final_answer_ends_the_run() {
    let cases = [
        ("final_answer(42)\nprint('never')", json!(42), "42"),
        ("final_answer(answer={'a': True})", json!({"a": true}), "{'a': True}"),
        ("final_answer(None)", Value::Null, "None"),
        (
            "try:\n    final_answer('x')\nexcept BaseException:\n    print('caught')\nfinally:\n    print('never')",
            json!("x"),
            "x",
        ),
        ("def f():\n    for i in range(3):\n        final_answer(i)\nf()", json!(0), "0"),
    ];
    for (code, answer, text) in cases {
        let execution = run(code).await;
        assert_eq!(execution.error, None, "{code}");
        assert_eq!(execution.final_answer, Some(answer), "{code}");
        assert_eq!(execution.final_answer_text.as_deref(), Some(text), "{code}");
        assert_eq!(execution.logs, "", "{code}");
    }
}

#[tokio::test]
async fn state_lasts_from_run_to_run_and_not_to_the_next_session() {
    let workers = workers();
    let tools = Tools::default();
    let mut sandbox = workers.sandbox(SandboxLimits::default());
    let first = sandbox
        .run("import math\nx = [1]\ndef f(n):\n    return n / 0\nx.append(2)\nprint('one')", &tools)
        .await;
    assert_eq!((first.logs.as_str(), &first.error), ("one\n", &None));
    assert_eq!(sandbox.run("echo = 3\nmath.floor(2.5) + len(x)", &tools).await.output, Some(json!(4)));
    // A tool whose name was taken is back in the next step.
    assert_eq!(sandbox.run("echo('back')", &tools).await.output, Some(json!("back")));
    // A mistake in a function of an earlier step is told by the line of this one.
    let error = sandbox.run("y = 1\nf(y)", &tools).await.error.unwrap();
    assert_eq!((error.line, error.source_line.as_deref()), (Some(2), Some("f(y)")));
    assert_eq!(sandbox.run("y", &tools).await.output, Some(json!(1)));
    // What a final answer left behind is there too.
    assert_eq!(sandbox.run("z = 9\nfinal_answer(z)", &tools).await.final_answer, Some(json!(9)));
    assert_eq!(sandbox.run("z", &tools).await.output, Some(json!(9)));
    drop(sandbox);
    let error = workers.sandbox(SandboxLimits::default()).run("x", &tools).await.error.unwrap();
    assert_eq!(error.message, "NameError: name 'x' is not defined");
}

#[tokio::test]
async fn printed_text_is_kept_up_to_its_limit() {
    let limits = SandboxLimits { output_bytes: 1_000, ..SandboxLimits::default() };
    let mut sandbox = workers().sandbox(limits);
    let execution =
        sandbox.run("for i in range(100_000):\n    print('line', i)\n'done'", &Tools::default()).await;
    assert_eq!(execution.output, Some(json!("done")));
    assert!(execution.logs.starts_with("line 0\nline 1\n"));
    assert!(execution.logs.contains("[output cut here]"));
    assert!(execution.logs.len() < 1_100, "{}", execution.logs.len());
}

#[tokio::test]
async fn calls_are_counted() {
    let limits = SandboxLimits { calls: 3, ..SandboxLimits::default() };
    let mut sandbox = workers().sandbox(limits);
    let tools = Tools::default();
    let execution = sandbox.run("n = 0\nwhile True:\n    try:\n        echo(n)\n        n += 1\n    except BaseException:\n        pass", &tools).await;
    assert_eq!(execution.error.unwrap().kind, SandboxErrorKind::CallLimit);
    assert_eq!(tools.0.lock().unwrap().len(), 3);
    // The session goes on.
    assert_eq!(sandbox.run("n", &tools).await.output, Some(json!(3)));
}
