//! Table **spans**: one row a span, everything it carried kept whole.

use super::{string_enum, table_row};

string_enum! {
    /// Canonical kind of a span, whatever convention named it.
    pub enum SpanKind {
        Agent = "AGENT",
        Step = "STEP",
        Llm = "LLM",
        Tool = "TOOL",
        Chain = "CHAIN",
        Retriever = "RETRIEVER",
        Embedding = "EMBEDDING",
        Evaluation = "EVALUATION",
        #[default]
        Other = "OTHER",
    }
}

string_enum! {
    /// OpenTelemetry status code.
    pub enum SpanStatus {
        #[default]
        Unset = "UNSET",
        Ok = "OK",
        Error = "ERROR",
    }
}

table_row! {
    /// One span. Times are Unix nanoseconds; token counts are those the span itself carries
    /// (a parent may repeat its children's, see the accounting in `usage`).
    pub struct SpanRow in "spans" {
        /// Run the span belongs to.
        pub run_id: String,
        /// 32 lower-case hex digits.
        pub trace_id: String,
        /// 16 lower-case hex digits.
        pub span_id: String,
        /// 16 lower-case hex digits; null on a root.
        pub parent_span_id: Option<String>,
        /// `<agent_type>:<test_id>` when the span itself names a test.
        pub test_uid: Option<String>,
        /// Name as emitted.
        pub name: String,
        /// Canonical kind.
        pub kind: SpanKind,
        /// Unix ns.
        pub start_time_unix_nano: i64,
        /// Unix ns; equals the start when the span never ended.
        pub end_time_unix_nano: i64,
        /// Status code.
        pub status: SpanStatus,
        /// Status description or exception message.
        pub status_message: Option<String>,
        /// `service.name`, or "unknown".
        pub service: String,
        /// Response model, else request model.
        pub model: Option<String>,
        /// Provider of the model.
        pub provider: Option<String>,
        /// Input (prompt) tokens, cached ones included.
        pub input_tokens: Option<i64>,
        /// Output (completion) tokens, reasoning ones included.
        pub output_tokens: Option<i64>,
        /// Total as emitted, else input + output.
        pub total_tokens: Option<i64>,
        /// Part of the input that was read from a cache.
        pub cache_read_tokens: Option<i64>,
        /// Part of the input that was written to a cache.
        pub cache_write_tokens: Option<i64>,
        /// Part of the output spent on reasoning.
        pub reasoning_tokens: Option<i64>,
        /// Cost in USD that the client emitted on this span.
        pub emitted_cost_usd: Option<f64>,
        /// JSON object of all attributes.
        pub attributes: String,
        /// JSON array of events: `{name, time_unix_nano, attributes}`.
        pub events: String,
        /// JSON array of links: `{trace_id, span_id, attributes}`.
        pub links: String,
        /// JSON object of the resource attributes.
        pub resource: String,
        /// JSON object `{name, version, attributes?}` of the instrumentation scope.
        pub scope: String,
        /// Content hash of the row; equal rows are the same row.
        pub row_id: String,
    }
}
