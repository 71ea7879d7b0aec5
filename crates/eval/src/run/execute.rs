//! One execution, from its root span to its rows. Whatever happens in it, there is a result that says so.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use serde_json::{Value, json};
use smoltrace_model::{rows::ResultRow, time::iso_micros};

use super::{Execution, Finished, RunOptions, Stopper, Summary};
use crate::{
    agent::{Assignment, Progress, SharedProgress, StopReason},
    score::{self, JudgeOutcome, Outcome, Verdict},
    span::Tracer,
};

/// Whether the tasks' texts are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PromptKeeping {
    #[default]
    Keep,
    LeaveOut,
}

/// How the agent's work ended for the runner.
enum End {
    Done,
    Panicked,
    TimedOut(Duration),
    Stopped(String),
}

pub(super) async fn execute(execution: &Execution, options: &RunOptions, stopper: &Stopper) -> Finished {
    let Execution { task, agent, attempt } = execution;
    let test_uid = execution.test_uid();
    let started = (options.clock)();
    // An execution that is run again has a trace of its own.
    let seed = [test_uid.as_str(), &attempt.to_string(), &started.to_string()];
    let tracer = Tracer::new(&options.run_id, &seed, &options.resource, options.clock.clone());
    let mut root = tracer.start("test_evaluation", None);
    root.set("test.id", task.id.as_str());
    root.set("test.case_uid", test_uid.as_str());
    root.set("test.difficulty", task.difficulty.as_deref());
    root.set("test.category", task.category.as_deref());
    root.set("test.attempt", *attempt);
    root.set("agent.type", agent.kind());
    let keep = options.prompts == PromptKeeping::Keep;
    root.set("prompt", Some(task.prompt.as_str()).filter(|_| keep));

    let progress = SharedProgress::default();
    let limit = match task.timeout_s {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => options.task_timeout,
    };
    let work = agent.run(Assignment {
        prompt: &task.prompt,
        test_id: &task.id,
        test_uid: &test_uid,
        run_id: &options.run_id,
        attempt: *attempt,
        max_steps: task.max_steps.unwrap_or(options.max_steps),
        span: &root,
        progress: progress.clone(),
    });
    let end = tokio::select! {
        done = AssertUnwindSafe(work).catch_unwind() => if done.is_ok() { End::Done } else { End::Panicked },
        () = over(limit) => End::TimedOut(limit.unwrap_or_default()),
        stop = stopper.wait() => End::Stopped(stop.reason()),
    };
    let mut progress = progress.lock().clone();
    match end {
        End::Done => {}
        End::Panicked => {
            progress.stop_reason = Some(StopReason::Error);
            progress.error = Some("a fault of smoltrace itself ended the agent; please report it".into());
        }
        End::TimedOut(limit) => {
            progress.stop_reason = Some(StopReason::Timeout);
            progress.error = Some(format!("no answer within {} s", limit.as_secs_f64()));
        }
        End::Stopped(reason) => {
            progress.stop_reason = Some(StopReason::RunStopped);
            progress.error = Some(reason);
        }
    }
    let stop_reason = progress.stop_reason.unwrap_or(StopReason::Error);
    let mut verdict = (stop_reason != StopReason::RunStopped).then(|| {
        score::score(
            task,
            &Outcome {
                tools_used: &progress.tools_used,
                ran_code: progress.ran_code,
                final_answer_called: progress.final_answer_called,
                answer: progress.answer.as_deref(),
                by_answer: agent.by_answer(),
            },
        )
    });

    root.set("tests.tool_calls", progress.tools_used.len());
    root.set("tests.steps", progress.steps);
    root.set("test.stop_reason", stop_reason.as_str());
    root.set("output.value", progress.answer.as_deref());
    match &progress.error {
        Some(error) => root.fail(stop_reason.as_str(), error),
        None => root.ok(),
    }
    if let Some(verdict) = &verdict {
        root.set("test.case.result.status", if verdict.success { "pass" } else { "fail" });
    }
    let root_id = root.id().to_owned();
    // The judge takes time that is not the agent's.
    drop(root);
    let ended = (options.clock)();

    let mut judged = None;
    if let (Some(judge), Some(verdict)) = (&options.judge, &mut verdict) {
        let mut span = tracer.start("judge", Some(&root_id));
        span.set("openinference.span.kind", "EVALUATOR");
        let asked = judge.judge(task, progress.answer.as_deref(), &test_uid, *attempt, &mut span);
        let outcome = tokio::select! {
            outcome = asked => Some(outcome),
            _ = stopper.wait() => None,
        };
        if let Some(check) = outcome.as_ref().and_then(|outcome| outcome.check.clone()) {
            verdict.add(check);
        }
        judged = outcome;
    }

    let summary = Summary {
        test_uid: test_uid.clone(),
        attempt: *attempt,
        success: verdict.as_ref().map(|verdict| verdict.success),
        stop_reason: stop_reason.as_str(),
        reason: progress.error.clone().or_else(|| verdict.as_ref()?.reason().map(str::to_owned)),
        steps: progress.steps,
        duration_ms: (ended - started) as f64 / 1e6,
        input_tokens: progress.input_tokens,
        output_tokens: progress.output_tokens,
    };
    let mut result = row(execution, options, &test_uid, started, progress, stop_reason, verdict, judged);
    result.trace_id = Some(tracer.trace_id().to_owned());
    result.span_id = Some(root_id);
    options.redactor.result(&mut result);
    let mut spans = tracer.take();
    for span in &mut spans {
        options.redactor.span(span);
    }
    Finished {
        result,
        spans: spans.into_iter().map(smoltrace_model::rows::SpanRow::sealed).collect(),
        summary,
    }
}

