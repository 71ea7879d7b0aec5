//! A run as a whole: the recording's expected totals, the leaderboard vectors, and what must hold for
//! any input.

use proptest::prelude::*;
use serde_json::{Value, json};
use smoltrace_model::{
    account::{Accounted, Accounting, account_run, differences},
    counter::{PICO, to_units},
    inputs::{Declared, RunInputs},
    rows::{ResultRow, RunRow, RunStatus, Source, SpanRow},
    series::{Sample, SeriesInfo},
};

use crate::executions::account;
use crate::support::{
    SECOND, fixture, llm,
    metrics::{gpu_series, points, set_of},
    object, recording, result, span,
};

const RECORDING: &str = "smoltrace_run_two_gpus";

fn accounting(run: &RunRow) -> Accounting {
    serde_json::from_str(&run.accounting).expect("accounting is JSON of its type")
}

fn close(got: Option<f64>, expected: f64, tolerance: f64, what: &str) {
    let got = got.unwrap_or_else(|| panic!("{what} is null"));
    assert!((got - expected).abs() <= tolerance, "{what}: {got} instead of {expected}");
}

pub fn sum(rows: &[ResultRow], of: impl Fn(&ResultRow) -> Option<f64>) -> f64 {
    rows.iter().filter_map(of).sum()
}

#[test]
fn the_recording_has_its_expected_row() {
    let Accounted { run, results } = account_run(&recording::run(RECORDING));
    let expected = &fixture("vectors/traces.json")["recordings"][0];
    let number = |key: &str| expected["run"][key].as_f64().unwrap_or_else(|| panic!("{key}"));
    assert_eq!(Some(run.run_id.as_str()), expected["run"]["run_id"].as_str());
    assert_eq!(run.total_tests as f64, number("tests"));
    assert_eq!(run.successful_tests as f64, number("successful"));
    assert_eq!(run.total_tokens.map(|tokens| tokens as f64), Some(number("total_tokens")));
    assert_eq!(run.gpu_count as f64, number("gpu_count"));
    let totals = accounting(&run).totals;
    close(totals.total_duration_ms, number("total_duration_ms"), 1e-4, "duration");
    close(totals.co2_emissions_g, number("co2_total_g"), 1e-9, "CO2");
    close(totals.power_cost_usd, number("power_cost_total_usd"), 1e-9, "power cost");
    close(run.gpu_utilization_avg, number("utilization_avg"), 0.005001, "utilization");
    close(run.gpu_utilization_max, number("utilization_max"), 0.005001, "utilization max");
    close(run.gpu_memory_avg_mib, number("memory_avg_mib"), 0.005001, "memory");
    close(run.gpu_memory_max_mib, number("memory_max_mib"), 0.005001, "memory max");
    close(run.gpu_temperature_avg, number("temperature_avg"), 0.005001, "temperature");
    close(run.gpu_temperature_max, number("temperature_max"), 0.005001, "temperature max");
    close(run.gpu_power_avg_w, number("power_avg_w"), 0.005001, "power");

    let tests = expected["tests"].as_object().expect("tests");
    assert_eq!(results.len(), tests.len());
    for row in &results {
        let expected = &tests[&row.test_uid];
        assert_eq!(row.total_tokens, expected["tokens"].as_i64(), "{}", row.test_uid);
        close(row.duration_ms, expected["duration_ms"].as_f64().expect("ms"), 1e-4, &row.test_uid);
        assert_eq!(row.attempt, 1);
    }
}

