//! SMOLTRACE run folders.

use smoltrace_model::trace::summarize;

use crate::support::{fixture, import, vectors};

#[test]
fn the_recorded_run_has_its_totals() {
    let runs = import(&fixture("smoltrace_run_two_gpus")).unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    let vectors = vectors("traces.json");
    let expected = &vectors["recordings"][0];
    assert_eq!(run.run_id, expected["run"]["run_id"]);
    assert_eq!(run.origin, "smoltrace-json");
    assert!(run.declared.notes.is_empty(), "{:?}", run.declared.notes);
    assert_eq!(run.declared.leaderboard_row["total_tokens"], 78006);
    assert_eq!(run.declared.aggregates.len(), 6);
    assert_eq!(run.spans.len(), 117);
    assert_eq!(run.results.len(), 12);
    assert!(run.spans.iter().all(|span| span.run_id == run.run_id && span.row_id.len() == 32));

    let traces = summarize(&run.spans);
    for (uid, expected) in expected["tests"].as_object().unwrap() {
        let result = run.results.iter().find(|result| result.test_uid == *uid).unwrap();
        let trace = traces.iter().find(|t| Some(&t.trace_id) == result.trace_id.as_ref()).unwrap();
        assert_eq!(trace.test_uid.as_ref(), Some(uid));
        assert_eq!(trace.usage.total_tokens.unwrap_or(0), expected["tokens"].as_i64().unwrap(), "{uid}");
        let duration = trace.duration_ms;
        assert!((duration - expected["duration_ms"].as_f64().unwrap()).abs() < 0.001, "{uid}: {duration}");
    }
}
