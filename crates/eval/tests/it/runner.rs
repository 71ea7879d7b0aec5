//! The runner: what is told, what is stored, and how a run ends.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::json;
use smoltrace_eval::{
    Redactor,
    agent::{Agent, Assignment, External, ExternalAgent, StopReason},
    chat::{CallScope, ChatModel, ChatReply, ChatRequest, Usage, scripted::Scripted},
    run::{Event, Limits, Meter, Metered, Stop, Stopper, plan},
    score::Judge,
    task::{Task, TaskAgents},
};
use tokio::sync::Notify;

use crate::support::{Memory, calls, options, run_all, run_with, says, tasks, tool_agent, usage};

/// Answers at once, waits for ever, or panics, as the prompt says.
#[derive(Default)]
struct Simple {
    running: AtomicUsize,
    most: AtomicUsize,
    waiting: Notify,
}

#[async_trait]
impl Agent for Simple {
    fn kind(&self) -> &str {
        "simple"
    }

    async fn run(&self, assignment: Assignment<'_>) {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        match assignment.prompt {
            "wait" => {
                self.waiting.notify_one();
                std::future::pending().await
            }
            "panic" => panic!("as was asked"),
            _ => tokio::task::yield_now().await,
        }
        let mut progress = assignment.progress.lock();
        progress.tools_used.push("tool".into());
        progress.answer = Some(assignment.prompt.to_owned());
        progress.final_answer_called = true;
        progress.stop_reason = Some(StopReason::FinalAnswer);
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn simple_tasks(prompts: &[&str]) -> smoltrace_eval::task::TaskSet {
    tasks(prompts.iter().enumerate().map(|(n, prompt)| Task::new(format!("t{n}"), *prompt)).collect())
}

#[tokio::test]
async fn every_test_is_told_once_and_after_it_is_stored() {
    let prompts = vec!["x"; 100];
    let agent = Arc::new(Simple::default());
    let sink = Arc::new(Memory::default());
    let mut options = options("r");
    options.workers = 7;
    let agents: [Arc<dyn Agent>; 1] = [agent.clone()];
    let ran = run_with(simple_tasks(&prompts), &agents, options, sink.clone(), Stopper::default(), 2).await;
    assert_eq!((ran.totals.passed, ran.totals.failed, ran.totals.not_run), (200, 0, 0));
    assert!(agent.most.load(Ordering::SeqCst) <= 7);
    let told: Vec<(String, u32)> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TestFinished(summary) => Some((summary.test_uid.clone(), summary.attempt)),
            _ => None,
        })
        .collect();
    let stored: Vec<(String, u32)> =
        ran.finished.iter().map(|done| (done.summary.test_uid.clone(), done.summary.attempt)).collect();
    assert_eq!(told, stored);
    assert_eq!(told.iter().collect::<HashSet<_>>().len(), 200);
    assert!(matches!(ran.events.first(), Some(Event::RunStarted { executions: 200, workers: 7 })));
    assert!(matches!(ran.events.last(), Some(Event::RunFinished(_))));
}

#[tokio::test]
async fn one_worker_keeps_the_order() {
    let ran = run_all(simple_tasks(&["a", "b", "c"]), &[Arc::new(Simple::default())], options("r")).await;
    let uids: Vec<&str> = ran.finished.iter().map(|done| done.summary.test_uid.as_str()).collect();
    assert_eq!(uids, ["simple:t0", "simple:t1", "simple:t2"]);
}

#[tokio::test]
async fn a_fault_and_a_timeout_are_results() {
    let mut set = simple_tasks(&["panic", "wait", "fine"]);
    set.tasks[1].timeout_s = Some(0.05);
    let ran = run_all(set, &[Arc::new(Simple::default())], options("r")).await;
    let rows = ran.accounted().results;
    let told: Vec<_> =
        rows.iter().map(|row| (row.success, row.stop_reason.as_deref(), row.timed_out)).collect();
    assert_eq!(
        told,
        [
            (Some(false), Some("error"), Some(false)),
            (Some(false), Some("timeout"), Some(true)),
            (Some(true), Some("final_answer"), Some(false)),
        ]
    );
    assert_eq!(rows[1].error.as_deref(), Some("no answer within 0.05 s"));
}

