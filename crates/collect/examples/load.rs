//! Load for the receivers, measured against prost.
//!
//! ```text
//! load HTTP_ADDRESS SECONDS CONNECTIONS [PACED_SECONDS [points|spans]]
//! ```
//!
//! Decodes requests with prost on every core and throws them away; sends the same requests, each with times and
//! ids of its own, to a server that throws away their bytes, which tells what sending alone takes; sends them to the
//! OTLP/HTTP address and waits for every answer; and sends them once more at 80% of the rate that was reached, for half
//! as long or for the seconds given, over as many connections: what finds none free waits, and its wait counts. Prints
//! Markdown rows.

use std::{
    convert::Infallible,
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;

/// 144 GPUs of seven metrics.
const GPUS: usize = 144;
const SPANS: usize = 512;
/// Spans of a trace: a root and its children.
const TRACE: usize = 16;
/// Stands where each request has a number of its own: the last bytes say which of its numbers.
const MARK: u64 = 0x1122_3344_5500_0000;
const START: u64 = 1_795_000_000_000_000_000;

/// A request as bytes, and where in it the marks stand.
struct Template {
    name: &'static str,
    path: &'static str,
    items: usize,
    body: Vec<u8>,
    /// Places, and which number stands there.
    marks: Vec<(usize, u64)>,
    decode: fn(&[u8]) -> bool,
}

impl Template {
    fn new(
        name: &'static str,
        path: &'static str,
        items: usize,
        body: Vec<u8>,
        decode: fn(&[u8]) -> bool,
    ) -> Self {
        let marks = body.windows(8).enumerate().filter_map(|(at, window)| {
            let number = u64::from_le_bytes(window.try_into().expect("eight bytes"));
            (number & !0xff_ffff == MARK).then_some((at, number - MARK))
        });
        let marks = marks.collect();
        Self { name, path, items, body, marks, decode }
    }

    /// The request with numbers of its own, the same for one `number`.
    fn request(&self, number: u64) -> Vec<u8> {
        let mut body = self.body.clone();
        for (at, nth) in &self.marks {
            let unique = START + number * self.items as u64 + nth;
            body[*at..*at + 8].copy_from_slice(&unique.to_le_bytes());
        }
        body
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn resource() -> Option<Resource> {
    let attributes = vec![
        text("service.name", "load"),
        text("run.id", "load"),
        text("host.name", "bench-host-0001"),
        text("telemetry.sdk.language", "rust"),
    ];
    Some(Resource { attributes, ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "load".into(), version: "1".into(), ..InstrumentationScope::default() })
}

fn metrics() -> Template {
    const METRICS: [(&str, &str, bool); 7] = [
        ("gen_ai.gpu.utilization", "%", false),
        ("gen_ai.gpu.memory.used", "MiB", false),
        ("gen_ai.gpu.memory.total", "MiB", false),
        ("gen_ai.gpu.temperature", "Cel", false),
        ("gen_ai.gpu.power", "W", false),
        ("gen_ai.co2.emissions", "gCO2e", true),
        ("gen_ai.power.cost", "USD", true),
    ];
    let points = || {
        let point = |gpu: usize| NumberDataPoint {
            attributes: vec![text("gpu_id", &gpu.to_string()), text("gpu_name", "NVIDIA H100 80GB HBM3")],
            start_time_unix_nano: START,
            time_unix_nano: MARK,
            value: Some(number_data_point::Value::AsDouble(gpu as f64 + 0.5)),
            ..NumberDataPoint::default()
        };
        (0..GPUS).map(point).collect()
    };
    let metrics = METRICS.iter().map(|(name, unit, counter)| Metric {
        name: (*name).into(),
        unit: (*unit).into(),
        data: Some(match counter {
            true => Data::Sum(Sum { data_points: points(), aggregation_temporality: 2, is_monotonic: true }),
            false => Data::Gauge(Gauge { data_points: points() }),
        }),
        ..Metric::default()
    });
    let scope_metrics =
        vec![ScopeMetrics { scope: scope(), metrics: metrics.collect(), ..ScopeMetrics::default() }];
    let group = ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() };
    let body = ExportMetricsServiceRequest { resource_metrics: vec![group] }.encode_to_vec();
    Template::new("points", "/v1/metrics", GPUS * METRICS.len(), body, |body| {
        ExportMetricsServiceRequest::decode(body).is_ok()
    })
}

fn spans() -> Template {
    let prompt = "Find the three cheapest flights from Paris to Oslo next week and say which of them has the shortest stop. ";
    let mark = |number: usize| (MARK + number as u64).to_le_bytes();
    let span = |number: usize| Span {
        trace_id: [mark(number / TRACE), 7_u64.to_le_bytes()].concat(),
        span_id: mark(number).to_vec(),
        parent_span_id: match number % TRACE {
            0 => Vec::new(),
            child => mark(number - child).to_vec(),
        },
        name: "chat gpt-5-mini".into(),
        kind: 3,
        start_time_unix_nano: MARK + number as u64,
        end_time_unix_nano: MARK + number as u64 + 900_000,
        attributes: vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", "openai"),
            text("gen_ai.request.model", "gpt-5-mini"),
            text("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
            pair("gen_ai.usage.input_tokens", Value::IntValue(1000 + number as i64)),
            pair("gen_ai.usage.output_tokens", Value::IntValue(100)),
            pair("gen_ai.request.temperature", Value::DoubleValue(0.2)),
            text("gen_ai.input.messages", &prompt.repeat(3)),
        ],
        status: Some(Status { code: 1, message: String::new() }),
        ..Span::default()
    };
    let spans = (0..SPANS).map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() };
    let body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
    Template::new("spans", "/v1/traces", SPANS, body, |body| ExportTraceServiceRequest::decode(body).is_ok())
}

/// Requests a second that prost decodes on all cores.
fn prost_rate(template: &Template, time: Duration) -> f64 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    assert!((template.decode)(&template.body));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    done.into_inner() as f64 / start.elapsed().as_secs_f64()
}

