//! What the two agents do, step by step, and what their spans come to.

use std::sync::Arc;

use serde_json::{Value, json};
use smoltrace_eval::{
    agent::{Prompts, ToolCallingAgent},
    chat::{ChatModel, ChatReply, ChatRequest, Role, ToolCall, scripted::Scripted},
    run::Finished,
    task::Task,
};
use smoltrace_model::rows::SpanKind;

use crate::support::{calls, code_agent, equipment, options, run_all, says, tasks, tool_agent};

struct Told {
    finished: Finished,
    requests: Vec<ChatRequest>,
    row: smoltrace_model::rows::ResultRow,
}

async fn told(replies: Vec<ChatReply>, code: bool) -> Told {
    let script = Arc::new(Scripted::new(replies.into_iter().map(Ok)));
    let model: Arc<dyn ChatModel> = script.clone();
    let agent = if code { code_agent(model) } else { tool_agent(model) };
    let ran = run_all(tasks(vec![Task::new("t", "double 4")]), &[agent], options("r")).await;
    let row = ran.accounted().results.remove(0);
    Told { finished: ran.finished.into_iter().next().expect("one"), requests: script.requests(), row }
}

fn last_message(request: &ChatRequest) -> &str {
    &request.messages.last().expect("a message").content
}

#[tokio::test]
async fn the_tool_calling_agent_calls_looks_and_answers() {
    let told =
        told(vec![calls("double", "{\"n\": 4}"), calls("final_answer", "{\"answer\": 8}")], false).await;
    let row = &told.row;
    assert_eq!(row.response.as_deref(), Some("8"));
    assert_eq!(
        (row.success, row.stop_reason.as_deref(), row.steps),
        (Some(true), Some("final_answer"), Some(2))
    );
    assert_eq!(row.tools_used, ["double"]);
    assert_eq!((row.input_tokens, row.output_tokens, row.llm_calls), (Some(200), Some(20), Some(2)));
    // The final answer is a tool, as it is in smolagents' traces.
    assert_eq!(row.tool_calls, Some(2));

    let names: Vec<(&str, SpanKind)> =
        told.finished.spans.iter().map(|span| (span.name.as_str(), span.kind)).collect();
    assert_eq!(
        names,
        [
            ("test_evaluation", SpanKind::Evaluation),
            ("invoke_agent ToolCallingAgent", SpanKind::Agent),
            ("Step 1", SpanKind::Step),
            ("chat scripted", SpanKind::Llm),
            ("execute_tool double", SpanKind::Tool),
            ("Step 2", SpanKind::Step),
            ("chat scripted", SpanKind::Llm),
            ("execute_tool final_answer", SpanKind::Tool),
        ]
    );
    let roots = told.finished.spans.iter().filter(|span| span.parent_span_id.is_none()).count();
    assert_eq!(roots, 1);

    let [first, second] = told.requests.as_slice() else { panic!("two requests") };
    let roles: Vec<Role> = second.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    assert_eq!(last_message(first), "New task:\ndouble 4");
    assert_eq!(last_message(second), "Observation:\n8");
    assert_eq!(
        second.messages[2].content,
        "Calling tools:\n[{'id': 'c1', 'type': 'function', 'function': {'name': 'double', 'arguments': {'n': 4}}}]"
    );
    let tools: Vec<&str> = first.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["double", "final_answer"]);
    assert!(first.messages[0].content.contains("double: Doubles a number."), "{}", first.messages[0].content);
}

