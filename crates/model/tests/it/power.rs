//! What a sampler of ours measured: which devices count, what their energy comes to, and that nothing is lost.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use smoltrace_model::{
    account::{Accounted, Accounting, CallEnergies, account_series},
    attribution::Window,
    call_energy::{TestCalls, of_calls},
    counter::{MICRO, PICO, to_units},
    device_energy::{DeviceEnergy, Windows, of_devices},
    factors::{ElectricityPrice, Factors, GridIntensity},
    gpus::Gpus,
    grid::{self, Grid},
    inputs::RunInputs,
    rows::{Instrument, ResultRow, RunRow, Source, SpanKind, SpanRow},
    series::{Sample, SeriesInfo, SeriesSet},
};

use crate::support::{SECOND, fixture, metrics::info, object, span};

fn factors() -> Factors {
    Factors {
        pue: 1.5,
        intensity: GridIntensity { g_per_kwh: 400.0, source: "the test".into(), year: Some(2023) },
        price: ElectricityPrice { usd_per_kwh: 0.2, source: "default".into() },
    }
}

/// A sampler's series of one device, a value a second.
struct Measured {
    source: &'static str,
    metric: &'static str,
    attributes: Value,
}

impl Measured {
    fn gpu(metric: &'static str) -> Self {
        let attributes = json!({"gpu_id": "0", "gpu_uuid": "GPU-0", "hw.id": "GPU-0", "hw.type": "gpu"});
        Self { source: "nvml", metric, attributes }
    }

    fn cpu(id: &str, parent: Option<&str>) -> Self {
        let mut attributes = json!({"hw.id": id, "hw.name": id, "hw.type": "cpu"});
        if let Some(parent) = parent {
            attributes["hw.parent"] = parent.into();
        }
        Self { source: "rapl", metric: "hw.energy", attributes }
    }

    fn info(&self) -> SeriesInfo {
        let mut resource = factors().attributes();
        resource.insert("smoltrace.power.source".into(), self.source.into());
        resource.insert("host.name".into(), "box".into());
        if self.source == "simulated" {
            resource.insert("smoltrace.simulated".into(), true.into());
        }
        let is_gauge = self.metric.ends_with("power");
        SeriesInfo {
            metric: self.metric.into(),
            unit: if is_gauge { "W".into() } else { "J".into() },
            instrument: if is_gauge { Instrument::Gauge } else { Instrument::Sum },
            ..info(&resource, &object(self.attributes.clone()))
        }
    }
}

fn push(set: &mut SeriesSet, info: SeriesInfo, samples: &[(i64, f64)]) {
    let slot = set.slot(info);
    for (second, value) in samples {
        let time_unix_nano = second * SECOND;
        set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano, value: *value });
    }
}

fn set_of(series: &[(Measured, &[(i64, f64)])]) -> SeriesSet {
    let mut set = SeriesSet::default();
    for (measured, samples) in series {
        push(&mut set, measured.info(), samples);
    }
    set
}

fn devices(set: &SeriesSet) -> Vec<DeviceEnergy> {
    of_devices(set, &Gpus::of(set), Windows::default())
}

fn joules(device: &DeviceEnergy) -> f64 {
    device.reading.energy_uj() as f64 / MICRO
}

/// The roots of tests from `from` to `to` each.
fn spans_of(tests: &[(i64, i64)]) -> Vec<SpanRow> {
    let root = |(place, (from, to)): (usize, &(i64, i64))| SpanRow {
        trace_id: format!("{:032x}", place + 1),
        test_uid: Some(format!("tool:t{place}")),
        ..span(1, None, *from, *to)
    };
    tests.iter().enumerate().map(root).collect()
}

/// A run with a test from `from` to `to` each.
fn account(tests: &[(i64, i64)], set: &SeriesSet) -> (RunRow, Vec<ResultRow>, Accounting) {
    let inputs = RunInputs { run_id: "r".into(), spans: spans_of(tests), ..RunInputs::default() };
    let Accounted { run, results } = account_series(&inputs, set);
    let accounting = serde_json::from_str(&run.accounting).expect("accounting");
    (run, results, accounting)
}

