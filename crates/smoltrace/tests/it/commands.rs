//! What the commands print for the bundled recordings.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::support::{RECORDED_RUN, Smoltrace, assert_same_tables, fixtures, path, recording};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn close(value: &Value, expected: f64) {
    let value = number(value);
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
}

fn recorded() -> Smoltrace {
    let smoltrace = Smoltrace::new();
    smoltrace.ok(&["import", path(&recording())]);
    smoltrace
}

#[test]
fn the_two_gpu_recording_has_its_right_numbers() {
    let smoltrace = recorded();
    let leaderboard = smoltrace.json(&["leaderboard", "--json"]);
    let run = &leaderboard["items"][0];
    assert_eq!(run["run_id"], RECORDED_RUN);
    assert_eq!(run["total_tokens"], 26_002);
    close(&run["total_duration_ms"], 34_363.52);
    close(&run["co2_emissions_g"], 1.8413);
    close(&run["power_cost_total_usd"], 0.000465);
    assert_eq!(run["gpu_count"], 2);
    assert_eq!((&run["total_tests"], &run["successful_tests"]), (&12.into(), &9.into()));
    assert_eq!(run["simulated"], true);
    assert_eq!(run["co2_source"], "reported");

    let shown = smoltrace.json(&["show", "5d0c1f0e", "--json"]);
    let declared = |field: &str| {
        let differences = shown["differences"].as_array().expect("differences");
        let found = differences.iter().find(|difference| difference["field"] == field);
        number(&found.unwrap_or_else(|| panic!("{field} differs"))["declared"])
    };
    assert_eq!(declared("total_tokens"), 78_006.0);
    assert_eq!(declared("total_duration_ms"), 204_101.5);
    assert_eq!(declared("co2_emissions_g"), 1.0513);
    assert_eq!(declared("power_cost_total_usd"), 0.000266);
}

#[test]
fn the_tests_and_the_rest_add_up_to_the_run() {
    let smoltrace = recorded();
    let shown = smoltrace.json(&["show", RECORDED_RUN, "--json"]);
    let results = shown["results"].as_array().expect("results");
    assert_eq!(results.len(), 12);
    let sum = |field: &str| results.iter().filter_map(|row| row[field].as_f64()).sum::<f64>();
    let run = &shown["run"];
    let co2 = sum("co2_emissions_g") + number(&run["unattributed_co2_g"]);
    assert!((co2 - 1.841_282_353_377_831).abs() < 1e-9, "{co2}");
    let cost = sum("power_cost_usd") + number(&run["unattributed_power_cost_usd"]);
    assert!((cost - 0.000_465_166_068_221_767_7).abs() < 1e-9, "{cost}");
    let energy = sum("energy_wh") + number(&run["unattributed_energy_wh"]);
    assert!((energy - number(&run["energy_wh"])).abs() < 1e-9, "{energy}");
}

#[test]
fn tables_are_for_people_and_uncoloured_when_piped() {
    let smoltrace = recorded();
    for args in
        [&["leaderboard"][..], &["show", RECORDED_RUN], &["sql", "SELECT name, kind FROM spans LIMIT 3"]]
    {
        let text = smoltrace.ok(args);
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!text.trim().is_empty());
    }
    let text = smoltrace.ok(&["leaderboard"]);
    for part in ["openai/gpt-4.1-nano", "26,002", "1.84 g", "$0.000465", "34.4 s", "simulated"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert!(smoltrace.ok(&["leaderboard", "--color", "always"]).contains('\u{1b}'));
}

#[test]
fn importing_twice_changes_nothing() {
    let smoltrace = recorded();
    let first = smoltrace.tables();
    let again = smoltrace.json(&["import", path(&recording()), "--json"]);
    assert_same_tables(&smoltrace.tables(), &first, "imported twice");
    assert_eq!(again[0]["changed"], false);
}

#[test]
fn rebuild_changes_nothing_that_is_right() {
    let smoltrace = recorded();
    smoltrace.ok(&["import", path(&fixtures().join("smolagents_otlp/traces.pb"))]);
    let before = smoltrace.tables();
    let report = smoltrace.json(&["rebuild", "--json"]);
    assert_eq!((&report["runs"], &report["changed_runs"]), (&2.into(), &0.into()));
    assert_same_tables(&smoltrace.tables(), &before, "rebuilt");
}

#[test]
fn exports_import_to_the_same_rows() {
    let smoltrace = recorded();
    let before = smoltrace.tables();
    for format in ["json", "parquet"] {
        let out = smoltrace.data.path().join(format);
        smoltrace.ok(&["export", RECORDED_RUN, "--format", format, "--out", path(&out)]);
        let other = Smoltrace::new();
        other.ok(&["import", path(&out)]);
        assert_same_tables(&other.tables(), &before, format);
    }
    let out = smoltrace.data.path().join("csv");
    smoltrace.ok(&["export", RECORDED_RUN, "--format", "csv", "--out", path(&out)]);
    let metrics = std::fs::read_to_string(out.join("metrics.csv")).expect("metrics.csv");
    assert_eq!(metrics.lines().count(), 1 + 8, "{metrics}");
}

