//! Telemetry in, rows out: receives OTLP over gRPC and HTTP, and samples power.
//!
//! Must not know where the rows go: a [`Sink`] takes them and says when they are durable, and only
//! then is the client told so. Every byte is untrusted; every bound is in [`Limits`].

mod counters;
mod limits;
mod otlp;
pub mod power;
mod receiver;
mod series_limit;
mod sink;

pub use counters::Counters;
pub use limits::Limits;
pub use otlp::{Listeners, serve};
pub use receiver::Receiver;
pub use sink::{Received, Sink, SinkError};
