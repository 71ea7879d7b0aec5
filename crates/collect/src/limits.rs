//! What a client may send.

use std::time::Duration;

use smoltrace_otlp::Bounds;

/// Bounds of what is received. Past one of them the client gets an answer that names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of a request as sent.
    pub body_bytes: usize,
    /// Bytes of a request after decompression.
    pub decoded_bytes: usize,
    /// What one request may hold.
    pub bounds: Bounds,
    /// Bytes of all requests that are in memory at once, before and after decompression. More waits, and
    /// is answered with "later" when it comes of a body that is being read already.
    pub memory_bytes: usize,
    /// Requests that are decoded and stored at once. More wait.
    pub requests: usize,
    /// How long a request waits for memory, and for its turn, before it is answered with "later". To turn a
    /// request away takes nearly as long as to store it: when many come again at once, little else would be done.
    pub wait: Duration,
    /// Connections; one more waits until another ends.
    pub connections: usize,
    /// Time in which a request must have arrived.
    pub read_timeout: Duration,
    /// Distinct series of one run. Points of one more are rejected.
    pub series: usize,
    /// Runs whose series are counted at once; those that were used longest ago are forgotten.
    pub counted_runs: usize,
    /// When a client that is turned away should come back.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            decoded_bytes: 32 << 20,
            bounds: Bounds::default(),
            memory_bytes: 64 << 20,
            requests: 256,
            wait: Duration::from_secs(2),
            connections: 4096,
            read_timeout: Duration::from_secs(30),
            series: 100_000,
            counted_runs: 1024,
            retry_after: Duration::from_secs(1),
        }
    }
}
