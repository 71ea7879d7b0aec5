//! The rows that SMOLTRACE's `flatten_results_for_hf` and `compute_leaderboard_row` return, with
//! its parameters and keys, counted by our rules.
//!
//! Where the numbers differ on purpose: tokens, cost and duration of a trace come from its spans
//! when they are there (each token once, the root's wall clock), else from what the trace says of
//! itself; CO2 and power cost add up over GPUs and resets; a measured 0 is a value; trace
//! aggregates stand in only where no series was measured. Must not know the clock or the machine:
//! the caller gives both.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;
use smoltrace_model::{
    account::{self, account_series},
    attempts::Attempts,
    inputs::{Declared, RunInputs},
    rows::{RunRow, Source, SpanRow},
    series::SeriesSet,
    stats,
    trace::{TraceSummary, summarize},
};

pub use crate::record::Record;
use crate::{
    json::{Object, boolean, canonical, filled, integer, number, parse_object, text},
    notes::Spot,
    otlp::Telemetry,
    runs, smoltrace,
};

/// The published name of the rule behind `pass_at_1`.
pub const PASS_AT_1_RULE: &str = "success_boolean_first_attempt";

/// The purposes that a leaderboard row may have.
pub const PURPOSES: [&str; 3] = ["monitoring", "regression", "selection"];

/// Arguments that SMOLTRACE refuses too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DictError {
    /// Python: `ValueError`.
    #[error("purpose: '{0}' is none of monitoring, regression, selection")]
    InvalidPurpose(String),
    /// Python: `KeyError`.
    #[error("result {index} has no '{key}'")]
    MissingKey { index: usize, key: &'static str },
}

/// The fields of one result.
pub trait Fields {
    fn get(&self, key: &str) -> Option<&Value>;
}

impl Fields for Value {
    fn get(&self, key: &str) -> Option<&Value> {
        self.get(key)
    }
}

impl Fields for Record {
    fn get(&self, key: &str) -> Option<&Value> {
        self.get(key)
    }
}

/// Results as SMOLTRACE hands them around: a list under each agent type, in order.
pub type AllResults<R> = [(String, Vec<R>)];

/// The fields of a result that [`flatten_results`] reads.
pub const FLATTENED: [&str; 9] = [
    "test_id",
    "task_id",
    "test_case_uid",
    "agent_type",
    "success",
    "timed_out",
    "trace_id",
    "span_id",
    "enhanced_trace_info",
];

/// A column of a result's row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// What the result says under the column's name, or null.
    Given,
    Made(Value),
}

