//! How each table is laid out: sort order, statistics, bloom filters and Delta schema.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use arrow::datatypes::{DataType, Field, SchemaRef};
use serde_json::{Value, json};
use smoltrace_model::rows::{EventRow, PointRow, ResultRow, RunRow, SpanRow, TableRow};

use crate::table::ACTIONS;

/// Version of the layout, kept in each table; a table of a higher one is refused.
pub(crate) const LAYOUT_VERSION: u64 = 1;
/// Table property that holds [`LAYOUT_VERSION`].
pub(crate) const LAYOUT_PROPERTY: &str = "smoltrace.layoutVersion";

/// How a table knows a row again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Rows with the same `row_id` in a run are the same row. `time` is the column of the time at
    /// which it happened, Unix ns.
    Content { time: &'static str },
    /// Rows are versions of what these columns name within a run; a version is written only when
    /// its `row_id` differs from the newest one.
    Versioned(&'static [&'static str]),
}

/// How many tables there are.
pub(crate) const TABLES: usize = 5;

// Places of the tables in `LAYOUTS`.
pub(crate) const SPANS: usize = 0;
pub(crate) const POINTS: usize = 1;
pub(crate) const EVENTS: usize = 2;
pub(crate) const RESULTS: usize = 3;
pub(crate) const RUNS: usize = 4;

/// One of the tables.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) schema: SchemaRef,
    pub(crate) identity: Identity,
    /// Order of rows within a file.
    pub(crate) sort: &'static [&'static str],
    /// Columns with minimum and maximum in the log and on every page.
    pub(crate) stats: &'static [&'static str],
    /// Columns with a bloom filter in every row group.
    pub(crate) bloom: &'static [&'static str],
    /// Columns whose values hardly ever repeat, where a dictionary only costs.
    pub(crate) unique: &'static [&'static str],
}

/// The tables in the order in which a group is committed: a run's row comes last, so that it
/// implies its data.
pub(crate) static LAYOUTS: LazyLock<[Arc<Layout>; TABLES]> = LazyLock::new(|| {
    [
        Layout {
            name: SpanRow::TABLE,
            schema: SpanRow::schema(),
            identity: Identity::Content { time: "start_time_unix_nano" },
            sort: &["run_id", "trace_id", "start_time_unix_nano", "span_id"],
            stats: &["run_id", "trace_id", "start_time_unix_nano", "end_time_unix_nano"],
            bloom: &["run_id", "trace_id"],
            unique: &["span_id", "attributes", "row_id"],
        },
        Layout {
            name: PointRow::TABLE,
            schema: PointRow::schema(),
            identity: Identity::Content { time: "time_unix_nano" },
            sort: &["run_id", "metric", "series_id", "time_unix_nano"],
            stats: &["run_id", "metric", "time_unix_nano"],
            bloom: &["run_id"],
            unique: &["detail", "row_id"],
        },
        Layout {
            name: EventRow::TABLE,
            schema: EventRow::schema(),
            identity: Identity::Content { time: "time_unix_nano" },
            sort: &["run_id", "trace_id", "span_id", "time_unix_nano"],
            stats: &["run_id", "trace_id", "time_unix_nano"],
            bloom: &["run_id", "trace_id"],
            unique: &["event", "row_id"],
        },
        Layout {
            name: ResultRow::TABLE,
            schema: ResultRow::schema(),
            identity: Identity::Versioned(&["test_uid", "attempt"]),
            sort: &["run_id", "test_uid", "attempt", "version"],
            stats: &["run_id", "test_uid", "trace_id"],
            bloom: &["run_id", "trace_id"],
            unique: &["row_id"],
        },
        Layout {
            name: RunRow::TABLE,
            schema: RunRow::schema(),
            identity: Identity::Versioned(&[]),
            sort: &["run_id", "version"],
            stats: &["run_id"],
            bloom: &["run_id"],
            unique: &["row_id"],
        },
    ]
    .map(Arc::new)
});

impl Layout {
    /// Whether each page of a file says what the least and the greatest value of a column are. What rows are sorted by last,
    /// among those that are alike in all else, goes up and down in every page.
    pub(crate) fn has_bounds(&self, column: &str) -> bool {
        let (_last, sorted) = self.sort.split_last().expect("every layout sorts by something");
        self.stats.contains(&column) || sorted.contains(&column)
    }

    /// The commit that makes an empty table, as JSON lines.
    pub(crate) fn creation(&self, table_id: &str, now_ms: i64) -> String {
        let configuration = json!({
            LAYOUT_PROPERTY: LAYOUT_VERSION.to_string(),
            "delta.dataSkippingStatsColumns": self.stats.join(","),
        });
        let metadata = json!({ "metaData": {
            "id": table_id,
            "name": format!("smoltrace {}", self.name),
            "format": { "provider": "parquet", "options": {} },
            "schemaString": self.delta_schema().to_string(),
            "partitionColumns": [],
            "configuration": configuration,
            "createdTime": now_ms,
        }});
        let info = json!({ "commitInfo": {
            "timestamp": now_ms, "operation": "CREATE TABLE",
            "engineInfo": concat!("smoltrace/", env!("CARGO_PKG_VERSION")),
            ACTIONS: 3,
        }});
        let protocol = json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } });
        let mut lines = String::new();
        for action in [info, protocol, metadata] {
            let _ = writeln!(lines, "{action}");
        }
        lines
    }

    fn delta_schema(&self) -> Value {
        let fields: Vec<Value> = self.schema.fields().iter().map(|field| delta_field(field)).collect();
        json!({ "type": "struct", "fields": fields })
    }
}

fn delta_field(field: &Field) -> Value {
    json!({
        "name": field.name(), "type": delta_type(field.data_type()),
        "nullable": field.is_nullable(), "metadata": {},
    })
}

/// The types that rows are made of; a new one in the model must be added here.
fn delta_type(data_type: &DataType) -> Value {
    match data_type {
        DataType::Utf8 => json!("string"),
        DataType::Int64 => json!("long"),
        DataType::Float64 => json!("double"),
        DataType::Boolean => json!("boolean"),
        DataType::List(item) => json!({
            "type": "array", "elementType": delta_type(item.data_type()), "containsNull": item.is_nullable(),
        }),
        other => unreachable!("no row has a column of type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_column_exists_and_every_type_is_known() {
        for layout in LAYOUTS.iter() {
            let keys = match layout.identity {
                Identity::Content { .. } => &[],
                Identity::Versioned(keys) => keys,
            };
            for column in [layout.sort, layout.stats, layout.bloom, layout.unique, keys].concat() {
                assert!(layout.schema.column_with_name(column).is_some(), "{}.{column}", layout.name);
            }
            let lines = layout.creation("id", 0);
            let metadata: Value = serde_json::from_str(lines.lines().nth(2).unwrap()).unwrap();
            let schema: Value =
                serde_json::from_str(metadata["metaData"]["schemaString"].as_str().unwrap()).unwrap();
            assert_eq!(schema["fields"].as_array().unwrap().len(), layout.schema.fields().len());
        }
    }
}