#[test]
fn joules_times_pue_times_intensity() {
    let set = set_of(&[(Measured::gpu("hw.energy"), &[(0, 50.0), (10, 1050.0), (20, 4650.0)])]);
    let (run, results, accounting) = account(&[(0, 10), (10, 20)], &set);
    // 4600 J.
    assert!((run.energy_wh.expect("energy") - 4600.0 / 3600.0).abs() < 1e-12);
    assert_eq!((run.energy_source, run.co2_source), (Source::Measured, Source::Measured));
    assert_eq!(run.power_cost_source, Source::Measured);
    let co2 = 4600.0 / 3.6e6 * 1.5 * 400.0;
    assert!((accounting.totals.co2_emissions_g.expect("CO2") - co2).abs() < 1e-12);
    let cost = 4600.0 / 3.6e6 * 1.5 * 0.2;
    assert!((accounting.totals.power_cost_usd.expect("cost") - cost).abs() < 1e-12);
    let shares: Vec<f64> = results.iter().map(|row| row.energy_wh.expect("a share") * 3600.0).collect();
    assert!((shares[0] - 1000.0).abs() < 1e-9 && (shares[1] - 3600.0).abs() < 1e-9, "{shares:?}");
    assert!(results.iter().all(|row| row.energy_source == Source::Measured));

    assert_eq!(accounting.factors, [factors()]);
    let chain: Vec<(&str, Option<f64>)> = accounting.chains["co2_emissions_g"]
        .iter()
        .map(|step| (step.label.as_str(), step.value))
        .take(2)
        .collect();
    assert_eq!(chain, [("PUE", Some(1.5)), ("Grid intensity", Some(400.0))]);
    let device = &accounting.devices[0];
    assert_eq!((device.energy_j, device.factors.as_ref()), (4600.0, Some(&factors())));
    assert_eq!((device.covered_s, device.uncovered_s), (20.0, 0.0));
    assert!((device.co2_emissions_g.expect("CO2") - co2).abs() < 1e-12);
    assert!((device.power_cost_usd.expect("cost") - cost).abs() < 1e-12);
    let gpu = &accounting.chains["co2_emissions_g"][2];
    assert_eq!(gpu.note.as_deref(), Some("4600.000 J x PUE 1.5 x 400 g/kWh; 1 kWh is 3,600,000 J."));
}

#[test]
fn the_run_lasts_as_long_as_its_spans() {
    // The sampler began before and ended after; 100 W all the time.
    let samples: Vec<(i64, f64)> = (0..=100).map(|second| (second, 100.0 * second as f64)).collect();
    let set = set_of(&[(Measured::gpu("hw.energy"), &samples)]);
    let (run, ..) = account(&[(20, 30), (50, 60)], &set);
    assert!((run.energy_wh.expect("energy") * 3600.0 - 4000.0).abs() < 1e-9);
    assert!((run.unattributed_energy_wh.expect("the rest") * 3600.0 - 2000.0).abs() < 1e-9);
}

