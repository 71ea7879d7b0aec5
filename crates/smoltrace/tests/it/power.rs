//! `smoltrace power` and `serve --power`, on simulated devices: what is shown, measured, sent and stored.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    receive::Serving,
    support::{Smoltrace, check_failure},
};

const SIMULATED: [&str; 3] = ["power", "--source", "simulated"];

fn power(more: &[&str]) -> Vec<String> {
    SIMULATED.iter().chain(more).map(|text| (*text).to_owned()).collect()
}

fn refs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64
}

#[test]
fn devices_are_shown_once() {
    let smoltrace = Smoltrace::new();
    let arguments = power(&["--once", "--json", "--country", "FR", "--pue", "1.5", "--simulated-gpus", "2"]);
    let shown: Value = smoltrace.json(&refs(&arguments));
    assert_eq!(
        (shown["simulated"].as_bool(), shown["devices"].as_array().map(Vec::len)),
        (Some(true), Some(2))
    );
    assert_eq!(shown["factors"]["intensity"]["g_per_kwh"], 56.039);
    let (watts, grams) = (shown["power_w"].as_f64().expect("W"), shown["co2_g_per_h"].as_f64().expect("g"));
    assert!(watts > 100.0 && (grams - watts / 1e3 * 1.5 * 56.039).abs() < 1e-6, "{shown}");

    let table = smoltrace.ok(&refs(&power(&["--once"])));
    assert!(
        table.contains("GPU 0") && table.contains("simulated") && table.contains("475 g CO2e/kWh"),
        "{table}"
    );
}

#[test]
fn what_cannot_be_measured_is_said() {
    let smoltrace = Smoltrace::new();
    let check = |arguments: &[&str], code: i32, parts: &[&str]| {
        let output = smoltrace.command(arguments).env_remove("SMOLTRACE_POWER").output().expect("it runs");
        check_failure(&output, code, parts);
    };
    check(&refs(&power(&["--country", "XX"])), 2, &["--country XX", "ISO 3166"]);
    check(&refs(&power(&["--pue", "0.5"])), 2, &["PUE 0.5"]);
    check(&refs(&power(&["--grid-file", "/nowhere"])), 2, &["--grid-file /nowhere"]);
    check(&refs(&power(&["--otlp", "ftp://a", "--run-id", "r"])), 2, &["--otlp ftp://a"]);
    check(&["power", "--source", "coal"], 2, &["nvml"]);
    let nowhere = ["--nvml-library", "/nowhere", "--sysfs", "/nowhere"];
    check(&[&["power", "--source", "nvml"][..], &nowhere].concat(), 1, &["no power can be measured", "NVML"]);
    check(&[&["power"][..], &nowhere].concat(), 1, &["no device can be read"]);
    // As shells have it.
    check(&refs(&power(&["--wrap", "--", "/nowhere/command"])), 127, &["cannot run /nowhere/command"]);
    check(&refs(&power(&["--wrap", "--", "/"])), 126, &["cannot run /", "ermission"]);
}

#[test]
fn a_command_is_measured_and_its_exit_code_passed_through() {
    let smoltrace = Smoltrace::new();
    let check = |more: &[&str], script: &str, code: i32, parts: &[&str]| {
        let arguments = [&power(more)[..], &["--wrap", "--", "sh", "-c", script].map(str::to_owned)].concat();
        let output = smoltrace.run(&refs(&arguments));
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stdout, "its own\n");
        for part in parts {
            assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
        }
        stderr.lines().last().unwrap_or_default().to_owned()
    };
    check(&[], "echo its own", 0, &["energy", "[simulated]", " x PUE 1 x 475 g/kWh", "GPU 0", "counter"]);
    check(&["--electricity-price", "0.3"], "echo its own; exit 7", 7, &["x 0.3 USD/kWh (given)"]);
    check(&[], "echo its own; kill -TERM $$", 143, &["energy"]);
    let account: Value =
        serde_json::from_str(&check(&["--json"], "echo its own; sleep 0.2", 0, &[])).expect("JSON");
    let joules = account["energy_j"].as_f64().expect("J");
    assert!(
        joules > 0.2 * 70.0 && (account["co2_g"].as_f64().expect("g") - joules / 3.6e6 * 475.0).abs() < 1e-9
    );
    assert_eq!(account["sampler"]["failed_reads"], 0);

    // Where nothing can be read the command runs all the same.
    let nowhere = ["power", "--nvml-library", "/nowhere", "--sysfs", "/nowhere"];
    let output = smoltrace.run(&[&nowhere[..], &["--wrap", "--", "sh", "-c", "exit 3"]].concat());
    check_failure(&output, 3, &["unknown: no device could be read"]);
}

#[test]
fn signals_reach_the_command() {
    let smoltrace = Smoltrace::new();
    // Also those that come as soon as there is a command to hand them on to. It gives up at some time.
    let script = "trap 'exit 9' TERM; kill -TERM $PPID; for _ in $(seq 1000); do sleep 0.02; done";
    let output = smoltrace.run(&refs(&power(&["--wrap", "--", "sh", "-c", script])));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(9), "{stderr}");
    assert!(stderr.contains("[simulated]"), "{stderr}");
}

