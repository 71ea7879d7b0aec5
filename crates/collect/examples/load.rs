//! Load for the receivers, measured against prost.
//!
//! ```text
//! load HTTP_ADDRESS SECONDS CONNECTIONS
//! ```
//!
//! First decodes requests with prost on every core and throws them away, then sends the same requests,
//! each with times and ids of its own, to the OTLP/HTTP address and waits for every answer. Prints Markdown rows.

use std::{
    env,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
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
/// Stands where each request has a number of its own.
const MARK: u64 = 0x1122_3344_5566_7700;
const START: u64 = 1_795_000_000_000_000_000;

/// A request as bytes, and where in it the marks stand.
struct Template {
    name: &'static str,
    path: &'static str,
    items: usize,
    body: Vec<u8>,
    marks: Vec<usize>,
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
        // Ids are written as they are, numbers from the small end.
        let at = |mark: [u8; 7], skip: usize| {
            let found = body.windows(7).enumerate().filter(move |(_, window)| *window == mark);
            found.map(move |(at, _)| at - skip).collect::<Vec<_>>()
        };
        let [first @ .., _] = MARK.to_be_bytes();
        let [_, last @ ..] = MARK.to_le_bytes();
        let mut marks = at(first, 0);
        marks.extend(at(last, 1));
        Self { name, path, items, body, marks, decode }
    }

    /// The request with numbers of its own, the same for one `number`.
    fn request(&self, number: u64) -> Vec<u8> {
        let mut body = self.body.clone();
        for (mark, at) in (0_u64..).zip(&self.marks) {
            let unique = START + number * self.marks.len() as u64 + mark;
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
    let span = |number: usize| Span {
        trace_id: [MARK.to_be_bytes(), 7_u64.to_be_bytes()].concat(),
        span_id: MARK.to_be_bytes().to_vec(),
        parent_span_id: 9_u64.to_be_bytes().to_vec(),
        name: "chat gpt-5-mini".into(),
        kind: 3,
        start_time_unix_nano: START + number as u64 * 1_000_000,
        end_time_unix_nano: START + number as u64 * 1_000_000 + 900_000,
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

/// Requests a second that are answered, how often the answer was "later", and the 99th percentile of the time
/// to an answer.
async fn send(
    template: Arc<Template>,
    address: SocketAddr,
    time: Duration,
    connections: u64,
) -> (f64, u64, f64) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (number, later) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let start = Instant::now();
    let clients = (0..connections).map(|_| {
        let (client, template) = (client.clone(), template.clone());
        let (number, later, latencies) = (number.clone(), later.clone(), latencies.clone());
        tokio::spawn(async move {
            while start.elapsed() < time {
                let body = Bytes::from(template.request(number.fetch_add(1, Ordering::Relaxed)));
                let sent = Instant::now();
                loop {
                    let request = Request::post(format!("http://{address}{}", template.path))
                        .header("content-type", "application/x-protobuf")
                        .body(Full::new(body.clone()))
                        .expect("a request");
                    let answer = client.request(request).await.expect("an answer");
                    let status = answer.status().as_u16();
                    let answer = answer.into_body().collect().await.expect("a whole answer").to_bytes();
                    match status {
                        200 => assert!(answer.is_empty(), "partial success: {answer:?}"),
                        429 => {
                            later.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            continue;
                        }
                        _ => panic!("{status}: {}", String::from_utf8_lossy(&answer)),
                    }
                    break;
                }
                latencies.lock().expect("no panic").push(sent.elapsed().as_secs_f64());
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("no panic");
    }
    let elapsed = start.elapsed().as_secs_f64();
    let mut latencies = latencies.lock().expect("no panic");
    latencies.sort_by(f64::total_cmp);
    let p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
    (latencies.len() as f64 / elapsed, later.load(Ordering::Relaxed), p99)
}

fn main() {
    let usage = "usage: load HTTP_ADDRESS SECONDS CONNECTIONS";
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, seconds, connections] = &arguments[..] else { panic!("{usage}") };
    let (address, time) = (address.parse().expect(usage), Duration::from_secs(seconds.parse().expect(usage)));
    let connections = connections.parse().expect(usage);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!(
        "| requests of | bytes | prost alone, items/s | stored, items/s | ratio | p99 | told to come later |"
    );
    println!("|---|---|---|---|---|---|---|");
    for template in [metrics(), spans()] {
        let prost = prost_rate(&template, time.min(Duration::from_secs(5)));
        let (name, items, bytes) = (template.name, template.items, template.body.len());
        let (stored, later, p99) = runtime.block_on(send(Arc::new(template), address, time, connections));
        println!(
            "| {items} {name} | {bytes} | {:.0} | {:.0} | {:.2} | {:.0} ms | {later} |",
            prost * items as f64,
            stored * items as f64,
            stored / prost,
            p99 * 1e3
        );
    }
}
