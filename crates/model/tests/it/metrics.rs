//! The metric vectors, the recording with two GPUs, and what must hold for any input.

use proptest::prelude::*;
use serde_json::{Value, json};
use smoltrace_model::{
    aggregate::{GpuAggregates, aggregate_gpu_metrics},
    counter::{PICO, from_units, increments, metric_total, series_total, to_units},
    flatten::{COLUMNS, JsonRows, Missing, flatten_metrics, metrics_schema, to_batch},
    gpus::Gpus,
    rows::Temporality,
    series::{Sample, SeriesInfo, SeriesSet},
};

use crate::support::{
    fixture,
    metrics::{Point, gpu_series, points, set_of},
};

const CO2: &str = "gen_ai.co2.emissions";
const POWER: &str = "gen_ai.gpu.power";

#[test]
fn vectors() {
    let vectors = fixture("vectors/metrics.json");
    let tolerance = vectors["tolerance"].as_f64().expect("tolerance");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 13);
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let set = set_of(&points(&case["metrics"]));
        let got = serde_json::to_value(aggregate_gpu_metrics(&set)).expect("plain numbers");
        let expected = case["aggregate"].as_object().expect("aggregate");
        assert_eq!(
            got.as_object().expect("object").keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (key, expected) in expected {
            match (expected.as_f64(), got[key].as_f64()) {
                (Some(expected), Some(got)) => {
                    assert!((expected - got).abs() <= tolerance, "{name}: {key} is {got}, not {expected}");
                }
                (expected, got) => assert_eq!(expected, got, "{name}: {key}"),
            }
        }
        let rows = flatten_metrics(&set, "vector-run");
        if let Some(expected) = case["rows"].as_u64() {
            assert_eq!(rows.len() as u64, expected, "{name}: rows");
        }
        for row in rows {
            let row = serde_json::to_value(row).expect("plain row");
            let mut columns: Vec<&str> =
                row.as_object().expect("object").keys().map(String::as_str).collect();
            let mut expected = COLUMNS.to_vec();
            columns.sort_unstable();
            expected.sort_unstable();
            assert_eq!(columns, expected, "{name}");
        }
        if !case["columns"].is_null() {
            assert_eq!(case["columns"], json!(COLUMNS), "{name}");
        }
    }
}

#[test]
fn the_only_gpu_takes_the_host_level_series() {
    let vectors = fixture("vectors/metrics.json");
    let case = vectors["cases"]
        .as_array()
        .and_then(|cases| cases.iter().find(|case| case["name"] == "one_gpu_11_ticks"));
    let set = set_of(&points(&case.expect("the case")["metrics"]));
    let rows = flatten_metrics(&set, "vector-run");
    assert!(rows.iter().all(|row| row.gpu_id == Some("0") && row.values.iter().all(Option::is_some)));
    assert_eq!(
        serde_json::to_value(rows[0]).expect("plain row"),
        json!({
            "run_id": "vector-run", "service_name": "smoltrace-eval",
            "timestamp": "2025-10-27T05:58:15.460017", "timestamp_unix_nano": "1761544695460017300",
            "co2_emissions_gco2e": 0.17545, "power_cost_usd": 4.43636e-05, "gpu_utilization_percent": 0.0,
            "gpu_memory_used_mib": 375.07, "gpu_memory_total_mib": 6144.0, "gpu_temperature_celsius": 64.0,
            "gpu_power_watts": 18.741, "gpu_id": "0", "gpu_name": "NVIDIA GeForce RTX 3060",
        })
    );
}

#[test]
fn recording_of_two_gpus() {
    let set = set_of(&points(&fixture("smoltrace_run_two_gpus/metrics.json")));
    let aggregates = aggregate_gpu_metrics(&set);
    let rounded = |value: Option<f64>, scale: f64| value.map(|value| (value * scale).round() / scale);
    assert_eq!(rounded(aggregates.co2_total, 1e4), Some(1.8413));
    assert_eq!(rounded(aggregates.power_cost_total, 1e6), Some(0.000465));
    assert_eq!(aggregates.utilization_max, Some(99.0));
    let gpus = Gpus::of(&set);
    let names: Vec<_> = gpus.all().iter().map(|gpu| (gpu.gpu_id, gpu.gpu_name)).collect();
    assert_eq!(names, [("0", Some("Simulated GPU 80GB")), ("1", Some("Simulated GPU 80GB"))]);
    let rows = flatten_metrics(&set, "run");
    assert_eq!(rows.len(), 8, "four ticks of two GPUs; no other metric makes a row");
    // The CO2 series carry no gpu_name of their own; the row has that of the GPU.
    assert!(rows.iter().all(|row| row.values.iter().all(Option::is_some) && row.gpu_name.is_some()));
}

