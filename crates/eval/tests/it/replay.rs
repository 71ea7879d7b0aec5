//! Conversations are recorded, and come back the same.

use std::sync::Arc;

use smoltrace_eval::{
    chat::{
        ChatModel,
        replay::{Recorder, Replay},
        scripted::Scripted,
    },
    task::{Task, TaskSet, built_in},
};

use crate::support::{calls, options, run_all, says, tasks, tool_agent};

const QUICK: &[u8] = include_bytes!("../../data/replay/quick.json");

#[tokio::test]
async fn what_was_recorded_is_replayed() {
    let script =
        [calls("double", "{\"n\": 4}"), calls("final_answer", "{\"answer\": \"8\"}"), says("no"), says("no")];
    let recorder = Arc::new(Recorder::new(Arc::new(Scripted::new(script.into_iter().map(Ok)))));
    let set = || tasks(vec![Task::new("a", "double 4"), Task::new("b", "say nothing")]);
    let model: Arc<dyn ChatModel> = recorder.clone();
    let first = run_all(set(), &[tool_agent(model)], options("r")).await;
    let recording = serde_json::to_vec(&recorder.recording("a test")).expect("JSON");
    let replay: Arc<dyn ChatModel> = Arc::new(Replay::parse(&recording).expect("a recording"));
    let again = run_all(set(), &[tool_agent(replay)], options("r")).await;
    let told = |ran: &crate::support::Ran| -> Vec<_> {
        let rows = ran.accounted().results;
        rows.into_iter()
            .map(|row| (row.test_uid, row.success, row.response, row.steps, row.total_tokens, row.tools_used))
            .collect()
    };
    assert_eq!(told(&first)[0], told(&again)[0]);
    // The second conversation broke off, and is no longer when it is replayed.
    assert_eq!(
        again.finished[1].result.error.as_deref(),
        Some("the recording has no answer for call 2 of tool:b")
    );
}

#[test]
fn recordings_that_are_none_are_refused() {
    let check = |text: &str, words: &str| {
        let Err(problem) = Replay::parse(text.as_bytes()) else { panic!("read: {text}") };
        assert!(problem.contains(words), "{problem}");
    };
    check("{", "no recording");
    check(
        r#"{"format":"other/1","model":"m","provider":"p","made_by":"x","calls":[]}"#,
        "smoltrace-replay/1",
    );
}

#[test]
fn the_bundled_recording_has_every_quick_task() {
    let recording: serde_json::Value = serde_json::from_slice(QUICK).expect("JSON");
    assert!(recording["made_by"].as_str().is_some_and(|text| text.contains("script")));
    let calls = recording["calls"].as_array().expect("calls");
    let TaskSet { tasks, .. } = built_in("quick").expect("built in");
    for task in tasks {
        for agent in ["tool", "code"] {
            let uid = format!("{agent}:{}", task.id);
            assert!(calls.iter().any(|call| call["test"] == uid.as_str()), "{uid}");
        }
    }
}