#[test]
fn a_part_is_not_added_to_the_whole() {
    let energy: &[(i64, f64)] = &[(0, 0.0), (10, 100.0)];
    let nothing: &[(i64, f64)] = &[(0, 0.0), (10, 0.0)];
    let check = |series: &[(Measured, &[(i64, f64)])], counted: &[&str]| {
        let set = set_of(series);
        let found = devices(&set);
        let got: Vec<&str> = found
            .iter()
            .filter(|device| !device.is_part)
            .filter_map(|device| device.name.as_deref())
            .collect();
        assert_eq!(got, counted);
        let (run, _, accounting) = account(&[(0, 10)], &set);
        let expected: f64 = found.iter().filter(|device| !device.is_part).map(joules).sum();
        assert!((run.energy_wh.expect("energy") * 3600.0 - expected).abs() < 1e-9);
        assert_eq!(accounting.devices.len(), series.len());
    };
    let cpu = Measured::cpu;
    check(&[(cpu("package", None), energy)], &["package"]);
    check(&[(cpu("package", None), energy), (cpu("core", Some("package")), energy)], &["package"]);
    check(
        &[
            (cpu("psys", None), energy),
            (cpu("package", Some("psys")), energy),
            (cpu("core", Some("package")), energy),
            (cpu("dram", Some("psys")), energy),
        ],
        &["psys"],
    );
    // A platform counter that stands still tells nothing: its parts count, and theirs do not.
    check(
        &[
            (cpu("psys", None), nothing),
            (cpu("package", Some("psys")), energy),
            (cpu("core", Some("package")), energy),
            (cpu("dram", Some("psys")), energy),
        ],
        &["dram", "package", "psys"],
    );
    // The whole is not here.
    check(&[(cpu("package", Some("psys")), energy)], &["package"]);
    // Nonsense costs nothing.
    check(&[(cpu("a", Some("b")), energy), (cpu("b", Some("a")), energy)], &["a", "b"]);
    check(&[(cpu("a", Some("a")), energy)], &["a"]);
}

#[test]
fn a_wrap_is_counted_where_the_range_is_known() {
    let mut rapl = Measured::cpu("package", None);
    rapl.attributes["smoltrace.energy.range_uj"] = 262_143_328_850_u64.into();
    let samples: &[(i64, f64)] = &[(0, 262_000.0), (1, 143.328_85)];
    assert_eq!(devices(&set_of(&[(rapl, samples)]))[0].reading.energy_uj(), 286_657_700);
    let unknown = devices(&set_of(&[(Measured::cpu("package", None), samples)]));
    assert!(unknown.is_empty());
}

#[test]
fn measured_and_reported_are_not_the_same_joules_twice() {
    let measured = (Measured::gpu("hw.energy"), &[(0, 0.0), (10, 1000.0)][..]);
    let client = |metric: &str, samples: &[(i64, f64)], set: &mut SeriesSet| {
        let resource = object(json!({"service.name": "agent"}));
        let attributes = object(json!({"gpu_id": "0"}));
        let is_counter = metric.contains("emissions");
        let instrument = if is_counter { Instrument::Sum } else { Instrument::Gauge };
        push(set, SeriesInfo { metric: metric.into(), instrument, ..info(&resource, &attributes) }, samples);
    };
    let mut set = set_of(&[measured]);
    client("gen_ai.gpu.power", &[(0, 90.0), (5, 90.0), (10, 90.0)], &mut set);
    client("gen_ai.co2.emissions", &[(0, 0.0), (10, 7.0)], &mut set);
    let (run, _, accounting) = account(&[(0, 10)], &set);
    assert!((run.energy_wh.expect("energy") * 3600.0 - 1000.0).abs() < 1e-9);
    assert!((accounting.totals.co2_emissions_g.expect("CO2") - 1000.0 / 3.6e6 * 600.0).abs() < 1e-12);
    assert!(
        accounting.notes.iter().any(|note| note.contains("gen_ai.co2.emissions that the client reports"))
    );

    // Where only the processor was measured, what the client says of the GPU is beside it, and the sum is not
    // called measured.
    let mut set = set_of(&[(Measured::cpu("package", None), &[(0, 0.0), (10, 500.0)])]);
    client("gen_ai.gpu.power", &[(0, 90.0), (5, 90.0), (10, 90.0)], &mut set);
    client("gen_ai.co2.emissions", &[(0, 0.0), (10, 7.0)], &mut set);
    let (run, _, accounting) = account(&[(0, 10)], &set);
    assert!((run.energy_wh.expect("energy") * 3600.0 - 1400.0).abs() < 1e-9);
    assert_eq!((run.energy_source, run.co2_source), (Source::Reported, Source::Reported));
    assert!((accounting.totals.co2_emissions_g.expect("CO2") - 7.0 - 500.0 / 3.6e6 * 600.0).abs() < 1e-12);
}