#[test]
fn rows_of_several_gpus_and_hosts() {
    let sample = |time| Sample { start_time_unix_nano: 0, time_unix_nano: time, value: 1.0 };
    let check = |series: &[(&str, &str, Option<&str>, i64)], expected: &[(i64, Option<&str>, usize)]| {
        let points: Vec<Point> = series
            .iter()
            .map(|(metric, host, gpu, time)| (gpu_series(metric, host, *gpu), sample(*time)))
            .collect();
        let set = set_of(&points);
        let rows = flatten_metrics(&set, "run");
        let got: Vec<_> = rows
            .iter()
            .map(|row| (row.time_unix_nano, row.gpu_id, row.values.iter().flatten().count()))
            .collect();
        assert_eq!(got, expected, "{series:?}");
    };
    // Numbers sort as numbers; a host-level series stands alone, last, beside several GPUs.
    check(
        &[
            (CO2, "a", None, 1),
            (POWER, "a", Some("10"), 1),
            (POWER, "a", Some("9"), 1),
            (POWER, "a", Some("9"), 2),
        ],
        &[(1, Some("9"), 1), (1, Some("10"), 1), (1, None, 1), (2, Some("9"), 1)],
    );
    // One GPU: the host-level series joins it, also where the GPU itself has no sample.
    check(
        &[(CO2, "a", None, 1), (POWER, "a", Some("0"), 1), (CO2, "a", None, 2)],
        &[(1, Some("0"), 2), (2, Some("0"), 1)],
    );
    // GPU 0 of two hosts is two GPUs.
    check(
        &[(POWER, "a", Some("0"), 1), (POWER, "b", Some("0"), 1), (CO2, "a", None, 1)],
        &[(1, Some("0"), 1), (1, Some("0"), 1), (1, None, 1)],
    );
    // Other metrics make neither rows nor GPUs.
    check(&[("gen_ai.gpu.fan.speed", "a", Some("1"), 1), (CO2, "a", None, 1)], &[(1, None, 1)]);
}

#[test]
fn a_uuid_is_one_gpu_under_any_host_and_id() {
    let with_uuid = |host: &str, id: &str| {
        let attributes = json!({"gpu_id": id, "gpu_uuid": "GPU-7"}).to_string();
        SeriesInfo { attributes, ..gpu_series(POWER, host, Some(id)) }
    };
    let sample = Sample { start_time_unix_nano: 0, time_unix_nano: 1, value: 1.0 };
    let set = set_of(&[
        (with_uuid("a", "0"), sample),
        (with_uuid("b", "1"), sample),
        // Carries the id alone; another series of that host ties it to the UUID.
        (gpu_series(CO2, "a", Some("0")), sample),
        (gpu_series(CO2, "c", Some("0")), sample),
    ]);
    let gpus = Gpus::of(&set);
    assert_eq!(gpus.count(), 2);
    assert_eq!(
        (0..4).map(|series| gpus.of_series(series)).collect::<Vec<_>>(),
        [Some(1), Some(1), Some(1), Some(0)]
    );
}

#[test]
fn rows_of_many_series_are_as_those_of_few() {
    let check = |clients: usize| {
        let points: Vec<Point> = (0..clients)
            .flat_map(|client| {
                [CO2, POWER].map(|metric| {
                    let attributes = json!({"gpu_id": "0", "client": client}).to_string();
                    let info = SeriesInfo { attributes, ..gpu_series(metric, "a", Some("0")) };
                    let time = 1 + (client % 2) as i64;
                    (info, Sample { start_time_unix_nano: 0, time_unix_nano: time, value: client as f64 })
                })
            })
            .collect();
        let set = set_of(&points);
        let rows = flatten_metrics(&set, "run");
        let got: Vec<_> = rows.iter().map(|row| (row.time_unix_nano, row.values[0], row.values[6])).collect();
        let expected = [0, 1].map(|odd| {
            let of_this_time =
                || (0..clients).filter(move |client| client % 2 == odd).map(|client| client as f64);
            (1 + odd as i64, Some(of_this_time().sum()), of_this_time().reduce(f64::max))
        });
        assert_eq!(got, expected, "{clients} clients");
    };
    check(4);
    check(400);
}

#[test]
fn rows_as_json_and_as_a_batch() {
    let set = set_of(&points(&fixture("smoltrace_run_two_gpus/metrics.json")));
    let mut rows = flatten_metrics(&set, "a \"run\"");
    rows[3].gpu_id = None;
    rows[4].values[2] = None;
    let mut writer = JsonRows::new(Missing::Null);
    for row in &rows {
        let mut text = Vec::new();
        writer.write(row, &mut text);
        assert_eq!(text, serde_json::to_vec(row).expect("plain row"), "keys and values in one order");
    }
    let mut zeroed = Vec::new();
    JsonRows::new(Missing::Zero).write(&rows[4], &mut zeroed);
    let zeroed: Value = serde_json::from_slice(&zeroed).expect("JSON");
    assert_eq!(zeroed["gpu_utilization_percent"], 0.0);

    let batch = to_batch(&rows, Missing::Null);
    assert_eq!(batch.schema(), metrics_schema());
    assert_eq!(
        batch.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        COLUMNS
    );
    assert_eq!((batch.num_rows(), batch.column(6).null_count(), batch.column(11).null_count()), (8, 1, 1));
    assert_eq!(to_batch(&rows, Missing::Zero).column(6).null_count(), 0);
}

