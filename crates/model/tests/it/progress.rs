//! How far a run under way has come.

use serde_json::json;
use smoltrace_model::{
    account::account_run,
    inputs::{Declared, RunInputs},
    progress::{TestsSoFar, latest, power_now, tests_so_far},
    rows::{RunRow, SpanRow},
    series::{Sample, SeriesInfo, SeriesSet},
};

use crate::support::{SECOND, object, span};

fn in_trace(trace: u64, span: SpanRow) -> SpanRow {
    SpanRow { trace_id: format!("{trace:032x}"), ..span }
}

fn run(metadata: serde_json::Value) -> RunRow {
    let declared = Declared { metadata: object(metadata), ..Declared::default() };
    account_run(&RunInputs { run_id: "run".into(), declared, ..RunInputs::default() }).run
}

#[test]
fn a_test_is_done_when_its_root_is_there() {
    let check = |spans: &[SpanRow], done: i64, running: i64| {
        let expected = TestsSoFar { done, running, queued: None };
        assert_eq!(tests_so_far(&run(json!({})), spans), expected);
    };
    let root = in_trace(1, span(1, None, 0, 9));
    let child = in_trace(1, span(2, Some(1), 1, 2));
    let underway = in_trace(2, span(3, Some(7), 3, 4));
    let attributes = json!({"test.id": "a", "test.stop_reason": "run_stopped"}).to_string();
    let cut_off = SpanRow { attributes, ..in_trace(3, span(4, None, 5, 6)) };
    check(&[], 0, 0);
    check(std::slice::from_ref(&child), 0, 1);
    check(&[child.clone(), root.clone(), underway.clone(), underway.clone()], 1, 1);
    check(&[root.clone(), cut_off], 1, 0);
    let names: Vec<String> = latest(&[child, root.clone(), underway.clone(), root], 2)
        .iter()
        .map(|span| span.name.clone())
        .collect();
    assert_eq!(names, ["span 1", "span 3"]);
}

#[test]
fn power_is_that_of_the_sensors_that_still_speak() {
    let gpu = |id: &str, samples: &[(i64, f64)]| {
        let info = SeriesInfo {
            metric: "gen_ai.gpu.power".into(),
            attributes: format!("{{\"gpu_id\":\"{id}\"}}"),
            ..SeriesInfo::default()
        };
        let samples = samples.iter().map(|(second, value)| Sample {
            start_time_unix_nano: 0,
            time_unix_nano: second * SECOND,
            value: *value,
        });
        (info, samples.collect::<Vec<_>>())
    };
    let check = |series: &[(SeriesInfo, Vec<Sample>)], expected: Option<(f64, i64)>| {
        let mut set = SeriesSet::default();
        for (info, samples) in series {
            let slot = set.slot(info.clone());
            samples.iter().for_each(|sample| set.push(slot, *sample));
        }
        assert_eq!(power_now(&set), expected);
    };
    check(&[], None);
    check(&[gpu("0", &[(1, 100.0), (9, 150.0)]), gpu("1", &[(8, 50.0)])], Some((200.0, 9 * SECOND)));
    check(&[gpu("0", &[(100, 150.0)]), gpu("1", &[(60, 50.0)])], Some((150.0, 100 * SECOND)));
}

#[test]
fn queued_tests_are_known_when_the_run_says_how_many_there_are() {
    let done = |tests: u64| -> Vec<SpanRow> {
        (0..tests).map(|trace| in_trace(trace, span(trace + 1, None, 0, 9))).collect()
    };
    let check = |metadata: serde_json::Value, spans: &[SpanRow], running: i64, queued: Option<i64>| {
        let so_far = tests_so_far(&run(metadata.clone()), spans);
        assert_eq!((so_far.running, so_far.queued), (running, queued), "{metadata}");
    };
    check(json!({}), &done(2), 0, None);
    check(json!({ "planned_tests": 13 }), &done(2), 0, Some(11));
    check(json!({ "run_state": { "planned_tests": 24 } }), &done(4), 0, Some(20));
    check(json!({ "planned_tests": "many" }), &done(2), 0, None);
    check(json!({ "planned_tests": -1 }), &done(2), 0, None);
    check(json!({ "planned_tests": 1 }), &done(2), 0, Some(0));
    // A run that tells how many it runs at a time, and of each test when it is done.
    let eight = json!({ "planned_tests": 13, "settings": { "parallel_workers": 8 } });
    check(eight.clone(), &[], 8, Some(5));
    check(eight.clone(), &done(2), 8, Some(3));
    check(eight.clone(), &done(7), 6, Some(0));
    check(eight, &done(13), 0, Some(0));
    // One that tells of tests while they run is believed.
    let underway = vec![in_trace(8, span(90, Some(91), 3, 4)), in_trace(9, span(92, Some(93), 3, 4))];
    check(json!({ "planned_tests": 3, "settings": { "parallel_workers": 1 } }), &underway, 2, Some(1));
}
