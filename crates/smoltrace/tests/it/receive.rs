//! `smoltrace serve` as OpenTelemetry exporters meet it, and what is in the tables after.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::support::{Smoltrace, fixtures};

/// A server under way; killed when dropped.
pub struct Serving {
    child: Child,
    web: SocketAddr,
    grpc: SocketAddr,
    pub otlp: SocketAddr,
}

impl Serving {
    pub fn start(smoltrace: &Smoltrace, more: &[&str]) -> Self {
        Self::start_at(smoltrace, "127.0.0.1:0", more)
    }

    /// With a library that stands before the system's.
    pub fn start_preloaded(smoltrace: &Smoltrace, library: &Path, more: &[&str]) -> Self {
        let mut command = smoltrace.command(&Self::arguments("127.0.0.1:0", more));
        command.env("LD_PRELOAD", library);
        Self::started(command)
    }

    fn start_at(smoltrace: &Smoltrace, otlp: &str, more: &[&str]) -> Self {
        Self::started(smoltrace.command(&Self::arguments(otlp, more)))
    }

    fn arguments<'a>(otlp: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let addresses =
            ["serve", "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", otlp];
        [&addresses, more].concat()
    }

    /// With so many file descriptors, as `ulimit` takes them.
    fn start_with_files(smoltrace: &Smoltrace, files: &str, more: &[&str]) -> Self {
        let serve = smoltrace.command(&[]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit {files} && exec \"$0\" \"$@\"")])
            .arg(serve.get_program())
            .args(Self::arguments("127.0.0.1:0", more))
            .envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::started(shell)
    }

    fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut find = |name: &str| -> SocketAddr {
            let line = lines.by_ref().map(|line| line.expect("text")).find(|line| line.starts_with(name));
            let line = line.unwrap_or_else(|| panic!("serve ended before it named {name}"));
            line.rsplit('/').next().and_then(|address| address.parse().ok()).expect("an address")
        };
        let (web, grpc, otlp) = (find("TraceMind"), find("OTLP/gRPC"), find("OTLP/HTTP"));
        // To the last line: without a reader the server would end.
        assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("Ctrl-C"))));
        Self { child, web, grpc, otlp }
    }

    fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        ask(self.otlp, &format!("POST {path}"), headers, body).expect("an answer")
    }

    /// What the server counts of itself.
    pub fn own_metrics(&self) -> String {
        let told = ask(self.web, "GET /metrics", "", b"").expect("an answer");
        String::from_utf8(told.body).expect("UTF-8")
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, "Content-Type: application/json\r\n", body.to_string().as_bytes())
    }

    /// Memory of the process, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    pub fn run(&self, run_id: &str) -> Value {
        let answer = ask(self.web, &format!("GET /api/v1/runs/{run_id}"), "", b"").expect("an answer");
        if answer.status == 200 { answer.json()["run"].clone() } else { Value::Null }
    }

    /// Waits until the run is as `wanted`.
    pub fn await_run(&self, run_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let run = self.run(run_id);
            if wanted(&run) {
                return run;
            }
            assert!(Instant::now() < deadline, "never came to be: {run}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends as Ctrl-C does.
    pub fn stop(mut self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// Seconds to wait before the request is sent again.
    pub fn retry_after(&self) -> Option<u64> {
        self.head.lines().find_map(|line| line.strip_prefix("retry-after: "))?.trim().parse().ok()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

fn ask(address: SocketAddr, line: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // A refusal may come, and the connection end, before all is sent.
    let _ = stream.write_all(body);
    read_answer(stream)
}

fn read_answer(mut stream: TcpStream) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if bytes.is_empty() => return Err(error),
        _ => {}
    }
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(split) = split else { return Err(std::io::ErrorKind::UnexpectedEof.into()) };
    let head = String::from_utf8_lossy(&bytes[..split]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head, body: bytes[split + 4..].to_vec() })
}

/// A request of spans, each `(number, tokens)`.
pub fn traces(run_id: &str, spans: &[(u64, u64)]) -> Value {
    let spans: Vec<Value> = spans
        .iter()
        .map(|(number, tokens)| {
            let start = 1_795_000_000_000_000_000 + number * 1_000_000_000;
            json!({
                "traceId": format!("{:032x}", number + 1),
                "spanId": format!("{:016x}", number + 1),
                "name": "chat",
                "kind": 3,
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + 500_000_000).to_string(),
                "attributes": [
                    {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                    {"key": "gen_ai.request.model", "value": {"stringValue": "model-a"}},
                    {"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens.to_string()}},
                ],
            })
        })
        .collect();
    json!({"resourceSpans": [{"resource": resource(run_id), "scopeSpans": [{"spans": spans}]}]})
}

fn resource(run_id: &str) -> Value {
    json!({"attributes": [{"key": "run.id", "value": {"stringValue": run_id}}]})
}

/// A request of points of one gauge: `(second, value)`.
fn metrics(run_id: &str, name: &str, points: &[(u64, Value)]) -> Value {
    let points: Vec<Value> = points
        .iter()
        .map(|(second, value)| {
            let time = 1_795_000_000_000_000_000 + second * 1_000_000_000;
            json!({"timeUnixNano": time.to_string(), "asDouble": value})
        })
        .collect();
    let metric = json!({"name": name, "unit": "1", "gauge": {"dataPoints": points}});
    json!({"resourceMetrics": [{"resource": resource(run_id), "scopeMetrics": [{"metrics": [metric]}]}]})
}

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn a_recorded_request_is_stored_once_however_it_is_packed() {
    let recorded = std::fs::read(fixtures().join("smolagents_otlp/traces.pb")).expect("the recording");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&recorded).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(&recorded[..], 1).expect("memory");

    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &[]);
    for (encoding, body) in [("identity", &recorded), ("gzip", &gzip), ("zstd", &zstd)] {
        let headers = format!("{PROTOBUF}Content-Encoding: {encoding}\r\n");
        let answer = serving.post("/v1/traces", &headers, body);
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]), "{encoding}: {answer:?}");
        assert!(answer.head.contains("content-type: application/x-protobuf"), "{}", answer.head);
    }
    serving.stop();

    let tokens = smoltrace.sql("SELECT total_tokens FROM results ORDER BY 1 DESC");
    assert_eq!(tokens, json!([{"total_tokens": 2200}, {"total_tokens": 1050}]));
    let status = smoltrace.sql("SELECT DISTINCT status FROM runs");
    assert_eq!(status, json!([{"status": "completed"}]));

    // The same file, imported, gives the same spans.
    let imported = Smoltrace::new();
    imported.ok(&["import", fixtures().join("smolagents_otlp/traces.pb").to_str().expect("UTF-8")]);
    let spans = |of: &Smoltrace| {
        of.sql("SELECT trace_id, span_id, kind, total_tokens, attributes FROM spans ORDER BY 1, 2")
    };
    assert_eq!(spans(&smoltrace), spans(&imported));
}

