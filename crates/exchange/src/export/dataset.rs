//! Rows of the published datasets: SMOLTRACE's columns in its order, ours after them.

use std::collections::BTreeMap;

use serde_json::Value;
use smoltrace_model::rows::{ResultRow, RunRow};

use crate::{
    frame::{Columns, Kind},
    json::{Object, double, parse_object},
    smoltrace::{OURS, result_patch},
    smoltrace_dict::{PASS_AT_1_RULE, Record, energy_accounting, hardware_detail},
};

pub(super) const RESULTS: &Columns = &[
    ("model", Kind::Text),
    ("evaluation_date", Kind::Text),
    ("task_id", Kind::Text),
    ("test_case_uid", Kind::Text),
    ("agent_type", Kind::Text),
    ("difficulty", Kind::Text),
    ("prompt", Kind::Text),
    ("success", Kind::Bool),
    ("pass_at_1_passed", Kind::Bool),
    ("tool_called", Kind::Bool),
    ("correct_tool", Kind::Bool),
    ("final_answer_called", Kind::Bool),
    ("response_correct", Kind::Bool),
    ("tools_used", Kind::Texts),
    ("steps", Kind::Int),
    ("response", Kind::Text),
    ("error", Kind::Text),
    ("stop_reason", Kind::Text),
    ("timed_out", Kind::Bool),
    ("trace_id", Kind::Text),
    ("span_id", Kind::Text),
    ("run_id", Kind::Text),
    ("execution_time_ms", Kind::Float),
    ("total_tokens", Kind::Int),
    ("cost_usd", Kind::Float),
    ("enhanced_trace_info", Kind::Text),
    ("attempt", Kind::Int),
    ("category", Kind::Text),
    ("expected_tool", Kind::Text),
    ("start_time_unix_nano", Kind::Int),
    ("end_time_unix_nano", Kind::Int),
    ("input_tokens", Kind::Int),
    ("output_tokens", Kind::Int),
    ("llm_calls", Kind::Int),
    ("tool_calls", Kind::Int),
    ("span_count", Kind::Int),
    ("error_count", Kind::Int),
    ("cost_source", Kind::Text),
    ("energy_wh", Kind::Float),
    ("energy_source", Kind::Text),
    ("co2_emissions_g", Kind::Float),
    ("co2_source", Kind::Text),
    ("power_cost_usd", Kind::Float),
    ("power_cost_source", Kind::Text),
    (OURS, Kind::Json),
];

pub(super) const TRACES: &Columns = &[
    ("trace_id", Kind::Text),
    ("run_id", Kind::Text),
    ("root_span_id", Kind::Text),
    ("test_ids", Kind::Texts),
    ("test_case_uids", Kind::Texts),
    ("agent_type", Kind::Text),
    ("total_tokens", Kind::Int),
    ("total_prompt_tokens", Kind::Int),
    ("total_completion_tokens", Kind::Int),
    ("total_duration_ms", Kind::Float),
    ("total_cost_usd", Kind::Float),
    ("spans", Kind::Json),
];