#[tokio::test]
async fn mistakes_go_back_to_the_model() {
    let two = ChatReply {
        tool_calls: vec![
            ToolCall { id: "a".into(), name: "double".into(), arguments: "{\"n\": 1}".into() },
            ToolCall { id: "b".into(), name: "final_answer".into(), arguments: "{\"answer\": 2}".into() },
        ],
        ..ChatReply::default()
    };
    let check_used = async |reply: ChatReply, words: &str, used: &[&str]| {
        let told = told(vec![reply, calls("final_answer", "{\"answer\": \"x\"}")], false).await;
        let seen = last_message(&told.requests[1]);
        assert!(seen.contains(words), "{seen}");
        assert_eq!((told.row.stop_reason.as_deref(), told.row.steps), (Some("final_answer"), Some(2)));
        assert_eq!(told.row.tools_used, used);
    };
    let check = async |reply: ChatReply, words: &str| check_used(reply, words, &[]).await;
    check(calls("triple", "{}"), "no tool is named \"triple\"; there are: double, final_answer").await;
    check(calls("double", "{\"n\": \"x\"}"), "argument n of double must be \"integer\", found \"x\"").await;
    check(calls("double", "{}"), "argument n of double is missing").await;
    check(calls("double", "nonsense"), "must be \"integer\"").await;
    check(calls("double", "{\"n\": 13}"), "13 is not doubled here").await;
    check(calls("double", "{\"n\": 99}"), "no answer within 0.2 s").await;
    check(says("I am thinking"), "There is no tool call in the output").await;
    check(calls("final_answer", "{\"text\": 1}"), "final_answer has no argument text").await;
    // The other call is made; what it gave is there beside what was wrong.
    check_used(two.clone(), "final_answer alone", &["double"]).await;
    check_used(two, "Observation:\n2\n", &["double"]).await;
    check(ChatReply::default(), "neither text nor a tool call").await;
}

#[tokio::test]
async fn a_call_in_the_text_counts() {
    let text = says("I call {\"name\": \"double\", \"arguments\": {\"n\": 2}}");
    let told = told(vec![text, says("{\"name\": \"final_answer\", \"arguments\": \"4\"}")], false).await;
    assert_eq!(told.row.tools_used, ["double"]);
    assert_eq!(told.row.response.as_deref(), Some("4"));
}

#[tokio::test]
async fn the_code_agent_runs_code_and_remembers() {
    let told = told(
        vec![
            says("I try.\n<code>\nx = double(4)\nprint('x is', x)\n"),
            says("<code>\nfinal_answer(x + 1)\n</code>"),
        ],
        true,
    )
    .await;
    let row = &told.row;
    assert_eq!(row.response.as_deref(), Some("9"), "{:?}", row.error);
    assert_eq!((row.success, row.steps, row.llm_calls), (Some(true), Some(2), Some(2)));
    assert_eq!(row.tools_used, ["double"]);
    assert_eq!(row.tool_calls, Some(2));
    assert_eq!(row.total_tokens, Some(220));
    let seen = last_message(&told.requests[1]);
    assert!(seen.starts_with("Observation:\nExecution logs:\nx is 8\n"), "{seen}");
    assert!(told.requests[0].tools.is_empty());
    assert_eq!(told.requests[0].stop, ["Observation:", "Calling tools:", "</code>"]);
    assert!(told.requests[0].messages[0].content.contains("def double(n: int) -> int:"));
}

#[tokio::test]
async fn code_that_fails_goes_back_to_the_model() {
    let check = async |output: &str, words: &str| {
        let told = told(vec![says(output), says("<code>final_answer('x')</code>")], true).await;
        let seen = last_message(&told.requests[1]);
        assert!(seen.contains(words), "{seen}");
        assert_eq!(told.row.response.as_deref(), Some("x"));
    };
    check("no code at all", "There is no code between").await;
    check("<code>1 / 0</code>", "division by zero").await;
    check("<code>print('before')\nundefined</code>", "before").await;
    check("<code>double(n='x')</code>", "integer").await;
}

#[tokio::test]
async fn plans_are_made_at_their_interval() {
    let replies = [
        says("plan one"),
        calls("double", "{\"n\": 1}"),
        calls("double", "{\"n\": 2}"),
        says("plan two"),
        calls("final_answer", "{\"answer\": \"done\"}"),
    ];
    let script = Arc::new(Scripted::new(replies.into_iter().map(Ok)));
    let mut equipment = equipment(script.clone(), Prompts::tool_calling());
    equipment.settings.planning_interval = Some(2);
    let ran = run_all(
        tasks(vec![Task::new("t", "go")]),
        &[Arc::new(ToolCallingAgent::new(equipment).expect("our prompts"))],
        options("r"),
    )
    .await;
    let row = ran.accounted().results.remove(0);
    assert_eq!((row.response.as_deref(), row.steps, row.llm_calls), (Some("done"), Some(3), Some(5)));
    let requests = script.requests();
    assert!(requests[0].messages[0].content.contains("go") && requests[0].tools.is_empty());
    assert!(requests[1].messages.iter().any(|message| message.content.contains("plan one")));
    let again = &requests[3].messages;
    assert!(
        again[0].content.contains("go") && last_message(&requests[3]).contains("You have 2 steps left"),
        "{again:?}"
    );
    assert!(!again.iter().any(|message| message.content.contains("plan one")), "{again:?}");
}