#[test]
fn a_simulated_device_is_said_to_be_one() {
    let simulated = Measured { source: "simulated", ..Measured::gpu("hw.energy") };
    let (run, results, _) = account(&[(0, 10)], &set_of(&[(simulated, &[(0, 0.0), (10, 10.0)])]));
    assert!(run.simulated);
    assert_eq!((run.energy_source, run.co2_source), (Source::Simulated, Source::Simulated));
    assert_eq!(results[0].energy_source, Source::Simulated);
}

#[test]
fn counter_and_power_that_differ_are_worth_a_word() {
    let check = |watts: f64, ratio: f64, said: bool| {
        let counter: Vec<(i64, f64)> = (0..=20).map(|second| (second, 100.0 * second as f64)).collect();
        let power: Vec<(i64, f64)> = (0..=20).map(|second| (second, watts)).collect();
        let set = set_of(&[(Measured::gpu("hw.energy"), &counter), (Measured::gpu("hw.power"), &power)]);
        let (_, _, accounting) = account(&[(0, 20)], &set);
        let device = &accounting.devices[0];
        assert!((device.counter_to_power.expect("both") - ratio).abs() < 1e-9, "{device:?}");
        assert_eq!(accounting.notes.iter().any(|note| note.contains("times what the power")), said);
        assert!((device.energy_wh * 3600.0 - 2000.0).abs() < 1e-9);
    };
    check(100.0, 1.0, false);
    check(120.0, 1.0 / 1.2, false);
    check(50.0, 2.0, true);
    check(200.0, 0.5, true);
}

#[test]
fn energy_of_calls_that_last_long_enough() {
    // 100 W, read every two seconds: a call of one second cannot be told.
    let samples: Vec<(i64, f64)> = (0..=10).map(|step| (2 * step, 200.0 * step as f64)).collect();
    let found = devices(&set_of(&[(Measured::gpu("hw.energy"), &samples)]));
    let window = |&(from, to): &(i64, i64)| Window { start_ns: from * SECOND, end_ns: to * SECOND };
    type Test<'a> = (Option<(i64, i64)>, &'a [(i64, i64)], &'a [Option<i128>]);
    let check = |tests: &[Test<'_>]| {
        let given: Vec<TestCalls> = (tests.iter())
            .map(|(test, calls, _)| TestCalls {
                test: test.as_ref().map(window),
                calls: calls.iter().map(window).collect(),
            })
            .collect();
        let energy = of_calls(&found, &given).expect("the GPU tells");
        let joules = |calls: &Vec<Option<i128>>| calls.iter().map(|uj| uj.map(|uj| uj / 1_000_000)).collect();
        let joules: Vec<Vec<Option<i128>>> = energy.tests.iter().map(joules).collect();
        assert_eq!(
            joules,
            tests.iter().map(|(_, _, joules)| joules.to_vec()).collect::<Vec<_>>(),
            "{given:?}"
        );
        assert_eq!(energy.resolution_ns, 2 * SECOND);
    };
    check(&[]);
    // Calls of one test at the same time share.
    check(&[(
        Some((0, 120)),
        &[(0, 4), (5, 6), (10, 14), (12, 16), (100, 110)],
        &[Some(400), None, Some(300), Some(300), None],
    )]);
    // So do tests, and each divides what it has, not what there is.
    check(&[(Some((0, 10)), &[(0, 4)], &[Some(200)]), (Some((0, 10)), &[(0, 4), (0, 4)], &[Some(100); 2])]);
    check(&[
        (Some((0, 10)), &[(2, 8)], &[Some(450)]),
        (Some((5, 20)), &[(5, 15)], &[Some(750)]),
        (Some((16, 18)), &[], &[]),
    ]);
    // What is outside of its test is nobody's call, and a call of no test has none.
    check(&[(Some((4, 8)), &[(0, 6), (6, 12), (7, 20), (10, 14)], &[Some(200), Some(150), None, None])]);
    check(&[(None, &[(0, 6)], &[None]), (Some((0, 6)), &[(0, 6)], &[Some(600)])]);
    assert_eq!(of_calls(&[], &[TestCalls::default()]), None);
}

