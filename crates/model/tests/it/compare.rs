//! Runs compared: hand-worked cases, reference values of scipy and statsmodels, and what must always hold.

use proptest::prelude::*;
use smoltrace_model::{
    account::{RUN_STOPPED, account_run},
    compare::{
        Basis, Change, Comparison, Gate, GateStatus, Metric, MetricDifference, PairBy, RunOf, Verdict,
        compare,
    },
    inputs::RunInputs,
    rows::{ResultRow, RunRow, Source},
};

use crate::support::result;

/// A run row that knows nothing but its name.
fn run(id: &str) -> RunRow {
    account_run(&RunInputs { run_id: id.into(), ..RunInputs::default() }).run
}

/// An execution of `tool:<test>` with a verdict.
fn execution(test: &str, attempt: i64, success: Option<bool>) -> ResultRow {
    ResultRow { attempt, success, ..result(&format!("tool:{test}")) }
}

/// One execution a test, named `t00`, `t01`, ..., with its tokens.
fn executions(passed: &[bool], tokens: &[i64]) -> Vec<ResultRow> {
    let rows = passed.iter().zip(tokens).enumerate();
    rows.map(|(index, (passed, tokens))| ResultRow {
        total_tokens: Some(*tokens),
        ..execution(&format!("t{index:02}"), 1, Some(*passed))
    })
    .collect()
}

fn compared(first: &[ResultRow], this: &[ResultRow], pair_by: PairBy) -> Comparison {
    let runs = [run("one"), run("two")];
    compare(&[RunOf { run: &runs[0], results: first }, RunOf { run: &runs[1], results: this }], pair_by)
}

fn metric(comparison: &Comparison, metric: Metric) -> &MetricDifference {
    comparison.against_first[0].metric(metric).expect("every metric is compared")
}

/// Passed in the first run and in the second, a digit each: `10` was broken.
fn pairs(outcomes: &str) -> (Vec<bool>, Vec<bool>) {
    let sides = |at: usize| outcomes.split(' ').map(|pair| pair.as_bytes()[at] == b'1').collect();
    (sides(0), sides(1))
}

const TOKENS: [[i64; 12]; 2] = [
    [120, 340, 560, 210, 980, 430, 150, 770, 620, 305, 450, 515],
    [110, 300, 590, 180, 900, 435, 120, 700, 640, 250, 400, 500],
];
const OUTCOMES: &str = "11 01 11 10 01 11 11 01 11 11 11 01";

/// The intervals are of `scipy.stats.bootstrap` 1.17.1 (paired, percentile, 200,000 resamples, two seeds that
/// agree to a thousandth); ours comes from 10,000 draws, whose ends stray by a few hundredths of its width where the draws are few and far between.
#[test]
fn intervals_agree_with_scipy() {
    let (before, after) = pairs(OUTCOMES);
    let comparison =
        compared(&executions(&before, &TOKENS[0]), &executions(&after, &TOKENS[1]), PairBy::Test);
    let check = |of: Metric, first: f64, this: f64, low: f64, high: f64, verdict: Verdict| {
        let got = metric(&comparison, of);
        let near = |got: Option<f64>, expected: f64, tolerance: f64| {
            got.is_some_and(|got| (got - expected).abs() <= tolerance)
        };
        assert!(near(got.first, first, 1e-9) && near(got.this, this, 1e-9), "{got:?}");
        assert!(near(got.difference, this - first, 1e-9), "{got:?}");
        let tolerance = (high - low) * 0.06;
        assert!(near(got.ci_low, low, tolerance) && near(got.ci_high, high, tolerance), "{got:?}");
        assert_eq!((got.verdict, got.pairs, got.basis), (verdict, 12, Basis::Tests), "{got:?}");
    };
    check(Metric::TotalTokens, 5450.0, 5125.0, -545.0, -100.0, Verdict::Better);
    let rates = (800.0 / 12.0, 1100.0 / 12.0);
    check(Metric::SuccessRate, rates.0, rates.1, -8.333, 58.333, Verdict::Undecided);
    check(Metric::TokensPerSuccess, 681.25, 465.909_090_909_090_9, -852.9, 23.8, Verdict::Undecided);
}

