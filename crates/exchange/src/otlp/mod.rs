//! OpenTelemetry's own forms, decoded to rows: protobuf and JSON requests of traces, metrics
//! and logs, and span dumps that look like them.
//!
//! Must not know files, folders or runs beyond the resource that names one; what cannot be
//! decoded becomes a note and the rest goes on.

mod attributes;
mod json;
mod logs;
mod metric;
mod proto;
mod runs;
mod span;

use std::collections::BTreeMap;

use smoltrace_model::rows::{PointRow, SpanRow};

pub(crate) use attributes::{from_json as attributes_from_json, to_json as attributes_to_json};
pub(crate) use json::{resource_logs, resource_metrics, resource_spans};
pub(crate) use metric::{PointHead, PointValue, point_from_json, point_row, wire_field};
pub(crate) use proto::decode;
pub(crate) use runs::{Content, into_runs, seal};
pub(crate) use span::{id, span_from_object, take};

use crate::{
    json::{Object, canonical_object, filled},
    notes::Notes,
};

/// Everything decoded so far. Rows carry the run id that their resource names, or none; they
/// are not sealed yet.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub spans: Vec<SpanRow>,
    pub points: Vec<PointRow>,
    pub logs: Vec<logs::LogEvent>,
    /// Metric values that are NaN or infinite, by the run id of their resource.
    pub dropped_non_finite: BTreeMap<String, u64>,
    pub notes: Notes,
}

impl Telemetry {
    pub(crate) fn append(&mut self, other: Telemetry) {
        self.spans.extend(other.spans);
        self.points.extend(other.points);
        self.logs.extend(other.logs);
        for (run_id, dropped) in other.dropped_non_finite {
            *self.dropped_non_finite.entry(run_id).or_default() += dropped;
        }
        self.notes.extend(other.notes);
    }
}

/// What a resource says of the rows beneath it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Canonical JSON of the resource attributes.
    pub resource: String,
    /// `service.name`, or "unknown".
    pub service: String,
    /// `run.id`, else `service.instance.id`, else `service.name`; empty when none is given.
    pub run_id: String,
}

impl Origin {
    pub(crate) fn of(attributes: &Object) -> Self {
        let service = filled(attributes.get("service.name"));
        // The SDKs' default for a service without a name says nothing.
        let named = service.clone().filter(|name| !name.starts_with("unknown_service"));
        let run_id = filled(attributes.get("run.id"))
            .or_else(|| filled(attributes.get("service.instance.id")))
            .or(named)
            .unwrap_or_default();
        Self {
            resource: canonical_object(attributes),
            service: service.unwrap_or_else(|| "unknown".into()),
            run_id,
        }
    }
}

/// Canonical JSON of an instrumentation scope: `{name, version, attributes?}`.
pub(crate) fn scope_json(name: &str, version: &str, attributes: Object) -> String {
    let mut scope = Object::new();
    scope.insert("name".into(), name.into());
    scope.insert("version".into(), version.into());
    if !attributes.is_empty() {
        scope.insert("attributes".into(), attributes.into());
    }
    canonical_object(&scope)
}

/// A wire time as Unix ns; one past the year 2262 is refused.
pub(crate) fn nanos(time: u64) -> Result<i64, String> {
    i64::try_from(time).map_err(|_| format!("time {time} is past the year 2262"))
}
