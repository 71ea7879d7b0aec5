//! What a run says of itself: kept in its row, and on the resource of its spans.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use smoltrace_eval::{agent::Agent, chat::ChatModel, score::Judge, task::TaskSet};
use smoltrace_model::time::iso_micros;

use crate::cli::eval::EvalArgs;

pub fn declared(
    args: &EvalArgs,
    tasks: &TaskSet,
    model: &dyn ChatModel,
    agents: &[Arc<dyn Agent>],
    judge: Option<&Judge>,
    started_unix_nano: i64,
) -> Map<String, Value> {
    let kinds: Vec<&str> = agents.iter().map(|agent| agent.kind()).collect();
    let agent_type = match kinds.as_slice() {
        ["tool", "code"] => "both".to_owned(),
        kinds => kinds.join("+"),
    };
    let labels = &args.labels;
    let mut settings = model.settings();
    settings.insert("attempts".into(), args.tasks.attempts.into());
    settings.insert("parallel_workers".into(), args.running.parallel_workers.into());
    settings.insert("task_timeout_s".into(), args.running.task_timeout.into());
    settings.insert("max_steps".into(), args.agents.max_steps.unwrap_or(super::MAX_STEPS).into());
    let judge = judge.map(|judge| {
        json!({"model": judge.model().name(), "provider": judge.model().provider(), "counts": judge.counts})
    });
    let given = [
        ("model", Some(json!(model.name()))),
        ("provider", Some(json!(model.provider()))),
        ("agent_type", Some(json!(agent_type))),
        ("timestamp", Some(json!(format!("{}Z", iso_micros(started_unix_nano))))),
        ("dataset_used", Some(json!(tasks.name))),
        ("use_case", labels.use_case.as_ref().map(|text| json!(text))),
        ("team", labels.team.as_ref().map(|text| json!(text))),
        ("purpose", labels.purpose.as_ref().map(|text| json!(text))),
        ("suite_version", labels.suite_version.as_ref().map(|text| json!(text))),
        ("hardware", labels.hardware_label.as_ref().map(|text| json!(text))),
        ("notes", labels.notes.as_ref().map(|text| json!(text))),
        ("simulated", model.is_simulated().then_some(json!(true))),
        ("settings", Some(Value::Object(settings))),
        ("judge", judge),
        ("smoltrace_version", Some(json!(env!("CARGO_PKG_VERSION")))),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

pub fn resource(run_id: &str, simulated: bool) -> Map<String, Value> {
    let mut resource = Map::from_iter([
        ("service.name".to_owned(), json!("smoltrace-eval")),
        ("service.version".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
        ("run.id".to_owned(), json!(run_id)),
    ]);
    if simulated {
        resource.insert("smoltrace.simulated".into(), json!(true));
    }
    resource
}
