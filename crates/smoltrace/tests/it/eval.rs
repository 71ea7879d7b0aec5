//! `smoltrace eval` as its users run it: the bundled recording, an endpoint, stops, and going on.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Barrier},
    thread,
};

use serde_json::{Value, json};

use crate::{receive::Serving, support::Smoltrace};

fn sql(smoltrace: &Smoltrace, query: &str) -> Vec<Value> {
    smoltrace.sql(query).as_array().expect("rows").clone()
}

#[test]
fn the_quick_set_is_replayed_by_both_agents() {
    let smoltrace = Smoltrace::new();
    let told = smoltrace.json(&["eval", "--model", "replay:quick", "--parallel-workers", "4", "--json"]);
    let run = &told["run"];
    assert_eq!(run["total_tests"], 26);
    assert_eq!(run["agent_type"], "both");
    assert_eq!((run["simulated"].as_bool(), run["status"].as_str()), (Some(true), Some("completed")));
    assert_eq!(run["model"], "replay/scripted-agent");
    // The script gets one task wrong, with one of the agents.
    let failed: Vec<&str> = told["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .filter(|test| test["success"] == false)
        .filter_map(|test| test["test_uid"].as_str())
        .collect();
    assert_eq!(failed, ["tool:sum_growth"]);
    assert_eq!(run["successful_tests"], 25);

    let id = run["run_id"].as_str().expect("an id");
    let rows = sql(&smoltrace, &format!("SELECT * FROM results WHERE run_id = '{id}'"));
    assert_eq!(rows.len(), 26);
    let tokens: i64 = rows.iter().filter_map(|row| row["total_tokens"].as_i64()).sum();
    assert_eq!(Some(tokens), run["total_tokens"].as_i64());
    for row in &rows {
        let declared: Value = serde_json::from_str(row["declared"].as_str().expect("text")).expect("JSON");
        assert_eq!(declared["checks"].as_array().map(Vec::len), Some(4), "{row}");
        assert!(row["trace_id"].is_string() && row["llm_calls"].as_i64() > Some(0), "{row}");
    }
    // A slip with a tool's arguments and one in code are told to the agent, and mended.
    let mended = sql(
        &smoltrace,
        "SELECT test_uid, declared FROM results WHERE test_uid IN ('tool:weather_difference', 'code:fahrenheit')",
    );
    assert_eq!(mended.len(), 2);
    for row in mended {
        let declared: Value = serde_json::from_str(row["declared"].as_str().expect("text")).expect("JSON");
        assert_eq!(
            declared["bad_calls"].as_i64().unwrap_or(0) + declared["failures"].as_i64().unwrap_or(0),
            1,
            "{row}"
        );
    }
    // What the tables tell gives the same row again.
    let before = sql(&smoltrace, "SELECT row_id FROM runs");
    assert!(smoltrace.run(&["rebuild"]).status.success());
    assert_eq!(sql(&smoltrace, "SELECT row_id FROM runs"), before);
}

#[test]
fn arguments_that_cannot_be_meant_are_told() {
    let smoltrace = Smoltrace::new();
    let check = |args: &[&str], code: i32, words: &str| {
        let output = smoltrace
            .command(&[&["eval"], args].concat())
            .env_remove("OPENAI_API_KEY")
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    };
    check(&["--model", "gpt-9"], 2, "nothing says who serves `gpt-9`");
    check(&["--model", "openai/gpt-9"], 2, "openai needs a key: set OPENAI_API_KEY");
    check(&["--model", "replay:quick", "--tasks", "none.jsonl"], 2, "no tasks `none.jsonl`");
    check(&["--model", "replay:quick", "--task", "none"], 2, "no task of quick has this id");
    check(&["--model", "replay:quick", "--difficulty", "absurd"], 2, "no task of quick is left");
    check(&["--model", "replay:quick", "--enable-tools", "telepathy"], 2, "telepathy");
    check(
        &["--model", "replay:quick", "--mcp-server-url", "ftp://h"],
        2,
        "is not the address of an MCP server",
    );
    check(&["--model", "replay:quick", "--agent-url", "ftp://h"], 2, "is not the address of an agent");
    check(&["--model", "replay:quick", "--mcp-transport", "smoke"], 2, "streamable-http");
    check(&["--model", "replay:quick", "--resume", "none"], 2, "no run `none`");
    check(&["--model", "replay:none.json"], 1, "cannot read the recording none.json");
    check(&["--model", "x", "--base-url", "not a url"], 2, "is no URL");
    check(&["--model", "x", "--provider", "nobody"], 2, "--provider nobody is none of openai");
    let bad = smoltrace.data.path().join("bad.jsonl");
    std::fs::write(&bad, "{\"id\": 1}\n").expect("written");
    check(&["--model", "replay:quick", "--tasks", bad.to_str().expect("UTF-8")], 3, "row 1, field `prompt`");
    assert!(
        !smoltrace.data.path().join("tables").join("runs").exists()
            || sql(&smoltrace, "SELECT * FROM runs").is_empty()
    );
}

#[test]
fn spans_go_where_the_environment_says_as_well() {
    let (here, there) = (Smoltrace::new(), Smoltrace::new());
    let serving = Serving::start(&there, &[]);
    let run = |run_id: &str, variable: &str, url: &str| {
        let mut command = here.command(&["eval", "--model", "replay:quick", "--run-id", run_id]);
        let output = command.env(variable, url).output().expect("the binary runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let base = format!("http://{}", serving.otlp);
    for (run_id, variable, url) in [
        ("general", "OTEL_EXPORTER_OTLP_ENDPOINT", format!("{base}/")),
        ("traces", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{base}/v1/traces")),
    ] {
        let said = run(run_id, variable, &url);
        assert!(!said.contains("could not be exported"), "{said}");
        let tokens = sql(&here, &format!("SELECT total_tokens FROM runs WHERE run_id = '{run_id}'"));
        let tokens = &tokens[0]["total_tokens"];
        serving.await_run(run_id, |run| run["total_tests"] == 26 && run["total_tokens"] == *tokens);
    }
    // The endpoint for traces is taken as it is.
    let said = run("elsewhere", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{base}/other"));
    assert!(said.contains("spans were stored here and could not be exported"), "{said}");
    serving.stop();
    let said = run("nobody", "OTEL_EXPORTER_OTLP_ENDPOINT", &base);
    assert!(said.contains("spans were stored here and could not be exported"), "{said}");
}

#[test]
fn exit_codes_tell_how_it_went() {
    let smoltrace = Smoltrace::new();
    let code = |args: &[&str]| {
        smoltrace.run(&[&["eval", "--model", "replay:quick", "--quiet"], args].concat()).status.code()
    };
    assert_eq!(code(&["--fail-under", "90"]), Some(0));
    assert_eq!(code(&["--fail-under", "99"]), Some(7));
    assert_eq!(code(&["--max-tokens", "3000"]), Some(6));
    let partial = sql(&smoltrace, "SELECT status, total_tests FROM runs WHERE status = 'partial'");
    assert_eq!(partial.len(), 1);
    assert!(partial[0]["total_tests"].as_i64() < Some(26));
}

/// An endpoint that calls `final_answer` at once, or holds every answer back.
struct Endpoint {
    address: SocketAddr,
}

impl Endpoint {
    /// Requests whose body contains `held` are never answered; the first of them passes the barrier.
    fn start(held: &'static str, reached: Arc<Barrier>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reached = reached.clone();
                thread::spawn(move || answer(stream, held, &reached));
            }
        });
        Self { address }
    }

    fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

fn answer(stream: TcpStream, held: &str, reached: &Barrier) -> Option<()> {
    let mut write = stream.try_clone().ok()?;
    let mut read = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if read.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).ok()?;
        if !held.is_empty() && String::from_utf8_lossy(&body).contains(held) {
            reached.wait();
            loop {
                thread::park();
            }
        }
        let message = json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "final_answer", "arguments": "{\"answer\": \"42\"}"}}]});
        let body = json!({"id": "1", "model": "scripted", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
        .to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        write.write_all(format!("{head}{body}").as_bytes()).ok()?;
    }
}