/// A result's row: its columns in order.
pub type ResultCells = Vec<(&'static str, Cell)>;

/// One row a result, in the order given. `now` is the ISO 8601 time that becomes
/// `evaluation_date`.
///
/// # Errors
/// A result without a test id.
pub fn flatten_results<R: Fields>(
    all: &AllResults<R>,
    model_name: &str,
    now: &str,
) -> Result<Vec<ResultCells>, DictError> {
    let mut seen = HashSet::new();
    let results = all.iter().flat_map(|(_, results)| results).enumerate();
    results
        .map(|(index, result)| {
            let first_attempt = seen.insert(logical_key(result, index));
            result_cells(result, first_attempt, model_name, now)
                .ok_or(DictError::MissingKey { index, key: "test_id" })
        })
        .collect()
}

fn result_cells<R: Fields>(
    result: &R,
    first_attempt: bool,
    model_name: &str,
    now: &str,
) -> Option<ResultCells> {
    let get = |key: &str| result.get(key).cloned().unwrap_or_default();
    let given = |key: &str| result.get(key).is_some_and(is_truthy);
    let test_id = if given("test_id") { get("test_id") } else { get("task_id") };
    if test_id.is_null() {
        return None;
    }
    let info = match result.get("enhanced_trace_info") {
        Some(Value::String(json)) => Cow::Owned(parse_object(json)),
        Some(Value::Object(info)) => Cow::Borrowed(info),
        _ => Cow::Owned(Object::new()),
    };
    let of_info = |key: &str| info.get(key).cloned();
    let or_info = |key: &str, named: &str| {
        if given(key) { get(key) } else { of_info(named).unwrap_or_default() }
    };
    let uid = if given("test_case_uid") {
        get("test_case_uid")
    } else {
        format!("{}:{}", plain_text(&get("agent_type")), plain_text(&test_id)).into()
    };
    let passed = if first_attempt { given("success").into() } else { Value::Null };
    Some(vec![
        ("model", Cell::Made(model_name.into())),
        ("evaluation_date", Cell::Made(now.into())),
        ("task_id", Cell::Made(test_id)),
        ("test_case_uid", Cell::Made(uid)),
        ("agent_type", Cell::Given),
        ("difficulty", Cell::Given),
        ("prompt", Cell::Given),
        ("success", Cell::Given),
        ("pass_at_1_passed", Cell::Made(passed)),
        ("tool_called", Cell::Given),
        ("correct_tool", Cell::Given),
        ("final_answer_called", Cell::Given),
        ("response_correct", Cell::Given),
        ("tools_used", Cell::Given),
        ("steps", Cell::Given),
        ("response", Cell::Given),
        ("error", Cell::Given),
        ("stop_reason", Cell::Given),
        ("timed_out", Cell::Made(given("timed_out").into())),
        ("trace_id", Cell::Made(or_info("trace_id", "trace_id"))),
        ("span_id", Cell::Made(or_info("span_id", "root_span_id"))),
        ("run_id", Cell::Given),
        ("execution_time_ms", Cell::Made(of_info("duration_ms").unwrap_or_else(|| 0.into()))),
        ("total_tokens", Cell::Made(of_info("total_tokens").unwrap_or_else(|| 0.into()))),
        ("cost_usd", Cell::Made(of_info("cost_usd").unwrap_or_else(|| 0.0.into()))),
        ("enhanced_trace_info", Cell::Made(json_text(&info).into())),
    ])
}

fn json_text(object: &Object) -> String {
    serde_json::to_string(object).unwrap_or_else(|_| "{}".into())
}

/// What is not null, false, 0 or empty, as Python has it.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

fn plain_text(value: &Value) -> String {
    text(value).unwrap_or_default()
}

/// The identity of a task within a run: of its results the first counts for pass@1.
#[derive(Debug, PartialEq, Eq, Hash)]
enum LogicalKey<'a> {
    Test { agent: Cow<'a, str>, id: Cow<'a, str> },
    Uid(Cow<'a, str>),
    Index(usize),
}

fn logical_key(result: &impl Fields, index: usize) -> LogicalKey<'_> {
    let field = |key: &str| match result.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(Cow::Borrowed(text.as_str())),
        other => filled(other).map(Cow::Owned),
    };
    match field("test_id").or_else(|| field("task_id")) {
        Some(id) => LogicalKey::Test { agent: field("agent_type").unwrap_or("unknown".into()), id },
        None => field("test_case_uid").map_or(LogicalKey::Index(index), LogicalKey::Uid),
    }
}

/// The fields of a result that [`leaderboard_row`] reads.
pub const RANKED: [&str; 7] =
    ["test_id", "task_id", "test_case_uid", "agent_type", "success", "steps", "stop_reason"];