pub(super) const LEADERBOARD: &Columns = &[
    ("run_id", Kind::Text),
    ("model", Kind::Text),
    ("agent_type", Kind::Text),
    ("provider", Kind::Text),
    ("timestamp", Kind::Text),
    ("submitted_by", Kind::Text),
    ("use_case", Kind::Text),
    ("team", Kind::Text),
    ("purpose", Kind::Text),
    ("suite_version", Kind::Text),
    ("hardware", Kind::Text),
    ("hardware_detail", Kind::Json),
    ("hardware_scope", Kind::Text),
    ("results_dataset", Kind::Text),
    ("traces_dataset", Kind::Text),
    ("metrics_dataset", Kind::Text),
    ("dataset_used", Kind::Text),
    ("total_tests", Kind::Int),
    ("successful_tests", Kind::Int),
    ("failed_tests", Kind::Int),
    ("success_rate", Kind::Float),
    ("pass_at_1", Kind::Float),
    ("pass_rule", Kind::Text),
    ("pass_attempts", Kind::Int),
    ("evaluated_prompts", Kind::Int),
    ("passed_prompts", Kind::Int),
    ("avg_steps", Kind::Float),
    ("avg_duration_ms", Kind::Float),
    ("total_duration_ms", Kind::Float),
    ("total_tokens", Kind::Int),
    ("avg_tokens_per_test", Kind::Int),
    ("total_cost_usd", Kind::Float),
    ("avg_cost_per_test_usd", Kind::Float),
    ("total_prompt_tokens", Kind::Int),
    ("total_completion_tokens", Kind::Int),
    ("run_status", Kind::Text),
    ("run_stop_reason", Kind::Text),
    ("planned_tests", Kind::Int),
    ("completed_tests", Kind::Int),
    ("interrupted_tests", Kind::Int),
    ("timed_out_tests", Kind::Int),
    ("max_steps_tests", Kind::Int),
    ("errored_tests", Kind::Int),
    ("task_timeout_s", Kind::Float),
    ("request_timeout_s", Kind::Float),
    ("tool_timeout_s", Kind::Float),
    ("generation_settings", Kind::Text),
    ("co2_emissions_g", Kind::Float),
    ("power_cost_total_usd", Kind::Float),
    ("gpu_utilization_avg", Kind::Float),
    ("gpu_utilization_max", Kind::Float),
    ("gpu_memory_avg_mib", Kind::Float),
    ("gpu_memory_max_mib", Kind::Float),
    ("gpu_temperature_avg", Kind::Float),
    ("gpu_temperature_max", Kind::Float),
    ("gpu_power_avg_w", Kind::Float),
    ("notes", Kind::Text),
    ("simulated", Kind::Bool),
    ("unscored_tests", Kind::Int),
    ("success_rate_ci_low", Kind::Float),
    ("success_rate_ci_high", Kind::Float),
    ("attempts", Kind::Int),
    ("pass_at_k", Kind::Float),
    ("pass_hat_k", Kind::Float),
    ("wall_ms", Kind::Float),
    ("cost_source", Kind::Text),
    ("energy_wh", Kind::Float),
    ("energy_source", Kind::Text),
    ("co2_source", Kind::Text),
    ("power_cost_source", Kind::Text),
    ("unattributed_co2_g", Kind::Float),
    ("unattributed_power_cost_usd", Kind::Float),
    ("unattributed_energy_wh", Kind::Float),
    ("energy_accounting", Kind::Json),
    ("gpu_count", Kind::Int),
    ("start_time_unix_nano", Kind::Int),
    ("end_time_unix_nano", Kind::Int),
    ("origin", Kind::Text),
    (OURS, Kind::Json),
];

/// An id as Python's `hex` writes it, zeros kept.
pub(super) fn python_id(id: &str) -> Value {
    format!("0x{id}").into()
}

fn optional_id(id: Option<&str>) -> Value {
    id.map_or(Value::Null, python_id)
}

/// Whether each result is the first attempt of its test.
fn first_attempts(results: &[ResultRow]) -> Vec<bool> {
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    for row in results {
        let attempt = first.entry(&row.test_uid).or_insert(row.attempt);
        *attempt = row.attempt.min(*attempt);
    }
    results.iter().map(|row| first.get(row.test_uid.as_str()) == Some(&row.attempt)).collect()
}

/// One row a result; with what SMOLTRACE's columns cannot say where `whole`.
pub(super) fn results(run: &RunRow, results: &[ResultRow], whole: bool) -> Vec<Record> {
    let first = first_attempts(results);
    results.iter().zip(first).map(|(row, first)| result(run, row, first, whole)).collect()
}

