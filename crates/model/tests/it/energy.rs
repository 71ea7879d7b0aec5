//! The energy and attribution vectors, and what must hold for any tests and samples.

use proptest::prelude::*;
use serde_json::{Value, json};
use smoltrace_model::{
    attribution::{Division, Timeline, Window},
    counter::{Increment, MICRO, from_units},
    device_energy::{EnergyMethod, Windows, of_devices},
    energy::{self, CounterSample, CounterUnit, EnergyReading, PowerSample},
    gpus::Gpus,
    series::{Sample, SeriesInfo},
};

use crate::support::{
    SECOND, fixture,
    metrics::{Point, gpu_series, points, set_of},
};

fn close(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().expect("a number");
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{what} is {got}, not {expected}");
}

fn pairs(value: &Value) -> Vec<(i64, &Value)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs.map(|pair| (pair[0].as_i64().expect("seconds") * SECOND, &pair[1])).collect()
}

fn reading_of(case: &Value) -> EnergyReading {
    let counter = |key: &str| -> Vec<CounterSample> {
        pairs(&case[key])
            .into_iter()
            .map(|(time_ns, value)| CounterSample { time_ns, value: value.as_u64().expect("a count") })
            .collect()
    };
    if !case["counter_mj"].is_null() {
        return energy::from_counter(&counter("counter_mj"), CounterUnit::Millijoules, None);
    }
    if !case["counter_uj"].is_null() {
        let range = case["max_energy_range_uj"].as_u64();
        return energy::from_counter(&counter("counter_uj"), CounterUnit::Microjoules, range);
    }
    let samples: Vec<PowerSample> = pairs(&case["samples"])
        .into_iter()
        .map(|(time_ns, power)| PowerSample { time_ns, power_w: power.as_f64().expect("watts") })
        .collect();
    energy::from_power(&samples, case["max_gap_s"].as_i64().map(|seconds| seconds * SECOND))
}

#[test]
fn energy_vectors() {
    let vectors = fixture("vectors/energy.json");
    let cases = vectors["energy"].as_array().expect("cases");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let reading = reading_of(case);
        let uj = reading.energy_uj();
        for (key, expected) in case.as_object().expect("object") {
            match key.as_str() {
                "joules" => close(from_units(uj, MICRO), expected, name),
                "wh" => close(energy::wh(uj), expected, name),
                "usd_at_0.12_per_kwh" => close(energy::power_cost_usd(uj, 1.0, 0.12), expected, name),
                "gco2e_at_475_g_per_kwh" => close(energy::co2_g(uj, 1.0, 475.0), expected, name),
                "uncovered_s" => {
                    assert_eq!(Some(reading.uncovered_ns), expected.as_i64().map(|s| s * SECOND), "{name}");
                }
                "name"
                | "why"
                | "samples"
                | "counter_mj"
                | "counter_uj"
                | "max_gap_s"
                | "max_energy_range_uj" => {}
                other => panic!("{name}: nothing checks `{other}`"),
            }
        }
    }
}

#[test]
fn attribution_vectors() {
    let vectors = fixture("vectors/energy.json");
    let cases = vectors["attribution"].as_array().expect("cases");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let window = |value: &Value| Window {
            start_ns: value[0].as_i64().expect("start") * SECOND,
            end_ns: value[1].as_i64().expect("end") * SECOND,
        };
        let tests = case["tests"].as_object().expect("tests");
        let windows: Vec<Window> = tests.values().map(window).collect();
        let Window { start_ns, end_ns } = window(&case["window"]);
        let power_w = case["power_w"].as_f64().expect("watts");
        let ends = [start_ns, end_ns].map(|time_ns| PowerSample { time_ns, power_w });
        let division = Timeline::new(&windows).divide(&energy::from_power(&ends, None).increments);
        for (test, share) in tests.keys().zip(&division.tests) {
            close(from_units(share.amount, MICRO), &case["joules"][test], &format!("{name}: {test}"));
        }
        close(from_units(division.unattributed, MICRO), &case["joules"]["unattributed"], name);
    }
}