#[test]
fn a_run_is_live_then_sealed_and_opened_again_by_late_data() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &["--seal-after", "2"]);
    let answer = serving.post_json("/v1/traces", &traces("live", &[(1, 100)]));
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let run = serving.await_run("live", |run| run["total_tokens"] == 100);
    assert_eq!((&run["status"], &run["model"]), (&json!("running"), &json!("model-a")));

    let points = metrics("live", "gen_ai.gpu.power", &[(1, json!(150.0)), (2, json!(250.0))]);
    assert_eq!(serving.post_json("/v1/metrics", &points).status, 200);
    // Out of order, and one of them a second time.
    assert_eq!(serving.post_json("/v1/traces", &traces("live", &[(3, 10), (1, 100)])).status, 200);
    let run = serving.await_run("live", |run| run["status"] == "completed");
    assert_eq!((&run["total_tokens"], &run["gpu_power_avg_w"]), (&json!(110), &json!(200.0)));

    assert_eq!(serving.post_json("/v1/traces", &traces("live", &[(2, 1)])).status, 200);
    serving.await_run("live", |run| run["status"] == "running" && run["total_tokens"] == 111);
    serving.await_run("live", |run| run["status"] == "completed" && run["total_tokens"] == 111);
}

#[test]
fn what_a_run_is_called() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &[]);
    let check = |attributes: Value, expected: &str| {
        let pairs: Vec<Value> = attributes
            .as_object()
            .expect("an object")
            .iter()
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
            .collect();
        let mut request = traces("", &[(1, 1)]);
        request["resourceSpans"][0]["resource"]["attributes"] = pairs.into();
        assert_eq!(serving.post_json("/v1/traces", &request).status, 200);
        assert_ne!(serving.run(expected), Value::Null, "{expected}");
    };
    check(json!({"run.id": "r", "service.instance.id": "i", "service.name": "s"}), "r");
    check(json!({"service.instance.id": "i", "service.name": "s"}), "i");
    check(json!({"service.name": "s"}), "s");
    check(json!({"service.name": "unknown_service:python"}), "unknown_service:python");
    check(json!({}), "unknown");
}