#[test]
fn points_and_back() {
    let points = points(&fixture("smoltrace_run_two_gpus/metrics.json"));
    let rows = set_of(&points).into_points("run");
    assert_eq!(rows.len(), points.len());
    assert!(rows.iter().all(|row| row.row_id.len() == 32 && row.row_id == row.clone().sealed().row_id));
    let again = SeriesSet::from_points(&rows);
    assert_eq!(again.clone().into_points("run"), rows);
    assert_eq!(aggregate_gpu_metrics(&again), aggregate_gpu_metrics(&set_of(&points)));
    let ids: std::collections::HashSet<_> = rows.iter().map(|row| &row.row_id).collect();
    assert_eq!(ids.len(), rows.len());
}

/// Points of a few series, times and starts, so that they meet and repeat.
fn any_points() -> impl Strategy<Value = Vec<Point>> {
    let metric =
        prop_oneof![Just(CO2), Just("gen_ai.power.cost"), Just(POWER), Just("gen_ai.gpu.utilization")];
    let gpu = prop_oneof![Just(None), Just(Some("0")), Just(Some("1")), Just(Some("x"))];
    let host = prop_oneof![Just("a"), Just("b")];
    let temporality =
        prop_oneof![Just(Temporality::Delta), Just(Temporality::Cumulative), Just(Temporality::Unspecified)];
    let point = (metric, host, gpu, temporality, 0..4_i64, 0..20_i64, 0.0..1e3_f64).prop_map(
        |(metric, host, gpu, temporality, start, time, value)| {
            let info = SeriesInfo { temporality, ..gpu_series(metric, host, gpu) };
            (info, Sample { start_time_unix_nano: start * 5, time_unix_nano: time, value })
        },
    );
    prop::collection::vec(point, 0..80)
}

/// Every number the set gives: aggregates, JSON rows, table rows.
fn everything(set: SeriesSet) -> (GpuAggregates, Vec<u8>, Vec<String>) {
    let mut text = Vec::new();
    let mut writer = JsonRows::new(Missing::Null);
    for row in flatten_metrics(&set, "run") {
        writer.write(&row, &mut text);
    }
    let aggregates = aggregate_gpu_metrics(&set);
    (aggregates, text, set.into_points("run").into_iter().map(|row| row.row_id).collect())
}

proptest! {
    #[test]
    fn order_never_matters((points, shuffled) in any_points().prop_flat_map(|points| {
        (Just(points.clone()), Just(points).prop_shuffle())
    })) {
        prop_assert_eq!(everything(set_of(&points)), everything(set_of(&shuffled)));
    }

    #[test]
    fn duplicates_never_matter((points, repeats) in any_points().prop_flat_map(|points| {
        let repeats = prop::collection::vec(0..points.len().max(1), 0..20);
        (Just(points), repeats)
    })) {
        let mut doubled = points.clone();
        doubled.extend(repeats.into_iter().filter_map(|at| points.get(at).cloned()));
        prop_assert_eq!(everything(set_of(&points)), everything(set_of(&doubled)));
    }

    #[test]
    fn splitting_never_matters(points in any_points(), at in 0..80_usize) {
        let (left, right) = points.split_at(at.min(points.len()));
        let mut set = set_of(left);
        set.merge(set_of(right));
        prop_assert_eq!(everything(set_of(&points)), everything(set));
    }

    #[test]
    fn n_gpus_are_n_times_one(values in prop::collection::vec(0.0..1e3_f64, 1..30), n in 1..9_usize) {
        let info = |gpu: usize| gpu_series(CO2, "a", Some(&gpu.to_string()));
        let points = |gpus: usize| -> Vec<Point> {
            (0..gpus).flat_map(|gpu| {
                values.iter().enumerate().map(move |(time, value)| {
                    (info(gpu), Sample { start_time_unix_nano: 0, time_unix_nano: time as i64, value: *value })
                })
            }).collect()
        };
        let total = |gpus: usize| metric_total(&set_of(&points(gpus)), CO2, None).unwrap_or(f64::NAN);
        let (one, all) = (total(1), total(n));
        prop_assert!((all - one * n as f64).abs() <= 1e-12 * all.max(1.0), "{all} is not {n} x {one}");
    }

    #[test]
    fn steps_add_up_to_the_total(points in any_points(), run_start in prop::option::of(0..20_i64)) {
        for series in set_of(&points).series() {
            let total = series_total(series, run_start).expect("a series of the strategy has samples");
            prop_assert!(total >= 0.0);
            let steps = increments(series, run_start, PICO);
            prop_assert!(steps.iter().all(|step| step.amount >= 0 && step.from_ns <= step.to_ns));
            let sum: i128 = steps.iter().map(|step| step.amount).sum();
            // The total is a double: half a picogram of rounding for each sample, and its own digits.
            let slack = steps.len() as i128 + to_units(total * 1e-14, PICO);
            prop_assert!((sum - to_units(total, PICO)).abs() <= slack, "{} is not {total}", from_units(sum, PICO));
        }
    }
}
