//! Bad input: each a clear message that names the file and the place, exit code 3, nothing stored.

use std::{fs, io::Write};

use crate::support::{Smoltrace, check_failure, path, recording};

#[test]
fn metrics_files() {
    let check = |name: &str, bytes: &[u8], parts: &[&str]| {
        let smoltrace = Smoltrace::new();
        let file = smoltrace.data.path().join(name);
        fs::write(&file, bytes).expect("a file");
        for command in ["aggregate", "flatten"] {
            let output = smoltrace.run(&[command, path(&file)]);
            check_failure(&output, 3, &[&[name], parts].concat());
        }
    };
    check("truncated.json", br#"{"run_id": "x", "resourceMetrics": [{"scopeMetrics": ["#, &[":1:"]);
    check("empty.json", b"", &["empty"]);
    check("garbage.json", &[0xff, 0x00, 0x13, 0x37].repeat(1000), &[]);
    check("wrong.json", br#"{"resourceMetrics": 7}"#, &["a list of resource metrics", ":1:21"]);
    check("text.json", b"hello", &[":1:"]);
    let mut deep = vec![b'['; 200_000];
    deep.extend(vec![b']'; 200_000]);
    check("deep.json", &deep, &[]);
}

#[test]
fn what_was_left_out_is_said() {
    let smoltrace = Smoltrace::new();
    let input = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"gen_ai.gpu.power","gauge":{"dataPoints":[
        {"timeUnixNano":"1","asDouble":"NaN"},{"timeUnixNano":"2","asDouble":"hot"},{"timeUnixNano":"3","asDouble":7}
        ]}}]}]}]}"#;
    for command in ["aggregate", "flatten"] {
        let output = smoltrace.run_with_input(&[command, "-"], input);
        check_failure(&output, 0, &["1 values are NaN", "1 points cannot be read", "hot"]);
    }
}

#[test]
fn a_missing_file_is_named() {
    let smoltrace = Smoltrace::new();
    check_failure(&smoltrace.run(&["aggregate", "nowhere.json"]), 3, &["nowhere.json"]);
    check_failure(&smoltrace.run(&["import", "nowhere"]), 3, &["nowhere"]);
}

#[test]
fn an_empty_folder_is_told_apart_from_a_run() {
    let smoltrace = Smoltrace::new();
    let folder = smoltrace.data.path().join("nothing");
    fs::create_dir(&folder).expect("a folder");
    check_failure(&smoltrace.run(&["import", path(&folder)]), 3, &["nothing"]);
}

#[test]
fn a_gzip_bomb_is_refused() {
    let smoltrace = Smoltrace::new();
    let file = smoltrace.data.path().join("bomb.json.gz");
    let mut bomb =
        flate2::write::GzEncoder::new(fs::File::create(&file).expect("a file"), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..48 {
        bomb.write_all(&zeros).expect("compressed");
    }
    bomb.finish().expect("written");
    let output = smoltrace.run(&["import", path(&file), "--max-size", "8"]);
    check_failure(&output, 3, &["bomb.json.gz"]);
}

#[test]
fn one_bad_path_does_not_keep_the_others_out() {
    let smoltrace = Smoltrace::new();
    let output = smoltrace.run(&["import", "nowhere", path(&recording())]);
    check_failure(&output, 3, &["nowhere"]);
    assert_eq!(smoltrace.sql("SELECT count(*) AS n FROM runs")[0]["n"], 1);
}

#[test]
fn arguments_that_cannot_be_meant_are_usage_errors() {
    let smoltrace = Smoltrace::new();
    check_failure(&smoltrace.run(&["frobnicate"]), 2, &["frobnicate"]);
    check_failure(&smoltrace.run(&["aggregate"]), 2, &["FILE"]);
    smoltrace.ok(&["import", path(&recording())]);
    check_failure(&smoltrace.run(&["show", "no-such-run"]), 2, &["no-such-run"]);
    check_failure(&smoltrace.run(&["sql", "SELEC 1"]), 2, &["SELEC"]);
    check_failure(&smoltrace.run(&["sql", "DROP TABLE runs"]), 2, &[]);
    check_failure(&smoltrace.run(&["leaderboard", "--sort", "beauty"]), 2, &["beauty"]);
    check_failure(&smoltrace.run(&["serve", "--listen", "0.0.0.0:0"]), 2, &["--insecure"]);
}

#[test]
fn a_data_directory_that_is_not_there_is_no_empty_leaderboard() {
    let smoltrace = Smoltrace::new();
    check_failure(&smoltrace.run(&["leaderboard"]), 1, &["tables"]);
}
