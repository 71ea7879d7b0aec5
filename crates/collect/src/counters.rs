//! What the receivers did, for `/metrics`.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use smoltrace_otlp::Signal;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfSignal {
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfCause {
    signal: &'static str,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfTransport {
    transport: &'static str,
}

/// Counts of the receivers. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Counters {
    accepted: Family<OfSignal, Counter>,
    rejected: Family<OfCause, Counter>,
    refused: Family<OfCause, Counter>,
    bytes: Family<OfSignal, Counter>,
    pub(crate) in_work: Gauge,
    pub(crate) held_bytes: Gauge,
    connections: Family<OfTransport, Gauge>,
    seconds: Family<OfSignal, Histogram>,
}

impl Counters {
    /// Counts that are shown by `registry`.
    pub fn new(registry: &mut Registry) -> Self {
        // 0.5 ms to 16 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let this = Self {
            accepted: Family::default(),
            rejected: Family::default(),
            refused: Family::default(),
            bytes: Family::default(),
            in_work: Gauge::default(),
            held_bytes: Gauge::default(),
            connections: Family::default(),
            seconds: Family::new_with_constructor(histogram),
        };
        let registry = registry.sub_registry_with_prefix("smoltrace_otlp");
        let mut add = |name: &str, help: &str, metric: Family<OfSignal, Counter>| {
            registry.register(name, help, metric);
        };
        add("accepted_items", "Spans, data points and log records that are stored", this.accepted.clone());
        add("received_bytes", "Bytes of request bodies as sent", this.bytes.clone());
        registry.register(
            "rejected_items",
            "Spans, data points and log records that were left out of requests that were stored otherwise",
            this.rejected.clone(),
        );
        registry.register("refused_requests", "Requests of which nothing was stored", this.refused.clone());
        registry.register("requests_in_work", "Requests being decoded and stored", this.in_work.clone());
        registry.register("held_bytes", "Bytes of request bodies in memory", this.held_bytes.clone());
        registry.register("connections", "Open connections", this.connections.clone());
        registry.register(
            "request_seconds",
            "Time from the last byte of a request to its durable answer",
            this.seconds.clone(),
        );
        this
    }

    pub(crate) fn accepted(&self, signal: Signal, items: u64) {
        self.accepted.get_or_create(&OfSignal { signal: signal.as_str() }).inc_by(items);
    }

    pub(crate) fn rejected(&self, signal: Signal, cause: &'static str, items: u64) {
        if items > 0 {
            self.rejected.get_or_create(&OfCause { signal: signal.as_str(), cause }).inc_by(items);
        }
    }

    pub(crate) fn refused(&self, signal: Signal, cause: &'static str) {
        self.refused.get_or_create(&OfCause { signal: signal.as_str(), cause }).inc();
    }

    pub(crate) fn bytes(&self, signal: Signal, bytes: u64) {
        self.bytes.get_or_create(&OfSignal { signal: signal.as_str() }).inc_by(bytes);
    }

    pub(crate) fn seconds(&self, signal: Signal, seconds: f64) {
        self.seconds.get_or_create(&OfSignal { signal: signal.as_str() }).observe(seconds);
    }

    pub(crate) fn connection(&self, transport: &'static str, change: i64) {
        self.connections.get_or_create(&OfTransport { transport }).inc_by(change);
    }
}