#[test]
fn the_recording_as_published() {
    let Accounted { run, results } = account_run(&recording::run(RECORDING));
    assert_eq!(run.model, "openai/gpt-4.1-nano");
    assert_eq!(run.agent_type, "both");
    assert_eq!(run.provider.as_deref(), Some("litellm"));
    assert_eq!(run.timestamp.as_deref(), Some("2026-11-23T12:05:29.429691"));
    assert_eq!(run.dataset_used.as_deref(), Some("tasks.json"));
    assert_eq!((run.use_case.as_deref(), run.team.as_deref(), run.purpose.as_deref()), (None, None, None));
    assert_eq!(run.status, RunStatus::Completed);
    assert!(run.simulated);
    assert_eq!((run.failed_tests, run.unscored_tests, run.interrupted_tests), (3, 0, 0));
    assert_eq!(run.success_rate, Some(75.0));
    assert_eq!((run.success_rate_ci_low, run.success_rate_ci_high), (Some(46.77), Some(91.11)));
    assert_eq!(
        (run.attempts, run.pass_at_1, run.pass_at_k, run.pass_hat_k),
        (1, Some(0.75), Some(0.75), Some(0.75))
    );
    assert_eq!(run.avg_steps, Some(2.33));
    assert_eq!(run.total_duration_ms, Some(34363.52));
    assert_eq!(run.avg_duration_ms, Some(2863.63));
    assert_eq!(run.avg_tokens_per_test, Some(2166));
    assert_eq!((run.total_input_tokens, run.total_output_tokens), (Some(25306), Some(696)));
    assert_eq!(run.total_cost_usd, Some(0.002809));
    assert_eq!(run.cost_source, Source::Reported);
    assert_eq!((run.co2_emissions_g, run.co2_source), (1.8413, Source::Reported));
    assert_eq!((run.power_cost_total_usd, run.power_cost_source), (0.000465, Source::Reported));
    assert_eq!(run.energy_source, Source::Reported);
    assert!(run.energy_wh.is_some_and(|wh| wh > 0.0));
    assert_eq!(run.notes.as_deref(), Some("Evaluation on 2026-11-23; 12 tests"));
    assert!(results.iter().all(|row| !row.row_id.is_empty()) && !run.row_id.is_empty());

    let accounting = accounting(&run);
    assert_eq!(accounting.gpus.len(), 2);
    let co2: f64 = accounting.gpus.iter().filter_map(|gpu| gpu.co2_emissions_g).sum();
    close(accounting.totals.co2_emissions_g, co2, 1e-9, "sum over GPUs");
    assert!(accounting.notes.iter().any(|note| note.starts_with("Simulated:")));
    assert!(accounting.price_table.is_none());
    for field in [
        "total_tokens",
        "total_duration_ms",
        "total_cost_usd",
        "co2_emissions_g",
        "power_cost_total_usd",
        "energy_wh",
    ] {
        assert!(accounting.chains.contains_key(field), "{field}");
    }
}

#[test]
fn the_recordings_own_row_differs() {
    let Accounted { run, .. } = account_run(&recording::run(RECORDING));
    let differences = differences(&run);
    let of = |field: &str| differences.iter().find(|difference| difference.field == field);
    let check = |field: &str, declared: f64, computed: f64| {
        let difference = of(field).unwrap_or_else(|| panic!("{field} is no difference"));
        assert_eq!((difference.declared, difference.computed), (declared, Some(computed)), "{field}");
        close(difference.ratio, declared / computed, 1e-12, field);
    };
    check("total_tokens", 78006.0, 26002.0);
    check("total_duration_ms", 204101.5, 34363.52);
    check("total_cost_usd", 0.008427, 0.002809);
    check("co2_emissions_g", 1.0513, 1.8413);
    check("power_cost_total_usd", 0.000266, 0.000465);
    for field in [
        "total_tests",
        "successful_tests",
        "success_rate",
        "avg_steps",
        "gpu_utilization_avg",
        "gpu_power_avg_w",
    ] {
        assert_eq!(of(field), None, "{field}");
    }
}