/// The arguments of `compute_leaderboard_row`, and what it takes from its surroundings.
#[derive(Debug, Clone, Default)]
pub struct LeaderboardArgs<'a, R> {
    pub model_name: &'a str,
    pub all_results: &'a AllResults<R>,
    /// Traces with or without `spans`.
    pub trace_data: &'a [Value],
    /// `resourceMetrics` of the metric data; none when there are none.
    pub series: Option<&'a SeriesSet>,
    /// `aggregates` of the metric data.
    pub aggregates: &'a [Value],
    pub dataset_used: Option<&'a str>,
    pub results_dataset: Option<&'a str>,
    pub traces_dataset: Option<&'a str>,
    pub metrics_dataset: Option<&'a str>,
    /// `both`, or the one agent type whose results count.
    pub agent_type: &'a str,
    pub run_id: Option<&'a str>,
    pub provider: &'a str,
    pub use_case: Option<&'a str>,
    pub team: Option<&'a str>,
    pub purpose: Option<&'a str>,
    pub suite_version: Option<&'a str>,
    pub submitted_by: Option<&'a str>,
    /// `planned_tests`, `stopped`, `stop_reason`, `generation_settings`.
    pub run_state: Option<&'a Value>,
    pub task_timeout: Option<f64>,
    pub request_timeout: Option<f64>,
    pub tool_timeout: Option<f64>,
    /// `hardware`, `hardware_detail`, `hardware_scope`; nothing is detected here.
    pub hardware: Option<&'a Value>,
    /// ISO 8601 local time, as `datetime.now().isoformat()`.
    pub now: &'a str,
}

/// What the traces of a run add up to; null when nothing says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct TraceTotals {
    tokens: i64,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    duration_ms: f64,
    cost_usd: f64,
    /// Whether any trace says a cost of its own.
    said_cost: bool,
}

