//! Foreign forms in and out: what others wrote becomes rows, rows become what others read.
//!
//! Must not know the store, the server or the terminal. Every input is untrusted: it is read within
//! [`source::ImportLimits`], and what is wrong with it is an [`InputError`].

pub mod error;
pub mod import;
mod json;
mod loose;
mod notes;
mod otlp;
mod patch;
mod progress;
mod smoltrace;
pub mod source;
mod stream;

pub use error::{InputError, InputErrorKind, Place};
pub use source::ImportLimits;
