//! From error to exit code and message: the one mapping of the binary.

use std::process::ExitCode;

use smoltrace_eval::{
    hub::{HubError, HubErrorKind},
    task::TaskError,
};
use smoltrace_exchange::InputError;
use smoltrace_store::StoreError;

/// Documented in `smoltrace --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    Failure = 1,
    Usage = 2,
    BadInput = 3,
    GatesFailed = 4,
    Partial = 6,
    BelowThreshold = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An argument that is well-formed and still cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Conditions of `compare --fail-if` that were not met.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GatesFailed(pub String);

/// An evaluation that is recorded, and did not end as it was to.
#[derive(Debug, thiserror::Error)]
pub enum Unmet {
    #[error("the run ended before its end: {why}")]
    Partial { why: String },
    #[error("{rate:.2}% of the tests succeeded, fewer than {threshold}%")]
    BelowThreshold { rate: f64, threshold: f64 },
}

/// A command that was run for the user ended so; nothing of ours failed.
#[derive(Debug, thiserror::Error)]
#[error("the command ended with exit code {0}")]
pub struct PassThrough(pub u8);

/// The exit code of the command that was run for the user, if that is what the error tells.
pub fn passed_through(error: &anyhow::Error) -> Option<u8> {
    error.downcast_ref::<PassThrough>().map(|code| code.0)
}

/// The exit code of an error, by what caused it.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if cause.is::<UsageError>() {
            return Exit::Usage;
        }
        if cause.is::<GatesFailed>() {
            return Exit::GatesFailed;
        }
        if cause.is::<InputError>() || cause.is::<TaskError>() {
            return Exit::BadInput;
        }
        if let Some(error) = cause.downcast_ref::<HubError>() {
            return match error.kind {
                HubErrorKind::NoDataset | HubErrorKind::NoRevision | HubErrorKind::NoFiles => Exit::Usage,
                HubErrorKind::TooLarge | HubErrorKind::UnsafeName | HubErrorKind::Nonsense => Exit::BadInput,
                HubErrorKind::Refused | HubErrorKind::Unreachable => Exit::Failure,
            };
        }
        if let Some(unmet) = cause.downcast_ref::<Unmet>() {
            return match unmet {
                Unmet::Partial { .. } => Exit::Partial,
                Unmet::BelowThreshold { .. } => Exit::BelowThreshold,
            };
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return match error {
                StoreError::InvalidQuery { .. } => Exit::Usage,
                _ => Exit::Failure,
            };
        }
    }
    Exit::Failure
}

/// Whether the error is only that the reader of our output went away (`smoltrace ... | head`).
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Prints an error with its causes, and its help when it has one.
pub fn report(error: &anyhow::Error) {
    let mut text = format!("error: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Libraries often repeat their source in their own message.
        if !last.contains(&cause) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause);
        }
        last = cause;
    }
    eprintln!("{text}");
}
