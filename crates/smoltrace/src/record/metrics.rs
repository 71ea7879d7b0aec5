//! What the store does, for `/metrics`.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::Counter,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use smoltrace_store::{Commit, Observer, Store};

/// Counts of the store's commits.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    commits: Counter,
    failed: Counter,
    written: Counter,
    duplicates: Counter,
    seconds: Histogram,
}

impl StoreMetrics {
    /// Counts that are shown by `registry`.
    pub fn new(registry: &mut Registry) -> Self {
        let this = Self {
            commits: Counter::default(),
            failed: Counter::default(),
            written: Counter::default(),
            duplicates: Counter::default(),
            // 1 ms to 32 s.
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
        };
        let registry = registry.sub_registry_with_prefix("smoltrace_store");
        registry.register("commits", "Group commits", this.commits.clone());
        registry.register("failed_appends", "Appends that could not be committed", this.failed.clone());
        registry.register("written_rows", "Rows written", this.written.clone());
        registry.register("duplicate_rows", "Rows that were there already", this.duplicates.clone());
        registry.register("commit_seconds", "Time of a group commit over all tables", this.seconds.clone());
        this
    }
}

impl Observer for StoreMetrics {
    fn committed(&self, commit: &Commit) {
        self.commits.inc();
        self.failed.inc_by(commit.failed as u64);
        self.written.inc_by(commit.written as u64);
        self.duplicates.inc_by(commit.duplicates as u64);
        self.seconds.observe(commit.took.as_secs_f64());
    }
}

/// Reads the length of the store's queue when asked.
#[derive(Debug)]
pub struct QueueDepth(pub Store);

impl Collector for QueueDepth {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauge = ConstGauge::new(self.0.queued_rows() as i64);
        let help = "Rows that wait to be written";
        let metric =
            encoder.encode_descriptor("smoltrace_store_queued_rows", help, None, gauge.metric_type())?;
        gauge.encode(metric)
    }
}
