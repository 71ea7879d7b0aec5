//! What a decoder hands to the accounting: one run, before any number of ours.

use serde::{Deserialize, Serialize};

use crate::rows::{PointRow, ResultRow, SpanRow};

/// Everything known of one run, from whatever form it came in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunInputs {
    pub run_id: String,
    pub declared: Declared,
    /// Where it came from: `smoltrace-json`, `otlp`, `parquet`.
    pub origin: String,
    pub spans: Vec<SpanRow>,
    pub points: Vec<PointRow>,
    /// Executions as declared; the accounted columns are ignored and filled in.
    pub results: Vec<ResultRow>,
    /// NaN and infinite metric values that the decoder dropped.
    pub dropped_non_finite: u64,
}

/// What the source said of itself. Kept in the run row, so that a run can be accounted again
/// from the tables alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Declared {
    /// The source's own leaderboard row, as it was.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub leaderboard_row: serde_json::Map<String, serde_json::Value>,
    /// The source's metadata, as it was.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Trace aggregates (`metrics.json` `aggregates`), as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aggregates: Vec<serde_json::Value>,
    /// Said to be simulated by the source or the importer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Asked for: an estimate of what calls to hosted models used, beside the totals.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimate: bool,
    /// What the importer had to mend or leave out, for a person to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