#[test]
fn a_fall_is_a_wrap_only_if_plausible() {
    let check = |before: u64, after: u64, range: Option<u64>, seconds: i64, expected: Option<i128>| {
        let samples = [
            CounterSample { time_ns: 0, value: before },
            CounterSample { time_ns: seconds * SECOND, value: after },
        ];
        let reading = energy::from_counter(&samples, CounterUnit::Microjoules, range);
        assert_eq!(reading.increments.first().map(|step| step.amount), expected, "{before} {after}");
        assert_eq!(reading.uncovered_ns, if expected.is_some() { 0 } else { seconds * SECOND });
    };
    check(900, 50, Some(1000), 1, Some(150));
    check(900, 50, None, 1, None);
    // 2,000 J in one second, then in two.
    check(0, 0, Some(1), 1, Some(0));
    check(1_000_000_000, 0, Some(3_000_000_000), 1, None);
    check(1_000_000_000, 0, Some(3_000_000_000), 2, Some(2_000_000_000));
    // A counter beyond its own range cannot be understood.
    check(5000, 50, Some(1000), 1, None);
}

#[test]
fn what_is_no_reading_is_left_out() {
    let sample = |seconds: i64, power_w: f64| PowerSample { time_ns: seconds * SECOND, power_w };
    let samples =
        [sample(2, 100.0), sample(0, 100.0), sample(1, f64::NAN), sample(1, -5.0), sample(2, 100.0)];
    let reading = energy::from_power(&samples, None);
    assert_eq!((reading.energy_uj(), reading.increments.len()), (200_000_000, 1));
    assert_eq!(energy::from_power(&samples, Some(SECOND)).uncovered_ns, 2 * SECOND);
}

#[test]
fn a_reading_within_a_window() {
    let ends = [0, 10].map(|seconds| PowerSample { time_ns: seconds * SECOND, power_w: 100.0 });
    let reading = energy::from_power(&ends, None);
    let check = |from: i64, to: i64, joules: i128, uncovered: i64| {
        let cut = reading.within(from * SECOND, to * SECOND);
        assert_eq!(
            (cut.energy_uj(), cut.uncovered_ns),
            (joules * 1_000_000, uncovered * SECOND),
            "{from} {to}"
        );
    };
    check(0, 10, 1000, 0);
    check(2, 5, 300, 0);
    check(-5, 5, 500, 5);
    check(20, 30, 0, 10);
    check(5, 5, 0, 0);

    let at_once =
        EnergyReading { increments: vec![Increment { from_ns: 5, to_ns: 5, amount: 3 }], uncovered_ns: 0 };
    assert_eq!(at_once.within(0, 5).energy_uj(), 3);
    assert_eq!(at_once.within(6, 9).energy_uj(), 0);
}

fn series(info: SeriesInfo, samples: &[(i64, f64)]) -> Vec<Point> {
    let sample = |&(seconds, value): &(i64, f64)| Sample {
        start_time_unix_nano: 0,
        time_unix_nano: seconds * SECOND,
        value,
    };
    samples.iter().map(|at| (info.clone(), sample(at))).collect()
}