/// p-values of `statsmodels.stats.contingency_tables.mcnemar(exact=True)` 0.15.0.
#[test]
fn fixed_and_broken_are_counted_and_tested() {
    let check = |fixed: usize, broken: usize, p_value: f64, verdict: Verdict| {
        let same = 5;
        let side = |fixed_passes: bool| {
            let mut passed = vec![fixed_passes; fixed];
            passed.extend(vec![!fixed_passes; broken]);
            passed.extend((0..2 * same).map(|index| index < same));
            executions(&passed, &vec![1; passed.len()])
        };
        let comparison = compared(&side(false), &side(true), PairBy::Test);
        let against = &comparison.against_first[0];
        let counts = against.counts;
        assert_eq!((counts.fixed, counts.broken), (fixed as u64, broken as u64));
        assert_eq!((counts.both_pass, counts.both_fail), (same as u64, same as u64));
        assert_eq!((against.rose, against.fell), (fixed as u64, broken as u64));
        assert!(against.p_value.is_some_and(|p| (p - p_value).abs() < 1e-12), "{against:?}");
        assert_eq!(metric(&comparison, Metric::SuccessRate).verdict, verdict, "{fixed} {broken}");
    };
    check(9, 1, 0.021_484_375, Verdict::Better);
    check(1, 9, 0.021_484_375, Verdict::Worse);
    check(6, 0, 0.031_25, Verdict::Better);
    check(3, 5, 0.726_562_5, Verdict::Undecided);
    check(12, 3, 0.035_156_25, Verdict::Better);
    check(7, 20, 0.019_157_290_458_679_2, Verdict::Worse);
    // Five of five are no proof: no split of five is rarer than 1 in 16.
    check(5, 0, 0.0625, Verdict::Undecided);
    check(0, 0, 1.0, Verdict::Tie);
}

#[test]
fn tests_are_sorted_into_what_became_of_them() {
    let first = [
        execution("fixed", 1, Some(false)),
        execution("broken", 1, Some(true)),
        execution("pass", 1, Some(true)),
        execution("fail", 1, Some(false)),
        execution("unscored", 1, Some(true)),
        execution("gone", 1, Some(true)),
        ResultRow { stop_reason: Some(RUN_STOPPED.into()), ..execution("cut off", 1, None) },
    ];
    let this = [
        execution("fixed", 1, Some(true)),
        execution("broken", 1, Some(false)),
        execution("pass", 1, Some(true)),
        execution("fail", 1, Some(false)),
        execution("unscored", 1, None),
        execution("new", 1, Some(true)),
    ];
    let comparison = compared(&first, &this, PairBy::Test);
    let changes: Vec<(&str, Change)> =
        comparison.tests.iter().map(|line| (line.test.as_str(), line.changes[0])).collect();
    assert_eq!(
        changes,
        [
            ("tool:broken", Change::Broken),
            ("tool:fail", Change::BothFail),
            ("tool:fixed", Change::Fixed),
            ("tool:gone", Change::OnlyFirst),
            ("tool:new", Change::OnlyThis),
            ("tool:pass", Change::BothPass),
            ("tool:unscored", Change::Unscored),
        ]
    );
    let counts = comparison.against_first[0].counts;
    assert_eq!((counts.common, counts.only_first, counts.only_this, counts.unscored), (5, 1, 1, 1));
    assert!(comparison.notes[0].contains("1 only in A, 1 only in B"), "{:?}", comparison.notes);
}

#[test]
fn attempts_are_averaged_or_paired_one_by_one() {
    let tries = |passed: &[bool]| -> Vec<ResultRow> {
        (1..).zip(passed).map(|(attempt, passed)| execution("t", attempt, Some(*passed))).collect()
    };
    let (first, this) = (tries(&[true, false, false, false]), tries(&[true, true, true, false]));
    let by_test = compared(&first, &this, PairBy::Test);
    let counts = by_test.against_first[0].counts;
    assert_eq!((counts.common, counts.fixed), (1, 1));
    let rate = metric(&by_test, Metric::SuccessRate);
    assert_eq!((rate.first, rate.this, rate.pairs), (Some(25.0), Some(75.0), 1));

    let by_attempt = compared(&first, &this, PairBy::Attempt);
    let counts = by_attempt.against_first[0].counts;
    assert_eq!((counts.common, counts.fixed, counts.both_pass, counts.both_fail), (4, 2, 1, 1));
    assert_eq!(metric(&by_attempt, Metric::SuccessRate).pairs, 4);
    // All four are of one test, and one test says nothing of others.
    assert_eq!(metric(&by_attempt, Metric::SuccessRate).ci_low, None);

    // One of two passed: not most of them.
    let half = compared(&tries(&[true, false]), &tries(&[true, true]), PairBy::Test);
    assert_eq!(half.tests[0].changes, [Change::Fixed]);
}

