//! One request from its body to its answer, whichever way it came.

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use smoltrace_model::rows::EventRow;
use smoltrace_otlp::{Encoding, LogEvent, Refused, Request, SeriesCache, Signal, decode_request};
use tokio::sync::Semaphore;

use crate::{Counters, Limits, Received, Sink, SinkError, series_limit::SeriesLimit};

/// Bytes of series that are remembered by the bytes that name them.
const SERIES_CACHE_BYTES: usize = 32 << 20;

/// A body of at most so many bytes is decoded where it came in, which takes a millisecond or less. A larger one would keep
/// others waiting: it is handed to a thread of its own, at the price of waking it.
const fn small_bytes(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Protobuf => 512 << 10,
        Encoding::Json => 128 << 10,
    }
}

/// Receives requests. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

struct Inner {
    sink: Arc<dyn Sink>,
    limits: Limits,
    counters: Counters,
    places: Semaphore,
    memory: Arc<Semaphore>,
    series: Mutex<SeriesLimit>,
    cache: SeriesCache,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

/// What a client is told of a request that was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Items left out.
    pub(crate) rejected: u64,
    /// Why; empty when nothing was.
    pub(crate) message: String,
}

/// Why nothing of a request was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It will never be taken.
    Malformed(String),
    TooLarge(String),
    /// A compression or content type that is not known.
    Unsupported(String),
    /// It comes from a web page.
    Forbidden(String),
    /// It did not arrive in time.
    Slow(String),
    /// It may be sent again after a while.
    Busy(Duration, String),
    /// It could not be stored; it may be sent again.
    Failed(Duration, String),
}

impl Refusal {
    fn cause(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLarge(_) => "too_large",
            Self::Unsupported(_) => "unsupported",
            Self::Forbidden(_) => "forbidden",
            Self::Slow(_) => "slow",
            Self::Busy(..) => "busy",
            Self::Failed(..) => "storage",
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed(cause) => Self::Malformed(cause),
            Refused::TooLarge(cause) => Self::TooLarge(cause),
        }
    }
}

