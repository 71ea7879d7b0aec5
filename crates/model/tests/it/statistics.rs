//! Statistics against published or exactly computed values; curves that keep what they show.

use proptest::prelude::*;
use smoltrace_model::{
    downsample::{CurvePoint, mark_gaps, min_max},
    stats::{Z_95, mcnemar_exact, paired_bootstrap, pass_at_k, pass_hat_k, quantile, wilson},
};

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() < 1e-12
}

#[test]
fn wilson_intervals() {
    let check = |successes: u64, n: u64, expected: Option<(f64, f64)>| {
        let got = wilson(successes, n, Z_95).map(|interval| (interval.low, interval.high));
        match (got, expected) {
            (Some(got), Some(expected)) => {
                assert!(close(got.0, expected.0) && close(got.1, expected.1), "{successes}/{n}: {got:?}");
            }
            (got, expected) => assert_eq!(got, expected, "{successes}/{n}"),
        }
    };
    // R. G. Newcombe, 1998: 81 of 263 gives 0.2553 to 0.3662.
    check(81, 263, Some((0.2552885198782742, 0.36620957698280004)));
    check(5, 10, Some((0.236593090512564, 0.7634069094874361)));
    check(0, 10, Some((0.0, 0.2775327998628892)));
    check(10, 10, Some((0.7224672001371107, 1.0)));
    check(0, 0, None);
    check(3, 2, None);
}

#[test]
fn pass_at_k_and_all_of_k() {
    let check = |n: u64, c: u64, k: u64, any: Option<f64>, all: Option<f64>| {
        for (got, expected) in [(pass_at_k(n, c, k), any), (pass_hat_k(n, c, k), all)] {
            assert_eq!(got.is_some(), expected.is_some(), "{n} {c} {k}");
            assert!(
                got.zip(expected).is_none_or(|(got, expected)| close(got, expected)),
                "{n} {c} {k}: {got:?}"
            );
        }
    };
    check(1, 1, 1, Some(1.0), Some(1.0));
    check(1, 0, 1, Some(0.0), Some(0.0));
    check(4, 2, 1, Some(0.5), Some(0.5));
    // 1 - C(2,2)/C(4,2), C(2,2)/C(4,2)
    check(4, 2, 2, Some(5.0 / 6.0), Some(1.0 / 6.0));
    check(4, 2, 3, Some(1.0), Some(0.0));
    // 1 - C(7,5)/C(10,5), 0
    check(10, 3, 5, Some(1.0 - 21.0 / 252.0), Some(0.0));
    check(10, 3, 11, None, None);
    check(10, 3, 0, None, None);
    check(10, 11, 1, None, None);
}

#[test]
fn mcnemar() {
    let check = |fixed: u64, broken: u64, p_value: f64, too_small: bool| {
        let got = mcnemar_exact(fixed, broken);
        assert!(
            (got.p_value - p_value).abs() < 1e-12 && got.too_small == too_small,
            "{fixed} {broken}: {got:?}"
        );
    };
    check(0, 0, 1.0, true);
    check(5, 0, 0.0625, true);
    check(6, 0, 0.03125, false);
    check(1, 9, 0.021484375, false);
    check(9, 1, 0.021484375, false);
    check(10, 10, 1.0, false);
    check(400, 500, 0.0009564441369189461, false);
}

#[test]
fn bootstrap_is_repeatable_and_honest() {
    let differences: Vec<f64> = (0..40).map(|i| f64::from(i % 7)).collect();
    let once = paired_bootstrap(&differences, 2000, 7).expect("an interval");
    assert_eq!(Some(once), paired_bootstrap(&differences, 2000, 7));
    assert_ne!(Some(once), paired_bootstrap(&differences, 2000, 8));
    let mean = differences.iter().sum::<f64>() / 40.0;
    assert_eq!(once.mean.estimate, mean);
    // The normal approximation of the same interval: mean +- 1.96 sd / sqrt(n).
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 40.0;
    let half = 1.96 * (variance / 40.0).sqrt();
    assert!((once.mean.low - (mean - half)).abs() < half * 0.15, "{once:?}");
    assert!((once.mean.high - (mean + half)).abs() < half * 0.15, "{once:?}");
    assert!(!once.too_small);
    assert!(paired_bootstrap(&differences[..5], 100, 7).is_some_and(|few| few.too_small));
    assert_eq!(paired_bootstrap(&[], 100, 7), None);
    assert_eq!(paired_bootstrap(&[1.0, f64::NAN], 100, 7), None);
    let same = paired_bootstrap(&[2.0; 12], 100, 7).expect("an interval").mean;
    assert_eq!((same.low, same.estimate, same.high), (2.0, 2.0, 2.0));
}