#[test]
fn agents_of_different_types_pair_by_test_id() {
    let other = |rows: &[ResultRow]| -> Vec<ResultRow> {
        let code = |row: &ResultRow| ResultRow {
            agent_type: "code".into(),
            test_uid: format!("code:{}", row.test_id),
            ..row.clone()
        };
        rows.iter().map(code).collect()
    };
    let rows = [execution("a", 1, Some(true)), execution("b", 1, Some(false))];
    let apart = compared(&rows, &other(&rows), PairBy::Test);
    assert_eq!(apart.against_first[0].counts.common, 0);
    assert_eq!(apart.against_first[0].p_value, None);
    assert_eq!(metric(&apart, Metric::SuccessRate).verdict, Verdict::Undecided);
    let together = compared(&rows, &other(&rows), PairBy::Id);
    assert_eq!(together.against_first[0].counts.common, 2);
    assert_eq!(metric(&together, Metric::SuccessRate).verdict, Verdict::Tie);
}

#[test]
fn what_a_side_does_not_know_is_not_decided() {
    let (passed, tokens) = ([true; 12], [100; 12]);
    let first = executions(&passed, &tokens);
    let mut this = first.clone();
    let co2 = |rows: &[ResultRow], g: f64| -> Vec<ResultRow> {
        rows.iter().map(|row| ResultRow { co2_emissions_g: Some(g), ..row.clone() }).collect()
    };
    let check = |comparison: &Comparison, of: Metric, verdict: Verdict, basis: Basis, reason: &str| {
        let got = metric(comparison, of);
        assert_eq!((got.verdict, got.basis), (verdict, basis), "{got:?}");
        assert!(got.reason.contains(reason), "{got:?}");
    };
    let comparison = compared(&first, &co2(&this, 1.0), PairBy::Test);
    check(&comparison, Metric::Co2EmissionsG, Verdict::Undecided, Basis::None, "Unknown in A");
    check(&comparison, Metric::EnergyWh, Verdict::Undecided, Basis::None, "Unknown in A and B");
    check(&comparison, Metric::TotalTokens, Verdict::Tie, Basis::Tests, "same on every test");
    check(&comparison, Metric::Co2PerSuccessG, Verdict::Undecided, Basis::None, "Unknown in A");

    this.iter_mut().for_each(|row| row.success = Some(false));
    let comparison = compared(&first, &this, PairBy::Test);
    check(&comparison, Metric::TokensPerSuccess, Verdict::Undecided, Basis::None, "No test passed in B");
    check(&comparison, Metric::SuccessRate, Verdict::Worse, Basis::Tests, "0 fixed, 12 broken");

    let few = compared(&co2(&first[..9], 1.0), &co2(&first[..9], 2.0), PairBy::Test);
    check(&few, Metric::Co2EmissionsG, Verdict::Undecided, Basis::Tests, "9 tests are too few");
    let enough = compared(&co2(&first, 1.0), &co2(&first, 2.0), PairBy::Test);
    check(&enough, Metric::Co2EmissionsG, Verdict::Worse, Basis::Tests, "leaves 0 out");
    let got = metric(&enough, Metric::Co2EmissionsG);
    assert_eq!((got.ci_low, got.ci_high, got.difference_percent), (Some(12.0), Some(12.0), Some(100.0)));
}

#[test]
fn totals_of_whole_runs_stand_in_when_the_tests_are_the_same() {
    let results = executions(&[true; 12], &[100; 12]);
    let with_co2 = |id: &str, g: f64| RunRow {
        co2_emissions_g: g,
        co2_source: Source::TraceAggregate,
        successful_tests: 12,
        ..run(id)
    };
    let runs = [with_co2("one", 2.0), with_co2("two", 3.0)];
    let of = |first: usize, this: usize| {
        let sides = [
            RunOf { run: &runs[0], results: &results[first..] },
            RunOf { run: &runs[1], results: &results[this..] },
        ];
        compare(&sides, PairBy::Test)
    };
    let same = of(0, 0);
    let got = metric(&same, Metric::Co2EmissionsG);
    assert_eq!((got.basis, got.verdict, got.difference), (Basis::Runs, Verdict::Undecided, Some(1.0)));
    assert_eq!(got.ci_low, None);
    assert_eq!(metric(&same, Metric::Co2PerSuccessG).this, Some(0.25));
    assert_eq!(same.runs[1].values["co2_emissions_g"], Some(3.0));
    assert_eq!(same.runs[1].values["energy_wh"], None);
    // With other tests, other totals say nothing.
    assert_eq!(metric(&of(0, 1), Metric::Co2EmissionsG).basis, Basis::None);
}