#[test]
fn each_call_has_its_energy() {
    // 100 W, read every second, in a test of 20 s.
    let samples: Vec<(i64, f64)> = (0..=20).map(|second| (second, 100.0 * second as f64)).collect();
    let set = set_of(&[(Measured::gpu("hw.energy"), &samples)]);
    let root = SpanRow { test_uid: Some("tool:t".into()), ..span(1, None, 0, 20) };
    let call = |id: u64, parent: u64, from: i64, to: i64| SpanRow {
        kind: SpanKind::Llm,
        ..span(id, Some(parent), from, to)
    };
    let mut short = call(4, 1, 10, 11);
    short.end_time_unix_nano -= SECOND / 2;
    // A span of one instrumentation around that of another is one call.
    let spans = vec![root, call(2, 1, 2, 6), call(3, 2, 2, 6), short, call(5, 1, 12, 15)];
    let energies = CallEnergies::of_run(&spans, &set).expect("the GPU tells");
    let joules = |id: u64| {
        let wh = energies.energy_wh(&spans[0].trace_id, &spans[id as usize - 1].span_id);
        wh.map(|wh| (wh * 3600.0).round())
    };
    assert_eq!([1, 2, 3, 4, 5].map(joules), [None, None, Some(400.0), None, Some(300.0)]);
    let of_trace = energies.of_trace(&spans[0].trace_id).expect("it has calls");
    assert_eq!((of_trace.calls, of_trace.calls_without, energies.len()), (2, 1, 3));
    assert_eq!((of_trace.source, of_trace.resolution_ms), (Source::Measured, 1000.0));
    assert!(energies.of_trace("none").is_none());
    // The run says the same.
    let inputs = RunInputs { run_id: "r".into(), spans, ..RunInputs::default() };
    let accounting: Accounting =
        serde_json::from_str(&account_series(&inputs, &set).run.accounting).expect("accounting");
    assert_eq!(accounting.call_energy, Some(of_trace));
    assert!(CallEnergies::of_run(&inputs.spans, &SeriesSet::default()).is_none());
}

/// The counter of a device that draws the powers of a vector, at every second that it is read.
fn counter_of(case: &Value) -> Vec<(i64, f64)> {
    let pair = |value: &Value| (value[0].as_i64().expect("s"), value[1].as_i64().expect("a number"));
    let power: Vec<(i64, i64)> = case["power"].as_array().expect("powers").iter().map(pair).collect();
    let (from, to) = pair(&case["read"]);
    let used = |second: i64| power.iter().rfind(|(at, _)| *at <= second).map_or(0, |(_, watts)| *watts);
    let joules = |second: i64| (0..second).map(used).sum::<i64>() as f64;
    (from..=to).map(|second| (second, joules(second))).collect()
}

fn cases(vectors: &Value, of: &str) -> Vec<Value> {
    let cases = vectors[of].as_array().expect("cases").clone();
    assert!(cases.len() >= 5);
    cases
}

