//! How far a run under way has come.

use serde_json::json;
use smoltrace_model::{
    account::account_run,
    inputs::{Declared, RunInputs},
    progress::{TestsSoFar, latest, planned_tests, power_now, tests_so_far},
    rows::SpanRow,
    series::{Sample, SeriesInfo, SeriesSet},
};

use crate::support::{SECOND, object, span};

fn in_trace(trace: u64, span: SpanRow) -> SpanRow {
    SpanRow { trace_id: format!("{trace:032x}"), ..span }
}

#[test]
fn a_test_is_done_when_its_root_is_there() {
    let check = |spans: &[SpanRow], done: i64, running: i64| {
        assert_eq!(tests_so_far(spans), TestsSoFar { done, running });
    };
    let root = in_trace(1, span(1, None, 0, 9));
    let child = in_trace(1, span(2, Some(1), 1, 2));
    let underway = in_trace(2, span(3, Some(7), 3, 4));
    check(&[], 0, 0);
    check(std::slice::from_ref(&child), 0, 1);
    check(&[child.clone(), root.clone(), underway.clone(), underway.clone()], 1, 1);
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
    let check = |metadata: serde_json::Value, expected: Option<i64>| {
        let declared = Declared { metadata: object(metadata), ..Declared::default() };
        let run = account_run(&RunInputs { run_id: "run".into(), declared, ..RunInputs::default() }).run;
        assert_eq!(planned_tests(&run), expected);
    };
    check(json!({}), None);
    check(json!({ "planned_tests": 13 }), Some(13));
    check(json!({ "run_state": { "planned_tests": 24 } }), Some(24));
    check(json!({ "planned_tests": "many" }), None);
    check(json!({ "planned_tests": -1 }), None);
}