#[test]
fn quantiles() {
    let check =
        |sorted: &[f64], q: f64, expected: f64| assert_eq!(quantile(sorted, q), expected, "{sorted:?} {q}");
    check(&[1.0, 2.0, 3.0, 4.0], 0.5, 2.5);
    check(&[1.0, 2.0, 3.0, 4.0], 0.0, 1.0);
    check(&[1.0, 2.0, 3.0, 4.0], 1.0, 4.0);
    check(&[5.0], 0.3, 5.0);
    assert!(quantile(&[], 0.5).is_nan());
}

#[test]
fn gaps_are_marked() {
    let check = |points: &[(i64, f64)], expected: &[CurvePoint]| assert_eq!(mark_gaps(points, 3), expected);
    check(&[], &[]);
    check(&[(0, 1.0), (3, 2.0), (9, 3.0)], &[(0, Some(1.0)), (3, Some(2.0)), (6, None), (9, Some(3.0))]);
}

#[test]
fn few_points_are_kept_as_they_are() {
    let points: Vec<CurvePoint> = (0..10).map(|time| (time, Some(time as f64))).collect();
    assert_eq!(min_max(&points, 10), points);
    assert_eq!(min_max(&points, 0), []);
    assert_eq!(min_max(&points, 1), [(9, Some(9.0))]);
    assert_eq!(min_max(&points, 3), [(0, Some(0.0)), (9, Some(9.0))]);
    assert_eq!(min_max(&[], 0), []);
}

proptest! {
    #[test]
    fn wilson_holds_the_share(n in 1..1000_u64, share in 0.0..=1.0_f64) {
        let successes = (n as f64 * share) as u64;
        let interval = wilson(successes, n, Z_95).expect("an interval");
        prop_assert!(0.0 <= interval.low && interval.low <= interval.estimate);
        prop_assert!(interval.estimate <= interval.high && interval.high <= 1.0);
    }

    #[test]
    fn more_attempts_find_more_and_hold_less((n, c, k) in (2..40_u64).prop_flat_map(|n| (Just(n), 0..=n, 1..n))) {
        prop_assert!(pass_at_k(n, c, k + 1) >= pass_at_k(n, c, k).map(|p| p - 1e-12));
        prop_assert!(pass_hat_k(n, c, k + 1) <= pass_hat_k(n, c, k).map(|p| p + 1e-12));
    }

    #[test]
    fn curves_keep_ends_extremes_and_gaps(
        values in prop::collection::vec(prop::option::weighted(0.95, -1e3..1e3_f64), 1..400),
        max_points in 5..60_usize,
    ) {
        let points: Vec<CurvePoint> = (0_i64..).zip(values).collect();
        let kept = min_max(&points, max_points);
        prop_assert!(kept.len() <= max_points.max(points.len().min(max_points)));
        prop_assert!(kept.is_sorted_by(|a, b| a.0 < b.0), "in order, none twice");
        prop_assert!(kept.iter().all(|(time, value)| points[*time as usize].1 == *value), "none made up");
        prop_assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        let extremes = |points: &[CurvePoint]| {
            let values = || points.iter().filter_map(|(_, value)| *value);
            (values().reduce(f64::min), values().reduce(f64::max))
        };
        prop_assert_eq!(extremes(&kept), extremes(&points));
        let gap = |points: &[CurvePoint]| points.iter().any(|(_, value)| value.is_none());
        prop_assert_eq!(gap(&kept), gap(&points));
    }
}