#[test]
fn shares_and_the_rest_are_the_runs() {
    let Accounted { run, results } = account_run(&recording::run(RECORDING));
    let totals = accounting(&run).totals;
    let check = |what: &str, total: Option<f64>, rest: Option<f64>, of: fn(&ResultRow) -> Option<f64>| {
        let shares = sum(&results, of);
        assert!(shares > 0.0, "{what}");
        close(total, shares + rest.expect(what), 1e-9, what);
        // In integer units nothing is lost at all.
        let units: i128 = results.iter().filter_map(of).map(|share| to_units(share, PICO)).sum();
        let whole = to_units(total.expect(what), PICO);
        let left = whole - units - to_units(rest.expect(what), PICO);
        assert!(left.abs() <= 2 + results.len() as i128, "{what}: {left} units");
    };
    check("CO2", totals.co2_emissions_g, run.unattributed_co2_g, |row| row.co2_emissions_g);
    check("power cost", totals.power_cost_usd, run.unattributed_power_cost_usd, |row| row.power_cost_usd);
    check("energy", totals.energy_wh, run.unattributed_energy_wh, |row| row.energy_wh);
}

#[test]
fn the_leaderboard_vectors() {
    let vectors = fixture("vectors/metrics.json");
    let mut checked = 0;
    for case in vectors["cases"].as_array().expect("cases") {
        let Some(expected) = case.get("leaderboard").filter(|expected| expected.is_object()) else {
            continue;
        };
        let inputs = RunInputs {
            run_id: "vector-run".into(),
            declared: Declared {
                aggregates: case["metrics"]["aggregates"].as_array().expect("aggregates").clone(),
                ..Declared::default()
            },
            points: set_of(&points(&case["metrics"])).into_points("vector-run"),
            ..RunInputs::default()
        };
        let run = account_run(&inputs).run;
        let got = json!({
            "co2_emissions_g": run.co2_emissions_g,
            "power_cost_total_usd": run.power_cost_total_usd,
            "co2_source": run.co2_source,
            "power_cost_source": run.power_cost_source,
        });
        for (key, expected) in expected.as_object().expect("object") {
            let equal = match (expected.as_f64(), got[key].as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                _ => *expected == got[key],
            };
            assert!(equal, "{}: {key} is {}, not {expected}", case["name"], got[key]);
        }
        checked += 1;
    }
    assert!(checked >= 2, "{checked}");
}

#[test]
fn trace_aggregates_are_not_divided() {
    let check = |value: Value, expected: Option<f64>| {
        let inputs = RunInputs {
            declared: Declared {
                aggregates: vec![json!({"name": "gen_ai.co2.emissions", "data_points": [{"value": value}]})],
                ..Declared::default()
            },
            spans: vec![span(1, None, 0, 9)],
            ..RunInputs::default()
        };
        let Accounted { run, results } = account_run(&inputs);
        assert_eq!(run.co2_emissions_g, expected.unwrap_or(0.0), "{value}");
        assert_eq!(run.unattributed_co2_g, expected, "{value}");
        let source = if expected.is_some() { Source::TraceAggregate } else { Source::None };
        assert_eq!(run.co2_source, source, "{value}");
        assert_eq!((results[0].co2_emissions_g, results[0].co2_source), (None, Source::None));
    };
    check(json!({"value": 0.25}), Some(0.25));
    check(json!({"value": "0.25"}), Some(0.25));
    check(json!(0.25), Some(0.25));
    check(json!("0.25"), Some(0.25));
    check(json!({"value": "much"}), None);
    check(json!({"value": null}), None);
    check(json!({"sum": 3}), None);
    check(json!({"value": -1}), None);
}

