//! `smoltrace bundle`: where it writes, and that it compares as the API does.

use std::fs;

use serde_json::Value;

use crate::support::{RECORDED_RUN, Smoltrace, check_failure, fixtures, path, recording};

const TWIN: &str = "7e1170ad-0000-4000-8000-000000000002";

fn recorded() -> Smoltrace {
    let smoltrace = Smoltrace::new();
    smoltrace.ok(&["import", path(&recording())]);
    smoltrace
}

/// Imports the recording under another id, with none of its tests passed.
fn import_twin(smoltrace: &Smoltrace) {
    let folder = smoltrace.data.path().join("twin");
    fs::create_dir(&folder).expect("a folder");
    for file in ["results.json", "traces.json", "metrics.json", "leaderboard_row.json", "metadata.json"] {
        let text = fs::read_to_string(recording().join(file)).expect("a recording");
        let text = text.replace(RECORDED_RUN, TWIN).replace("\"success\": true", "\"success\": false");
        fs::write(folder.join(file), text).expect("written");
    }
    smoltrace.ok(&["import", path(&folder)]);
}

#[test]
fn a_bundle_goes_into_an_empty_folder_only() {
    let smoltrace = recorded();
    let full = smoltrace.data.path().join("full");
    std::fs::create_dir(&full).expect("a folder");
    std::fs::write(full.join("mine.txt"), "mine").expect("a file");
    let output = smoltrace.run(&["bundle", path(&full)]);
    check_failure(&output, 2, &["is not empty"]);
    assert_eq!(std::fs::read_dir(&full).expect("the folder").count(), 1);
    let output = smoltrace.run(&["bundle", path(&smoltrace.data.path().join("site")), "--run", "nobody"]);
    check_failure(&output, 2, &["no run `nobody`"]);
}

#[test]
fn a_bundle_compares_as_the_api_does() {
    let smoltrace = recorded();
    import_twin(&smoltrace);
    smoltrace.ok(&["import", path(&fixtures().join("smolagents_otlp/traces.pb"))]);
    let two_tests = smoltrace.sql("SELECT run_id FROM runs WHERE total_tests = 2");
    let third = two_tests[0]["run_id"].as_str().expect("an id");
    let site = smoltrace.data.path().join("site");
    let all = [TWIN, third, RECORDED_RUN];
    let mut args = vec!["bundle", path(&site), "--run", RECORDED_RUN, "--run", TWIN];
    let named = all.join(",");
    args.extend(["--pairs", "2", "--compare", &named, "--no-downloads", "--json"]);
    let told = smoltrace.json(&args);
    // What is compared is in the bundle, too.
    assert_eq!((told["runs"].as_array().map(Vec::len), &told["comparisons"]), (Some(3), &3.into()));

    let read = |file: &str| -> Value {
        let text = fs::read(site.join("data").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        serde_json::from_slice(&text).expect("JSON")
    };
    let listed = read("comparisons.json");
    let strings = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|item| item.as_str().expect("a text").into()).collect()
    };
    let sets: Vec<_> = listed["items"].as_array().expect("a list").iter().collect();
    assert_eq!(
        sets.iter().map(|set| strings(&set["runs"])).collect::<Vec<_>>(),
        [vec![RECORDED_RUN, TWIN], vec![TWIN, RECORDED_RUN], all.to_vec()],
        "the two best each with each, then those that were named"
    );
    for set in sets {
        let (runs, pairings) = (strings(&set["runs"]), strings(&set["pair_by"]));
        assert_eq!(pairings, ["test", "id"], "no test was tried twice");
        for pairing in pairings {
            let mut args = vec!["compare", "--json", "--pair-by", &pairing];
            args.extend(runs.iter().map(String::as_str));
            let mut said = smoltrace.json(&args);
            said.as_object_mut().expect("an answer").remove("gates");
            let file = format!("compare/{}/{pairing}.json", runs.join("/"));
            assert_eq!(read(&file), said, "{file}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_written() {
    let smoltrace = recorded();
    let check = |list: &str, part: &str| {
        let site = smoltrace.data.path().join("site");
        check_failure(&smoltrace.run(&["bundle", path(&site), "--compare", list]), 2, &[part]);
        assert!(!site.exists(), "{list}: something is written");
    };
    check("nobody", "no run `nobody`");
    check(RECORDED_RUN, "must name 2 to 6 runs");
    check(&format!("{RECORDED_RUN},{}", &RECORDED_RUN[..8]), "twice");
}