#[test]
fn devices_of_a_run() {
    let check = |points: &[Vec<Point>], expected: &[(Option<usize>, EnergyMethod, i128, i64)]| {
        let set = set_of(&points.concat());
        let devices = of_devices(&set, &Gpus::of(&set), Windows::default());
        let got: Vec<_> = devices
            .iter()
            .map(|device| {
                let reading = &device.reading;
                (device.gpu, device.method, reading.energy_uj() / 1_000_000, reading.uncovered_ns / SECOND)
            })
            .collect();
        assert_eq!(got, expected);
    };
    let power =
        |gpu: &str, samples: &[(i64, f64)]| series(gpu_series("gen_ai.gpu.power", "a", Some(gpu)), samples);
    let counter = |gpu: &str, unit: &str, samples: &[(i64, f64)]| {
        series(SeriesInfo { unit: unit.into(), ..gpu_series("gen_ai.gpu.energy", "a", Some(gpu)) }, samples)
    };
    let hw = |metric: &str, kind: &str, samples: &[(i64, f64)]| {
        let attributes = json!({"hw.id": "x", "hw.type": kind}).to_string();
        series(SeriesInfo { attributes, ..gpu_series(metric, "a", None) }, samples)
    };

    check(&[], &[]);
    // One reading tells nothing.
    check(&[power("0", &[(0, 100.0)])], &[]);
    check(
        &[power("1", &[(0, 50.0), (10, 50.0)]), power("0", &[(0, 100.0), (10, 100.0)])],
        &[(Some(0), EnergyMethod::Power, 1000, 0), (Some(1), EnergyMethod::Power, 500, 0)],
    );
    // Longer than three median intervals: not bridged.
    check(
        &[power("0", &[(0, 100.0), (1, 100.0), (2, 100.0), (3, 100.0), (7, 100.0)])],
        &[(Some(0), EnergyMethod::Power, 300, 4)],
    );
    // A counter beats power; its first value is a baseline; a fall is a reset.
    check(
        &[
            power("0", &[(0, 100.0), (10, 100.0)]),
            counter("0", "J", &[(0, 1000.0), (10, 2500.0), (20, 300.0), (30, 900.0)]),
        ],
        &[(Some(0), EnergyMethod::Counter, 2100, 10)],
    );
    check(
        &[power("0", &[(0, 1.0)]), counter("0", "mJ", &[(0, 5e6), (10, 6e6)])],
        &[(Some(0), EnergyMethod::Counter, 1000, 0)],
    );
    // OpenTelemetry's hardware metrics: of GPUs only, and not beside those of `gen_ai.gpu`.
    check(&[hw("hw.energy", "gpu", &[(0, 10.0), (10, 70.0)])], &[(None, EnergyMethod::Counter, 60, 0)]);
    check(&[hw("hw.energy", "cpu", &[(0, 10.0), (10, 70.0)])], &[]);
    check(
        &[
            hw("hw.power", "gpu", &[(0, 10.0), (10, 70.0)]),
            power("0", &[(0, 100.0), (10, 100.0)]),
            power("1", &[(0, 100.0), (10, 100.0)]),
        ],
        &[(Some(0), EnergyMethod::Power, 1000, 0), (Some(1), EnergyMethod::Power, 1000, 0)],
    );
}

#[test]
fn energy_of_the_recording() {
    let set = set_of(&points(&fixture("smoltrace_run_two_gpus/metrics.json")));
    let devices = of_devices(&set, &Gpus::of(&set), Windows::default());
    assert_eq!(devices.iter().map(|device| device.gpu).collect::<Vec<_>>(), [Some(0), Some(1)]);
    // By hand: (398.236 + 294.816) / 2 x 10.00277 + (294.816 + 116.97) / 2 x 10.00657 + ...
    let joules: Vec<f64> =
        devices.iter().map(|device| from_units(device.reading.energy_uj(), MICRO)).collect();
    assert!((joules[0] - 6426.284).abs() < 1e-3 && (joules[1] - 5264.477).abs() < 1e-3, "{joules:?}");
}

/// Increments of one device one after the other, some without duration, with gaps.
fn any_increments() -> impl Strategy<Value = Vec<Increment>> {
    prop::collection::vec((0..3_i64, 0..12_i64, 0..1_000_000_i128), 0..40).prop_map(|steps| {
        let mut at = 0;
        steps
            .into_iter()
            .map(|(gap, length, amount)| {
                let from_ns = at + gap;
                at = from_ns + length;
                Increment { from_ns, to_ns: at, amount }
            })
            .collect()
    })
}

fn any_windows() -> impl Strategy<Value = Vec<Window>> {
    let window = (-5..200_i64, 0..80_i64)
        .prop_map(|(start_ns, length)| Window { start_ns, end_ns: start_ns + length });
    prop::collection::vec(window, 0..12)
}