#[test]
fn groups_are_normalised_and_nothing_is_inferred() {
    let run = |row: Value| {
        let declared = Declared { leaderboard_row: object(row), ..Declared::default() };
        account_run(&RunInputs { declared, ..RunInputs::default() }).run
    };
    let given = run(
        json!({"use_case": "Customer Support", "team": "ML_Ops", "suite_version": "V1.2", "purpose": " Regression "}),
    );
    assert_eq!(given.use_case.as_deref(), Some("customer-support"));
    assert_eq!(given.team.as_deref(), Some("ml-ops"));
    assert_eq!(given.suite_version.as_deref(), Some("v1-2"));
    assert_eq!(given.purpose.as_deref(), Some("regression"));
    let odd = run(json!({"purpose": "fun", "use_case": " ", "team": null}));
    assert_eq!((odd.purpose, odd.use_case, odd.team), (None, None, None));
    assert!(odd.accounting.contains("none of selection, regression, monitoring"));
    let none = run(json!({}));
    assert_eq!((none.use_case, none.purpose, none.provider, none.timestamp), (None, None, None, None));
    assert_eq!((none.total_tokens, none.total_cost_usd, none.total_duration_ms), (None, None, None));
    assert_eq!((none.co2_emissions_g, none.co2_source), (0.0, Source::None));
    assert_eq!((none.energy_wh, none.energy_source), (None, Source::None));
}

#[test]
fn unpriced_calls_are_told() {
    let of = |n: u64, model: &str| SpanRow {
        trace_id: format!("{n:032x}"),
        model: Some(model.into()),
        ..llm(n, None, 1_000_000, 0)
    };
    let known = account(&[of(1, "gpt-4.1-nano")], &[]).run;
    assert_eq!((known.total_cost_usd, known.cost_source), (Some(0.1), Source::PriceTable));
    assert!(accounting(&known).price_table.is_some_and(|table| table.id.starts_with("litellm")));
    let unknown = account(&[of(1, "never-heard-of")], &[]).run;
    assert_eq!((unknown.total_cost_usd, unknown.cost_source), (None, Source::None));
    let partly = account(&[of(1, "gpt-4.1-nano"), of(2, "never-heard-of")], &[]).run;
    assert_eq!((partly.total_cost_usd, partly.cost_source), (Some(0.1), Source::PriceTable));
    let accounting = accounting(&partly);
    assert_eq!((accounting.counts.priced_calls, accounting.counts.unpriced_calls), (1, 1));
    assert_eq!(accounting.unpriced_models, ["never-heard-of"]);
    assert!(accounting.notes.iter().any(|note| note.contains("never-heard-of")));
}

#[test]
fn simulation_is_noticed_wherever_it_is_said() {
    let check = |what: &str, inputs: RunInputs, expected: bool| {
        assert_eq!(account_run(&inputs).run.simulated, expected, "{what}");
    };
    let spans = |resource: Value| RunInputs {
        spans: vec![SpanRow { resource: resource.to_string(), ..span(1, None, 0, 1) }],
        ..RunInputs::default()
    };
    let row = |row: Value| RunInputs {
        declared: Declared { leaderboard_row: object(row), ..Declared::default() },
        ..RunInputs::default()
    };
    check("nothing", RunInputs::default(), false);
    check(
        "the importer",
        RunInputs { declared: Declared { simulated: true, ..Declared::default() }, ..RunInputs::default() },
        true,
    );
    check("a resource", spans(json!({"smoltrace.simulated": true})), true);
    check("a resource, as text", spans(json!({"smoltrace.simulated": "True"})), true);
    check("a resource that denies it", spans(json!({"smoltrace.simulated": false})), false);
    check("the hardware", row(json!({"hardware": "2 x SIMULATED GPU"})), true);
    check("real hardware", row(json!({"hardware": "H200"})), false);
    check("its own row", row(json!({"simulated": true})), true);
    let named = |name: &str| {
        let info =
            SeriesInfo { gpu_name: Some(name.into()), ..gpu_series("gen_ai.gpu.power", "h", Some("0")) };
        let sample = Sample { start_time_unix_nano: 0, time_unix_nano: 1, value: 1.0 };
        RunInputs { points: set_of(&[(info, sample)]).into_points("run"), ..RunInputs::default() }
    };
    check("a GPU", named("Simulated GPU 80GB"), true);
    check("a real GPU", named("NVIDIA H200"), false);
}