#[test]
fn several_runs_are_compared_with_the_first() {
    let rows = [
        executions(&[true; 3], &[10; 3]),
        executions(&[true; 2], &[10; 2]),
        executions(&[false; 3], &[20; 3]),
    ];
    let runs = [run("one"), run("two"), run("three")];
    let sides: Vec<RunOf<'_>> = runs.iter().zip(&rows).map(|(run, results)| RunOf { run, results }).collect();
    let comparison = compare(&sides, PairBy::Test);
    assert_eq!(comparison.against_first.iter().map(|against| against.run).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(comparison.tests[2].changes, [Change::OnlyFirst, Change::Broken]);
    assert!(comparison.tests[2].cells[1].is_none());
    assert_eq!(comparison.runs[2].letter, "C");
}

#[test]
fn gates() {
    let (before, after) = pairs(OUTCOMES);
    let with_cost = |mut rows: Vec<ResultRow>, usd: f64| {
        rows.iter_mut().for_each(|row| row.cost_usd = Some(usd));
        rows
    };
    let first = with_cost(executions(&before, &TOKENS[0]), 0.0);
    let this = with_cost(executions(&after, &TOKENS[1]), 0.001);
    let forward = compared(&first, &this, PairBy::Test);
    let back = compared(&this, &first, PairBy::Test);
    let check = |comparison: &Comparison, gate: &str, significant_only: bool, expected: GateStatus| {
        let parsed = Gate::parse(gate).unwrap_or_else(|error| panic!("{gate}: {error}"));
        let outcome = parsed.check(&comparison.against_first[0], significant_only);
        assert_eq!(outcome.status, expected, "{outcome:?}");
        assert!(!outcome.reason.is_empty());
    };
    use GateStatus::{Failed, Passed, Unknown};
    // +25 points from 66.7%.
    check(&forward, "success_rate < -2pp", false, Passed);
    check(&back, "success_rate < -2pp", false, Failed);
    check(&back, "success_rate < -2pp", true, Passed);
    check(&back, "success_rate < -27.2 %", false, Failed);
    check(&back, "success_rate<-27.3%", false, Passed);
    // 5450 to 5125 tokens: -325, -5.96%.
    check(&forward, "total_tokens > 10%", false, Passed);
    check(&back, "total_tokens > +6%", true, Failed);
    check(&back, "total_tokens >= 325 tokens", false, Failed);
    check(&back, "total_tokens > 325", false, Passed);
    check(&forward, "total_tokens < -3.2e2", false, Failed);
    // Anything is infinitely more than nothing.
    check(&forward, "total_cost_usd > +1000%", false, Failed);
    check(&back, "total_cost_usd > +0%", false, Passed);
    check(&forward, "total_cost_usd > 0.02 USD", false, Passed);
    // Unknown holds the build up, also when only significant differences count.
    check(&forward, "co2_emissions_g > +10%", false, Unknown);
    check(&forward, "co2_emissions_g > +10%", true, Unknown);
    check(&forward, "broken > 0", false, Failed);
    check(&forward, "broken > 1", false, Passed);
    check(&forward, "missing > 0", false, Passed);
    check(&compared(&first, &[], PairBy::Test), "missing > 0", false, Failed);
    check(&compared(&first, &[], PairBy::Test), "broken > 0", false, Unknown);
}

#[test]
fn what_is_no_gate_says_what_would_be() {
    let check = |text: &str, parts: &[&str]| {
        let error = Gate::parse(text).expect_err(text).to_string();
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    };
    check("success_rate", &["`success_rate < -2pp`"]);
    check("", &["METRIC"]);
    check("< 3", &["METRIC"]);
    check("success_rate <", &["METRIC"]);
    check("sucess_rate < -2pp", &["did you mean `success_rate`?", "co2_emissions_g"]);
    check("co2 > 1", &["there are success_rate"]);
    check("success_rate < -2", &["-2pp"]);
    check("total_cost_usd > 2pp", &["a number of USD"]);
    check("total_cost_usd > 2 EUR", &["a number of USD"]);
    check("total_cost_usd > much", &["`much`"]);
    check("total_cost_usd > 1e999", &["`1e999`"]);
    check("total_cost_usd > NaN", &["`NaN`"]);
    check("total_cost_usd > 1.2.3", &["`1.2.3`"]);
    check("broken > 10%", &["a number of tests"]);
    check("avg_steps => 1", &["did you mean `avg_steps`?"]);
}

/// Results of up to 14 tests with up to 3 attempts, with what is known of each.
fn results() -> impl Strategy<Value = Vec<ResultRow>> {
    let one = (prop::option::weighted(0.9, any::<bool>()), prop::option::weighted(0.8, 1..1000_i64));
    let attempts = prop::collection::vec(one, 0..3);
    prop::collection::vec(attempts, 0..14).prop_map(|tests| {
        let rows = tests.into_iter().enumerate().flat_map(|(test, attempts)| {
            (1..).zip(attempts).map(move |(attempt, (success, tokens))| ResultRow {
                total_tokens: tokens,
                ..execution(&format!("t{test:02}"), attempt, success)
            })
        });
        rows.collect()
    })
}

fn pair_by() -> impl Strategy<Value = PairBy> {
    prop_oneof![Just(PairBy::Test), Just(PairBy::Attempt), Just(PairBy::Id)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_other_way_round_is_the_opposite(first in results(), this in results(), by in pair_by()) {
        let (there, back) = (compared(&first, &this, by), compared(&this, &first, by));
        let (a, b) = (&there.against_first[0], &back.against_first[0]);
        prop_assert_eq!((a.counts.fixed, a.counts.broken, a.counts.common), (b.counts.broken, b.counts.fixed, b.counts.common));
        prop_assert_eq!((a.counts.only_first, a.rose, a.p_value), (b.counts.only_this, b.fell, b.p_value));
        for (x, y) in a.metrics.iter().zip(&b.metrics) {
            prop_assert_eq!((x.first, x.this, x.pairs), (y.this, y.first, y.pairs));
            let opposite = |x: Option<f64>, y: Option<f64>| match (x, y) {
                (Some(x), Some(y)) => (x + y).abs() <= 1e-9 * x.abs().max(1.0),
                (x, y) => x.is_none() && y.is_none(),
            };
            prop_assert!(opposite(x.difference, y.difference), "{:?} {:?}", x, y);
            prop_assert!(opposite(x.ci_low, y.ci_high) && opposite(x.ci_high, y.ci_low), "{:?} {:?}", x, y);
            let turned = match x.verdict {
                Verdict::Better => Verdict::Worse,
                Verdict::Worse => Verdict::Better,
                same => same,
            };
            prop_assert_eq!(turned, y.verdict);
        }
    }

    #[test]
    fn order_means_nothing(first in results(), this in results(), by in pair_by()) {
        let turned = |rows: &[ResultRow]| rows.iter().rev().cloned().collect::<Vec<_>>();
        prop_assert_eq!(compared(&first, &this, by), compared(&turned(&first), &turned(&this), by));
    }

    #[test]
    fn a_run_and_itself_are_tied(rows in results(), by in pair_by()) {
        let comparison = compared(&rows, &rows, by);
        let against = &comparison.against_first[0];
        prop_assert_eq!((against.counts.fixed, against.counts.broken), (0, 0));
        for of in &against.metrics {
            prop_assert!(matches!(of.verdict, Verdict::Tie | Verdict::Undecided), "{:?}", of);
            prop_assert_eq!(of.verdict == Verdict::Tie, of.first.is_some(), "{:?}", of);
            prop_assert_eq!(of.difference.unwrap_or(0.0), 0.0);
        }
    }

    #[test]
    fn no_text_upsets_a_gate(text in ".{0,40}", number in any::<f64>(), unit in "(pp|%|| USD)") {
        let _ = Gate::parse(&text);
        let _ = Gate::parse(&format!("total_cost_usd > {number}{unit}"));
        let _ = Gate::parse(&format!("success_rate < {text}"));
    }
}