/// The leaderboard row of a run, with SMOLTRACE's keys in its order.
///
/// # Errors
/// A purpose that is none of [`PURPOSES`].
pub fn leaderboard_row<R: Fields>(args: &LeaderboardArgs<'_, R>) -> Result<Record, DictError> {
    let purpose = args.purpose.map(|purpose| purpose.trim().to_lowercase()).filter(|p| !p.is_empty());
    if let Some(given) = &purpose
        && !PURPOSES.contains(&given.as_str())
    {
        return Err(DictError::InvalidPurpose(args.purpose.unwrap_or_default().to_owned()));
    }
    let all = results_of(args.all_results, args.agent_type);
    let has_ended =
        |result: &R, reason: &str| result.get("stop_reason").and_then(Value::as_str) == Some(reason);
    let (interrupted, results): (Vec<&R>, Vec<&R>) =
        all.into_iter().partition(|result| has_ended(result, account::RUN_STOPPED));
    let tests = results.len();
    let mean = |sum: f64| if tests > 0 { sum / tests as f64 } else { 0.0 };
    let passed = results.iter().filter(|result| succeeded(**result)).count();
    let steps: f64 = results.iter().filter_map(|result| result.get("steps").and_then(number)).sum();
    let ended = |reason: &str| results.iter().filter(|result| has_ended(result, reason)).count();
    let (totals, spans) = trace_totals(args.trace_data);
    let run = account(args, spans);
    let tasks = tasks(&results);
    let attempts = attempts(&results, &tasks);
    let state = |key: &str| args.run_state.and_then(|state| state.get(key));
    let (status, stop_reason) = if state("stopped").is_some_and(is_truthy) {
        let status = if tests > 0 { "partial" } else { "failed" };
        (status, filled(state("stop_reason")).unwrap_or_else(|| "deadline".into()))
    } else {
        ("completed", "completed".into())
    };

    let mut row = Record::default();
    row.set("run_id", args.run_id);
    row.set("model", args.model_name);
    row.set("agent_type", args.agent_type);
    row.set("provider", args.provider);
    row.set("timestamp", args.now);
    row.set("submitted_by", args.submitted_by.filter(|name| !name.is_empty()).unwrap_or("unknown"));
    row.set("use_case", args.use_case.and_then(grouping));
    row.set("team", args.team.and_then(grouping));
    row.set("purpose", purpose);
    row.set("suite_version", args.suite_version.and_then(grouping));
    hardware(&mut row, args.hardware);
    row.set("results_dataset", args.results_dataset);
    row.set("traces_dataset", args.traces_dataset);
    row.set("metrics_dataset", args.metrics_dataset);
    row.set("dataset_used", args.dataset_used);
    row.set("total_tests", tests);
    row.set("successful_tests", passed);
    row.set("failed_tests", tests - passed);
    row.set("success_rate", round(mean(passed as f64) * 100.0, 2));
    pass_at_1(&mut row, &results, &tasks);
    row.set("avg_steps", round(mean(steps), 2));
    row.set("avg_duration_ms", round(mean(totals.duration_ms), 2));
    row.set("total_duration_ms", round(totals.duration_ms, 2));
    row.set("total_tokens", totals.tokens);
    row.set("avg_tokens_per_test", mean(totals.tokens as f64) as i64);
    row.set("total_cost_usd", round(totals.cost_usd, 6));
    row.set("avg_cost_per_test_usd", round(mean(totals.cost_usd), 6));
    row.set("total_prompt_tokens", totals.prompt_tokens);
    row.set("total_completion_tokens", totals.completion_tokens);
    row.set("run_status", status);
    row.set("run_stop_reason", stop_reason);
    row.set("planned_tests", state("planned_tests").cloned().unwrap_or_else(|| tests.into()));
    row.set("completed_tests", tests);
    row.set("interrupted_tests", interrupted.len());
    row.set("timed_out_tests", ended("timeout"));
    row.set("max_steps_tests", ended("max_steps"));
    row.set("errored_tests", ended("error"));
    row.set("task_timeout_s", args.task_timeout);
    row.set("request_timeout_s", args.request_timeout);
    row.set("tool_timeout_s", args.tool_timeout);
    row.set("generation_settings", generation_settings(state("generation_settings")));
    row.set("co2_emissions_g", run.co2_emissions_g);
    row.set("power_cost_total_usd", run.power_cost_total_usd);
    row.set("gpu_utilization_avg", run.gpu_utilization_avg);
    row.set("gpu_utilization_max", run.gpu_utilization_max);
    row.set("gpu_memory_avg_mib", run.gpu_memory_avg_mib);
    row.set("gpu_memory_max_mib", run.gpu_memory_max_mib);
    row.set("gpu_temperature_avg", run.gpu_temperature_avg);
    row.set("gpu_temperature_max", run.gpu_temperature_max);
    row.set("gpu_power_avg_w", run.gpu_power_avg_w);
    let day = args.now.split(['T', ' ']).next().unwrap_or_default();
    row.set("notes", format!("Evaluation on {day}; {tests} tests"));

    // What SMOLTRACE's row does not have.
    let interval = stats::wilson(passed as u64, tests as u64, stats::Z_95);
    let percent = |share: Option<f64>| share.map_or(Value::Null, |share| round(share * 100.0, 2));
    let cost_source = match (run.total_cost_usd, totals.said_cost) {
        (Some(_), _) => run.cost_source,
        (None, true) => Source::TraceAggregate,
        (None, false) => Source::None,
    };
    row.set("simulated", run.simulated);
    row.set("success_rate_ci_low", percent(interval.map(|interval| interval.low)));
    row.set("success_rate_ci_high", percent(interval.map(|interval| interval.high)));
    row.set("attempts", attempts.most);
    row.set("pass_at_k", share(attempts.pass_at_k()));
    row.set("pass_hat_k", share(attempts.pass_hat_k()));
    row.set("wall_ms", run.wall_ms);
    row.set("cost_source", cost_source.as_str());
    row.set("energy_wh", run.energy_wh);
    row.set("energy_source", run.energy_source.as_str());
    row.set("co2_source", run.co2_source.as_str());
    row.set("power_cost_source", run.power_cost_source.as_str());
    row.set("unattributed_co2_g", run.unattributed_co2_g);
    row.set("unattributed_power_cost_usd", run.unattributed_power_cost_usd);
    row.set("unattributed_energy_wh", run.unattributed_energy_wh);
    row.set("energy_accounting", energy_accounting(&run));
    row.set("gpu_count", run.gpu_count);
    row.set("start_time_unix_nano", run.start_time_unix_nano);
    row.set("end_time_unix_nano", run.end_time_unix_nano);
    Ok(row)
}