#[test]
fn prompts_are_replaced_in_part_or_whole() {
    let ours = Prompts::code();
    let check = |yaml: &str, expected: Result<bool, &str>| match (ours.replaced(yaml), expected) {
        (Ok(replaced), Ok(changed)) => assert_eq!(replaced != ours, changed, "{yaml}"),
        (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
        (outcome, _) => panic!("{yaml}: {outcome:?}"),
    };
    check("{}", Ok(false));
    check("system_prompt: Be brief.", Ok(true));
    check("prompt_templates:\n  system_prompt: '{{ tools.values() | length }}'", Ok(true));
    check("planning:\n  initial_plan: 'Plan {{ task }}'\nmax_steps: 3", Ok(true));
    check("system_prompt: [1]", Err("`system_prompt` must be text"));
    check("system_prompt: '{{ tools.nothing() }}'", Err("cannot be rendered"));
    check("max_steps: none", Err("`max_steps`"));
    check("a: [", Err("no YAML"));
    assert_eq!(ours.replaced("planning_interval: 4").expect("valid").planning_interval, Some(4));
    let noted = ours.replaced("grammar: x").expect("valid");
    assert_eq!(noted.notes, ["keys that mean nothing here were passed over: grammar"]);
}

/// The templates of smolagents' files use what Jinja has and ours must have, too.
#[tokio::test]
async fn templates_see_tools_as_smolagents_shows_them() {
    let yaml = "prompt_templates:\n  system_prompt: |-\n    {%- for tool in tools.values() %}\n    - {{ tool.name }}({{ tool.output_type }}) {{ tool.to_tool_calling_prompt() }}\n    {%- endfor %}\n    {%- if managed_agents and managed_agents.values() | list %}none{%- endif %}\n    {{ code_block_opening_tag }}{{ authorized_imports }}";
    let script = Arc::new(Scripted::new([Ok(calls("final_answer", "{\"answer\": 1}"))]));
    let prompts = Prompts::tool_calling().replaced(yaml).expect("valid");
    let agent = ToolCallingAgent::new(equipment(script.clone(), prompts)).expect("it can be rendered");
    run_all(tasks(vec![Task::new("t", "go")]), &[Arc::new(agent)], options("r")).await;
    let system = &script.requests()[0].messages[0].content;
    assert!(system.contains("- double(integer) double: Doubles a number."), "{system}");
    assert!(system.contains("<code>[") && !system.contains("none"), "{system}");
}

#[test]
fn a_prompt_that_only_fails_with_tools_ends_no_test() {
    let yaml = "prompt_templates:\n  system_prompt: '{% for tool in tools.values() %}{{ tool.nothing() }}{% endfor %}'";
    let prompts = Prompts::tool_calling().replaced(yaml).expect("without tools it can be rendered");
    let error =
        ToolCallingAgent::new(equipment(Arc::new(Scripted::new([])), prompts)).err().expect("refused");
    assert!(error.to_string().contains("cannot be rendered"), "{error}");
}

#[tokio::test]
async fn what_the_model_said_is_in_the_spans() {
    let told = told(vec![calls("final_answer", "{\"answer\": \"8\"}")], false).await;
    let chat = told.finished.spans.iter().find(|span| span.kind == SpanKind::Llm).expect("a call");
    let attributes: Value = serde_json::from_str(&chat.attributes).expect("JSON");
    let input: Value =
        serde_json::from_str(attributes["gen_ai.input.messages"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        input,
        json!([{"role": "user", "parts": [{"type": "text", "content": "New task:\ndouble 4"}]}])
    );
    assert_eq!(attributes["gen_ai.operation.name"], "chat");
    assert_eq!(attributes["gen_ai.response.finish_reasons"], json!(["tool_calls"]));
    assert_eq!((chat.input_tokens, chat.output_tokens), (Some(100), Some(10)));
}
