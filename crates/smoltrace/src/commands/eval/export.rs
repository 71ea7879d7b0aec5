//! Where the environment says that spans are to go as well.

use anyhow::Result;
use smoltrace_eval::export::OtlpExporter;

use crate::{config, exit::UsageError};

/// The exporter that OpenTelemetry's variables ask for.
pub fn exporter() -> Result<Option<OtlpExporter>> {
    let traces = config::variable(&["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]);
    // The endpoint for traces is whole, the general one a base.
    let base = traces.map(|(_, url)| url.trim_end_matches("/v1/traces").to_owned());
    let base = base.or_else(|| config::variable(&["OTEL_EXPORTER_OTLP_ENDPOINT"]).map(|(_, url)| url));
    let Some(base) = base else { return Ok(None) };
    let headers = config::variable(&["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]);
    let headers = headers.map(|(_, headers)| headers).unwrap_or_default();
    let exporter = OtlpExporter::new(&base, &headers);
    exporter.map(Some).map_err(|problem| UsageError(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {problem}")).into())
}
