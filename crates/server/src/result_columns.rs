//! What is published of one test execution.

use smoltrace_model::rows::{ResultRow, Source};

use crate::columns::{Cell, columns, nanos};

columns! {
    /// One execution of one test. A null is unknown, never a measured zero.
    pub struct TestResult of row: ResultRow as RESULT_COLUMNS {
        /// Run that the execution belongs to.
        run_id: String,
        /// `<agent_type>:<test_id>`.
        test_uid: String,
        /// Test id within the task set.
        test_id: String,
        /// `tool`, `code`, or what the run calls its agent.
        agent_type: String,
        /// 1 for the first attempt.
        attempt: i64,
        /// Version of the row; grows with every changed rewrite.
        version: i64,
        /// Verdict in a word.
        outcome: Outcome = Cell::Text(Outcome::of(row).as_str()),
        /// Model under test.
        model: Option<String>,
        /// ISO 8601, as given.
        evaluation_date: Option<String>,
        /// easy, medium, hard, ...
        difficulty: Option<String>,
        /// Task category.
        category: Option<String>,
        /// The task's text.
        prompt: Option<String>,
        /// Null on an unscored execution.
        success: Option<bool>,
        /// Whether any tool was called.
        tool_called: Option<bool>,
        /// Whether the expected tool was called.
        correct_tool: Option<bool>,
        /// Whether the agent ended with a final answer.
        final_answer_called: Option<bool>,
        /// Whether the answer matched.
        response_correct: Option<bool>,
        /// Tool that the task expected.
        expected_tool: Option<String>,
        /// Tools used, in order.
        tools_used: Vec<String>,
        /// Agent steps.
        steps: Option<i64>,
        /// The agent's answer.
        response: Option<String>,
        /// Error that ended or marred it.
        error: Option<String>,
        /// `final_answer`, `timeout`, `max_steps`, `error`, `run_stopped`.
        stop_reason: Option<String>,
        /// Whether it ran out of time.
        timed_out: Option<bool>,
        /// 32 hex digits.
        trace_id: Option<String>,
        /// Root span, 16 hex digits.
        span_id: Option<String>,
        /// Root span's start, Unix ns.
        start_time_unix_nano: Option<String> = nanos(row.start_time_unix_nano),
        /// Root span's end, Unix ns.
        end_time_unix_nano: Option<String> = nanos(row.end_time_unix_nano),
        /// Root span's wall clock, ms.
        duration_ms: Option<f64>,
        /// Tokens at the deepest spans that bear usage.
        input_tokens: Option<i64>,
        /// Likewise.
        output_tokens: Option<i64>,
        /// Likewise.
        total_tokens: Option<i64>,
        /// LLM calls.
        llm_calls: Option<i64>,
        /// Tool calls.
        tool_calls: Option<i64>,
        /// Spans in the trace.
        span_count: Option<i64>,
        /// Spans that ended in an error.
        error_count: Option<i64>,
        /// USD of model calls.
        cost_usd: Option<f64>,
        /// Where the cost comes from.
        cost_source: Source,
        /// Wh attributed to this execution.
        energy_wh: Option<f64>,
        /// Where the energy comes from.
        energy_source: Source,
        /// g CO2e attributed to this execution.
        co2_emissions_g: Option<f64>,
        /// Where the CO2 comes from.
        co2_source: Source,
        /// USD of electricity attributed to this execution.
        power_cost_usd: Option<f64>,
        /// Where the power cost comes from.
        power_cost_source: Source,
        /// What the source said of the execution beyond, or against, the fields here.
        #[schema(value_type = BTreeMap<String, serde_json::Value>)]
        declared: serde_json::Value = Cell::Json(&row.declared),
    }
}

/// How an execution came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Passed,
    Failed,
    /// Nobody gave a verdict.
    Unscored,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::Unscored];

    pub fn of(row: &ResultRow) -> Self {
        match row.success {
            Some(true) => Self::Passed,
            Some(false) => Self::Failed,
            None => Self::Unscored,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unscored => "unscored",
        }
    }
}