fn again(inputs: &RunInputs, accounted: &Accounted) -> Accounted {
    account_run(&RunInputs::from_tables(
        &accounted.run,
        accounted.results.clone(),
        inputs.spans.clone(),
        inputs.points.clone(),
    ))
}

#[test]
fn accounting_the_recording_again_changes_nothing() {
    let inputs = recording::run(RECORDING);
    let first = account_run(&inputs);
    let second = again(&inputs, &first);
    assert_eq!(first, second);
    assert_eq!(again(&inputs, &second), second);
}

/// A small run: some tests, some of them without trace, result or name; one counter per GPU.
fn any_run() -> impl Strategy<Value = RunInputs> {
    let span_of = (
        1..6_u64,
        1..6_u64,
        prop::option::of(1..6_u64),
        0..20_i64,
        1..9_i64,
        prop::option::of(0..5_i64),
        0..4_u8,
    );
    let result_of = (0..3_u8, 0..3_i64, prop::option::of(1..7_u64), any::<Option<bool>>(), 0..2_u8);
    let point_of = (0..3_u8, 0..3_i64, 0..30_i64, 0..1000_u16);
    (
        prop::collection::vec(span_of, 0..14),
        prop::collection::vec(result_of, 0..6),
        prop::collection::vec(point_of, 0..12),
    )
        .prop_map(|(spans, results, samples)| {
            let spans: Vec<SpanRow> = spans
                .into_iter()
                .map(|(trace, id, parent, start, length, tokens, test)| SpanRow {
                    trace_id: format!("{trace:032x}"),
                    test_uid: (test < 3).then(|| format!("tool:{test}")),
                    total_tokens: tokens,
                    input_tokens: tokens,
                    emitted_cost_usd: (test == 1).then_some(0.1 * id as f64),
                    model: (test != 2).then(|| "gpt-4.1-nano".into()),
                    ..span(id, parent.filter(|parent| *parent != id), start, start + length)
                })
                .collect();
            let results = results
                .into_iter()
                .enumerate()
                .map(|(n, (test, attempt, trace, success, stopped))| ResultRow {
                    attempt,
                    trace_id: trace.map(|trace| format!("{trace:032x}")),
                    evaluation_date: Some(format!("2026-01-01T00:00:0{n}")),
                    success,
                    stop_reason: (stopped == 1).then(|| "run_stopped".into()),
                    ..result(&format!("tool:{test}"))
                })
                .collect();
            let samples: Vec<(SeriesInfo, Sample)> = samples
                .into_iter()
                .map(|(metric, gpu, time, value)| {
                    let metric =
                        ["gen_ai.co2.emissions", "gen_ai.power.cost", "gen_ai.gpu.power"][metric as usize];
                    let gpu = gpu.to_string();
                    let info =
                        gpu_series(metric, "h", Some(&gpu).filter(|gpu| *gpu != "2").map(String::as_str));
                    let sample = Sample {
                        start_time_unix_nano: 0,
                        time_unix_nano: time * SECOND,
                        value: f64::from(value) * 0.001,
                    };
                    (info, sample)
                })
                .collect();
            RunInputs {
                run_id: "run".into(),
                origin: "otlp".into(),
                spans,
                points: set_of(&samples).into_points("run"),
                results,
                ..RunInputs::default()
            }
        })
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (inputs, shuffled) in any_run().prop_flat_map(|inputs| {
            let spans: Vec<SpanRow> = inputs.spans.iter().chain(&inputs.spans).cloned().collect();
            let points = inputs.points.iter().chain(&inputs.points).cloned().collect::<Vec<_>>();
            let rest = inputs.clone();
            (
                Just(inputs.clone()),
                (Just(spans).prop_shuffle(), Just(points).prop_shuffle(), Just(inputs.results).prop_shuffle())
                    .prop_map(move |(spans, points, results)| RunInputs { spans, points, results, ..rest.clone() }),
            )
        })
    ) {
        prop_assert_eq!(account_run(&inputs), account_run(&shuffled));
    }

    #[test]
    fn accounting_again_changes_nothing(inputs in any_run()) {
        let first = account_run(&inputs);
        prop_assert_eq!(&again(&inputs, &first), &first);
    }

    #[test]
    fn nothing_is_lost_between_the_executions(inputs in any_run()) {
        let Accounted { run, results } = account_run(&inputs);
        let totals = accounting(&run).totals;
        let tokens: Option<i64> = results.iter().filter_map(|row| row.total_tokens).fold(None, |sum, n| Some(sum.unwrap_or(0) + n));
        prop_assert_eq!(tokens, run.total_tokens);
        for (total, rest, of) in [
            (totals.co2_emissions_g, run.unattributed_co2_g, (|row| row.co2_emissions_g) as fn(&ResultRow) -> Option<f64>),
            (totals.power_cost_usd, run.unattributed_power_cost_usd, |row| row.power_cost_usd),
            (totals.energy_wh, run.unattributed_energy_wh, |row| row.energy_wh),
            (totals.total_cost_usd, Some(0.0), |row| row.cost_usd),
        ] {
            if let Some(total) = total {
                prop_assert!((total - rest.unwrap_or(0.0) - sum(&results, of)).abs() < 1e-9);
            }
        }
        // Every execution of a test has a number of its own.
        let mut numbers: Vec<(&str, i64)> = results.iter().map(|row| (&*row.test_uid, row.attempt)).collect();
        numbers.sort_unstable();
        let all = numbers.len();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), all);
        prop_assert_eq!(run.total_tests + run.interrupted_tests, all as i64);
        prop_assert_eq!(run.successful_tests + run.failed_tests + run.unscored_tests, run.total_tests);
    }

    #[test]
    fn no_value_is_too_wild(
        spans in prop::collection::vec(
            (0..4_u64, prop::option::of(0..4_u64), any::<i64>(), any::<i64>(), any::<Option<i64>>(), any::<Option<f64>>()),
            0..6,
        ),
        samples in prop::collection::vec((any::<i64>(), any::<i64>(), any::<f64>(), 0..4_u8), 0..8),
        aggregate in any::<f64>(),
    ) {
        let spans = spans.into_iter().map(|(id, parent, start, end, tokens, cost)| SpanRow {
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            total_tokens: tokens,
            output_tokens: tokens.map(|n| n.wrapping_mul(3)),
            emitted_cost_usd: cost,
            model: Some("gpt-4.1-nano".into()),
            ..span(id, parent, 0, 0)
        });
        let samples: Vec<(SeriesInfo, Sample)> = samples
            .into_iter()
            .map(|(start, time, value, metric)| {
                let metric = ["gen_ai.co2.emissions", "gen_ai.power.cost", "gen_ai.gpu.power", "gen_ai.gpu.energy"]
                    [metric as usize];
                let sample = Sample { start_time_unix_nano: start, time_unix_nano: time, value };
                (gpu_series(metric, "h", Some("0")), sample)
            })
            .collect();
        let inputs = RunInputs {
            run_id: "run".into(),
            spans: spans.collect(),
            points: set_of(&samples).into_points("run"),
            declared: Declared {
                aggregates: vec![json!({"name": "gen_ai.co2.emissions", "data_points": [{"value": aggregate}]})],
                ..Declared::default()
            },
            ..RunInputs::default()
        };
        let first = account_run(&inputs);
        prop_assert_eq!(&again(&inputs, &first), &first);
        prop_assert!(first.run.total_duration_ms.is_none_or(|ms| ms >= 0.0));
        prop_assert!(first.run.co2_emissions_g >= 0.0);
    }
}
