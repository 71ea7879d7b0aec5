//! The tools as an agent calls them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use smoltrace_eval::{
    tool::{ToolError, ToolSet},
    tools::{
        GROUPS, McpServer, McpTransport, OFFERS, Processes, SearchProvider, SearchSettings, SecurityProfile,
        ToolsConfig, ToolsError, evaluate, names,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::sandbox::{NOW_UNIX_NANO, workers};

/// A configuration of the given tools under the standard profile.
pub fn config(enabled: &str) -> ToolsConfig {
    ToolsConfig {
        enabled: vec![enabled.into()],
        profile: SecurityProfile::Standard,
        ..ToolsConfig::new(workers(), Arc::new(|| NOW_UNIX_NANO))
    }
}

/// Calls a tool.
pub async fn call(tools: &ToolSet, name: &str, arguments: Value) -> Result<String, ToolError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let answer = tools.call(name, arguments, Duration::from_secs(20)).await?;
    Ok(answer.as_str().map_or_else(|| answer.to_string(), str::to_owned))
}

/// A server on loopback that answers each request by a function of its text.
pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut text = Vec::new();
                    let mut buffer = [0; 4096];
                    while !is_whole(&text) {
                        match stream.read(&mut buffer).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => text.extend_from_slice(&buffer[..read]),
                        }
                    }
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let answer = answer(&text);
                    seen.lock().unwrap().push(text);
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// Head and body are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.parse().unwrap());
    body.len() >= length
}

/// An answer with a body.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

#[tokio::test]
async fn three_tools_are_always_there_and_reach_nothing() {
    let tools = ToolsConfig::new(workers(), Arc::new(|| NOW_UNIX_NANO)).build().await.unwrap();
    let names: Vec<&str> = tools.specs().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["get_weather", "calculator", "get_current_time"]);
    for (name, arguments, expected) in [
        (
            "get_weather",
            json!({"location": "Paris, France"}),
            "Weather in Paris, France: 20°C, Partly Cloudy (simulated)",
        ),
        ("get_weather", json!({"location": "Nowhere"}), "Weather in Nowhere: 22°C, Clear (simulated)"),
        ("calculator", json!({"expression": "(25 * 4) + 10"}), "Result: 110"),
        ("get_current_time", json!({}), "Current time in UTC: 2026-01-02 03:04:05"),
        ("get_current_time", json!({"timezone": null}), "Current time in UTC: 2026-01-02 03:04:05"),
        ("get_current_time", json!({"timezone": "EST"}), "Current time in EST: 2026-01-01 22:04:05"),
        (
            "get_current_time",
            json!({"timezone": "asia/tokyo"}),
            "Current time in asia/tokyo: 2026-01-02 12:04:05",
        ),
        (
            "get_current_time",
            json!({"timezone": "UTC+5:30"}),
            "Current time in UTC+5:30: 2026-01-02 08:34:05",
        ),
    ] {
        assert_eq!(call(&tools, name, arguments).await.as_deref(), Ok(expected));
    }
    for (name, arguments, expected) in [
        ("get_weather", json!({}), "get_weather needs \"location\"; it takes: location"),
        ("get_weather", json!({"city": "Paris"}), "get_weather has no argument \"city\"; it takes: location"),
        ("get_weather", json!({"location": ["Paris"]}), "\"location\" must be text, not [\"Paris\"]"),
        ("calculator", json!({"expression": "1/0"}), "error calculating: division by zero"),
        (
            "get_current_time",
            json!({"timezone": "Mars"}),
            "no timezone is named \"Mars\"; give UTC, a name such as Europe/Paris, or an offset such as +02:00",
        ),
    ] {
        assert_eq!(call(&tools, name, arguments).await, Err(ToolError::Arguments(expected.into())));
    }
}