#[test]
fn spans_and_metrics_may_come_in_separate_files() {
    let whole = recorded();
    let apart = Smoltrace::new();
    let folder = apart.data.path().join("without_metrics");
    std::fs::create_dir(&folder).expect("a folder");
    for file in ["results.json", "traces.json", "leaderboard_row.json", "metadata.json"] {
        std::fs::copy(recording().join(file), folder.join(file)).expect("copied");
    }
    apart.ok(&["import", path(&folder)]);
    assert_eq!(apart.json(&["leaderboard", "--json"])["items"][0]["co2_source"], "none");
    apart.ok(&["import", path(&recording().join("metrics.json"))]);
    let (whole, apart) = (whole.json(&["leaderboard", "--json"]), apart.json(&["leaderboard", "--json"]));
    for field in
        ["total_tokens", "co2_emissions_g", "power_cost_total_usd", "co2_source", "energy_wh", "total_tests"]
    {
        assert_eq!(whole["items"][0][field], apart["items"][0][field], "{field}");
    }
}

#[test]
fn completions_and_help_exist_for_every_command() {
    let smoltrace = Smoltrace::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(smoltrace.ok(&["completions", shell]).contains("leaderboard"));
    }
    for command in [
        "aggregate",
        "flatten",
        "import",
        "leaderboard",
        "show",
        "compare",
        "export",
        "sql",
        "serve",
        "demo",
        "rebuild",
    ] {
        assert!(smoltrace.ok(&[command, "--help"]).contains("Usage: smoltrace"), "{command}");
    }
    assert!(smoltrace.ok(&["--help"]).contains("Exit codes"));
}

#[test]
fn the_demo_is_the_same_for_the_same_seed_and_says_simulated() {
    let load = || {
        let smoltrace = Smoltrace::new();
        smoltrace.ok(&["demo", "--no-serve", "--runs", "6"]);
        smoltrace
    };
    let (first, second) = (load(), load());
    // The evaluation is run while one looks on, so its times are its own.
    let runs = "SELECT * FROM runs WHERE run_id != 'replay-quick' ORDER BY run_id";
    assert_eq!(first.sql(runs), second.sql(runs));
    let scores =
        "SELECT test_uid, success, total_tokens FROM results WHERE run_id = 'replay-quick' ORDER BY 1";
    assert_eq!(first.sql(scores), second.sql(scores));
    let leaderboard = first.json(&["leaderboard", "--json"]);
    let items = leaderboard["items"].as_array().expect("items");
    assert_eq!(items.len(), 9, "6 simulated runs, 2 recordings and an evaluation");
    assert!(items.iter().all(|run| run["simulated"] == true));
}

#[test]
fn a_report_is_written_where_it_is_wanted() {
    let smoltrace = recorded();
    let printed = smoltrace.ok(&["report", "5d0c1f0e", "--out", "-"]);
    assert!(printed.starts_with("<!doctype html>") && printed.contains("26,002"));
    let out = smoltrace.data.path().join("report.html");
    let told = smoltrace.json(&["report", "5d0c1f0e", "--out", path(&out), "--json"]);
    assert_eq!(told["run_id"], RECORDED_RUN);
    assert_eq!(std::fs::read_to_string(&out).expect("the report"), printed);
}

/// The commands of a page's examples, each in one line, without comments and without what stands in quotes.
fn examples(page: &str) -> Vec<String> {
    let whole = page.replace("\\\n", " ");
    let commands = whole.lines().filter_map(|line| line.strip_prefix("$ smoltrace "));
    let bare = |command: &str| {
        let command = command.split("  #").next().unwrap_or(command).split(" -- ").next().unwrap_or(command);
        command.split('\'').step_by(2).collect::<String>()
    };
    commands.map(bare).collect()
}

#[test]
fn the_flags_that_pages_show_are_there() {
    let smoltrace = Smoltrace::new();
    let docs = fixtures().join("../docs");
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    for page in fs::read_dir(docs).expect("the pages").flatten().map(|entry| entry.path()) {
        if page.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        for example in examples(&fs::read_to_string(&page).expect("text")) {
            let command = example.split(' ').next().unwrap_or_default().to_owned();
            let help = helps.entry(command.clone()).or_insert_with(|| smoltrace.ok(&[&command, "--help"]));
            for flag in example.split([' ', '=']).filter(|word| word.starts_with("--")) {
                let known = help.split([' ', ',', '\n', ']', '=']).any(|word| word == flag);
                assert!(known, "{}: `smoltrace {command}` has no {flag}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} flags were found");
}
