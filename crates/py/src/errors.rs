//! Every error that leaves this crate, as the Python exception it becomes.
//!
//! | what is wrong | exception |
//! |---|---|
//! | a file is not there | `FileNotFoundError`, with `errno` and `filename` |
//! | a file may not be read | `PermissionError`, with `errno` and `filename` |
//! | reading failed | `OSError` |
//! | an execution without a test id | `KeyError` |
//! | an unknown purpose | `ValueError` |
//! | single points of a text that cannot be read | a `UserWarning`; the rest counts |
//! | content: cut short, not of a known form, a wrong type inside, too large | `ValueError` |
//! | an argument that is none of the accepted forms | `TypeError` (raised where it is told) |
//!
//! The texts are those of the errors themselves: they name the input, the place and the fix.

use std::ffi::CString;

use pyo3::exceptions::{
    PyFileNotFoundError, PyKeyError, PyOSError, PyPermissionError, PyUserWarning, PyValueError,
};
use pyo3::prelude::*;
use smoltrace_exchange::metrics_json::LeftOut;
use smoltrace_exchange::smoltrace_dict::DictError;
use smoltrace_exchange::{InputError, InputErrorKind};

use crate::walk::WalkError;

/// Error numbers that all systems with Python share.
const ENOENT: i32 = 2;
const EACCES: i32 = 13;

/// A file or bytes that could not be read.
pub fn input(error: InputError) -> PyErr {
    let reason = || match error.help.as_str() {
        "" => error.message.clone(),
        help => format!("{}; {help}", error.message),
    };
    match error.kind {
        InputErrorKind::NotFound => PyFileNotFoundError::new_err((ENOENT, reason(), error.input)),
        InputErrorKind::Permission => PyPermissionError::new_err((EACCES, reason(), error.input)),
        InputErrorKind::Io => PyOSError::new_err(error.to_string()),
        InputErrorKind::Empty
        | InputErrorKind::Syntax
        | InputErrorKind::WrongType
        | InputErrorKind::TooDeep
        | InputErrorKind::TooLarge
        | InputErrorKind::Unrecognised => PyValueError::new_err(error.to_string()),
    }
}

/// An argument that SMOLTRACE refuses too, with the exception that it raises.
pub fn dict(error: DictError) -> PyErr {
    match error {
        DictError::InvalidPurpose(_) => PyValueError::new_err(error.to_string()),
        DictError::MissingKey { .. } => PyKeyError::new_err(error.to_string()),
    }
}

/// A wrong object inside the argument `name`.
pub fn walk(name: &str, error: WalkError) -> PyErr {
    error.into_text(name).map_or_else(|raised| raised, PyValueError::new_err)
}

/// A `UserWarning` where points of the argument `name` could not be read; the rest counts.
pub fn warn_of(py: Python<'_>, name: &str, left_out: &LeftOut) -> PyResult<()> {
    if left_out.bad_points == 0 {
        return Ok(());
    }
    let example = left_out.notes.first().map(|note| format!(", the first {note}")).unwrap_or_default();
    let points = if left_out.bad_points == 1 { "point" } else { "points" };
    let text =
        format!("{name}: {} {points} could not be read and are left out{example}", left_out.bad_points);
    let text = CString::new(text.replace('\0', "\u{fffd}"))?;
    // 2: the line that called the function of the Python layer.
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 2)
}