/// The definition, nanosecond by nanosecond, in doubles.
fn plainly(windows: &[Window], increments: &[Increment]) -> (Vec<f64>, f64) {
    let (mut tests, mut unattributed) = (vec![0.0; windows.len()], 0.0);
    for Increment { from_ns, to_ns, amount } in increments {
        let moments = if from_ns == to_ns { *from_ns..from_ns + 1 } else { *from_ns..*to_ns };
        let each = *amount as f64 / (moments.end - moments.start) as f64;
        for moment in moments {
            let active: Vec<usize> = (0..windows.len())
                .filter(|test| windows[*test].start_ns <= moment && moment < windows[*test].end_ns)
                .collect();
            if active.is_empty() {
                unattributed += each;
            }
            for test in &active {
                tests[*test] += each / active.len() as f64;
            }
        }
    }
    (tests, unattributed)
}

fn divide(windows: &[Window], increments: &[Increment]) -> Division {
    Timeline::new(windows).divide(increments)
}

proptest! {
    #[test]
    fn nothing_is_lost(windows in any_windows(), increments in any_increments()) {
        let division = divide(&windows, &increments);
        let sum: i128 = increments.iter().map(|step| step.amount).sum();
        prop_assert_eq!(division.total(), sum);
        prop_assert!(division.unattributed >= 0 && division.tests.iter().all(|share| share.amount >= 0));
    }

    #[test]
    fn shares_are_what_the_definition_says(windows in any_windows(), increments in any_increments()) {
        let division = divide(&windows, &increments);
        let (tests, unattributed) = plainly(&windows, &increments);
        // One unit of rounding for each cut of an increment and each stretch.
        let slack = (increments.len() + 2 * windows.len() + 2) as f64;
        prop_assert!((division.unattributed as f64 - unattributed).abs() <= slack);
        for (share, plain) in division.tests.iter().zip(tests) {
            prop_assert!((share.amount as f64 - plain).abs() <= slack, "{} is not {plain}", share.amount);
            prop_assert!(share.reached || share.amount == 0);
        }
    }

    #[test]
    fn equal_tests_get_equal_shares(window in any_windows(), increments in any_increments(), n in 2..5_usize) {
        let windows: Vec<Window> = window.iter().flat_map(|window| vec![*window; n]).collect();
        let division = divide(&windows, &increments);
        let stretches = 2 * windows.len() as i128 + 1;
        for equal in division.tests.chunks(n) {
            for share in equal {
                prop_assert!((share.amount - equal[0].amount).abs() <= stretches);
                prop_assert_eq!(share.covered_ns, equal[0].covered_ns);
            }
        }
    }

    #[test]
    fn order_changes_nothing((increments, shuffled, windows) in (any_increments(), any_windows())
        .prop_flat_map(|(increments, windows)| {
            (Just(increments.clone()), Just(increments).prop_shuffle(), Just(windows))
        })
    ) {
        prop_assert_eq!(divide(&windows, &increments), divide(&windows, &shuffled));
    }

    #[test]
    fn energy_does_not_depend_on_order_or_repetition(
        (samples, shuffled) in prop::collection::vec((0..100_i64, 0.0..1e3_f64), 0..40)
            .prop_flat_map(|samples| {
                let doubled = [samples.clone(), samples.clone()].concat();
                (Just(samples), Just(doubled).prop_shuffle())
            })
    ) {
        let power = |samples: &[(i64, f64)]| {
            let samples: Vec<PowerSample> =
                samples.iter().map(|&(time_ns, power_w)| PowerSample { time_ns: time_ns * SECOND, power_w }).collect();
            energy::from_power(&samples, Some(5 * SECOND))
        };
        prop_assert_eq!(power(&samples), power(&shuffled));
        let counter = |samples: &[(i64, f64)]| {
            let samples: Vec<CounterSample> =
                samples.iter().map(|&(time_ns, value)| CounterSample { time_ns, value: value as u64 }).collect();
            energy::from_counter(&samples, CounterUnit::Millijoules, None)
        };
        let reading = counter(&samples);
        prop_assert!(reading.increments.iter().all(|step| step.amount >= 0));
        prop_assert_eq!(reading, counter(&shuffled));
    }
}
