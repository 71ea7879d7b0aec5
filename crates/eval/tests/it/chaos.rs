//! Endpoints and models that misbehave: each case ends as a recorded result that says why.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use smoltrace_eval::{
    chat::{CallScope, ChatError, ChatModel, ChatReply, ChatRequest, Message, Role},
    task::Task,
};

use crate::support::{
    calls, code_agent, options, run_all, says,
    server::{Answer, Server},
    tasks, tool_agent,
};

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![Message::new(Role::User, "hello")],
        stop: vec!["STOP".into()],
        scope: CallScope::default(),
        ..ChatRequest::default()
    }
}

/// One call against answers in order; how often was asked.
async fn ask(answers: Vec<Answer>, limit: Duration) -> (Result<ChatReply, ChatError>, usize) {
    let server = Server::in_order(answers).await;
    let client = server.client(|options| {
        options.request_timeout = limit;
        options.most_answer_bytes = 4 << 20;
    });
    (client.chat(&request()).await, server.requests().len())
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_passes_is_repeated_and_what_does_not_is_told() {
    let good = Answer::Stream(says("good STOP and more"));
    let status = |status, headers| Answer::Status(status, headers, "{\"error\": {\"message\": \"busy\"}}");
    let check = async |answers: Vec<Answer>, asked: usize, kind: Option<&str>, words: &str| {
        let shown = format!("{answers:?}");
        let (outcome, requests) = ask(answers, SOON).await;
        assert_eq!(requests, asked, "{shown:.80}");
        match (&outcome, kind) {
            (Ok(reply), None) => {
                assert_eq!(reply.content.as_deref(), Some(words), "{shown:.80}");
                assert_eq!(reply.timing.retries as usize, asked - 1);
                assert_eq!(reply.usage.input_tokens, Some(100));
                assert_eq!(reply.model.as_deref(), Some("model-1"));
            }
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind(), kind, "{shown:.80}");
                assert!(error.to_string().contains(words), "{error}");
            }
            _ => panic!("{shown:.80}: {outcome:?}"),
        }
    };
    check(vec![good.clone()], 1, None, "good ").await;
    check(vec![Answer::Whole(says("whole"))], 1, None, "whole").await;
    check(vec![status(429, &[("retry-after", "0")]), good.clone()], 2, None, "good ").await;
    check(vec![status(500, &[]), status(503, &[]), good.clone()], 3, None, "good ").await;
    check(vec![Answer::Half(says("a longer text")), good.clone()], 2, None, "good ").await;
    check(vec![Answer::Close, good.clone()], 2, None, "good ").await;
    check(vec![Answer::Nonsense("data: {not json\n\n"), good.clone()], 2, None, "good ").await;
    check(vec![status(429, &[])], 3, Some("unavailable"), "(429) in each of 3 attempts: busy").await;
    check(vec![status(500, &[])], 3, Some("unavailable"), "busy").await;
    check(vec![status(401, &[])], 1, Some("refused"), "refused the request (401): busy").await;
    check(
        vec![Answer::Status(307, &[("location", "http://127.0.0.1:1/")], "")],
        1,
        Some("refused"),
        "no reason",
    )
    .await;
    check(vec![Answer::Half(says("a longer text"))], 3, Some("cut_off"), "3 attempts").await;
    check(vec![Answer::Nonsense("<html>\n\n")], 3, Some("cut_off"), "nothing in it").await;
    check(vec![Answer::Nonsense("data: [1, 2\n\n")], 3, Some("no_completion"), "expected JSON").await;
    check(vec![Answer::Nonsense("data: {\"hello\": 1}\n\n")], 3, Some("no_completion"), "`choices`").await;
    check(
        vec![Answer::Nonsense("data: {\"error\": {\"message\": \"no more\", \"code\": 400}}\n\n")],
        1,
        Some("refused"),
        "no more",
    )
    .await;
    check(vec![Answer::Huge(100_000_000)], 1, Some("too_large"), "larger than 4194304 bytes").await;
    check(vec![Answer::Close], 3, Some("no_connection"), "3 attempts").await;
}

