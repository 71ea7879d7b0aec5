//! Table **events**: what came apart from its span, such as log records of messages and scores.

use super::table_row;

table_row! {
    /// One event of a span that was not sent with it. Readers of spans see it among the span's own.
    pub struct EventRow in "events" {
        /// Run the event belongs to.
        pub run_id: String,
        /// 32 lower-case hex digits.
        pub trace_id: String,
        /// 16 lower-case hex digits.
        pub span_id: String,
        /// Unix ns.
        pub time_unix_nano: i64,
        /// Name of the event.
        pub name: String,
        /// `service.name`, or "unknown".
        pub service: String,
        /// JSON object as in [`super::SpanRow::events`].
        pub event: String,
        /// Content hash of the row; equal rows are the same row.
        pub row_id: String,
    }
}