/// What came of sending.
#[derive(Default)]
struct Sent {
    /// Of each request when it was due, in seconds since the first, and how long from then to its answer.
    latencies: Vec<(f64, f64)>,
    /// How often the answer was "later".
    later: u64,
}

impl Sent {
    /// The 99th percentile of the time to an answer, in milliseconds.
    fn p99_ms(&self) -> f64 {
        p99_ms(self.latencies.iter().map(|(_, seconds)| *seconds))
    }

    /// That of the requests of each minute.
    fn p99_ms_by_minute(&self) -> Vec<f64> {
        let minute = |due: f64| (due / 60.0) as usize;
        let last = self.latencies.iter().map(|(due, _)| minute(*due)).max();
        let of_minute = |wanted: usize| self.latencies.iter().filter(move |(due, _)| minute(*due) == wanted);
        last.map_or(0..0, |last| 0..last + 1)
            .map(|nth| p99_ms(of_minute(nth).map(|(_, seconds)| *seconds)))
            .collect()
    }
}

fn p99_ms(seconds: impl Iterator<Item = f64>) -> f64 {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() * 99 / 100).copied().unwrap_or_default() * 1e3
}

/// Numbers of requests, each given once in this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Sends one request until it is stored.
async fn send_one(
    client: &Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    template: &Template,
) -> u64 {
    let body = Bytes::from(template.request(NUMBER.fetch_add(1, Ordering::Relaxed)));
    let mut later = 0;
    loop {
        let request = Request::post(format!("http://{address}{}", template.path))
            .header("content-type", "application/x-protobuf")
            .body(Full::new(body.clone()))
            .expect("a request");
        let answer = client.request(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let retry_after =
            answer.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let answer = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        match status {
            200 => {
                assert!(answer.is_empty(), "partial success: {answer:?}");
                return later;
            }
            429 => {
                later += 1;
                // As the exporters of OpenTelemetry do.
                tokio::time::sleep(Duration::from_secs(retry_after.unwrap_or(1))).await;
            }
            _ => panic!("{status}: {}", String::from_utf8_lossy(&answer)),
        }
    }
}

/// Sends requests over so many connections, each no sooner than it is due; returns how many were stored a second.
///
/// A request that finds no connection free waits for one here, and its wait is part of its latency.
async fn send(
    template: Arc<Template>,
    address: SocketAddr,
    connections: u64,
    due: impl Fn(u64) -> Option<Instant> + Send + Sync + 'static,
) -> (f64, Sent) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let shared = Arc::new((due, AtomicU64::new(0), Mutex::new(Sent::default())));
    let start = Instant::now();
    let clients = (0..connections).map(|_| {
        let (client, template, shared) = (client.clone(), template.clone(), shared.clone());
        tokio::spawn(async move {
            let (due, next, sent) = &*shared;
            while let Some(due) = due(next.fetch_add(1, Ordering::Relaxed)) {
                tokio::time::sleep_until(due.into()).await;
                let later = send_one(&client, address, &template).await;
                let mut sent = sent.lock().expect("no panic");
                sent.latencies.push(((due - start).as_secs_f64(), due.elapsed().as_secs_f64()));
                sent.later += later;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("no panic");
    }
    let elapsed = start.elapsed().as_secs_f64();
    let sent = std::mem::take(&mut *shared.2.lock().expect("no panic"));
    (sent.latencies.len() as f64 / elapsed, sent)
}

/// Sends as fast as they are taken.
async fn flood(
    template: Arc<Template>,
    address: SocketAddr,
    time: Duration,
    connections: u64,
) -> (f64, Sent) {
    let start = Instant::now();
    send(template, address, connections, move |_| (start.elapsed() < time).then(Instant::now)).await
}

/// Sends at one rate, whether or not answers keep up with it.
async fn pace(
    template: Arc<Template>,
    address: SocketAddr,
    time: Duration,
    connections: u64,
    a_second: f64,
) -> Sent {
    let start = Instant::now();
    let requests = (time.as_secs_f64() * a_second) as u64;
    let due = move |nth| (nth < requests).then(|| start + Duration::from_secs_f64(nth as f64 / a_second));
    send(template, address, connections, due).await.1
}

/// Where this program is asked to [`throw_away`].
const THROW_AWAY: &str = "--throw-away";

/// Serves as the receivers do, and throws away what comes.
async fn throw_away() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let serve = service_fn(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.expect("a whole body").to_bytes();
        drop(body);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(async move {
            // A client that goes away is no error.
            let _ =
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

/// A process that throws away what comes, until this is dropped.
struct ThrowAway {
    child: Child,
    address: SocketAddr,
}

impl ThrowAway {
    fn start() -> Self {
        let program = env::current_exe().expect("the path of this program");
        let mut child =
            Command::new(program).arg(THROW_AWAY).stdout(Stdio::piped()).spawn().expect("this program again");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        Self { child, address: said.trim().parse().expect("an address") }
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it can be ended");
    }
}

fn main() {
    let usage = "usage: load HTTP_ADDRESS SECONDS CONNECTIONS [PACED_SECONDS [points|spans]]";
    let seconds = |text: &String| Duration::from_secs(text.parse().expect(usage));
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if arguments == [THROW_AWAY] {
        return runtime.block_on(throw_away());
    }
    let [address, time, connections, more @ ..] = &arguments[..] else { panic!("{usage}") };
    let (address, time) = (address.parse().expect(usage), seconds(time));
    let paced_time = more.first().map_or(time / 2, seconds);
    let connections = connections.parse().expect(usage);
    println!(
        "| requests of | bytes | prost alone, items/s | sent alone, items/s | taken, items/s | ratio | p99 | told to come later | p99 at 80% |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut by_minute = Vec::new();
    for template in [metrics(), spans()] {
        if more.get(1).is_some_and(|only| only != template.name) {
            continue;
        }
        let (name, items, bytes) = (template.name, template.items, template.body.len());
        let template = Arc::new(template);
        // Before and after: what else the machine does changes.
        let short = time.min(Duration::from_secs(5));
        let before = prost_rate(&template, short);
        let sink = ThrowAway::start();
        let (sent_alone, _) = runtime.block_on(flood(template.clone(), sink.address, short, connections));
        drop(sink);
        let (taken, sent) = runtime.block_on(flood(template.clone(), address, time, connections));
        let prost = (before + prost_rate(&template, short)) / 2.0;
        let paced = runtime.block_on(pace(template, address, paced_time, connections, taken * 0.8));
        println!(
            "| {items} {name} | {bytes} | {:.0} | {:.0} | {:.0} | {:.2} | {:.0} ms | {} | {:.0} ms |",
            prost * items as f64,
            sent_alone * items as f64,
            taken * items as f64,
            taken / prost,
            sent.p99_ms(),
            sent.later + paced.later,
            paced.p99_ms(),
        );
        if paced_time >= Duration::from_secs(120) {
            let minutes: Vec<String> = paced.p99_ms_by_minute().iter().map(|ms| format!("{ms:.0}")).collect();
            by_minute.push(format!("p99 at 80% with {name}, minute by minute: {} ms", minutes.join(", ")));
        }
    }
    by_minute.iter().for_each(|line| println!("\n{line}"));
}