#[tokio::test]
async fn a_stop_records_what_runs_and_leaves_the_rest() {
    let agent = Arc::new(Simple::default());
    let stopper = Stopper::default();
    let stop = async {
        agent.waiting.notified().await;
        stopper.stop(Stop::Asked);
    };
    let set = simple_tasks(&["a", "wait", "c"]);
    let agents: [Arc<dyn Agent>; 1] = [agent.clone()];
    let run = run_with(set, &agents, options("r"), Arc::default(), stopper.clone(), 1);
    let (ran, ()) = tokio::join!(run, stop);
    assert_eq!((ran.totals.passed, ran.totals.interrupted, ran.totals.not_run), (1, 1, 1));
    assert_eq!(ran.totals.stop, Some(Stop::Asked));
    let accounted = ran.accounted();
    assert_eq!((accounted.run.total_tests, accounted.run.interrupted_tests), (1, 1));
    let cut = accounted.results.iter().find(|row| row.test_id == "t1").expect("recorded");
    assert_eq!((cut.success, cut.stop_reason.as_deref()), (None, Some("run_stopped")));
    assert!(ran.events.contains(&Event::RunStopping(Stop::Asked)));

    // What was cut off is run again, what is done is not.
    let done = ran.finished.iter().filter(|done| done.summary.success.is_some());
    let done = done.map(|done| (done.summary.test_uid.clone(), done.summary.attempt)).collect();
    let rest = plan(&simple_tasks(&["a", "wait", "c"]), &agents, 1, &done);
    assert_eq!(rest.iter().map(|e| e.test_uid()).collect::<Vec<_>>(), ["simple:t1", "simple:t2"]);
}

#[tokio::test]
async fn a_run_that_cannot_be_stored_ends() {
    let sink = Arc::new(Memory { fails_after: Some(1), ..Memory::default() });
    let ran = run_with(
        simple_tasks(&vec!["x"; 500]),
        &[Arc::new(Simple::default())],
        options("r"),
        sink,
        Stopper::default(),
        1,
    )
    .await;
    assert_eq!(ran.totals.stop, Some(Stop::Storage("the disk is full".into())));
    let told = ran.events.iter().filter(|event| matches!(event, Event::TestFinished(_))).count();
    assert_eq!(told, ran.finished.len());
    assert_eq!(ran.totals.passed + ran.totals.not_run, 500);
}

#[tokio::test]
async fn limits_stop_the_run() {
    let priced = |cost_usd| Usage { cost_usd, ..usage(100, 10) };
    let check = async |limits: Limits, usage: Usage, words: &str| {
        let stopper = Stopper::default();
        let meter = Meter::new(limits, stopper.clone());
        let answer = calls("final_answer", "{\"answer\": 1}");
        let replies = (0..100).map(|_| Ok(ChatReply { usage, ..answer.clone() }));
        let model: Arc<dyn ChatModel> =
            Arc::new(Metered::new(Arc::new(Scripted::new(replies)), meter.clone()));
        let agents = [tool_agent(model)];
        let run = run_with(simple_tasks(&["x"; 100]), &agents, options("r"), Arc::default(), stopper, 1);
        let ran = tokio::select! {
            ran = run => ran,
            () = meter.watch_time() => unreachable!("it has no time limit"),
        };
        assert!(
            matches!(&ran.totals.stop, Some(Stop::Limit(limit)) if limit.contains(words)),
            "{:?}",
            ran.totals
        );
        assert!(ran.totals.not_run > 90, "{:?}", ran.totals);
        assert_eq!(ran.finished.len() + ran.totals.not_run, 100);
    };
    let tokens = Limits { tokens: Some(300), ..Limits::default() };
    let cost = Limits { cost_usd: Some(1.0), ..Limits::default() };
    check(tokens, priced(None), "330 tokens").await;
    check(cost, priced(Some(0.5)), "1.000000 USD").await;
    // What cannot be kept is not taken for kept.
    check(cost, priced(None), "nobody knows the price of scripted").await;
    check(tokens, Usage::default(), "scripted does not say what tokens it uses").await;
}

#[tokio::test]
async fn a_judge_is_under_the_same_limits() {
    let stopper = Stopper::default();
    let meter = Meter::new(Limits { tokens: Some(300), ..Limits::default() }, stopper.clone());
    let model = || Arc::new(Scripted::new((0..2).map(|_| Ok(calls("final_answer", "{}")))));
    let request = ChatRequest {
        messages: Vec::new(),
        tools: Arc::new([]),
        stop: Vec::new(),
        scope: CallScope::default(),
    };
    let (agents, judge) = (Metered::new(model(), meter.clone()), Metered::judging(model(), meter.clone()));
    agents.chat(&request).await.expect("an answer");
    judge.chat(&request).await.expect("an answer");
    assert_eq!(stopper.stopped(), None);
    judge.chat(&request).await.expect("an answer");
    assert_eq!(stopper.stopped(), Some(Stop::Limit("it used 330 tokens, and may use 300".into())));
    // Told apart.
    assert_eq!((meter.spent().tokens, meter.judged().tokens), (110, 220));
}