#[test]
fn what_cannot_be_stored_is_told_and_the_rest_is() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &["--max-series", "2", "--max-attributes", "3"]);
    let mut request = traces("partial", &[(1, 5), (2, 7)]);
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "".into();
    let told = serving.post_json("/v1/traces", &request).json();
    assert_eq!(told["partialSuccess"]["rejectedSpans"], "1", "{told}");
    assert!(
        told["partialSuccess"]["errorMessage"].as_str().expect("a text").contains("no trace id"),
        "{told}"
    );

    let points = metrics("partial", "m", &[(1, json!("NaN")), (2, json!(2.0))]);
    let told = serving.post_json("/v1/metrics", &points).json();
    assert_eq!(told["partialSuccess"]["rejectedDataPoints"], "1", "{told}");
    assert_eq!(
        serving.post_json("/v1/metrics", &metrics("partial", "n", &[(1, json!(1.0))])).json(),
        json!({})
    );
    let told = serving.post_json("/v1/metrics", &metrics("partial", "o", &[(1, json!(1.0))])).json();
    assert!(
        told["partialSuccess"]["errorMessage"].as_str().expect("a text").contains("limit of 2"),
        "{told}"
    );

    let mut request = traces("partial", &[(3, 5)]);
    let attributes = &mut request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"];
    attributes.as_array_mut().expect("a list").push(json!({"key": "one more", "value": {"boolValue": true}}));
    let told = serving.post_json("/v1/traces", &request).json();
    assert!(
        told["partialSuccess"]["errorMessage"].as_str().expect("a text").contains("the limit is 3"),
        "{told}"
    );

    let counted = serving.own_metrics();
    for line in [
        "smoltrace_otlp_accepted_items_total{signal=\"traces\"} 1",
        "smoltrace_otlp_accepted_items_total{signal=\"metrics\"} 2",
        "smoltrace_otlp_rejected_items_total{signal=\"metrics\",cause=\"non_finite\"} 1",
        "smoltrace_otlp_rejected_items_total{signal=\"metrics\",cause=\"series_limit\"} 1",
        "smoltrace_store_queued_rows 0",
    ] {
        assert!(counted.contains(line), "{line} is not in\n{counted}");
    }
    serving.stop();
    let rows = smoltrace
        .sql("SELECT (SELECT count(*) FROM spans) AS spans, (SELECT count(*) FROM points) AS points");
    assert_eq!(rows, json!([{"spans": 1, "points": 2}]));
}

/// A log record about a span of [`traces`].
fn log(number: u64, name: &str, attributes: Value) -> Value {
    let attributes: Vec<Value> = attributes
        .as_object()
        .expect("an object")
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    json!({
        "traceId": format!("{:032x}", number + 1),
        "spanId": format!("{:016x}", number + 1),
        "timeUnixNano": (1_795_000_000_100_000_000 + number * 1_000_000_000).to_string(),
        "eventName": name,
        "attributes": attributes,
    })
}

#[test]
fn events_become_messages_and_scores_of_their_span() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &["--seal-after", "2"]);
    let logs = |records: &[Value]| json!({"resourceLogs": [{"resource": resource("events"), "scopeLogs": [{"logRecords": records}]}]});
    let score =
        |label: &str| json!({"gen_ai.evaluation.name": "answer", "gen_ai.evaluation.score.label": label});
    let said = log(1, "gen_ai.user.message", json!({"content": "<b>20 degrees?</b>"}));
    let passed = log(1, "gen_ai.evaluation.result", score("pass"));
    let other = log(1, "http.request", json!({}));
    let mut apart = log(1, "gen_ai.choice", json!({}));
    apart.as_object_mut().expect("an object").remove("spanId");

    // Before their span, and twice.
    for _ in 0..2 {
        let told = serving
            .post_json("/v1/logs", &logs(&[said.clone(), passed.clone(), other.clone(), apart.clone()]));
        assert_eq!(told.json()["partialSuccess"]["rejectedLogRecords"], "2", "{told:?}");
    }
    assert_eq!(serving.post_json("/v1/traces", &traces("events", &[(1, 5), (2, 7)])).status, 200);
    let run = serving.await_run("events", |run| run["successful_tests"] == 1);
    assert_eq!((&run["failed_tests"], &run["unscored_tests"]), (&json!(0), &json!(1)));
    // After it was sealed.
    serving.await_run("events", |run| run["status"] == "completed");
    let failed = log(2, "gen_ai.evaluation.result", score("fail"));
    assert_eq!(serving.post_json("/v1/logs", &logs(&[failed])).json(), json!({}));
    serving.await_run("events", |run| run["status"] == "completed" && run["failed_tests"] == 1);

    let path = format!("/api/v1/runs/events/traces/{:032x}/spans/{:016x}", 2, 2);
    let answer = ask(serving.web, &format!("GET {path}"), "", b"").expect("an answer");
    let names: Vec<Value> = answer.json()["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["name"].clone())
        .collect();
    assert_eq!(names.len(), 2, "{answer:?}");
    assert!(
        names.contains(&json!("gen_ai.user.message")) && names.contains(&json!("gen_ai.evaluation.result"))
    );
    serving.stop();
    let kept = smoltrace.sql("SELECT count(*) AS n FROM events");
    assert_eq!(kept, json!([{"n": 3}]));
}

