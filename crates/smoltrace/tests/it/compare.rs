//! `smoltrace compare`: what it prints, what it writes, how it ends.

use std::fs;

use serde_json::Value;

use crate::support::{RECORDED_RUN, Smoltrace, check_failure, path, recording};

/// Two simulated models on the same 32 tasks.
const STRONG: &str = "simulated-00001";
const WEAK: &str = "simulated-00002";

fn demo() -> Smoltrace {
    let smoltrace = Smoltrace::new();
    smoltrace.ok(&["demo", "--no-serve", "--runs", "3"]);
    smoltrace
}

#[test]
fn runs_are_compared_and_gated() {
    let smoltrace = demo();
    let text = smoltrace.ok(&["compare", STRONG, WEAK]);
    for part in [
        "B against A, 32 tests in both",
        "success rate",
        "95% interval",
        "worse",
        "undecided",
        "Simulated: A, B",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }

    let answer =
        smoltrace.json(&["compare", STRONG, WEAK, "--json", "--fail-if", "co2_emissions_g > +1000%"]);
    let against = &answer["comparison"]["against_first"][0];
    let counts = &against["counts"];
    let of = |name: &str| counts[name].as_u64().expect("a count");
    assert_eq!(of("fixed") + of("broken") + of("both_pass") + of("both_fail"), 32);
    assert_eq!(answer["gates"][0]["outcomes"][0]["status"], "passed");
    // The runs' own totals are the leaderboard's.
    let leaderboard = smoltrace.json(&["leaderboard", "--json"]);
    for run in answer["runs"].as_array().expect("runs") {
        let items = leaderboard["items"].as_array().expect("items");
        assert!(items.contains(run), "{run}");
    }

    let gated = |conditions: &[&str], code: i32, parts: &[&str]| {
        let mut args = vec!["compare", STRONG, WEAK];
        conditions.iter().for_each(|condition| args.extend(["--fail-if", condition]));
        let output = smoltrace.run(&args);
        if code == 0 {
            assert!(output.status.success(), "{conditions:?}");
        } else {
            check_failure(&output, code, parts);
        }
    };
    gated(&["success_rate < -2pp"], 4, &["1 condition was not met", "B: success_rate < -2pp"]);
    gated(&["broken > 0", "co2_emissions_g > +10%"], 4, &["broken > 0"]);
    gated(&["co2_emissions_g > +10%", "missing > 0"], 0, &[]);
    gated(&["total_cost_usd > +10%"], 4, &["unknown, taken as failed: Unknown in A and B"]);
    gated(&["succes_rate < -2pp"], 2, &["did you mean `success_rate`?"]);
    gated(&["success_rate < -2"], 2, &["percentage points"]);
    check_failure(&smoltrace.run(&["compare", STRONG]), 2, &["RUN"]);
    check_failure(&smoltrace.run(&["compare", STRONG, STRONG]), 2, &["twice"]);
    check_failure(&smoltrace.run(&["compare", STRONG, "nothing"]), 2, &["no run `nothing`"]);
}

#[test]
fn reports_are_written_whatever_the_gates_say() {
    let smoltrace = demo();
    let (junit, summary) =
        (smoltrace.data.path().join("gates.xml"), smoltrace.data.path().join("summary.md"));
    let output = smoltrace.run(&[
        "compare",
        STRONG,
        WEAK,
        RECORDED_RUN,
        "--fail-if",
        "success_rate < -2pp",
        "--junit",
        path(&junit),
        "--markdown",
        path(&summary),
    ]);
    assert_eq!(output.status.code(), Some(4));
    let junit = fs::read_to_string(junit).expect("a report");
    // One gate for each of the two runs, and one of them fails.
    assert!(junit.contains("failures=\"1\">"), "{junit}");
    assert!(junit.contains("name=\"fails if success_rate &lt; -2pp\""), "{junit}");
    assert_eq!(junit.matches("<testcase").count(), junit.matches("</testcase>").count());
    let summary = fs::read_to_string(summary).expect("a summary");
    for part in
        ["### B against A, 32 tests in both", "### C against A, 1 test in both", "**failed**", "(simulated)"]
    {
        assert!(summary.contains(part), "`{part}` is not in {summary}");
    }
    let printed = smoltrace.ok(&["compare", STRONG, WEAK, "--markdown", "-"]);
    assert!(printed.starts_with("## Runs compared"), "{printed}");
}

#[test]
fn a_run_that_a_hostile_program_named_is_text_in_every_report() {
    let smoltrace = demo();
    let folder = smoltrace.data.path().join("hostile");
    fs::create_dir(&folder).expect("a folder");
    let in_json = |text: &str| serde_json::json!(text).to_string().trim_matches('"').to_owned();
    for file in ["results.json", "traces.json", "metrics.json", "leaderboard_row.json", "metadata.json"] {
        let text = fs::read_to_string(recording().join(file)).expect("the recording");
        let text = text
            .replace(RECORDED_RUN, &in_json("evil <b>|`$(id)` \"&'\u{1b}[31m"))
            .replace("openai/gpt-4.1-nano", "<script>alert(1)</script>")
            .replace("weather_paris", "]]><x/>|**");
        fs::write(folder.join(file), text).expect("written");
    }
    smoltrace.ok(&["import", path(&folder)]);
    let runs = smoltrace.json(&["leaderboard", "--json", "--match", "script"]);
    let evil = runs["items"][0]["run_id"].as_str().expect("the run").to_owned();
    let junit = smoltrace.data.path().join("gates.xml");
    let printed = smoltrace.ok(&["compare", &evil, STRONG, "--tests", "--junit", path(&junit)]);
    assert!(!printed.contains('\u{1b}'), "{printed}");
    let junit = fs::read_to_string(junit).expect("a report");
    assert!(!junit.contains("<x/>") && !junit.contains('\u{1b}'), "{junit}");
    let markdown = smoltrace.ok(&["compare", &evil, STRONG, "--markdown", "-"]);
    assert!(!markdown.contains("<script>") && !markdown.contains("<b>"), "{markdown}");
    let answer: Value = smoltrace.json(&["compare", &evil, STRONG, "--json"]);
    assert_eq!(answer["comparison"]["runs"][0]["run_id"], evil.as_str());
}