#[test]
fn arithmetic_is_pythons() {
    for (expression, expected) in [
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("7 / 2", "3.5"),
        ("6 / 2", "3.0"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("7 % -3", "-2"),
        ("-7.5 % 2", "0.5"),
        ("2 ** 10", "1024"),
        ("2 ** -1", "0.5"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("2 ** 100", "1267650600228229401496703205376"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("1e22", "1e+22"),
        ("1_000 * 3", "3000"),
        ("sqrt(16)", "4.0"),
        ("math.sqrt(2)", "1.4142135623730951"),
        ("round(2.5)", "2"),
        ("round(3.14159, 2)", "3.14"),
        ("max(1, 2.5, 2)", "2.5"),
        ("abs(-3)", "3"),
        ("floor(-1.5) + ceil(1.2)", "0"),
        ("1 ** 4000000000", "1"),
    ] {
        assert_eq!(evaluate(expression).as_deref(), Ok(expected), "{expression}");
    }
    for (expression, expected) in [
        ("", "the expression ends too early"),
        ("1 +", "the expression ends too early"),
        ("1 / 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("2 ^ 3", "'^' is not known; powers are written **"),
        ("(1", "a ')' is missing"),
        ("1 2", "'2' is not expected there"),
        ("os", "only numbers and arithmetic are allowed, not \"os\""),
        ("__import__('os')", "'_' is not expected there"),
        ("eval(1)", "no function \"eval\" takes 1 numbers"),
        ("9 ** 9 ** 9", "the result is too large"),
        ("1e400", "the result is too large"),
        ("10 ** 5000", "the result is too large"),
        ("sqrt(-1)", "the result is not a number"),
    ] {
        assert_eq!(evaluate(expression), Err(expected.into()), "{expression}");
    }
    assert!(evaluate(&"(".repeat(900)).unwrap_err().contains("nested deeper"));
    assert!(evaluate(&"-".repeat(900)).unwrap_err().contains("nested deeper"));
    assert!(evaluate(&"1+".repeat(900)).unwrap_err().contains("longer than"));
}

#[tokio::test]
async fn tools_are_asked_for_by_name_and_by_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = config("");
    all.enabled = OFFERS.iter().map(|offer| offer.name.to_owned()).collect();
    all.working_directory = Some(folder.path().into());
    let tools = all.build().await.unwrap();
    // Both searches are one tool to the model.
    assert_eq!(tools.specs().count(), 3 + OFFERS.len() - 1);
    for spec in tools.specs() {
        assert!(spec.description.len() > 20 && spec.parameters()["type"] == "object", "{}", spec.name);
        assert!(spec.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", spec.name);
    }
    for (_, members) in GROUPS {
        assert!(members.iter().all(|member| OFFERS.iter().any(|offer| offer.name == *member)));
    }
    let listed = |enabled: &str| {
        let mut config = config(enabled);
        config.working_directory = Some(folder.path().into());
        async move {
            let tools = config.build().await.unwrap();
            tools.specs().skip(3).map(|spec| spec.name.clone()).collect::<Vec<_>>().join(",")
        }
    };
    assert_eq!(listed("grep, read_file,calculator").await, "read_file,grep");
    assert_eq!(listed("text,sort").await, "grep,sed,sort,head_tail");
    assert_eq!(listed("web_search").await, "web_search");

    let error = |config: ToolsConfig| async move { config.build().await.err().unwrap() };
    assert!(matches!(error(config("rm")).await, ToolsError::Unknown(name) if name == "rm"));
    assert!(error(config("rm")).await.to_string().ends_with(&names().join(", ")));
    assert!(matches!(error(config("user_input")).await, ToolsError::UserInput));
    assert!(matches!(error(config("grep")).await, ToolsError::NoWorkingDirectory(name) if name == "grep"));
    let mut missing = config("grep");
    missing.working_directory = Some(folder.path().join("no"));
    assert!(matches!(error(missing).await, ToolsError::WorkingDirectory { .. }));
    let mut keyless = config("google_search");
    keyless.search.provider = SearchProvider::Brave;
    assert!(error(keyless).await.to_string().contains("BRAVE_API_KEY"));
}

#[tokio::test]
async fn files_are_read_written_listed_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config("files,text");
    config.working_directory = Some(folder.path().into());
    let tools = &config.build().await.unwrap();
    let call = |name: &'static str, arguments: Value| call(tools, name, arguments);

    let log = "INFO start\nERROR disk full\nINFO retry 10\nerror again\nINFO retry 9\n";
    assert_eq!(
        call("write_file", json!({"file_path": "logs/app.log", "content": log})).await.unwrap(),
        format!("Wrote file: logs/app.log\nSize: {0} bytes\nContent length: {0} characters", log.len())
    );
    call("write_file", json!({"file_path": "logs/app.log", "content": "INFO é\n", "mode": "append"}))
        .await
        .unwrap();
    let all = format!("{log}INFO é\n");
    assert_eq!(
        call("read_file", json!({"file_path": "./logs/../logs/app.log"})).await.unwrap(),
        format!("File: ./logs/../logs/app.log\nSize: {} bytes\n\n{all}", all.len())
    );
    // Also by the absolute path, if it is one into the folder.
    let absolute = folder.path().canonicalize().unwrap().join("logs/app.log");
    assert!(call("read_file", json!({"file_path": absolute})).await.unwrap().contains("disk full"));
    std::fs::write(folder.path().join("latin"), b"caf\xe9").unwrap();
    assert!(
        call("read_file", json!({"file_path": "latin"})).await.unwrap_err().to_string().contains("not utf-8")
    );
    assert!(
        call("read_file", json!({"file_path": "latin", "encoding": "latin-1"}))
            .await
            .unwrap()
            .ends_with("café")
    );
    call("write_file", json!({"file_path": "b.py", "content": "print(1)"})).await.unwrap();
    assert_eq!(
        call("list_directory", json!({"directory_path": "."})).await.unwrap(),
        "Directory: .\nTotal items: 3\n\n[DIR]  logs/\n[FILE] b.py (8 bytes)\n[FILE] latin (4 bytes)"
    );
    assert!(
        call("list_directory", json!({"directory_path": ".", "pattern": "*.p?"}))
            .await
            .unwrap()
            .contains("items: 1")
    );
    assert_eq!(
        call("search_files", json!({"directory": ".", "pattern": "**/*.log"})).await.unwrap(),
        "Found 1 files matching \"**/*.log\" in .:\nlogs/app.log"
    );
    assert_eq!(
        call("search_files", json!({"directory": ".", "pattern": "DISK full", "search_type": "content"}))
            .await
            .unwrap(),
        "Found 1 files matching \"DISK full\" in .:\nlogs/app.log"
    );
    for (arguments, expected) in [
        (json!({"pattern": "ERROR"}), "2:ERROR disk full"),
        (
            json!({"pattern": "error", "case_insensitive": true, "line_numbers": false}),
            "ERROR disk full\nerror again",
        ),
        (
            json!({"pattern": "disk", "context_before": 1, "context_after": "1"}),
            "1-INFO start\n2:ERROR disk full\n3-INFO retry 10",
        ),
        (json!({"pattern": "INFO", "invert_match": true}), "2:ERROR disk full\n4:error again"),
        (json!({"pattern": "INFO", "count_only": true}), "4 matching lines in logs/app.log"),
        (json!({"pattern": "nothing"}), "No matches found for \"nothing\" in logs/app.log"),
    ] {
        let mut arguments = arguments;
        arguments["file_path"] = "logs/app.log".into();
        assert_eq!(call("grep", arguments).await.as_deref(), Ok(expected));
    }
    call("write_file", json!({"file_path": "n", "content": "b 2\na 10\nb 2\nB 1\n10\n9\n"})).await.unwrap();
    for (command, expected) in [
        ("s/2/two/", "b two\na 10\nb two\nB 1\n10\n9\n"),
        ("s#\\([a-z]\\)#x#", "b 2\na 10\nb 2\nB 1\n10\n9\n"),
        ("s/([a-z]) ([0-9]+)/\\2 \\1 [&] $1/", "2 b [b 2] $1\n10 a [a 10] $1\n2 b [b 2] $1\nB 1\n10\n9\n"),
        ("s/b/c/gi", "c 2\na 10\nc 2\nc 1\n10\n9\n"),
        ("/b/d", "a 10\nB 1\n10\n9\n"),
        ("2,3p", "a 10\nb 2\n"),
        ("$p", "9\n"),
        ("1d", "a 10\nb 2\nB 1\n10\n9\n"),
    ] {
        assert_eq!(
            call("sed", json!({"file_path": "n", "command": command})).await.as_deref(),
            Ok(expected),
            "{command}"
        );
    }
    for command in ["", "s/a", "s/a/b/e", "w /etc/passwd", "r n", "1e", "/a/w x", "sx"] {
        let error = call("sed", json!({"file_path": "n", "command": command})).await.unwrap_err();
        assert!(matches!(error, ToolError::Arguments(_)), "{command}: {error}");
    }
    for (arguments, expected) in [
        (json!({}), "10\n9\nB 1\na 10\nb 2\nb 2\n"),
        (json!({"unique": true, "reverse": true}), "b 2\na 10\nB 1\n9\n10\n"),
        (json!({"numeric": true}), "B 1\na 10\nb 2\nb 2\n9\n10\n"),
        (json!({"case_insensitive": true, "output_file": "sorted"}), "Wrote 6 lines to sorted"),
    ] {
        let mut arguments = arguments;
        arguments["file_path"] = "n".into();
        assert_eq!(call("sort", arguments).await.as_deref(), Ok(expected));
    }
    assert_eq!(call("head_tail", json!({"file_path": "sorted", "lines": 2})).await.as_deref(), Ok("10\n9"));
    assert_eq!(
        call("head_tail", json!({"file_path": "sorted", "mode": "tail", "lines": 1})).await.as_deref(),
        Ok("b 2")
    );
}

#[tokio::test]
async fn system_tools_tell_what_there_is() {
    let mut config = config("system");
    config.environment = [("LANG", "C.UTF-8"), ("PATH", "/nowhere:/bin:/usr/bin")]
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let tools = &config.build().await.unwrap();
    let call = |name: &'static str, arguments: Value| call(tools, name, arguments);
    assert_eq!(call("env", json!({"action": "get", "name": "LANG"})).await.as_deref(), Ok("LANG=C.UTF-8"));
    call("env", json!({"action": "set", "name": "MODE", "value": "dry"})).await.unwrap();
    assert!(
        call("env", json!({"action": "list", "filter_pattern": "mo"}))
            .await
            .unwrap()
            .starts_with("MODE=dry\n(0 ")
    );
    assert!(std::env::var("MODE").is_err());
    assert!(call("which", json!({"command": "sh"})).await.unwrap().ends_with("/sh"));
    assert!(call("which", json!({"command": "no-such-command"})).await.is_err());
    let listed = call("ps", json!({"limit": 500, "sort_by": "pid"})).await.unwrap();
    assert!(
        listed.lines().any(|line| line.trim_start().starts_with(&format!("{} ", std::process::id()))),
        "{listed}"
    );
}

#[tokio::test]
async fn python_runs_in_the_sandbox() {
    let tools = config("python").build().await.unwrap();
    let code = |code: &str| json!({"code": code});
    assert_eq!(
        call(&tools, "python_interpreter", code("print('a')\n6 * 7")).await.as_deref(),
        Ok("Stdout:\na\n\nOutput: 42")
    );
    let error = call(&tools, "python_interpreter", code("1/0")).await.unwrap_err();
    assert!(error.to_string().contains("ZeroDivisionError"), "{error}");
}

#[tokio::test]
async fn pages_are_fetched_and_made_text() {
    let server = Server::start(|request| {
        let page = "<html><head><title>T</title><script>var x = 1;</script></head><body><h1>Head</h1><p>One \
                    <a href='/x'>two</a> three.</p><ul><li>item</li></ul></body></html>";
        match request.split(' ').nth(1).unwrap() {
            "/page" => answer("200 OK", &[("content-type", "text/html; charset=utf-8")], page.as_bytes()),
            "/moved" => answer("302 Found", &[("location", "/page")], b""),
            "/post" => answer("201 Created", &[("content-type", "application/json")], b"{\"ok\":true}"),
            "/zip" => answer("200 OK", &[("content-type", "application/zip")], b"PK"),
            _ => answer("404 Not Found", &[], b"no"),
        }
    })
    .await;
    let mut config = config("web,curl,ping");
    config.network.allow = vec![server.address];
    let tools = &config.build().await.unwrap();
    let call = |name: &'static str, arguments: Value| call(tools, name, arguments);
    for path in ["/page", "/moved"] {
        let text = call("visit_webpage", json!({"url": server.url(path)})).await.unwrap();
        assert!(text.contains("# Head") && text.contains("One [two]") && text.contains("* item"), "{text}");
        assert!(!text.contains("var x") && !text.contains('<'), "{text}");
    }
    assert!(
        call("visit_webpage", json!({"url": server.url("/zip")}))
            .await
            .unwrap_err()
            .to_string()
            .contains("not text")
    );
    assert!(
        call("visit_webpage", json!({"url": server.url("/no")}))
            .await
            .unwrap_err()
            .to_string()
            .contains("404")
    );
    let post =
        json!({"url": server.url("/post"), "method": "post", "headers": {"X-A": "b"}, "body": "hello"});
    let text = call("curl", post).await.unwrap();
    assert!(text.starts_with("Status: 201 Created\n") && text.ends_with("{\"ok\":true}"), "{text}");
    let request = server.requests.lock().unwrap().last().unwrap().to_lowercase();
    assert!(
        request.starts_with("post /post") && request.contains("x-a: b\r\n") && request.ends_with("hello")
    );
    let moved = json!({"url": server.url("/moved"), "follow_redirects": false});
    assert!(call("curl", moved).await.unwrap().starts_with("Status: 302 Found\n"));
    let text = call("ping", json!({"host": server.address.to_string(), "count": 2})).await.unwrap();
    assert!(text.contains("Attempts: 2, answered: 2, lost: 0%"), "{text}");
}

#[tokio::test]
async fn searches_of_every_provider_read_alike() {
    let server = Server::start(|request| {
        let body = match request.split([' ', '?']).nth(1).unwrap() {
            "/duckduckgo" => {
                "<table><tr><td><a rel='nofollow' href=\"//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.com%2Fa&amp;rut=1\" \
                 class='result-link'>The <b>title</b></a></td></tr><tr><td class='result-snippet'>A &amp; B</td></tr></table>"
            }
            "/serper" => r#"{"organic": [{"title": "The title", "link": "https://example.com/a", "snippet": "A & B"}]}"#,
            "/brave" => r#"{"web": {"results": [{"title": "The title", "url": "https://example.com/a", "description": "A & B"}]}}"#,
            _ => r#"{"results": [{"title": "The title", "url": "https://example.com/a", "content": "A & B"}]}"#,
        };
        answer("200 OK", &[], body.as_bytes())
    })
    .await;
    for (name, key) in
        [("duckduckgo", None), ("serper", Some("K")), ("brave", Some("K")), ("tavily", Some("K"))]
    {
        let mut config = config("google_search");
        config.network.allow = vec![server.address];
        config.search = SearchSettings {
            provider: SearchProvider::from_name(name).unwrap(),
            key: key.map(str::to_owned),
            endpoint: Some(server.url(&format!("/{name}")).parse().unwrap()),
        };
        let tools = config.build().await.unwrap();
        let found = call(&tools, "web_search", json!({"query": "a b&c"})).await;
        assert_eq!(
            found.as_deref(),
            Ok("## Search Results\n\n[The title](https://example.com/a)\nA & B"),
            "{name}"
        );
        assert!(!format!("{:?}", config.search).contains('K'));
    }
    assert!(server.requests.lock().unwrap()[0].starts_with("GET /duckduckgo?q=a+b%26c "));
}

#[test]
fn mcp_servers_are_named() {
    for (text, prefix) in [
        ("http://h/mcp", None),
        ("Docs-1=https://h/mcp?a=b", Some("docs_1")),
        ("https://h/?x=http://y", None),
    ] {
        assert_eq!(
            McpServer::from_url(text, McpTransport::Auto).unwrap().prefix.as_deref(),
            prefix,
            "{text}"
        );
    }
    for text in ["", "x=", "ftp://h", "x=file:///etc/passwd", "h"] {
        assert!(McpServer::from_url(text, McpTransport::Auto).is_err(), "{text}");
    }
    let server = McpServer::from_command("db=uvx 'my server' --flag=\"a b\"").unwrap();
    assert_eq!(server.prefix.as_deref(), Some("db"));
    assert_eq!(format!("{:?}", server.address), r#"Command(["uvx", "my server", "--flag=a b"])"#);
    assert!(McpServer::from_command("a 'b").is_err());
}

#[tokio::test]
async fn kill_ends_what_was_started_for_the_tools() {
    let mut child = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
    let pid = child.id().unwrap();
    let mut config = config("kill");
    config.processes = Processes::default();
    let tools = config.build().await.unwrap();
    let error = call(&tools, "kill", json!({"pid": pid})).await.unwrap_err();
    assert!(matches!(error, ToolError::Refused(_)), "{error}");
    config.processes.register(pid);
    assert_eq!(
        call(&tools, "kill", json!({"pid": pid})).await.as_deref(),
        Ok(format!("Sent SIGTERM to process {pid}").as_str())
    );
    assert!(!child.wait().await.unwrap().success());
}