fn result(run: &RunRow, row: &ResultRow, first_attempt: bool, whole: bool) -> Record {
    let mut info = Object::new();
    info.insert("trace_id".into(), optional_id(row.trace_id.as_deref()));
    info.insert("root_span_id".into(), optional_id(row.span_id.as_deref()));
    info.insert("total_tokens".into(), row.total_tokens.unwrap_or(0).into());
    info.insert("duration_ms".into(), double(row.duration_ms.unwrap_or(0.0)));
    info.insert("cost_usd".into(), double(row.cost_usd.unwrap_or(0.0)));
    info.insert("span_count".into(), row.span_count.unwrap_or(0).into());

    let mut record = Record::default();
    record.set("model", row.model.as_deref().unwrap_or(&run.model));
    record.set("evaluation_date", row.evaluation_date.clone());
    record.set("task_id", row.test_id.as_str());
    record.set("test_case_uid", row.test_uid.as_str());
    record.set("agent_type", row.agent_type.as_str());
    record.set("difficulty", row.difficulty.clone());
    record.set("prompt", row.prompt.clone());
    record.set("success", row.success);
    record.set("pass_at_1_passed", row.success.filter(|_| first_attempt));
    record.set("tool_called", row.tool_called);
    record.set("correct_tool", row.correct_tool);
    record.set("final_answer_called", row.final_answer_called);
    record.set("response_correct", row.response_correct);
    record.set("tools_used", row.tools_used.clone());
    record.set("steps", row.steps);
    record.set("response", row.response.clone());
    record.set("error", row.error.clone());
    record.set("stop_reason", row.stop_reason.clone());
    record.set("timed_out", row.timed_out);
    record.set("trace_id", optional_id(row.trace_id.as_deref()));
    record.set("span_id", optional_id(row.span_id.as_deref()));
    record.set("run_id", row.run_id.as_str());
    record.set("execution_time_ms", row.duration_ms);
    record.set("total_tokens", row.total_tokens);
    record.set("cost_usd", row.cost_usd);
    record.set("enhanced_trace_info", Value::Object(info).to_string());
    record.set("attempt", row.attempt);
    record.set("category", row.category.clone());
    record.set("expected_tool", row.expected_tool.clone());
    record.set("start_time_unix_nano", row.start_time_unix_nano);
    record.set("end_time_unix_nano", row.end_time_unix_nano);
    record.set("input_tokens", row.input_tokens);
    record.set("output_tokens", row.output_tokens);
    record.set("llm_calls", row.llm_calls);
    record.set("tool_calls", row.tool_calls);
    record.set("span_count", row.span_count);
    record.set("error_count", row.error_count);
    record.set("cost_source", row.cost_source.as_str());
    record.set("energy_wh", row.energy_wh);
    record.set("energy_source", row.energy_source.as_str());
    record.set("co2_emissions_g", row.co2_emissions_g);
    record.set("co2_source", row.co2_source.as_str());
    record.set("power_cost_usd", row.power_cost_usd);
    record.set("power_cost_source", row.power_cost_source.as_str());
    if whole {
        let patch = result_patch(row, &record);
        record.set(OURS, patch);
    } else if let Some(declared) = Some(parse_object(&row.declared)).filter(|declared| !declared.is_empty()) {
        record.set(OURS, declared);
    }
    record
}

