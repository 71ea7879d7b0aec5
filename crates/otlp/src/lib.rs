//! OpenTelemetry's own forms, decoded to rows: protobuf and JSON requests of traces, metrics
//! and logs, and span dumps that look like them.
//!
//! Must not know files, folders or runs beyond the resource that names one; what cannot be
//! decoded becomes a note and the rest goes on.

mod attributes;
pub mod json;
mod logs;
mod metric;
mod names;
pub mod notes;
pub mod patch;
mod points;
mod request;
mod request_json;
mod request_proto;
mod span;
mod spans;
mod wire;

use std::collections::BTreeMap;

use smoltrace_model::rows::{PointRow, SpanRow};

pub use attributes::{from_json as attributes_from_json, to_json as attributes_to_json};
pub use logs::LogEvent;
pub use metric::{PointHead, PointValue, point_from_json, point_row, wire_field};
pub use points::SeriesCache;
pub use request::{AttributeBounds, Bounds, Encoding, Refused, Request, Signal, decode_request};
pub use request_json::{resource_logs, resource_metrics, resource_spans};
pub use request_proto::decode;
pub use span::{id, span_from_object, take};

use crate::{
    json::{Object, canonical_object, filled},
    metric::NoPoint,
    notes::{Notes, Spot},
};

/// Everything decoded so far. Rows carry the run id that their resource names, or none; they
/// are not sealed yet.
#[derive(Debug, Default)]
pub struct Telemetry {
    pub spans: Vec<SpanRow>,
    pub points: Vec<PointRow>,
    pub logs: Vec<LogEvent>,
    /// Metric values that are NaN or infinite, by the run id of their resource.
    pub dropped_non_finite: BTreeMap<String, u64>,
    /// Spans, points and log records that are left out, with a note each. Not those of
    /// `dropped_non_finite`.
    pub rejected: u64,
    pub notes: Notes,
    /// What attributes may be; anything when not given.
    pub(crate) attribute_bounds: Option<AttributeBounds>,
}

impl Telemetry {
    /// Makes log records events of the spans here that they name; the rest is counted in a note.
    pub fn attach_logs(&mut self) {
        logs::attach(self);
    }

    /// Spans, points and log records here.
    pub fn items(&self) -> usize {
        self.spans.len() + self.points.len() + self.logs.len()
    }

    /// Says what of `attributes` is past the bounds.
    pub(crate) fn check(&self, attributes: &Object) -> Result<(), String> {
        self.attribute_bounds.map_or(Ok(()), |bounds| bounds.check(attributes))
    }

    /// Keeps a span, or says why not.
    pub(crate) fn add_span(
        &mut self,
        span: Result<span::Span, String>,
        origin: &Origin,
        scope: &str,
        place: &Spot<'_>,
    ) {
        let row = span.and_then(|span| {
            self.check(&span.attributes)?;
            span.into_row(origin, scope)
        });
        match row {
            Ok(row) => self.spans.push(row),
            Err(reason) => self.reject_span(place, &reason),
        }
    }

    /// Leaves a span out.
    pub(crate) fn reject_span(&mut self, place: &Spot<'_>, reason: &str) {
        self.reject(place, format_args!("{reason}; the span is left out"));
    }

    /// Keeps a point, or says why there is none.
    pub(crate) fn add_point(
        &mut self,
        row: Result<PointRow, NoPoint>,
        origin: &Origin,
        place: impl Fn() -> String,
    ) {
        match row {
            Ok(row) => self.points.push(row),
            Err(NoPoint::NotRecorded) => {}
            Err(NoPoint::NonFinite) => {
                *self.dropped_non_finite.entry(origin.run_id.clone()).or_default() += 1;
            }
            Err(NoPoint::Bad(reason)) => {
                self.rejected += 1;
                self.notes.add(format_args!("{}: {reason}; the point is left out", place()));
            }
        }
    }

    /// Keeps a log record, or says why not.
    pub(crate) fn add_log(
        &mut self,
        record: Result<logs::LogRecord, String>,
        origin: &Origin,
        place: &Spot<'_>,
    ) {
        let event = record.and_then(|record| {
            let record = record.gathered();
            self.check(&record.attributes)?;
            Ok(record.into_event(origin))
        });
        match event {
            Ok(record) => self.logs.push(record),
            Err(reason) => self.reject(place, format_args!("{reason}; the log record is left out")),
        }
    }

    fn reject(&mut self, place: &Spot<'_>, reason: impl std::fmt::Display) {
        self.rejected += 1;
        self.notes.at(place, reason);
    }

    pub fn append(&mut self, other: Telemetry) {
        self.spans.extend(other.spans);
        self.points.extend(other.points);
        self.logs.extend(other.logs);
        for (run_id, dropped) in other.dropped_non_finite {
            *self.dropped_non_finite.entry(run_id).or_default() += dropped;
        }
        self.rejected += other.rejected;
        self.notes.extend(other.notes);
    }
}

/// What a resource says of the rows beneath it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Canonical JSON of the resource attributes.
    pub resource: String,
    /// `service.name`, or "unknown".
    pub service: String,
    /// `run.id`, else `service.instance.id`, else `service.name`; empty when none is given.
    pub run_id: String,
}

impl Origin {
    pub fn of(attributes: &Object) -> Self {
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

impl Origin {
    /// With the service's name as the run where the resource names none.
    pub(crate) fn named(mut self) -> Self {
        if self.run_id.is_empty() {
            self.run_id = self.service.clone();
        }
        self
    }
}

/// Canonical JSON of an instrumentation scope: `{name, version, attributes?}`.
pub fn scope_json(name: &str, version: &str, attributes: Object) -> String {
    let mut scope = Object::new();
    scope.insert("name".into(), name.into());
    scope.insert("version".into(), version.into());
    if !attributes.is_empty() {
        scope.insert("attributes".into(), attributes.into());
    }
    canonical_object(&scope)
}

/// A wire time as Unix ns; one past the year 2262 is refused.
pub fn nanos(time: u64) -> Result<i64, String> {
    i64::try_from(time).map_err(|_| format!("time {time} is past the year 2262"))
}