async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

#[allow(clippy::too_many_arguments)] // a row is made of this much
fn row(
    execution: &Execution,
    options: &RunOptions,
    test_uid: &str,
    started: i64,
    progress: Progress,
    stop_reason: StopReason,
    verdict: Option<Verdict>,
    judged: Option<JudgeOutcome>,
) -> ResultRow {
    let Execution { task, agent, attempt } = execution;
    let mut declared = json!({
        "checks": verdict.as_ref().map(Verdict::to_json),
        "bad_calls": progress.bad_calls,
        "bad_outputs": progress.bad_outputs,
        "failures": progress.failures,
        "retries": progress.retries,
    });
    if let Some(judged) = &judged {
        declared["judge"] = judged.to_json();
    }
    if !task.tags.is_empty() {
        declared["tags"] = json!(task.tags);
    }
    if !task.required_tools.is_empty() {
        declared["required_tools"] = json!(task.required_tools);
    }
    if let Some(calls) = task.expected_tool_calls {
        declared["expected_tool_calls"] = Value::from(calls);
    }
    let of = |part: fn(&Verdict) -> bool| verdict.as_ref().map(part);
    ResultRow {
        run_id: options.run_id.clone(),
        test_uid: test_uid.to_owned(),
        test_id: task.id.clone(),
        agent_type: agent.kind().to_owned(),
        attempt: i64::from(*attempt),
        model: Some(options.model.clone()),
        evaluation_date: Some(format!("{}Z", iso_micros(started))),
        difficulty: task.difficulty.clone(),
        category: task.category.clone(),
        prompt: Some(task.prompt.clone()).filter(|_| options.prompts == PromptKeeping::Keep),
        success: of(|verdict| verdict.success),
        tool_called: of(|verdict| verdict.tool_called),
        correct_tool: of(|verdict| verdict.correct_tool),
        final_answer_called: of(|verdict| verdict.final_answer_called),
        response_correct: of(|verdict| verdict.response_correct),
        expected_tool: task.expected_tool.clone(),
        tools_used: progress.tools_used,
        steps: Some(i64::from(progress.steps)),
        response: progress.answer,
        error: progress.error,
        stop_reason: Some(stop_reason.as_str().to_owned()),
        timed_out: Some(stop_reason == StopReason::Timeout),
        declared: declared.to_string(),
        ..ResultRow::blank()
    }
}
