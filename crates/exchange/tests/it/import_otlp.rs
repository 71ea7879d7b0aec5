//! OTLP files.

use smoltrace_model::trace::summarize;

use crate::support::{fixture, import, vectors};

#[test]
fn the_recorded_protobuf_body_has_its_totals() {
    let runs = import(&fixture("smolagents_otlp/traces.pb")).unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((run.run_id.as_str(), run.origin.as_str()), ("smolagents-demo-run", "otlp"));
    assert!(run.declared.notes.is_empty(), "{:?}", run.declared.notes);

    let expected = &vectors("traces.json")["recordings"][1]["traces"];
    let traces = summarize(&run.spans);
    assert_eq!(traces.len(), expected.as_object().unwrap().len());
    for (prefix, expected) in expected.as_object().unwrap() {
        let trace = traces.iter().find(|trace| trace.trace_id.starts_with(prefix)).unwrap();
        let is = |name: &str| expected[name].as_i64().unwrap();
        assert_eq!(trace.root_name, expected["root"].as_str().unwrap());
        assert_eq!(trace.spans as i64, is("spans"));
        assert_eq!(trace.usage.input_tokens, Some(is("input_tokens")));
        assert_eq!(trace.usage.output_tokens, Some(is("output_tokens")));
        assert_eq!(trace.usage.llm_calls as i64, is("llm_calls"));
        assert_eq!(trace.usage.tool_calls as i64, is("tool_calls"));
    }
}
