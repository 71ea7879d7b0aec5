//! Estimates of calls to hosted models, against what EcoLogits 0.11.3 itself gives.

use smoltrace_model::{
    account::{Accounting, account_run},
    estimate::{Call, ModelSize, call_wh, model_size, of_calls},
    inputs::{Declared, RunInputs},
    rows::Source,
};

use crate::support::{llm, span};

#[test]
fn a_call_costs_what_ecologits_says() {
    // Billions active and in all, output tokens, seconds, kWh at a PUE of 1.2 by `compute_llm_impacts_dag`.
    let cases = [
        (8.03, 8.03, 100, 1e9, 8.918_898_600_324_45e-6),
        (8.03, 8.03, 100, 1.0, 6.193_450_997_664_746e-6),
        (70.6, 70.6, 500, 1e9, 0.000_330_220_554_422_983_6),
        (12.9, 46.7, 250, 1e9, 4.754_907_737_260_008e-5),
        (5.1, 117.0, 1000, 30.0, 0.000_302_229_802_998_789_37),
    ];
    for (active, total, tokens, seconds, kwh) in cases {
        let wh = call_wh(&ModelSize { total, active, source: String::new() }, tokens, seconds);
        assert!((wh.high / 1e3 / kwh - 1.0).abs() < 1e-9, "{active} {tokens}: {wh:?}");
        assert!((wh.low / wh.high - 1.09 / 1.2).abs() < 1e-12);
    }
    let size = ModelSize { total: 8.0, active: 8.0, source: String::new() };
    assert_eq!((call_wh(&size, 0, 1.0).high, call_wh(&size, -5, -1.0).high), (0.0, 0.0));
}

#[test]
fn only_published_sizes() {
    let check = |model: &str, expected: Option<(f64, f64)>| {
        assert_eq!(model_size(model).map(|size| (size.total, size.active)), expected, "{model}");
    };
    check("openai/gpt-oss-120b", Some((117.0, 5.1)));
    check("openrouter/OpenAI/gpt-oss-120b", Some((117.0, 5.1)));
    check("mistralai/Mixtral-8x7B-Instruct-v0.1", Some((46.7, 12.9)));
    check("command-r-08-2024", Some((32.3, 32.3)));
    check("gpt-5-mini", None);
    check("", None);
    check("/", None);
    // Each with where it is from.
    assert!(model_size("openai/gpt-oss-20b").is_some_and(|size| size.source.starts_with("https://")));
}

#[test]
fn what_has_no_estimate_is_told() {
    assert_eq!(of_calls([]), None);
    let call = |model: Option<&'static str>, output_tokens| Call { model, output_tokens, seconds: 5.0 };
    let calls = [
        call(Some("openai/gpt-oss-20b"), Some(100)),
        call(Some("gpt-5-mini"), Some(100)),
        call(Some("gpt-5-mini"), Some(100)),
        call(Some("openai/gpt-oss-20b"), None),
        call(None, Some(1)),
    ];
    let estimate = of_calls(calls).expect("an estimate");
    assert_eq!((estimate.calls, estimate.calls_without), (1, 4));
    assert_eq!(estimate.models_without, ["gpt-5-mini", "openai/gpt-oss-20b", "unknown"]);
    let (wh, co2_g) = (estimate.energy_wh.expect("a call"), estimate.co2_emissions_g.expect("a call"));
    assert!(wh.low > 0.0 && wh.low < wh.high);
    assert!((co2_g.high - wh.high * 0.475).abs() < 1e-12);
    // Unknown is not 0.
    let unknown = of_calls([call(Some("gpt-5-mini"), Some(100))]).expect("a call without");
    assert_eq!((unknown.energy_wh, unknown.co2_emissions_g), (None, None));
}

#[test]
fn an_estimate_is_asked_for_and_in_no_total() {
    let spans = |_| {
        let mut call = llm(2, Some(1), 100, 50);
        call.model = Some("openai/gpt-oss-20b".into());
        vec![span(1, None, 0, 6), call]
    };
    let account = |estimate: bool| {
        let declared = Declared { estimate, ..Declared::default() };
        let inputs = RunInputs { run_id: "r".into(), declared, spans: spans(()), ..RunInputs::default() };
        let run = account_run(&inputs).run;
        let accounting: Accounting = serde_json::from_str(&run.accounting).expect("accounting");
        (run, accounting)
    };
    let (run, accounting) = account(true);
    assert!(accounting.estimate.is_some_and(|estimate| estimate.calls == 1));
    assert_eq!((run.energy_wh, run.energy_source, run.co2_source), (None, Source::None, Source::None));
    assert_eq!(account(false).1.estimate, None);
    // It stays asked for when the run is accounted again from its row.
    let again = RunInputs::from_tables(&run, Vec::new(), spans(()), Vec::new());
    assert!(again.declared.estimate);
}
