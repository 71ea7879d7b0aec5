//! Charts of made-up series.

use serde_json::json;
use smoltrace_model::{
    rows::{ResultRow, RunRow, Temporality},
    series::{Sample, SeriesInfo},
};

use super::*;

/// 2026-11-23T00:00:00Z.
const T0: i64 = 1_795_392_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn run() -> RunRow {
    serde_json::from_value(json!({
        "run_id": "r", "version": 1, "model": "m", "agent_type": "tool", "status": "completed",
        "simulated": false, "total_tests": 0, "successful_tests": 0, "failed_tests": 0,
        "unscored_tests": 0, "interrupted_tests": 0, "attempts": 1, "cost_source": "none",
        "energy_source": "none", "co2_emissions_g": 0.0, "co2_source": "none",
        "power_cost_total_usd": 0.0, "power_cost_source": "none", "gpu_count": 0,
        "origin": "otlp", "declared": "{}", "accounting": "{}", "row_id": "",
    }))
    .expect("a run without its nullable fields")
}

fn result(test_uid: &str, start: i64, end: i64) -> ResultRow {
    serde_json::from_value(json!({
        "run_id": "r", "test_uid": test_uid, "test_id": test_uid, "agent_type": "tool", "attempt": 1,
        "version": 1, "success": true, "tools_used": [], "declared": "{}", "cost_source": "none",
        "start_time_unix_nano": start, "end_time_unix_nano": end, "energy_source": "none",
        "co2_source": "none", "power_cost_source": "none", "row_id": "",
    }))
    .expect("an execution without its nullable fields")
}

/// A series of (seconds from [`T0`], value).
fn series(set: &mut SeriesSet, metric: &str, gpu_id: Option<&str>, samples: &[(f64, f64)]) {
    let counter = GpuMetric::from_name(metric).is_some_and(GpuMetric::is_counter);
    let slot = set.slot(SeriesInfo {
        metric: metric.into(),
        gpu_id: gpu_id.map(str::to_owned),
        attributes: json!({ "gpu_id": gpu_id }).to_string(),
        instrument: if counter { Instrument::Sum } else { Instrument::Gauge },
        temporality: Temporality::Cumulative,
        ..SeriesInfo::default()
    });
    for (seconds, value) in samples {
        let time_unix_nano = T0 + (seconds * SECOND as f64) as i64;
        set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano, value: *value });
    }
}

fn request(metrics: &[&str]) -> ChartRequest {
    ChartRequest {
        metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
        gpu_ids: Vec::new(),
        from_ms: None,
        to_ms: None,
        max_points: 1_000,
    }
}

fn line(set: &SeriesSet, request: &ChartRequest) -> ChartSeries {
    let mut chart = chart(&run(), set, &[], request).expect("a chart");
    assert_eq!(chart.series.len(), 1);
    chart.series.remove(0)
}

#[test]
fn counters_accumulate_across_resets() {
    let mut set = SeriesSet::default();
    series(&mut set, "gen_ai.co2.emissions", Some("0"), &[(0.0, 1.0), (1.0, 3.0), (2.0, 0.5), (3.0, 2.0)]);
    let line = line(&set, &request(&[]));
    assert!(line.accumulated);
    assert_eq!(line.column.as_deref(), Some("co2_emissions_gco2e"));
    assert_eq!(line.value, [1.0, 3.0, 3.5, 5.0].map(Some));
    assert_eq!(line.t_ms, [0.0, 1e3, 2e3, 3e3]);
}

#[test]
fn gaps_are_nulls() {
    let mut set = SeriesSet::default();
    let samples: Vec<(f64, f64)> =
        [0.0, 1.0, 2.0, 3.0, 10.0, 11.0].iter().map(|second| (*second, 50.0 + second)).collect();
    series(&mut set, "gen_ai.gpu.power", Some("0"), &samples);
    let line = line(&set, &request(&[]));
    let expected = [Some(50.0), Some(51.0), Some(52.0), Some(53.0), None, Some(60.0), Some(61.0)];
    assert_eq!(line.value, expected);
    assert_eq!(line.t_ms, [0.0, 1e3, 2e3, 3e3, 6e3, 1e4, 1.1e4]);
    assert_eq!(line.total_points, 6);
}