#[test]
fn idle_vectors() {
    for case in cases(&fixture("vectors/power.json"), "idle") {
        let pair = |value: &Value| (value[0].as_i64().expect("start"), value[1].as_i64().expect("end"));
        let tests: Vec<(i64, i64)> = case["tests"].as_array().expect("tests").iter().map(pair).collect();
        let (_, _, accounting) =
            account(&tests, &set_of(&[(Measured::gpu("hw.energy"), &counter_of(&case))]));
        let device = &accounting.devices[0];
        let got = [
            ("joules", Some(device.energy_j)),
            ("idle_power_w", device.idle_power_w),
            ("idle_s", device.idle_s),
            ("above_idle_j", device.above_idle_wh.map(|wh| wh * 3600.0)),
        ];
        for (key, got) in got {
            let expected = case[key].as_f64();
            assert_eq!(got.map(|value| (value * 1e6).round() / 1e6), expected, "{}: {key}", case["name"]);
        }
    }
}

#[test]
fn call_vectors() {
    for case in cases(&fixture("vectors/power.json"), "calls") {
        let ns = |value: &Value| (value.as_f64().expect("s") * SECOND as f64) as i64;
        let set = set_of(&[(Measured::gpu("hw.energy"), &counter_of(&case))]);
        let mut spans = Vec::new();
        for (place, test) in case["tests"].as_array().expect("tests").iter().enumerate() {
            let trace_id = format!("{:032x}", place + 1);
            let test_uid = Some(format!("tool:t{place}"));
            let windows = [&test["window"]].into_iter().chain(test["calls"].as_array().expect("calls"));
            spans.extend(windows.enumerate().map(|(id, window)| SpanRow {
                trace_id: trace_id.clone(),
                kind: if id == 0 { SpanKind::Agent } else { SpanKind::Llm },
                test_uid: test_uid.clone().filter(|_| id == 0),
                start_time_unix_nano: ns(&window[0]),
                end_time_unix_nano: ns(&window[1]),
                ..span(id as u64 + 1, (id > 0).then_some(1), 0, 0)
            }));
        }
        let energies = CallEnergies::of_run(&spans, &set).expect("there are calls");
        let inputs = RunInputs { run_id: "r".into(), spans: spans.clone(), ..RunInputs::default() };
        let results = account_series(&inputs, &set).results;
        for (place, test) in case["tests"].as_array().expect("tests").iter().enumerate() {
            let trace_id = format!("{:032x}", place + 1);
            let joules = |wh: Option<f64>| wh.map(|wh| (wh * 3600e6).round() / 1e6);
            let row = results.iter().find(|row| row.trace_id.as_ref() == Some(&trace_id)).expect("a result");
            assert_eq!(joules(row.energy_wh), test["joules"].as_f64(), "{}", case["name"]);
            for (call, expected) in test["call_joules"].as_array().expect("joules").iter().enumerate() {
                let got = joules(energies.energy_wh(&trace_id, &format!("{:016x}", call + 2)));
                assert_eq!(got, expected.as_f64(), "{}: call {call} of test {place}", case["name"]);
            }
        }
    }
}

#[test]
fn the_time_between_two_recordings_is_not_the_runs() {
    // One counter, read from 0 to 10 s and from 100 to 110 s; nobody knows what the time between was used for.
    let check = |starts: [i64; 2], joules: f64, uncovered_s: f64| {
        let mut set = SeriesSet::default();
        let slot = set.slot(Measured::gpu("hw.energy").info());
        for second in (0..=10).chain(100..=110) {
            let start_time_unix_nano = starts[usize::from(second >= 100)] * SECOND;
            let value = 100.0 * second as f64;
            set.push(slot, Sample { start_time_unix_nano, time_unix_nano: second * SECOND, value });
        }
        let (run, results, accounting) = account(&[(0, 10), (100, 110)], &set);
        assert!((run.energy_wh.expect("energy") * 3600.0 - joules).abs() < 1e-9, "{run:?}");
        let of_tests: f64 = results.iter().filter_map(|row| row.energy_wh).sum();
        assert!((of_tests * 3600.0 - 2000.0).abs() < 1e-9);
        assert_eq!(accounting.devices[0].uncovered_s, uncovered_s);
        assert_eq!(accounting.devices[0].covered_s, 110.0 - uncovered_s);
    };
    check([0, 0], 11_000.0, 0.0);
    check([1, 99], 2000.0, 90.0);
}

