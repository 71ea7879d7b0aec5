//! Metrics from Python, in every form in which they may be given.
//!
//! Must not know how a total is made. Paths and bytes are left to the decoder of metrics
//! files, without the GIL; objects are walked by [`crate::series`].

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMapping, PyMemoryView, PyString};
use smoltrace_exchange::metrics_json::{self, MetricsDocument};

use crate::errors;
use crate::series;
use crate::walk::{describe, is_list};

/// The metrics that an argument stands for; None has none. `name` is the parameter's, for
/// error messages.
pub fn read(py: Python<'_>, argument: &Bound<'_, PyAny>, name: &str) -> PyResult<MetricsDocument> {
    if argument.is_none() {
        return Ok(MetricsDocument::default());
    }
    if is_list(argument) || argument.cast::<PyMapping>().is_ok() {
        return series::document(argument).map_err(|error| errors::walk(name, error));
    }
    let decoded = if let Ok(bytes) = argument.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        py.detach(|| metrics_json::read_slice(bytes))
    } else if let Some(bytes) = copy(argument)? {
        py.detach(|| metrics_json::read_slice(&bytes))
    } else if argument.is_instance_of::<PyString>() || argument.hasattr("__fspath__")? {
        let path: PathBuf = argument.extract()?;
        py.detach(|| metrics_json::read_path(&path))
    } else {
        return Err(PyTypeError::new_err(format!(
            "{name}: expected a dict, a list, a path or bytes, got {}",
            describe(argument)
        )));
    };
    let document = decoded.map_err(errors::input)?;
    errors::warn_of(py, name, &document.left_out)?;
    Ok(document)
}

/// The bytes of what others may change while the GIL is released; none for anything else.
fn copy(argument: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    if let Ok(bytes) = argument.cast::<PyByteArray>() {
        Ok(Some(bytes.to_vec()))
    } else if argument.is_instance_of::<PyMemoryView>() {
        argument.call_method0("tobytes")?.extract().map(Some)
    } else {
        Ok(None)
    }
}
