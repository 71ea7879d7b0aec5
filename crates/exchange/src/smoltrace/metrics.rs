//! `metrics.json`: `{run_id, resourceMetrics, aggregates}`, or the bare list of either.

use std::path::Path;

use serde_json::Value;

use super::{Reading, read_file};
use crate::{InputError, json::filled, otlp::resource_metrics, progress::Reporter, stream::Item};

pub(super) fn read(
    reading: &mut Reading,
    path: &Path,
    progress: &mut Reporter<'_>,
) -> Result<(), InputError> {
    read_file(reading, path, progress, |reading, item, file| match item {
        Item::Element { key, index, value } if is_resource_metrics(&key) => {
            resource_metrics(&mut reading.telemetry, value, &file.key(&key).index(index));
        }
        Item::Element { key, value, .. } if key == "aggregates" => reading.aggregates.push(value),
        Item::Top { index, value } => {
            if value.get("scopeMetrics").is_some() || value.get("scope_metrics").is_some() {
                resource_metrics(&mut reading.telemetry, value, &file.index(index));
            } else if let Value::Object(mut object) = value {
                match object.remove("resourceMetrics") {
                    Some(Value::Array(list)) => {
                        for value in list {
                            resource_metrics(&mut reading.telemetry, value, &file.index(index));
                        }
                    }
                    _ => reading.aggregates.push(object.into()),
                }
            } else {
                reading.notes.at(&file.index(index), "is not an object; it is left out");
            }
        }
        Item::Field { key, value } if key == "run_id" => reading.run_ids.metrics = filled(Some(&value)),
        Item::Element { .. } | Item::Field { .. } => {}
    })
}

fn is_resource_metrics(key: &str) -> bool {
    key == "resourceMetrics" || key == "resource_metrics"
}
