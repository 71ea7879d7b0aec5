//! Foreign forms in and out: what others wrote becomes rows, rows become what others read.
//!
//! Must not know the store, the server or the terminal. Every input is untrusted: it is read within
//! [`source::ImportLimits`], and what is wrong with it is an [`InputError`].

pub mod error;
pub mod export;
mod frame;
pub mod import;
mod loose;
pub mod metrics_json;
mod parquet;
mod progress;
mod record;
mod runs;
mod smoltrace;
pub mod smoltrace_dict;
pub mod source;
mod stream;

// What both this crate and the receiver read OpenTelemetry with.
use smoltrace_otlp::{self as otlp, json, notes, patch};

pub use error::{InputError, InputErrorKind, Place};
pub use parquet::rows as parquet_rows;
pub use source::ImportLimits;