/// What a run's energy, CO2 and power cost were made of: `{devices, factors, call_energy, estimate}` of its accounting,
/// those that there are; null when no device was read and nothing was estimated.
pub(crate) fn energy_accounting(run: &RunRow) -> Value {
    let mut accounting = parse_object(&run.accounting);
    let parts = ["devices", "factors", "call_energy", "estimate"].into_iter().filter_map(|name| {
        let part = accounting.remove(name)?;
        let is_there = !part.is_null() && part.as_array().is_none_or(|list| !list.is_empty());
        is_there.then(|| (name.to_owned(), part))
    });
    let parts: Object = parts.collect();
    if parts.is_empty() { Value::Null } else { Value::Object(parts) }
}

/// The run's account, as of an imported run: footprints, GPU figures, cost.
fn account<R>(args: &LeaderboardArgs<'_, R>, spans: Vec<SpanRow>) -> RunRow {
    let mut leaderboard_row = Object::new();
    leaderboard_row
        .insert("hardware".into(), args.hardware.and_then(|of| of.get("hardware")).cloned().into());
    let mut inputs = RunInputs {
        run_id: args.run_id.unwrap_or_default().to_owned(),
        declared: Declared { leaderboard_row, aggregates: args.aggregates.to_vec(), ..Declared::default() },
        spans,
        ..RunInputs::default()
    };
    runs::seal(&mut inputs);
    let nothing = SeriesSet::default();
    account_series(&inputs, args.series.unwrap_or(&nothing)).run
}

/// For each result the number of its task, counted as they come.
fn tasks<R: Fields>(results: &[&R]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let results = results.iter().enumerate();
    results
        .map(|(index, result)| {
            let next = numbers.len();
            *numbers.entry(logical_key(*result, index)).or_insert(next)
        })
        .collect()
}

/// The attempts at each task, in the order given.
fn attempts<R: Fields>(results: &[&R], tasks: &[usize]) -> Attempts {
    let listed = results.iter().zip(tasks).enumerate();
    Attempts::of(
        listed.map(|(nth, (result, task))| (task, nth as i64, result.get("success").and_then(boolean))),
    )
}

/// The results that count: all of them, or those of one agent type.
fn results_of<'a, R>(all: &'a AllResults<R>, agent_type: &str) -> Vec<&'a R> {
    let wanted: &[&str] = if agent_type == "both" { &["tool", "code"] } else { &[agent_type] };
    let of = |agent: &&str| all.iter().find(|(name, _)| name == agent);
    wanted.iter().filter_map(of).flat_map(|(_, results)| results).collect()
}

fn succeeded(result: &impl Fields) -> bool {
    result.get("success").is_some_and(|success| boolean(success).unwrap_or_else(|| is_truthy(success)))
}

/// A share as published.
fn share(share: Option<f64>) -> Value {
    share.map_or(Value::Null, |share| round(share, 4))
}

/// Of a task's results the first one counts, scored or not.
fn pass_at_1<R: Fields>(row: &mut Record, results: &[&R], tasks: &[usize]) {
    let (mut prompts, mut passed) = (0, 0);
    for (result, task) in results.iter().zip(tasks) {
        if *task == prompts {
            prompts += 1;
            passed += usize::from(succeeded(*result));
        }
    }
    row.set("pass_at_1", share((prompts > 0).then(|| passed as f64 / prompts as f64)));
    row.set("pass_rule", PASS_AT_1_RULE);
    row.set("pass_attempts", i64::from(prompts > 0));
    row.set("evaluated_prompts", prompts);
    row.set("passed_prompts", passed);
}

fn hardware(row: &mut Record, hardware: Option<&Value>) {
    let get = |key: &str| hardware.and_then(|hardware| hardware.get(key));
    row.set("hardware", filled(get("hardware")).map(|text| text.trim().to_owned()));
    row.set("hardware_detail", hardware_detail(get("hardware_detail")));
    let scope = get("hardware_scope").and_then(Value::as_str);
    row.set("hardware_scope", scope.filter(|scope| ["model", "runner"].contains(scope)));
}