#[test]
fn bad_requests_get_clear_answers() {
    let smoltrace = Smoltrace::new();
    let limits =
        ["--max-body", "64KiB", "--max-decoded", "128KiB", "--max-items", "4", "--read-timeout", "1"];
    let serving = Serving::start(&smoltrace, &limits);
    let check = |line: &str, headers: &str, body: &[u8], status: u16, part: &str| {
        let answer = ask(serving.otlp, line, headers, body).expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{line}: {text}");
        assert!(text.contains(part), "{line}: `{part}` is not in {text}");
    };
    let large = vec![b' '; 100 << 10];
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 10 << 20]).expect("memory");
    let bomb = bomb.finish().expect("memory");
    let five = traces("r", &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]).to_string();

    check("POST /v1/traces", JSON, b"{\"resourceSpans\": [", 400, "not an OTLP request in JSON");
    check("POST /v1/traces", JSON, b"[]", 400, "not an OTLP request in JSON");
    check("POST /v1/traces", PROTOBUF, b"\x0a\xff", 400, "cut off");
    check("POST /v1/traces", "Content-Type: text/plain\r\n", b"", 415, "application/x-protobuf");
    let of_page = |origin: &str| format!("{JSON}Origin: {origin}\r\n");
    for origin in ["http://attacker.example:4318", "https://127.0.0.1.attacker.example", "null", "\u{e9}"] {
        check("POST /v1/traces", &of_page(origin), b"{}", 403, "web pages may not");
    }
    for origin in ["http://localhost:7860", "http://127.0.0.1", "http://[::1]:3000"] {
        assert_eq!(serving.post("/v1/traces", &of_page(origin), b"{}").status, 200, "{origin}");
    }
    check("POST /v1/traces", &format!("{JSON}Content-Encoding: br\r\n"), b"{}", 415, "gzip, zstd");
    check("POST /v1/traces", &format!("{JSON}Content-Encoding: gzip\r\n"), b"{}", 400, "decompressed");
    check(
        "POST /v1/traces",
        &format!("{JSON}Content-Encoding: gzip\r\n"),
        &bomb,
        413,
        "unpacks to more than",
    );
    check("POST /v1/traces", JSON, &large, 413, "more than 65536 bytes");
    check("POST /v1/traces", JSON, five.as_bytes(), 413, "more than 4 spans");
    check("POST /v1/profiles", JSON, b"{}", 404, "/v1/traces");
    check("GET /v1/traces", JSON, b"", 405, "POST");
    // Empty requests are fine.
    check("POST /v1/traces", JSON, b"{}", 200, "{}");
    check("POST /v1/metrics", PROTOBUF, b"", 200, "");

    // One byte at a time is cut off, and meanwhile others are served.
    let mut slow = TcpStream::connect(serving.otlp).expect("a connection");
    let head = format!("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: 1000\r\n\r\n{{");
    slow.write_all(head.as_bytes()).expect("a listener");
    check("POST /v1/traces", JSON, b"{}", 200, "{}");
    slow.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
}

/// Ten gigabytes in ten megabytes: as many gzip members, one after the other.
#[test]
fn a_bomb_does_not_fill_the_memory() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &[]);
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![b' '; 64 << 20]).expect("memory");
    let bomb = member.finish().expect("memory").repeat(160);
    for headers in [JSON, PROTOBUF] {
        let answer = serving.post("/v1/traces", &format!("{headers}Content-Encoding: gzip\r\n"), &bomb);
        assert_eq!(answer.status, 413, "{answer:?}");
    }
    let memory = serving.resident_bytes();
    assert!(memory < 512 << 20, "{memory} bytes");
    assert_eq!(serving.post_json("/v1/traces", &traces("run", &[(1, 1)])).status, 200);
}

