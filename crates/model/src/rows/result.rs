//! Table **results**: one row a test *execution* (test id x agent type x attempt).

use super::{Source, table_row};

table_row! {
    /// One execution of one test, scored by whoever ran it, accounted by us.
    /// The newest `version` of `(run_id, test_uid, attempt)` counts.
    #[derive(Default)]
    pub struct ResultRow in "results" {
        /// Run the execution belongs to.
        pub run_id: String,
        /// `<agent_type>:<test_id>`.
        pub test_uid: String,
        /// Test id within the task set.
        pub test_id: String,
        /// `tool`, `code`, or what the run calls its agent.
        pub agent_type: String,
        /// 1 for the first attempt.
        pub attempt: i64,
        /// Grows by one with every changed rewrite of the row.
        pub version: i64,
        /// Model under test.
        pub model: Option<String>,
        /// ISO 8601, as given.
        pub evaluation_date: Option<String>,
        /// easy, medium, hard, ...
        pub difficulty: Option<String>,
        /// Task category.
        pub category: Option<String>,
        /// The task's text.
        pub prompt: Option<String>,
        /// Null on an unscored execution.
        pub success: Option<bool>,
        /// Whether any tool was called.
        pub tool_called: Option<bool>,
        /// Whether the expected tool was called.
        pub correct_tool: Option<bool>,
        /// Whether the agent ended with a final answer.
        pub final_answer_called: Option<bool>,
        /// Whether the answer matched.
        pub response_correct: Option<bool>,
        /// Tool the task expected.
        pub expected_tool: Option<String>,
        /// Tools used, in order.
        pub tools_used: Vec<String>,
        /// Agent steps.
        pub steps: Option<i64>,
        /// The agent's answer.
        pub response: Option<String>,
        /// Error that ended or marred it.
        pub error: Option<String>,
        /// final_answer, timeout, max_steps, error, run_stopped.
        pub stop_reason: Option<String>,
        /// Whether it ran out of time.
        pub timed_out: Option<bool>,
        /// 32 hex digits.
        pub trace_id: Option<String>,
        /// Root span, 16 hex digits.
        pub span_id: Option<String>,
        /// JSON of what the source said of the execution beyond (or against) the columns here.
        pub declared: String,
        // --- accounted from spans and points ---
        /// Root span's start, Unix ns.
        pub start_time_unix_nano: Option<i64>,
        /// Root span's end, Unix ns.
        pub end_time_unix_nano: Option<i64>,
        /// Root span's wall clock, ms.
        pub duration_ms: Option<f64>,
        /// Tokens at the deepest spans that bear usage.
        pub input_tokens: Option<i64>,
        /// Likewise.
        pub output_tokens: Option<i64>,
        /// Likewise.
        pub total_tokens: Option<i64>,
        /// LLM spans without an LLM span beneath.
        pub llm_calls: Option<i64>,
        /// Tool spans without a tool span beneath.
        pub tool_calls: Option<i64>,
        /// Spans in the trace.
        pub span_count: Option<i64>,
        /// Spans with status ERROR.
        pub error_count: Option<i64>,
        /// USD; null when unknown.
        pub cost_usd: Option<f64>,
        /// Where the cost comes from.
        pub cost_source: Source,
        /// Wh attributed to this execution; null when not measured.
        pub energy_wh: Option<f64>,
        /// Where the energy comes from.
        pub energy_source: Source,
        /// g CO2e attributed to this execution; null when not measured.
        pub co2_emissions_g: Option<f64>,
        /// Where the CO2 comes from.
        pub co2_source: Source,
        /// USD of electricity attributed to this execution; null when not measured.
        pub power_cost_usd: Option<f64>,
        /// Where the power cost comes from.
        pub power_cost_source: Source,
        /// Content hash of the row without its version.
        pub row_id: String,
    }
}

impl ResultRow {
    /// A first version of which nothing is known: not scored, not accounted, nothing declared. What a source says is
    /// filled in with `..ResultRow::blank()`.
    pub fn blank() -> Self {
        Self { version: 1, declared: "{}".into(), ..Self::default() }
    }

    /// The row as its source declared it: without what was accounted, and not sealed.
    pub fn declared_only(&self) -> Self {
        let blank = Self::blank();
        Self {
            start_time_unix_nano: blank.start_time_unix_nano,
            end_time_unix_nano: blank.end_time_unix_nano,
            duration_ms: blank.duration_ms,
            input_tokens: blank.input_tokens,
            output_tokens: blank.output_tokens,
            total_tokens: blank.total_tokens,
            llm_calls: blank.llm_calls,
            tool_calls: blank.tool_calls,
            span_count: blank.span_count,
            error_count: blank.error_count,
            cost_usd: blank.cost_usd,
            cost_source: blank.cost_source,
            energy_wh: blank.energy_wh,
            energy_source: blank.energy_source,
            co2_emissions_g: blank.co2_emissions_g,
            co2_source: blank.co2_source,
            power_cost_usd: blank.power_cost_usd,
            power_cost_source: blank.power_cost_source,
            row_id: blank.row_id,
            ..self.clone()
        }
    }
}