#[tokio::test]
async fn a_hanging_endpoint_is_left() {
    let (outcome, asked) = ask(vec![Answer::Hang], Duration::from_millis(50)).await;
    assert!(matches!(outcome, Err(ChatError::TimedOut { attempts: 2, .. })), "{outcome:?}");
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn requests_say_what_is_asked() {
    let server = Server::in_order(vec![Answer::Stream(says("x"))]).await;
    let model = server.client(|options| {
        options.generation.temperature = Some(0.5);
        options.generation.max_new_tokens = Some(9);
        options.generation.enable_thinking = Some(false);
    });
    model.chat(&request()).await.expect("an answer");
    let asked = server.requests().remove(0);
    let expected = json!({
        "model": "model", "messages": [{"role": "user", "content": "hello"}], "stream": true,
        "stream_options": {"include_usage": true}, "stop": ["STOP"], "temperature": 0.5, "max_tokens": 9,
        "chat_template_kwargs": {"enable_thinking": false},
    });
    assert_eq!(asked, expected);
}

/// A run of the tool-calling agent on one task, over real HTTP.
async fn outcome(answers: Vec<Answer>, code: bool) -> smoltrace_model::rows::ResultRow {
    let server = Server::in_order(answers).await;
    let model: Arc<dyn ChatModel> = Arc::new(server.client(|options| {
        options.request_timeout = Duration::from_secs(5);
        options.most_answer_bytes = 4 << 20;
    }));
    let agent = if code { code_agent(model) } else { tool_agent(model) };
    let ran = run_all(tasks(vec![Task::new("t", "double 4")]), &[agent], options("r")).await;
    assert_eq!(ran.finished.len(), 1);
    assert_eq!(ran.totals.not_run, 0);
    ran.accounted().results.remove(0)
}

#[tokio::test]
async fn misbehaving_endpoints_end_as_results() {
    let check = async |answer: Answer, error: &str| {
        let row = outcome(vec![answer], false).await;
        assert_eq!((row.success, row.stop_reason.as_deref()), (Some(false), Some("error")), "{error}");
        assert!(row.error.as_deref().unwrap_or_default().contains(error), "{:?}", row.error);
        assert!(row.trace_id.is_some() && row.span_count > Some(2) && row.error_count > Some(1), "{row:?}");
    };
    check(Answer::Status(429, &[], ""), "(429)").await;
    check(Answer::Status(500, &[], "oops"), "oops").await;
    check(Answer::Half(says("some longer text")), "ended before its end").await;
    check(Answer::Nonsense("data: nonsense\n\n"), "no chat completion").await;
    check(Answer::Huge(100_000_000), "larger than").await;
    check(Answer::Close, "no connection").await;
}

#[tokio::test]
async fn misbehaving_models_run_out_of_steps() {
    let check = async |answers: Vec<ChatReply>, field: &str, count: u64| {
        let answers = answers.into_iter().map(Answer::Stream).collect();
        let row = outcome(answers, false).await;
        assert_eq!(
            (row.success, row.stop_reason.as_deref()),
            (Some(false), Some("max_steps")),
            "{field}: {:?}",
            row.error
        );
        assert_eq!((row.steps, row.llm_calls), (Some(4), Some(5)));
        assert_eq!(row.total_tokens, Some(550), "{field}");
        let declared: serde_json::Value = serde_json::from_str(&row.declared).expect("JSON");
        assert_eq!(declared[field].as_u64(), Some(count), "{declared}");
        assert!(declared["checks"].as_array().is_some_and(|checks| checks.len() == 4), "{declared}");
    };
    check(vec![says("just words")], "bad_outputs", 4).await;
    check(vec![calls("double", "{no json")], "bad_calls", 4).await;
    check(vec![calls("double", "{\"m\": 4}")], "bad_calls", 4).await;
    check(vec![calls("triple", "{\"n\": 4}")], "bad_calls", 4).await;
    check(vec![calls("double", "{\"n\": 13}")], "failures", 4).await;
    check(vec![calls("double", "{\"n\": 99}")], "failures", 4).await;
    // An endless loop of calls that work.
    check(vec![calls("double", "{\"n\": 4}")], "bad_calls", 0).await;
}

#[tokio::test]
async fn code_that_misbehaves_is_told_and_runs_out_of_steps() {
    let check = async |code: &str| {
        let row = outcome(vec![Answer::Stream(says(&format!("<code>\n{code}\n</code>")))], true).await;
        assert_eq!(
            (row.success, row.stop_reason.as_deref()),
            (Some(false), Some("max_steps")),
            "{code}: {:?}",
            row.error
        );
        let declared: serde_json::Value = serde_json::from_str(&row.declared).expect("JSON");
        assert_eq!(declared["failures"].as_u64(), Some(4), "{code}");
    };
    check("open('/etc/passwd').read()").await;
    check("import socket\nsocket.socket()").await;
    check("x = 'a' * (10 ** 10)").await;
    check("def f():\n    return f()\nf()").await;
    check("1 / 0").await;
    check("double(n='x')").await;
}
