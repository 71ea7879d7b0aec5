//! Python module of smoltrace: conversions and errors only.
//!
//! Must not know how a number is made (that is `smoltrace-model`), nor how a row's dict is
//! laid out (that is `smoltrace-exchange`). No clock and no environment: the Python layer
//! passes them in.

use pyo3::prelude::*;

mod errors;
mod leaderboard;
mod metrics;
mod rows;
mod series;
mod value;
mod walk;

/// Small calls are short enough that the system's allocator would be a third of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The compiled part of the `smoltrace` package. What the functions promise is documented in
/// `smoltrace.utils`, which is the public face.
#[pymodule]
mod _native {
    use super::*;
    use pyo3::types::{PyDict, PyList};
    use smoltrace_exchange::smoltrace_dict;
    use smoltrace_model::aggregate;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the attribute's name in Python")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pyfunction]
    fn aggregate_gpu_metrics<'py>(
        py: Python<'py>,
        resource_metrics: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let document = metrics::read(py, resource_metrics, "resource_metrics")?;
        let aggregates = py.detach(|| aggregate::aggregate_gpu_metrics(&document.series));
        rows::aggregates(py, &aggregates)
    }

    #[pyfunction]
    fn flatten_metrics_for_hf<'py>(
        py: Python<'py>,
        metric_data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let document = metrics::read(py, metric_data, "metric_data")?;
        rows::metrics(py, &document)
    }

    #[pyfunction]
    fn flatten_results_for_hf<'py>(
        py: Python<'py>,
        all_results: &Bound<'py, PyAny>,
        model_name: &Bound<'py, PyAny>,
        evaluation_date: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let all_results = leaderboard::all_results(all_results, smoltrace_dict::FLATTENED)?;
        let model_name = model_name.str()?;
        let model_name = model_name.to_string_lossy();
        let fields = &all_results.fields;
        let rows = py
            .detach(|| smoltrace_dict::flatten_results(fields, &model_name, evaluation_date))
            .map_err(errors::dict)?;
        rows::results(py, &rows, &all_results)
    }

    #[pyfunction]
    fn compute_leaderboard_row<'py>(
        py: Python<'py>,
        all_results: &Bound<'py, PyAny>,
        trace_data: &Bound<'py, PyAny>,
        metric_data: &Bound<'py, PyAny>,
        declared: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let inputs = leaderboard::Inputs {
            all_results: leaderboard::all_results(all_results, smoltrace_dict::RANKED)?.fields,
            trace_data: leaderboard::list(trace_data, "trace_data")?,
            metrics: metrics::read(py, metric_data, "metric_data")?,
            declared: leaderboard::declared(declared)?,
        };
        let row = py.detach(|| inputs.row()).map_err(errors::dict)?;
        rows::record(py, &row)
    }
}