/// The leaderboard row of a run. What only the source knew comes from its own row or metadata.
pub(super) fn leaderboard(run: &RunRow, results: &[ResultRow]) -> Record {
    let declared = parse_object(&run.declared);
    let part = |name: &str| declared.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let (own_row, metadata) = (part("leaderboard_row"), part("metadata"));
    let said = |key: &str| {
        let of = |from: &Object| from.get(key).filter(|value| !value.is_null()).cloned();
        of(&own_row).or_else(|| of(&metadata)).unwrap_or_default()
    };
    let ended =
        |reason: &str| results.iter().filter(|row| row.stop_reason.as_deref() == Some(reason)).count();
    let first = first_attempts(results);
    let scored = || results.iter().zip(&first).filter(|(row, first)| **first && row.success.is_some());
    let or = |value: Value, otherwise: Value| if value.is_null() { otherwise } else { value };

    let mut record = Record::default();
    record.set("run_id", run.run_id.as_str());
    record.set("model", run.model.as_str());
    record.set("agent_type", run.agent_type.as_str());
    record.set("provider", run.provider.clone());
    record.set("timestamp", run.timestamp.clone());
    record.set("submitted_by", run.submitted_by.clone());
    record.set("use_case", run.use_case.clone());
    record.set("team", run.team.clone());
    record.set("purpose", run.purpose.clone());
    record.set("suite_version", run.suite_version.clone());
    record.set("hardware", run.hardware.clone());
    record.set("hardware_detail", hardware_detail(Some(&said("hardware_detail"))));
    record.set("hardware_scope", said("hardware_scope"));
    record.set("results_dataset", run.results_dataset.clone());
    record.set("traces_dataset", run.traces_dataset.clone());
    record.set("metrics_dataset", run.metrics_dataset.clone());
    record.set("dataset_used", run.dataset_used.clone());
    record.set("total_tests", run.total_tests);
    record.set("successful_tests", run.successful_tests);
    record.set("failed_tests", run.failed_tests);
    record.set("success_rate", run.success_rate);
    record.set("pass_at_1", run.pass_at_1);
    record.set("pass_rule", PASS_AT_1_RULE);
    record.set("pass_attempts", run.attempts);
    record.set("evaluated_prompts", scored().count());
    record.set("passed_prompts", scored().filter(|(row, _)| row.success == Some(true)).count());
    record.set("avg_steps", run.avg_steps);
    record.set("avg_duration_ms", run.avg_duration_ms);
    record.set("total_duration_ms", run.total_duration_ms);
    record.set("total_tokens", run.total_tokens);
    record.set("avg_tokens_per_test", run.avg_tokens_per_test);
    record.set("total_cost_usd", run.total_cost_usd);
    record.set("avg_cost_per_test_usd", run.avg_cost_per_test_usd);
    record.set("total_prompt_tokens", run.total_input_tokens);
    record.set("total_completion_tokens", run.total_output_tokens);
    record.set("run_status", run.status.as_str());
    record.set("run_stop_reason", or(said("run_stop_reason"), run.status.as_str().into()));
    record.set("planned_tests", or(said("planned_tests"), (run.total_tests + run.interrupted_tests).into()));
    record.set("completed_tests", run.total_tests);
    record.set("interrupted_tests", run.interrupted_tests);
    record.set("timed_out_tests", ended("timeout"));
    record.set("max_steps_tests", ended("max_steps"));
    record.set("errored_tests", ended("error"));
    record.set("task_timeout_s", said("task_timeout_s"));
    record.set("request_timeout_s", said("request_timeout_s"));
    record.set("tool_timeout_s", said("tool_timeout_s"));
    record.set("generation_settings", said("generation_settings"));
    record.set("co2_emissions_g", run.co2_emissions_g);
    record.set("power_cost_total_usd", run.power_cost_total_usd);
    record.set("gpu_utilization_avg", run.gpu_utilization_avg);
    record.set("gpu_utilization_max", run.gpu_utilization_max);
    record.set("gpu_memory_avg_mib", run.gpu_memory_avg_mib);
    record.set("gpu_memory_max_mib", run.gpu_memory_max_mib);
    record.set("gpu_temperature_avg", run.gpu_temperature_avg);
    record.set("gpu_temperature_max", run.gpu_temperature_max);
    record.set("gpu_power_avg_w", run.gpu_power_avg_w);
    record.set("notes", run.notes.clone());
    record.set("simulated", run.simulated);
    record.set("unscored_tests", run.unscored_tests);
    record.set("success_rate_ci_low", run.success_rate_ci_low);
    record.set("success_rate_ci_high", run.success_rate_ci_high);
    record.set("attempts", run.attempts);
    record.set("pass_at_k", run.pass_at_k);
    record.set("pass_hat_k", run.pass_hat_k);
    record.set("wall_ms", run.wall_ms);
    record.set("cost_source", run.cost_source.as_str());
    record.set("energy_wh", run.energy_wh);
    record.set("energy_source", run.energy_source.as_str());
    record.set("co2_source", run.co2_source.as_str());
    record.set("power_cost_source", run.power_cost_source.as_str());
    record.set("unattributed_co2_g", run.unattributed_co2_g);
    record.set("unattributed_power_cost_usd", run.unattributed_power_cost_usd);
    record.set("unattributed_energy_wh", run.unattributed_energy_wh);
    record.set("energy_accounting", energy_accounting(run));
    record.set("gpu_count", run.gpu_count);
    record.set("start_time_unix_nano", run.start_time_unix_nano);
    record.set("end_time_unix_nano", run.end_time_unix_nano);
    record.set("origin", run.origin.as_str());
    record
}