/// More than the sockets between them hold, so that the end of the connection would cut the request off.
#[test]
fn a_client_that_is_turned_away_while_it_sends_hears_so() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &["--max-memory", "64KiB"]);
    let body = vec![b' '; 15 << 20];
    for _ in 0..5 {
        let answer = serving.post("/v1/traces", JSON, &body);
        assert_eq!(answer.status, 429, "{answer:?}");
        assert!(answer.retry_after().is_some(), "{answer:?}");
    }
    assert_eq!(serving.post_json("/v1/traces", &traces("run", &[(1, 1)])).status, 200);
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    // As many as they are, enough when the limit is raised, and too few.
    for files in ["-n", "-Sn 128", "-n 512"] {
        let smoltrace = Smoltrace::new();
        let serving = Serving::start_with_files(&smoltrace, files, &["--read-timeout", "2"]);
        let connect = |number: usize| {
            let address = if number.is_multiple_of(2) { serving.otlp } else { serving.grpc };
            let mut stream = TcpStream::connect(address).expect("a connection");
            // Some say the beginning of something.
            if number.is_multiple_of(3) {
                let _ = stream.write_all(b"P");
            }
            stream
        };
        let idle: Vec<TcpStream> = (0..1000).map(connect).collect();
        let answer = serving.post_json("/v1/traces", &traces("idle", &[(1, 1)]));
        assert_eq!((answer.status, answer.json()), (200, json!({})), "ulimit {files}");
        drop(idle);
        serving.stop();
    }
}

/// Tells the other threads when this one fails, or they would wait for ever.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// Clients that send until they are told that it is stored, while the server is killed again and again.
#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    const KILLS: u64 = 100;
    let smoltrace = Smoltrace::new();
    let first = Serving::start(&smoltrace, &[]);
    let address = first.otlp;
    let serving = Mutex::new(Some(first));
    let done = AtomicBool::new(false);
    let sent = AtomicU64::new(0);
    let stored = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let send = |path: &str, body: &Value| {
        let body = body.to_string();
        while !ask(address, &format!("POST {path}"), JSON, body.as_bytes())
            .is_ok_and(|answer| answer.status == 200)
        {
            assert!(!failed.load(Ordering::Acquire), "the test has failed elsewhere");
            std::thread::yield_now();
        }
        stored.fetch_add(1, Ordering::AcqRel);
    };
    std::thread::scope(|scope| {
        for client in 0..3 {
            let (send, sent, done) = (&send, &sent, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    let number = sent.fetch_add(1, Ordering::AcqRel);
                    let run = format!("run-{client}");
                    send("/v1/traces", &traces(&run, &[(2 * number, 1), (2 * number + 1, 1)]));
                    send("/v1/metrics", &metrics(&run, "gen_ai.gpu.power", &[(number, json!(number))]));
                }
            });
        }
        let _told = Told(&failed);
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..KILLS {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // At once, or after some more was stored; and then at any moment of the next request.
            let wanted = stored.load(Ordering::Acquire) + random % 3;
            while stored.load(Ordering::Acquire) < wanted {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(random / 3 % 60));
            let mut serving = serving.lock().expect("no panic");
            // Dropped, that is killed, before the next one starts.
            *serving = None;
            *serving = Some(Serving::start_at(&smoltrace, &address.to_string(), &[]));
        }
        done.store(true, Ordering::Release);
    });
    let serving = serving.into_inner().expect("no panic").expect("a server");
    let sent = sent.into_inner();
    serving.stop();

    let rows = smoltrace.sql(
        "SELECT (SELECT count(*) FROM spans) AS spans, (SELECT count(DISTINCT span_id) FROM spans) AS distinct_spans, \
         (SELECT count(*) FROM points) AS points, (SELECT sum(total_tokens) FROM runs) AS tokens, \
         (SELECT count(DISTINCT status) FROM runs WHERE status = 'completed') AS sealed",
    );
    let spans = 2 * sent;
    let expected =
        json!([{"spans": spans, "distinct_spans": spans, "points": sent, "tokens": spans, "sealed": 1}]);
    assert_eq!(rows, expected);
}