impl Receiver {
    pub fn new(sink: Arc<dyn Sink>, limits: Limits, counters: Counters) -> Self {
        let inner = Inner {
            places: Semaphore::new(limits.requests),
            memory: Arc::new(Semaphore::new(limits.memory_bytes.min(Semaphore::MAX_PERMITS))),
            series: Mutex::new(SeriesLimit::new(limits.series, limits.counted_runs)),
            cache: SeriesCache::new(SERIES_CACHE_BYTES),
            sink,
            limits,
            counters,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    fn no_memory(&self) -> Refusal {
        self.busy("requests in work fill the memory set aside for them")
    }

    /// Counts the bytes of requests in memory against their limit.
    pub(crate) fn memory(&self) -> Held {
        Held { receiver: self.clone(), bytes: 0, ahead: 0 }
    }

    /// Counts a request that is refused.
    pub(crate) fn refuse(&self, signal: Signal, refusal: Refusal) -> Refusal {
        let cause = refusal.cause();
        self.inner.counters.refused(signal, cause);
        tracing::debug!(signal = signal.as_str(), cause, ?refusal, "request refused");
        refusal
    }

    fn busy(&self, cause: &str) -> Refusal {
        Refusal::Busy(self.inner.limits.retry_after, cause.into())
    }

    /// Decodes a request and stores what is in it. Returns when that is durable.
    pub(crate) async fn receive(
        &self,
        signal: Signal,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Accepted, Refusal> {
        let inner = &self.inner;
        let place = tokio::time::timeout(inner.limits.wait, inner.places.acquire()).await;
        let _place = place.map_err(|_| self.busy("too many requests are being stored"))?;
        let _in_work = InWork::new(&inner.counters);
        let start = Instant::now();
        let this = self.clone();
        let small = body.len() <= small_bytes(encoding);
        let decode = move || this.decode(signal, encoding, &body);
        let decoded = if small {
            panic::catch_unwind(AssertUnwindSafe(decode)).ok()
        } else {
            tokio::task::spawn_blocking(decode).await.ok()
        };
        let decoded = decoded.ok_or_else(|| Refusal::Malformed("the request cannot be decoded".into()))??;
        let items = decoded.received.len() as u64;
        if items > 0 {
            inner.sink.store(decoded.received).await.map_err(|error| match error {
                SinkError::Busy { retry_after, cause } => Refusal::Busy(retry_after, cause),
                SinkError::Failed(cause) => {
                    tracing::warn!(signal = signal.as_str(), %cause, "received rows could not be stored");
                    Refusal::Failed(inner.limits.retry_after, cause)
                }
            })?;
        }
        inner.counters.accepted(signal, items);
        for (cause, items) in decoded.rejected {
            inner.counters.rejected(signal, cause, items);
        }
        inner.counters.seconds(signal, start.elapsed().as_secs_f64());
        let rejected = decoded.rejected.iter().map(|(_, items)| items).sum();
        Ok(Accepted { rejected, message: decoded.message })
    }

    fn decode(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Decoded, Refusal> {
        let Inner { limits, cache, .. } = &*self.inner;
        let request = decode_request(signal, encoding, body, &limits.bounds, cache)?;
        let Request { spans, mut points, logs, dropped_non_finite, rejected, notes } = request;
        let mut message = notes.into_lines();
        if dropped_non_finite > 0 {
            message.push(format!("{dropped_non_finite} values are NaN or infinite"));
        }
        let mut series = self.inner.series.lock().unwrap_or_else(PoisonError::into_inner);
        let past_limit = series.apply(&mut points) as u64;
        drop(series);
        if past_limit > 0 {
            let most = self.inner.limits.series;
            message.push(format!("{past_limit} points are of a series past the limit of {most} in a run"));
        }
        let records = logs.len();
        let events: Vec<EventRow> =
            logs.into_iter().filter_map(LogEvent::into_row).map(EventRow::sealed).collect();
        let apart = (records - events.len()) as u64;
        if apart > 0 {
            message.push(format!(
                "{apart} log records are no gen_ai events of a span; other records are not kept"
            ));
        }
        Ok(Decoded {
            received: Received { spans, points, events },
            rejected: [
                ("malformed", rejected),
                ("non_finite", dropped_non_finite),
                ("series_limit", past_limit),
                ("other_log", apart),
            ],
            message: message.join("; "),
        })
    }
}

struct Decoded {
    received: Received,
    /// Items left out, by cause.
    rejected: [(&'static str, u64); 4],
    message: String,
}

/// Bytes of a request that count against the memory of all, until it is dropped.
pub(crate) struct Held {
    receiver: Receiver,
    bytes: usize,
    /// Those that are not in memory yet.
    ahead: usize,
}

impl Held {
    /// Waits until so many bytes are set aside for what is to come.
    pub(crate) async fn set_aside(&mut self, bytes: usize) -> Result<(), Refusal> {
        let inner = &self.receiver.inner;
        let bytes = bytes.min(inner.limits.memory_bytes);
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(inner.limits.wait, inner.memory.acquire_many(count)).await;
        permit.ok().and_then(Result::ok).ok_or_else(|| self.receiver.no_memory())?.forget();
        self.hold(bytes);
        self.ahead += bytes;
        Ok(())
    }

    /// Adds to what is held, unless it was set aside before.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), Refusal> {
        let known = bytes.min(self.ahead);
        self.ahead -= known;
        let count = u32::try_from(bytes - known).unwrap_or(u32::MAX);
        let permit = self.receiver.inner.memory.try_acquire_many(count);
        permit.map_err(|_| self.receiver.no_memory())?.forget();
        self.hold(bytes - known);
        Ok(())
    }

    fn hold(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.receiver.inner.counters.held_bytes.inc_by(bytes as i64);
    }

    /// Holds nothing any more.
    pub(crate) fn release(&mut self) {
        self.receiver.inner.memory.add_permits(self.bytes);
        self.receiver.inner.counters.held_bytes.dec_by(self.bytes as i64);
        (self.bytes, self.ahead) = (0, 0);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// One request in work, until it is dropped.
struct InWork<'a>(&'a Counters);

impl<'a> InWork<'a> {
    fn new(counters: &'a Counters) -> Self {
        counters.in_work.inc();
        Self(counters)
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.0.in_work.dec();
    }
}