#[test]
fn thinning_keeps_extremes() {
    let mut set = SeriesSet::default();
    let wave = |at: i32| match at {
        7_777 => 999.0,
        3_333 => -5.0,
        _ => 100.0 + f64::from(at % 13),
    };
    let samples: Vec<(f64, f64)> = (0..10_000).map(|at| (f64::from(at) / 10.0, wave(at))).collect();
    series(&mut set, "gen_ai.gpu.power", Some("0"), &samples);
    for max_points in [5, 10, 100, 1_000] {
        let line = line(&set, &ChartRequest { max_points, ..request(&[]) });
        assert!(line.value.len() <= max_points, "{} points", line.value.len());
        assert_eq!(line.total_points, 10_000);
        let values: Vec<f64> = line.value.iter().flatten().copied().collect();
        assert_eq!(values.iter().copied().fold(f64::MIN, f64::max), 999.0);
        assert_eq!(values.iter().copied().fold(f64::MAX, f64::min), -5.0);
        assert_eq!((line.t_ms.first(), line.t_ms.last()), (Some(&0.0), Some(&999_900.0)));
        assert!(line.t_ms.is_sorted());
    }
}

#[test]
fn windows_keep_axis_and_level() {
    let mut set = SeriesSet::default();
    let samples: Vec<(f64, f64)> = (0..100).map(|at| (f64::from(at), f64::from(at))).collect();
    series(&mut set, "gen_ai.power.cost", None, &samples);
    series(&mut set, "gen_ai.gpu.power", Some("0"), &[(-5.0, 1.0)]);
    let wanted = request(&["gen_ai.power.cost"]);
    let chart =
        chart(&run(), &set, &[], &ChartRequest { from_ms: Some(15_500.0), to_ms: Some(17_500.0), ..wanted })
            .expect("a chart");
    // The origin is the first sample of any series, asked for or not.
    assert_eq!(chart.t0_unix_nano, (T0 - 5 * SECOND).to_string());
    assert_eq!((chart.from_ms, chart.to_ms), (15_500.0, 17_500.0));
    let line = &chart.series[0];
    // One more point on either side; the counter does not start anew.
    assert_eq!(line.t_ms, [15e3, 16e3, 17e3, 18e3]);
    assert_eq!(line.value, [10.0, 11.0, 12.0, 13.0].map(Some));
    assert_eq!(line.total_points, 2);
}

#[test]
fn series_are_chosen_and_ordered() {
    let mut set = SeriesSet::default();
    for gpu in [Some("10"), Some("2"), None, Some("0")] {
        series(&mut set, "gen_ai.gpu.power", gpu, &[(0.0, 1.0)]);
    }
    series(&mut set, "custom.queue", None, &[(0.0, 1.0)]);
    series(&mut set, "gen_ai.co2.emissions", Some("0"), &[(0.0, 1.0)]);
    let check = |request: ChartRequest, expected: &[(&str, Option<&str>)]| {
        let chart = chart(&run(), &set, &[], &request).expect("a chart");
        let found: Vec<(&str, Option<&str>)> =
            chart.series.iter().map(|line| (line.metric.as_str(), line.gpu_id.as_deref())).collect();
        assert_eq!(found, expected);
    };
    let power = "gen_ai.gpu.power";
    let co2 = ("gen_ai.co2.emissions", Some("0"));
    check(request(&[]), &[co2, (power, Some("0")), (power, Some("2")), (power, Some("10")), (power, None)]);
    check(
        request(&["custom.queue", power]),
        &[("custom.queue", None), (power, Some("0")), (power, Some("2")), (power, Some("10")), (power, None)],
    );
    check(ChartRequest { gpu_ids: vec!["2".into()], ..request(&[]) }, &[(power, Some("2"))]);
    // A metric of the dataset may be missing from a run; another one has to be there.
    check(request(&["gen_ai.gpu.temperature"]), &[]);
    assert!(chart(&run(), &set, &[], &request(&["*"])).is_ok_and(|chart| chart.series.len() == 6));
    let error = chart(&run(), &set, &[], &request(&["custom.typo"])).expect_err("no such metric").to_string();
    assert!(error.contains("`custom.typo`") && error.contains("custom.queue"), "{error}");
}

#[test]
fn tests_are_lanes_on_the_axis() {
    let results = [result("late", T0 + 4 * SECOND, T0 + 5 * SECOND), result("early", T0, T0 + 3 * SECOND)];
    let chart = chart(&run(), &SeriesSet::default(), &results, &request(&[])).expect("a chart");
    let lanes: Vec<(&str, f64, f64)> =
        chart.tests.iter().map(|lane| (lane.test_uid.as_str(), lane.start_ms, lane.end_ms)).collect();
    assert_eq!(lanes, [("early", 0.0, 3e3), ("late", 4e3, 5e3)]);
    assert_eq!((chart.from_ms, chart.to_ms), (0.0, 5e3));
}