#[test]
fn two_samplers_of_one_device_are_not_two_devices() {
    let mut set = SeriesSet::default();
    let slot = set.slot(Measured::gpu("hw.energy").info());
    for (start, seconds) in [(1, 0..=20), (2, 5..=15)] {
        for second in seconds {
            let (start_time_unix_nano, time_unix_nano) = (start * SECOND, second * SECOND + start);
            let value = 100.0 * second as f64;
            set.push(slot, Sample { start_time_unix_nano, time_unix_nano, value });
        }
    }
    assert_eq!(devices(&set)[0].reading.energy_uj(), 2_000_000_000);
}

#[test]
fn factors_travel_as_attributes() {
    let check = |attributes: Value, expected: Option<Factors>| {
        assert_eq!(Factors::from_attributes(&object(attributes)), expected);
    };
    check(Value::Object(factors().attributes()), Some(factors()));
    check(json!({}), None);
    let without = |name: &str, value: Value| {
        let mut attributes: Map<String, Value> = factors().attributes();
        attributes.insert(format!("smoltrace.power.{name}"), value);
        Value::Object(attributes)
    };
    check(without("pue", 0.5.into()), None);
    check(without("pue", "1.5".into()), None);
    check(without("intensity_g_per_kwh", (-1).into()), None);
    check(without("price_usd_per_kwh", 1e9.into()), None);
}

#[test]
fn the_bundled_grid() {
    let grid = grid::bundled();
    assert!(grid.countries.len() > 200);
    let france = grid.intensity("fr").expect("France");
    assert_eq!((france.g_per_kwh, france.year), (56.039, Some(2023)));
    assert!(france.source.contains("France") && france.source.contains("CC BY 4.0"), "{}", france.source);
    assert_eq!(grid.intensity("FRA"), Some(france));
    assert_eq!(grid.intensity("XX"), None);
    assert_eq!(grid::world().g_per_kwh, 475.0);
    // A country is there once.
    let mut codes: Vec<&str> = grid.countries.iter().map(|country| country.alpha3.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), grid.countries.len());
}

#[test]
fn a_grid_of_the_users_own() {
    let own = Grid::parse("# mine\n\nFR, FRA, France, 21.5, 2025\n", "mine").expect("it is of the form");
    assert_eq!(own.intensity("FR").map(|intensity| intensity.g_per_kwh), Some(21.5));
    for wrong in
        ["FR,FRA,France,21.5", "FR,FRA,France,-1,2025", "FR,FRA,France,NaN,2025", "F1,FRA,France,1,2025"]
    {
        assert_eq!(
            Grid::parse(&format!("#\n{wrong}\n"), "mine").map_err(|error| error.line),
            Err(2),
            "{wrong}"
        );
    }
}

/// Counter values a second apart, some of them missing, some a reset.
fn any_counter() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((1..6_i64, 0..500_u32, prop::bool::weighted(0.1)), 2..40).prop_map(|steps| {
        let (mut at, mut value) = (0, 1_000_000_u64);
        steps
            .into_iter()
            .map(|(pause, grown, is_reset)| {
                at += pause;
                value = if is_reset { grown.into() } else { value + u64::from(grown) };
                // Joules of whole microjoules.
                (at, value as f64 / MICRO)
            })
            .collect()
    })
}

fn any_tests() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0..100_i64, 1..40_i64).prop_map(|(from, length)| (from, from + length)), 1..8)
}