/// `hardware_detail` in the one shape that all leaderboard rows share; null for what is no object.
pub(crate) fn hardware_detail(detail: Option<&Value>) -> Value {
    let Some(Value::Object(detail)) = detail else { return Value::Null };
    let gpus = match detail.get("gpus") {
        Some(Value::Array(gpus)) => gpus
            .iter()
            .filter(|gpu| gpu.is_object())
            .map(|gpu| {
                let mut out = Object::new();
                out.insert("name".into(), filled(gpu.get("name")).into());
                out.insert("memory_gb".into(), gpu.get("memory_gb").and_then(number).into());
                Value::Object(out)
            })
            .collect(),
        _ => Value::Null,
    };
    let mut out = Object::new();
    out.insert("cpu_model".into(), filled(detail.get("cpu_model")).into());
    out.insert("logical_cores".into(), detail.get("logical_cores").and_then(integer).into());
    out.insert("memory_gb".into(), detail.get("memory_gb").and_then(number).into());
    out.insert("os".into(), filled(detail.get("os")).into());
    out.insert("gpus".into(), gpus);
    out.into()
}

/// JSON text of the record, keys sorted; null when nothing was requested.
fn generation_settings(record: Option<&Value>) -> Option<String> {
    let record = record?;
    record.get("requested").is_some_and(is_truthy).then(|| canonical(record))
}

/// Optional grouping metadata as lower-case kebab case.
fn grouping(value: &str) -> Option<String> {
    let lower = value.trim().to_lowercase();
    let words = lower.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
    let kebab = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    (!kebab.is_empty()).then_some(kebab)
}

/// `round(value, digits)` of Python: half to even on the exact value.
pub(crate) fn round(value: f64, digits: usize) -> Value {
    crate::json::double(format!("{value:.digits$}").parse().unwrap_or(value))
}

/// The totals of the traces, and their spans.
fn trace_totals(traces: &[Value]) -> (TraceTotals, Vec<SpanRow>) {
    let mut totals = TraceTotals::default();
    let mut telemetry = Telemetry::default();
    // What a trace says of itself counts for what its spans do not say.
    for value in traces {
        let first = telemetry.spans.len();
        if value.get("spans").is_some() {
            smoltrace::trace(&mut telemetry, value.clone(), &Spot::Root("trace_data"));
        }
        let of_spans = summary(&telemetry.spans[first..]);
        let usage = of_spans.as_ref().map(|summary| &summary.usage);
        let said = |key: &str| value.get(key).and_then(number).filter(|number| number.is_finite());
        let whole = |key: &str| said(key).map(|number| number as i64);
        let tokens = usage.and_then(|usage| usage.total_tokens).or_else(|| whole("total_tokens"));
        let from_spans = usage.is_some_and(|usage| usage.total_tokens.is_some());
        let part = |spans: Option<i64>, key: &str| if from_spans { spans } else { whole(key) };
        let prompt = part(usage.and_then(|usage| usage.input_tokens), "total_prompt_tokens");
        let completion = part(usage.and_then(|usage| usage.output_tokens), "total_completion_tokens");
        let cost = usage.and_then(|usage| usage.cost_usd).or_else(|| said("total_cost_usd"));
        let duration = of_spans.as_ref().map(|s| s.duration_ms).or_else(|| said("total_duration_ms"));
        totals.tokens = totals.tokens.saturating_add(tokens.unwrap_or(0));
        add(&mut totals.prompt_tokens, prompt);
        add(&mut totals.completion_tokens, completion);
        totals.cost_usd += cost.unwrap_or(0.0);
        totals.duration_ms += duration.unwrap_or(0.0);
        totals.said_cost |= said("total_cost_usd").is_some();
    }
    (totals, telemetry.spans)
}

fn summary(spans: &[SpanRow]) -> Option<TraceSummary> {
    summarize(spans).into_iter().next()
}

fn add(total: &mut Option<i64>, part: Option<i64>) {
    if let Some(part) = part {
        *total = Some(total.unwrap_or(0).saturating_add(part));
    }
}
