//! The published metrics dataset, 13 columns, back to points.
//!
//! Writers fill what was not measured with 0.0, so a zero may be either. The rule, per GPU:
//! - null was not measured;
//! - a column that is 0 in every row was not measured;
//! - total memory and temperature are never 0, so there 0 was not measured;
//! - a counter that was above 0 cannot be 0 again: there 0 was not measured;
//! - a row whose gauges are all 0 has no measured gauge;
//! - any other 0 is a measured zero.

use std::collections::BTreeMap;

use serde_json::Value;
use smoltrace_model::{
    gpus::GpuMetric,
    rows::{Instrument, PointRow, Temporality},
};

use crate::{
    json::{Object, canonical_object, filled, integer, number},
    notes::{Notes, Spot},
    otlp::{Origin, PointHead, PointValue, point_row, scope_json},
    runs::Content,
};

/// Rows as read.
#[derive(Debug, Default)]
pub(super) struct MetricsRows {
    rows: Vec<Row>,
    /// Rows without a time.
    timeless: u64,
}

#[derive(Debug)]
struct Row {
    service: String,
    /// Unix ns.
    time: i64,
    gpu_id: Option<String>,
    gpu_name: Option<String>,
    /// In the order of [`GpuMetric::ALL`].
    values: [Option<f64>; 7],
}

impl MetricsRows {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn append(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.timeless += other.timeless;
    }

    pub(super) fn add(&mut self, object: Object, _place: &Spot<'_>) {
        let values = GpuMetric::ALL
            .map(|metric| object.get(metric.column()).and_then(number).filter(|v| v.is_finite()));
        match object.get("timestamp_unix_nano").and_then(integer).filter(|time| *time > 0) {
            Some(time) => self.rows.push(Row {
                service: filled(object.get("service_name")).unwrap_or_else(|| "unknown".into()),
                time,
                gpu_id: filled(object.get("gpu_id")),
                gpu_name: filled(object.get("gpu_name")),
                values,
            }),
            // SMOLTRACE's row of zeros for a run without a GPU has no time, and says nothing.
            None if values.iter().all(|value| value.unwrap_or(0.0) == 0.0) => {}
            None => self.timeless += 1,
        }
    }

    pub(super) fn content(&self, content: &mut Content) {
        for row in &self.rows {
            let values = row.values.map(|value| value.map_or(String::new(), |v| v.to_bits().to_string()));
            let gpu = row.gpu_id.as_deref().unwrap_or_default();
            content.add(&["metrics", &row.service, &row.time.to_string(), gpu, &values.join(",")]);
        }
    }

    /// The points, by the rule above.
    pub(super) fn into_points(mut self, run_id: &str, notes: &mut Notes) -> Vec<PointRow> {
        if self.timeless > 0 {
            notes
                .add(format_args!("{} rows of metrics have no timestamp_unix_nano; left out", self.timeless));
        }
        self.rows.sort_by_key(|row| row.time);
        let mut gpus: BTreeMap<(Option<String>, String), Vec<Row>> = BTreeMap::new();
        for row in self.rows {
            gpus.entry((row.gpu_id.clone(), row.service.clone())).or_default().push(row);
        }
        let mut points = Vec::new();
        for ((_, service), rows) in gpus {
            let origin = Origin { resource: resource(run_id, &service), service, run_id: run_id.to_owned() };
            of_gpu(&origin, &rows, &mut points);
        }
        points
    }
}

fn resource(run_id: &str, service: &str) -> String {
    let mut resource = Object::new();
    resource.insert("run.id".into(), run_id.into());
    resource.insert("service.name".into(), service.into());
    canonical_object(&resource)
}

fn of_gpu(origin: &Origin, rows: &[Row], points: &mut Vec<PointRow>) {
    let scope = scope_json("", "", Object::new());
    let idle = |row: &Row| {
        let gauges = GpuMetric::ALL.iter().zip(row.values).filter(|(metric, _)| !metric.is_counter());
        gauges.map(|(_, value)| value.unwrap_or(0.0)).all(|value| value == 0.0)
    };
    for (index, metric) in GpuMetric::ALL.into_iter().enumerate() {
        if rows.iter().all(|row| row.values[index].unwrap_or(0.0) == 0.0) {
            continue;
        }
        let head = PointHead {
            metric: metric.name().into(),
            unit: metric.unit().into(),
            instrument: if metric.is_counter() { Instrument::Sum } else { Instrument::Gauge },
            temporality: if metric.is_counter() { Temporality::Cumulative } else { Temporality::Unspecified },
            monotonic: metric.is_counter(),
        };
        let mut counted = false;
        for row in rows {
            let Some(value) = row.values[index] else { continue };
            let missing = match metric {
                GpuMetric::Co2Emissions | GpuMetric::PowerCost => counted,
                GpuMetric::MemoryTotal | GpuMetric::Temperature => true,
                GpuMetric::Utilization | GpuMetric::MemoryUsed | GpuMetric::Power => idle(row),
            };
            if value == 0.0 && missing {
                continue;
            }
            counted |= value != 0.0;
            let point = PointValue {
                attributes: attributes(row),
                start: 0,
                time: row.time,
                value,
                detail: Object::new(),
            };
            points.push(point_row(origin, &scope, &head, point));
        }
    }
}

fn attributes(row: &Row) -> Object {
    let mut attributes = Object::new();
    for (name, value) in [("gpu_id", &row.gpu_id), ("gpu_name", &row.gpu_name)] {
        if let Some(value) = value {
            attributes.insert(name.into(), Value::from(value.as_str()));
        }
    }
    attributes
}