proptest! {
    /// Tests and the rest add up to the run, for energy and for what it comes to; nothing is negative.
    #[test]
    fn nothing_is_lost(gpu in any_counter(), cpu in any_counter(), core in any_counter(), tests in any_tests()) {
        let set = set_of(&[
            (Measured::gpu("hw.energy"), &gpu),
            (Measured::cpu("package", None), &cpu),
            (Measured::cpu("core", Some("package")), &core),
        ]);
        let (run, results, accounting) = account(&tests, &set);
        let check = |total: Option<f64>, rest: Option<f64>, of: fn(&ResultRow) -> Option<f64>, per: f64| {
            let units = |value: Option<f64>| value.map_or(0, |value| to_units(value, per));
            let shares: i128 = results.iter().map(|row| units(of(row))).sum();
            // As doubles, each of them may be off by a unit.
            let slack = results.len() as i128 + 1;
            prop_assert!((shares + units(rest) - units(total)).abs() <= slack);
            prop_assert!(results.iter().all(|row| of(row).is_none_or(|share| share >= 0.0)));
            Ok(())
        };
        check(run.energy_wh, run.unattributed_energy_wh, |row| row.energy_wh, 3.6e9)?;
        let totals = &accounting.totals;
        check(totals.co2_emissions_g, run.unattributed_co2_g, |row| row.co2_emissions_g, PICO)?;
        check(totals.power_cost_usd, run.unattributed_power_cost_usd, |row| row.power_cost_usd, PICO)?;
        // CO2 is energy times its factors.
        if let (Some(wh), Some(co2)) = (totals.energy_wh, totals.co2_emissions_g) {
            prop_assert!((co2 - wh / 1e3 * 1.5 * 400.0).abs() < 1e-9);
        }
        // What is in the package is not beside it.
        let of = |name: &str| accounting.devices.iter().find(|device| device.device == name);
        if let (Some(package), Some(core)) = (of("package"), of("core")) {
            prop_assert!(core.is_part || package.energy_wh == 0.0);
        }
    }

    /// Calls never have more than their test, whatever runs beside it.
    #[test]
    fn calls_are_within_their_test(
        gpu in any_counter(),
        cpu in any_counter(),
        tests in any_tests(),
        calls in prop::collection::vec((0..8_usize, -5..40_i64, 1..40_i64), 0..12),
    ) {
        let set = set_of(&[(Measured::gpu("hw.energy"), &gpu), (Measured::cpu("package", None), &cpu)]);
        let mut spans = spans_of(&tests);
        for (place, (test, after, length)) in calls.iter().enumerate() {
            // One may begin before its test, or end after it.
            let test = test % tests.len();
            let from = tests[test].0 + after;
            let call = span(place as u64 + 2, Some(1), from, from + length);
            spans.push(SpanRow { kind: SpanKind::Llm, trace_id: spans[test].trace_id.clone(), ..call });
        }
        let energies = CallEnergies::of_run(&spans, &set);
        let inputs = RunInputs { run_id: "r".into(), spans, ..RunInputs::default() };
        let Accounted { results, .. } = account_series(&inputs, &set);
        let uj = |wh: f64| to_units(wh, 3.6e9);
        for row in &results {
            let trace_id = row.trace_id.as_deref().expect("a trace");
            let of_calls: Vec<i128> = (inputs.spans.iter())
                .filter(|span| span.trace_id == trace_id && span.kind == SpanKind::Llm)
                .filter_map(|span| energies.as_ref()?.energy_wh(trace_id, &span.span_id).map(uj))
                .collect();
            prop_assert!(of_calls.iter().all(|uj| *uj >= 0));
            let sum: i128 = of_calls.iter().sum();
            prop_assert!(sum <= row.energy_wh.map_or(0, uj), "{of_calls:?} of {:?}", row.energy_wh);
        }
    }

    /// In whatever order the points come, and however often.
    #[test]
    fn order_changes_nothing((samples, shuffled) in any_counter().prop_flat_map(|samples| {
        let doubled = [samples.clone(), samples.clone()].concat();
        (Just(samples), Just(doubled).prop_shuffle())
    })) {
        let of = |samples: &[(i64, f64)]| devices(&set_of(&[(Measured::gpu("hw.energy"), samples)]));
        prop_assert_eq!(of(&samples), of(&shuffled));
    }
}