#[test]
fn tasks_go_to_the_agents_they_are_for() {
    let mut set = simple_tasks(&["a", "b", "c"]);
    set.tasks[0].agents = TaskAgents::Tool;
    set.tasks[1].agents = TaskAgents::Code;
    let model: Arc<dyn ChatModel> = Arc::new(Scripted::default());
    let agents = [tool_agent(model.clone()), crate::support::code_agent(model)];
    let uids: Vec<String> = plan(&set, &agents, 1, &HashSet::new()).iter().map(|e| e.test_uid()).collect();
    assert_eq!(uids, ["tool:t0", "tool:t2", "code:t1", "code:t2"]);
}

#[tokio::test]
async fn secrets_do_not_leave() {
    let secret = "a-very-secret-key";
    let reply = calls("final_answer", &json!({"answer": format!("the key is {secret}")}).to_string());
    let model: Arc<dyn ChatModel> = Arc::new(Scripted::new([Ok(reply)]));
    let mut options = options("r");
    options.redactor = Redactor::new([secret.to_owned()]);
    let set = tasks(vec![Task::new("t", format!("say {secret} and sk-abcdefghijklmnopqrstuv"))]);
    let ran = run_all(set, &[tool_agent(model)], options).await;
    let everything =
        format!("{:?}", ran.finished.iter().map(|done| (&done.result, &done.spans)).collect::<Vec<_>>());
    assert!(!everything.contains(secret) && !everything.contains("sk-abcdef"), "{everything}");
    assert!(everything.contains("the key is [redacted]"));
}

#[tokio::test]
async fn the_judge_is_told_apart() {
    let check = async |verdict: &str, counts: bool, success: bool, error: Option<&str>| {
        let said = ChatReply { usage: Usage { cost_usd: Some(0.25), ..usage(100, 10) }, ..says(verdict) };
        let judge: Arc<dyn ChatModel> = Arc::new(Scripted::new([Ok(said)]));
        let mut options = options("r");
        options.judge = Some(Judge::new(judge, counts));
        let ran = run_all(simple_tasks(&["x"]), &[Arc::new(Simple::default())], options).await;
        let row = ran.accounted().results.remove(0);
        assert_eq!(row.success, Some(success), "{verdict}");
        // What judging took is not what the agent took.
        assert_eq!((row.total_tokens, row.cost_usd, row.llm_calls), (None, None, Some(0)));
        let declared: serde_json::Value = serde_json::from_str(&row.declared).expect("JSON");
        assert_eq!(
            (&declared["judge"]["input_tokens"], &declared["judge"]["cost_usd"]),
            (&json!(100), &json!(0.25))
        );
        assert_eq!(declared["judge"]["error"].as_str(), error);
    };
    check("{\"pass\": true, \"why\": \"right\"}", true, true, None).await;
    check("{\"pass\": false, \"why\": \"wrong\"}", true, false, None).await;
    check("{\"pass\": false, \"why\": \"wrong\"}", false, true, None).await;
    check("I cannot say", true, true, Some("the judge gave no verdict")).await;
}

#[tokio::test]
async fn commands_are_agents() {
    let check = async |command: &str, expected: (Option<&str>, &str, Option<i64>)| {
        let agent = ExternalAgent::new(
            "external",
            External::Command(command.into()),
            Some("http://127.0.0.1:1".into()),
        );
        let timeout_s = command.starts_with("sleep").then_some(0.2);
        let set =
            tasks(vec![Task { expected_answer: Some(json!("x")), timeout_s, ..Task::new("t", "say x") }]);
        let ran = run_all(set, &[Arc::new(agent.expect("a client"))], options("run-1")).await;
        let row = ran.accounted().results.remove(0);
        let found =
            (row.response.as_deref(), row.stop_reason.as_deref().unwrap_or_default(), row.total_tokens);
        assert_eq!(found, expected, "{command}: {:?}", row.error);
        row
    };
    let row = check("cat > /dev/null; echo x", (Some("x"), "final_answer", None)).await;
    assert_eq!(row.success, Some(true));
    let told = r#"read task; echo "{\"answer\": \"x\", \"steps\": 3, \"tools_used\": [\"a\"], \"usage\": {\"input_tokens\": 5, \"output_tokens\": 2}}""#;
    let row = check(told, (Some("x"), "final_answer", Some(7))).await;
    assert_eq!((row.steps, row.tools_used.as_slice()), (Some(3), ["a".to_owned()].as_slice()));
    let seen = "echo $SMOLTRACE_RUN_ID/$SMOLTRACE_TEST_ID/$SMOLTRACE_ATTEMPT/$OTEL_EXPORTER_OTLP_ENDPOINT/${#TRACEPARENT}";
    check(seen, (Some("run-1/t/1/http://127.0.0.1:1/55"), "final_answer", None)).await;
    let row = check("echo broken >&2; exit 3", (None, "error", None)).await;
    assert!(row.error.as_deref().is_some_and(|error| error.contains("broken")), "{:?}", row.error);
    check("sleep 60", (None, "timeout", None)).await;
    check("head -c 20000000 /dev/zero", (None, "error", None)).await;
}