/// A test of a second that ends now.
fn spans(run_id: &str, end: i64) -> Value {
    let span = json!({
        "traceId": "1".repeat(32), "spanId": "1".repeat(16), "name": "test",
        "startTimeUnixNano": (end - 1_000_000_000).to_string(), "endTimeUnixNano": end.to_string(),
        "attributes": [{"key": "test.id", "value": {"stringValue": "t"}}],
    });
    let resource = json!({"attributes": [{"key": "run.id", "value": {"stringValue": run_id}}]});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})
}

/// Checks that a run has the energy of its only test, which lasted a second, from a simulated GPU.
fn check_run(smoltrace: &Smoltrace, run_id: &str) {
    let shown = smoltrace.json(&["show", run_id, "--json"]);
    let run = &shown["run"];
    assert_eq!(
        (run["energy_source"].as_str(), run["simulated"].as_bool()),
        (Some("simulated"), Some(true)),
        "{run}"
    );
    assert_eq!((run["co2_source"].as_str(), run["gpu_count"].as_i64()), (Some("simulated"), Some(1)));
    // 70 to 300 W for a second.
    let joules = shown["results"][0]["energy_wh"].as_f64().expect("Wh") * 3600.0;
    assert!((60.0..310.0).contains(&joules), "{joules}");
    let accounting = &shown["accounting"];
    assert_eq!(accounting["factors"][0]["intensity"]["g_per_kwh"], 100.0);
    let co2 = accounting["totals"]["co2_emissions_g"].as_f64().expect("g");
    let energy = accounting["totals"]["energy_wh"].as_f64().expect("Wh");
    assert!((co2 - energy / 1e3 * 100.0).abs() < 1e-9);
    assert!(accounting["chains"]["co2_emissions_g"].to_string().contains("J x PUE 1 x 100 g/kWh"));
}

#[test]
fn a_server_measures_for_the_runs_that_come_in() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &["--power", "simulated", "--carbon-intensity", "100"]);
    // The server has measured for a second by then.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let sent = spans("served", now_ns());
    assert_eq!(serving.post_json("/v1/traces", &sent).status, 200);
    serving.await_run("served", |run| !run["energy_wh"].is_null());
    let rows = || smoltrace.sql("SELECT count(*) AS n FROM points WHERE run_id = 'served'")[0]["n"].as_i64();
    // Ten readings of energy and power, one or two of everything else: no more than the span lasted.
    let before = rows();
    assert!(before.is_some_and(|rows| (20..100).contains(&rows)), "{before:?}");
    // The same spans again bring nothing new.
    assert_eq!(serving.post_json("/v1/traces", &sent).status, 200);
    assert_eq!(rows(), before);
    serving.stop();
    check_run(&smoltrace, "served");
}

#[test]
fn what_is_measured_elsewhere_is_sent() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &[]);
    let url = format!("http://{}", serving.otlp);
    let arguments = power(&["--otlp", &url, "--run-id", "sent", "--carbon-intensity", "100", "--json"]);
    let arguments = [&arguments[..], &["--wrap", "--", "sleep", "1.2"].map(str::to_owned)].concat();
    assert!(smoltrace.run(&refs(&arguments)).status.success());
    assert_eq!(serving.post_json("/v1/traces", &spans("sent", now_ns() - 100_000_000)).status, 200);
    serving.await_run("sent", |run| !run["energy_wh"].is_null() && run["total_tests"] == 1);
    serving.stop();
    check_run(&smoltrace, "sent");
}

#[test]
fn what_is_measured_here_is_stored() {
    let smoltrace = Smoltrace::new();
    let arguments =
        [&power(&["--run-id", "here", "--wrap", "--"])[..], &["sleep", "0.5"].map(str::to_owned)].concat();
    assert!(smoltrace.run(&refs(&arguments)).status.success());
    let shown = smoltrace.json(&["show", "here", "--json"]);
    assert_eq!(
        (shown["run"]["status"].as_str(), shown["run"]["total_tests"].as_i64()),
        (Some("completed"), Some(0))
    );
    let joules = shown["run"]["energy_wh"].as_f64().expect("Wh") * 3600.0;
    assert!(joules > 0.5 * 70.0, "{joules}");
    assert_eq!(shown["run"]["unattributed_energy_wh"], shown["run"]["energy_wh"]);
}

#[test]
fn a_server_that_refuses_is_a_failure() {
    let smoltrace = Smoltrace::new();
    let serving = Serving::start(&smoltrace, &[]);
    let url = format!("http://{}/nowhere", serving.otlp);
    let arguments = power(&["--otlp", &url, "--run-id", "r", "--duration", "1"]);
    check_failure(&smoltrace.run(&refs(&arguments)), 1, &["does not take the samples: 404"]);
    serving.stop();
}