fn write_tasks(smoltrace: &Smoltrace, count: usize) -> String {
    let path = smoltrace.data.path().join("tasks.jsonl");
    let task = |n| {
        json!({"id": format!("t{n:03}"), "prompt": format!("prompt {n:03}."), "expected_answer": 42})
            .to_string()
    };
    let lines: Vec<String> = (0..count).map(task).collect();
    std::fs::write(&path, lines.join("\n")).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

fn evaluation(smoltrace: &Smoltrace, endpoint: &Endpoint, tasks: &str, more: &[&str]) -> Command {
    let url = endpoint.url();
    let args = ["eval", "--model", "m", "--base-url", &url, "--tasks", tasks, "--agent-type", "tool"];
    let mut command = smoltrace.command(&[&args, more].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Test uid and trace id of the tests that are done.
fn done(smoltrace: &Smoltrace) -> BTreeSet<(String, String)> {
    sql(smoltrace, "SELECT test_uid, trace_id FROM results WHERE stop_reason <> 'run_stopped'")
        .iter()
        .map(|row| {
            (row["test_uid"].as_str().expect("text").into(), row["trace_id"].as_str().expect("text").into())
        })
        .collect()
}

#[test]
fn a_killed_run_goes_on_without_losing_or_repeating_a_test() {
    let endpoint = Endpoint::start("", Arc::new(Barrier::new(1)));
    for after in [1, 40, 90] {
        let smoltrace = Smoltrace::new();
        let tasks = write_tasks(&smoltrace, 120);
        let mut child =
            evaluation(&smoltrace, &endpoint, &tasks, &["--run-id", "run", "--parallel-workers", "3"])
                .spawn()
                .expect("the binary runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        // A test is told as finished once it is stored.
        let told: Vec<String> = lines
            .filter(|line| line.starts_with("pass"))
            .map(|line| line.split_whitespace().nth(1).expect("a test").to_owned())
            .take(after)
            .collect();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let before = done(&smoltrace);
        for test in &told {
            assert!(before.iter().any(|(uid, _)| uid == test), "{test} was told and is lost");
        }
        assert_eq!(sql(&smoltrace, "SELECT status FROM runs")[0]["status"], "running");

        let output = evaluation(&smoltrace, &endpoint, &tasks, &["--resume", "run"])
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let after = done(&smoltrace);
        assert_eq!(after.len(), 120);
        assert!(before.is_subset(&after), "a test was run twice");
        assert_eq!(after.iter().map(|(uid, _)| uid).collect::<BTreeSet<_>>().len(), 120);
        let run = &sql(&smoltrace, "SELECT * FROM runs")[0];
        assert_eq!((run["status"].as_str(), run["total_tests"].as_i64()), (Some("completed"), Some(120)));
        let traces = sql(&smoltrace, "SELECT DISTINCT trace_id FROM spans");
        assert_eq!(traces.len(), 120);
    }
}

#[cfg(unix)]
#[test]
fn a_stopped_run_is_partial_and_goes_on() {
    let smoltrace = Smoltrace::new();
    let tasks = write_tasks(&smoltrace, 6);
    let reached = Arc::new(Barrier::new(2));
    let holding = Endpoint::start("prompt 003.", reached.clone());
    let child =
        evaluation(&smoltrace, &holding, &tasks, &["--run-id", "run"]).spawn().expect("the binary runs");
    reached.wait();
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    let run = &sql(&smoltrace, "SELECT * FROM runs")[0];
    assert_eq!((run["status"].as_str(), run["total_tests"].as_i64()), (Some("partial"), Some(3)));
    assert_eq!(run["interrupted_tests"], 1);

    let endpoint = Endpoint::start("", Arc::new(Barrier::new(1)));
    let output =
        evaluation(&smoltrace, &endpoint, &tasks, &["--resume", "run"]).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = &sql(&smoltrace, "SELECT * FROM runs")[0];
    assert_eq!((run["status"].as_str(), run["total_tests"].as_i64()), (Some("completed"), Some(6)));
    // What was cut off is in the totals, and in no score.
    assert_eq!((run["interrupted_tests"].as_i64(), run["successful_tests"].as_i64()), (Some(1), Some(6)));
    assert_eq!(run["attempts"], 1);
}

#[test]
fn recordings_are_replayed_without_the_endpoint() {
    let smoltrace = Smoltrace::new();
    let tasks = write_tasks(&smoltrace, 3);
    let file = smoltrace.data.path().join("recording.json");
    let file = file.to_str().expect("UTF-8");
    let endpoint = Endpoint::start("", Arc::new(Barrier::new(1)));
    let output =
        evaluation(&smoltrace, &endpoint, &tasks, &["--record", file]).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = smoltrace.json(&[
        "eval",
        "--model",
        &format!("replay:{file}"),
        "--tasks",
        &tasks,
        "--agent-type",
        "tool",
        "--json",
    ]);
    assert_eq!(
        (told["run"]["successful_tests"].as_i64(), told["run"]["simulated"].as_bool()),
        (Some(3), Some(true))
    );
    assert_eq!(told["run"]["total_tokens"], 45);
}

#[test]
fn a_command_is_an_agent() {
    let smoltrace = Smoltrace::new();
    let tasks = write_tasks(&smoltrace, 2);
    let agent = r#"cat > /dev/null; echo '{"answer": "42", "steps": 2, "usage": {"input_tokens": 7, "output_tokens": 1}}'"#;
    let told =
        smoltrace.json(&["eval", "--model", "mine", "--tasks", &tasks, "--agent-command", agent, "--json"]);
    let run = &told["run"];
    assert_eq!((run["successful_tests"].as_i64(), run["total_tokens"].as_i64()), (Some(2), Some(16)));
    assert_eq!((run["agent_type"].as_str(), run["avg_steps"].as_f64()), (Some("external"), Some(2.0)));
}

const SIMULATED: [&str; 4] = ["--power", "simulated", "--carbon-intensity", "100"];

/// Checks that a run's energy is that of its tests and the rest, all simulated, and returns it in J with the accounting.
fn check_energy(smoltrace: &Smoltrace, run_id: &str) -> (f64, Value) {
    let shown = smoltrace.json(&["show", run_id, "--json"]);
    let run = &shown["run"];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number: {run}"));
    assert_eq!(run["simulated"], true);
    for name in ["energy_source", "co2_source", "power_cost_source"] {
        assert_eq!(run[name], "simulated", "{name}");
    }
    let results = shown["results"].as_array().expect("results");
    let mut sum = number(&run["unattributed_energy_wh"]);
    for result in results {
        assert_eq!(
            (&result["energy_source"], &result["co2_source"]),
            (&json!("simulated"), &json!("simulated"))
        );
        assert!(number(&result["energy_wh"]) > 0.0);
        sum += number(&result["energy_wh"]);
    }
    let energy_wh = number(&run["energy_wh"]);
    assert!((sum - energy_wh).abs() < 1e-9, "{sum} Wh are not {energy_wh} Wh");
    let co2_g = number(&shown["accounting"]["totals"]["co2_emissions_g"]);
    assert!((co2_g - energy_wh / 1e3 * 100.0).abs() < 1e-9);
    (energy_wh * 3600.0, shown["accounting"].clone())
}

#[test]
fn power_is_measured_while_an_evaluation_runs() {
    let smoltrace = Smoltrace::new();
    let told = smoltrace
        .json(&[&["eval", "--model", "replay:quick", "--run-id", "run", "--json"], &SIMULATED[..]].concat());
    assert_eq!(told["run"]["energy_source"], "simulated");
    let (joules, accounting) = check_energy(&smoltrace, "run");
    // A GPU of 70 to 300 W, as long as the run's spans last.
    let seconds = told["run"]["wall_ms"].as_f64().expect("ms") / 1e3;
    assert!(joules > 69.0 * seconds && joules < 301.0 * seconds, "{joules} J in {seconds} s");
    assert_eq!(accounting["devices"][0]["uncovered_s"], 0.0);
    let shown = smoltrace.ok(&["show", "run"]);
    assert!(
        shown.contains("J x PUE 1 x 100 g/kWh") && shown.contains("simulated, by its counter"),
        "{shown}"
    );
    // What the tables tell gives the same row again.
    let before = sql(&smoltrace, "SELECT row_id FROM runs");
    smoltrace.ok(&["rebuild"]);
    assert_eq!(sql(&smoltrace, "SELECT row_id FROM runs"), before);

    let idle = ["--limit", "1", "--run-id", "idle", "--idle-baseline", "1.5"];
    let words = smoltrace.ok(&[&["eval", "--model", "replay:quick"], &idle[..], &SIMULATED[..]].concat());
    let (joules, accounting) = check_energy(&smoltrace, "idle");
    let device = &accounting["devices"][0];
    assert!(device["idle_s"].as_f64() >= Some(1.0), "{device}");
    assert!(device["idle_power_w"].as_f64().is_some_and(|watts| (69.0..301.0).contains(&watts)), "{device}");
    // The baseline is before the run, and its energy not the run's.
    let wall_ms = sql(&smoltrace, "SELECT wall_ms FROM runs WHERE run_id = 'idle'")[0]["wall_ms"].as_f64();
    assert!(joules < 301.0 * wall_ms.expect("ms") / 1e3, "{joules} J");
    assert!(words.contains("power   GPU 0 (Simulated GPU)") && words.contains("[simulated], CO2"), "{words}");
}

#[test]
fn power_is_measured_where_the_model_runs_or_where_asked() {
    let smoltrace = Smoltrace::new();
    let eval = |args: &[&str]| {
        let nowhere = ["--nvml-library", "/nowhere", "--sysfs", "/nowhere"];
        let mut command = smoltrace.command(&[&["eval"], args, &nowhere].concat());
        command.env_remove("SMOLTRACE_POWER").env("OPENAI_API_KEY", "none").output().expect("it runs")
    };
    let check = |args: &[&str], code: i32, words: &str| {
        let output = eval(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(if words.is_empty() { said.is_empty() } else { said.contains(words) }, "{args:?}: {said}");
    };
    let replay = ["--model", "replay:quick", "--limit", "1"];
    let with = |more: &[&'static str]| [&replay[..], more].concat();
    // Nothing is there, and nobody asked.
    check(&replay, 0, "");
    check(&with(&["--power", "auto"]), 0, "power: nothing to measure here");
    check(&with(&["--power", "nvml"]), 1, "no power can be measured here");
    check(&with(&["--max-energy", "1"]), 1, "--max-energy: no power can be measured here");
    check(&with(&["--power", "off", "--max-energy", "1"]), 2, "--max-energy: nothing is measured");
    check(&["--model", "openai/gpt-9", "--max-energy", "1"], 2, "--max-energy: nothing is measured");
    check(&with(&["--power", "coal"]), 2, "nvml");
    check(&with(&["--pue", "0.5"]), 2, "PUE 0.5");
    assert!(sql(&smoltrace, "SELECT * FROM points").is_empty());
}

#[test]
fn a_run_ends_when_it_has_used_what_it_may() {
    let smoltrace = Smoltrace::new();
    let tasks = write_tasks(&smoltrace, 2);
    // The second test is never answered: only the limit ends it. 70 W are 0.02 Wh within a second or two.
    let holding = Endpoint::start("prompt 001.", Arc::new(Barrier::new(1)));
    let more = [&["--run-id", "run", "--max-energy", "0.02"], &SIMULATED[..]].concat();
    let output = evaluation(&smoltrace, &holding, &tasks, &more).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains(" Wh, and may use 0.02"), "{said}");
    assert!(check_energy(&smoltrace, "run").0 >= 0.02 * 3600.0 * 0.5);
}

#[test]
fn a_killed_run_goes_on_with_its_power() {
    let smoltrace = Smoltrace::new();
    let tasks = write_tasks(&smoltrace, 4);
    let reached = Arc::new(Barrier::new(2));
    let holding = Endpoint::start("prompt 002.", reached.clone());
    let more = [&["--run-id", "run", "--pue", "2"], &SIMULATED[..2], &["--carbon-intensity", "50"]].concat();
    let mut child = evaluation(&smoltrace, &holding, &tasks, &more).spawn().expect("it runs");
    reached.wait();
    // Two tests are done, and the third is under way; its samples are stored meanwhile.
    let points = || sql(&smoltrace, "SELECT DISTINCT time_unix_nano FROM points ORDER BY 1");
    let stored = points().len();
    while points().len() < stored + 5 {
        thread::yield_now();
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let before = points();
    assert_eq!(done(&smoltrace).len(), 2);
    let run = &sql(&smoltrace, "SELECT status FROM runs")[0];
    assert_eq!(run["status"], "running");
    // Time in which the GPU uses what is not the run's.
    thread::sleep(std::time::Duration::from_millis(1500));

    let endpoint = Endpoint::start("", Arc::new(Barrier::new(1)));
    let more = [&["--resume", "run"], &SIMULATED[..]].concat();
    let output = evaluation(&smoltrace, &endpoint, &tasks, &more).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(done(&smoltrace).len(), 4);
    let after = points();
    assert!(
        after.len() > before.len() && after[..before.len()] == before,
        "the samples of before are there, once"
    );
    let twice =
        "SELECT count(*) AS n FROM points GROUP BY metric, time_unix_nano, resource HAVING count(*) > 1";
    assert!(sql(&smoltrace, twice).is_empty());

    // 2 x 50 g: the factors are those that the run began with.
    let (joules, accounting) = check_energy(&smoltrace, "run");
    assert_eq!(accounting["factors"].as_array().map(Vec::len), Some(1));
    assert_eq!(accounting["factors"][0]["pue"], 2.0);
    let device = &accounting["devices"][0];
    let uncovered_s = device["uncovered_s"].as_f64().expect("s");
    let wall_s = sql(&smoltrace, "SELECT wall_ms FROM runs")[0]["wall_ms"].as_f64().expect("ms") / 1e3;
    assert!(uncovered_s >= 1.5 && uncovered_s < wall_s, "{uncovered_s} s of {wall_s} s");
    assert!(joules > 0.0 && joules < 301.0 * (wall_s - uncovered_s), "{joules} J");
    // What ran when it was killed was paid for, and no test has it.
    let unattributed = sql(&smoltrace, "SELECT unattributed_energy_wh AS wh FROM runs")[0]["wh"].as_f64();
    assert!(unattributed > Some(0.0), "{unattributed:?}");
}
