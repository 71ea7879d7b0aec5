//! Table **points**: the long form of every numeric metric point.

use super::{string_enum, table_row};

string_enum! {
    /// OpenTelemetry data type of the metric the point belongs to.
    pub enum Instrument {
        #[default]
        Gauge = "gauge",
        Sum = "sum",
        Histogram = "histogram",
        ExponentialHistogram = "exponential_histogram",
        Summary = "summary",
    }
}

string_enum! {
    /// OpenTelemetry aggregation temporality; a sum that does not say is cumulative.
    pub enum Temporality {
        #[default]
        Unspecified = "unspecified",
        Delta = "delta",
        Cumulative = "cumulative",
    }
}

table_row! {
    /// One point of one series. A point that is not there was not measured; 0 is a measured zero.
    pub struct PointRow in "points" {
        /// Run the point belongs to.
        pub run_id: String,
        /// `service.name`, or "unknown".
        pub service: String,
        /// Metric name as emitted.
        pub metric: String,
        /// Unit as emitted (UCUM), empty when not given.
        pub unit: String,
        /// Data type.
        pub instrument: Instrument,
        /// Temporality of a sum or histogram.
        pub temporality: Temporality,
        /// Whether a sum only grows.
        pub monotonic: bool,
        /// `gpu_id` attribute; null on a host-level series.
        pub gpu_id: Option<String>,
        /// `gpu_name` attribute.
        pub gpu_name: Option<String>,
        /// JSON object of the point's attributes.
        pub attributes: String,
        /// JSON object of the resource attributes.
        pub resource: String,
        /// JSON object `{name, version}` of the instrumentation scope.
        pub scope: String,
        /// 32 hex digits: hash of resource, scope, metric and point attributes.
        pub series_id: String,
        /// Unix ns; null when not given (0 on the wire).
        pub start_time_unix_nano: Option<i64>,
        /// Unix ns; 0 when not given.
        pub time_unix_nano: i64,
        /// The value; the sum of a histogram or summary.
        pub value: f64,
        /// JSON of what a single number cannot carry (buckets, quantiles, exemplars).
        pub detail: Option<String>,
        /// Content hash of the row; equal rows are the same row.
        pub row_id: String,
    }
}
