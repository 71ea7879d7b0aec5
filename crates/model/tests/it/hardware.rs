//! OpenTelemetry's hardware metrics as sources of the published ones.

use smoltrace_model::{
    account::account_run,
    aggregate::aggregate_gpu_metrics,
    flatten::flatten_metrics,
    inputs::RunInputs,
    rows::{Instrument, PointRow, Temporality},
    series::{Sample, SeriesInfo, SeriesSet},
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_795_000_000 * SECOND;

/// A series with a value at second 1, 2, ...
fn series(set: &mut SeriesSet, metric: &str, unit: &str, attributes: &str, values: &[f64]) {
    let info = SeriesInfo {
        service: "agent".into(),
        metric: metric.into(),
        unit: unit.into(),
        instrument: Instrument::Gauge,
        attributes: attributes.into(),
        resource: "{\"run.id\":\"r\"}".into(),
        scope: "{}".into(),
        ..SeriesInfo::default()
    };
    push(set, info, values);
}

fn push(set: &mut SeriesSet, info: SeriesInfo, values: &[f64]) {
    let slot = set.slot(info);
    for (second, value) in (1..).zip(values) {
        let time = START + second * SECOND;
        set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano: time, value: *value });
    }
}

fn adopted(metric: &str, unit: &str, attributes: &str, values: &[f64]) -> SeriesSet {
    let mut set = SeriesSet::default();
    series(&mut set, metric, unit, attributes, values);
    set.adopt_hardware();
    set
}

const GPU: &str = r#"{"hw.id":"0","hw.model":"NVIDIA L4","hw.type":"gpu"}"#;

#[test]
fn every_row_of_the_table() {
    // Name, unit, value as sent; metric and value as published.
    let rows = [
        ("hw.gpu.utilization", "1", 0.25, "gen_ai.gpu.utilization", 25.0),
        ("hw.gpu.utilization", "", 0.25, "gen_ai.gpu.utilization", 25.0),
        ("hw.gpu.utilization", "%", 25.0, "gen_ai.gpu.utilization", 25.0),
        ("hw.gpu.memory.usage", "By", 1_073_741_824.0, "gen_ai.gpu.memory.used", 1_024.0),
        ("hw.gpu.memory.usage", "", 1_048_576.0, "gen_ai.gpu.memory.used", 1.0),
        ("hw.gpu.memory.usage", "KiBy", 2_048.0, "gen_ai.gpu.memory.used", 2.0),
        ("hw.gpu.memory.usage", "MiBy", 512.0, "gen_ai.gpu.memory.used", 512.0),
        ("hw.gpu.memory.usage", "GiBy", 2.0, "gen_ai.gpu.memory.used", 2_048.0),
        ("hw.gpu.memory.usage", "kBy", 1_048.576, "gen_ai.gpu.memory.used", 1.0),
        ("hw.gpu.memory.usage", "MBy", 1_048.576, "gen_ai.gpu.memory.used", 1_000.0),
        ("hw.gpu.memory.usage", "GBy", 1.048_576, "gen_ai.gpu.memory.used", 1_000.0),
        ("hw.gpu.memory.limit", "By", 25_769_803_776.0, "gen_ai.gpu.memory.total", 24_576.0),
        ("hw.temperature", "Cel", 61.0, "gen_ai.gpu.temperature", 61.0),
        ("hw.temperature", "C", 61.0, "gen_ai.gpu.temperature", 61.0),
        ("hw.temperature", "°C", 61.0, "gen_ai.gpu.temperature", 61.0),
        ("hw.power", "W", 72.5, "gen_ai.gpu.power", 72.5),
        ("hw.power", "mW", 72_500.0, "gen_ai.gpu.power", 72.5),
        ("hw.power", "kW", 0.0725, "gen_ai.gpu.power", 72.5),
    ];
    for (name, unit, sent, metric, published) in rows {
        let set = adopted(name, unit, GPU, &[sent]);
        let series = &set.series()[0];
        assert_eq!(series.info.metric, metric, "{name} {unit}");
        let value = series.samples[0].value;
        assert!((value - published).abs() <= published * 1e-12, "{name} {unit}: {value}");
        assert_eq!(series.info.gpu_id.as_deref(), Some("0"));
        assert_eq!(series.info.gpu_name.as_deref(), Some("NVIDIA L4"));
    }
}

#[test]
fn what_is_of_no_gpu_or_of_another_unit_stays_what_it_is() {
    let cases = [
        ("hw.temperature", "Cel", r#"{"hw.id":"cpu0","hw.type":"cpu"}"#),
        ("hw.power", "W", r#"{"hw.id":"psu"}"#),
        ("hw.temperature", "[degF]", GPU),
        ("hw.gpu.utilization", "1", r#"{"hw.gpu.task":"encoder","hw.id":"0"}"#),
        ("hw.gpu.io", "By", GPU),
    ];
    for (name, unit, attributes) in cases {
        let set = adopted(name, unit, attributes, &[5.0]);
        assert_eq!((set.series()[0].info.metric.as_str(), set.series()[0].samples[0].value), (name, 5.0));
    }
    let mut set = SeriesSet::default();
    let deltas = SeriesInfo {
        metric: "hw.gpu.memory.usage".into(),
        instrument: Instrument::Sum,
        temporality: Temporality::Delta,
        attributes: GPU.into(),
        ..SeriesInfo::default()
    };
    push(&mut set, deltas, &[1.0, 2.0]);
    set.adopt_hardware();
    assert_eq!(set.series()[0].info.metric, "hw.gpu.memory.usage");
}

#[test]
fn a_metric_under_its_own_name_is_the_only_source() {
    let mut set = SeriesSet::default();
    series(&mut set, "gen_ai.gpu.power", "W", r#"{"gpu_id":"0"}"#, &[100.0]);
    series(&mut set, "hw.power", "W", GPU, &[400.0]);
    series(&mut set, "hw.temperature", "Cel", GPU, &[50.0]);
    set.adopt_hardware();
    let once = aggregate_gpu_metrics(&set);
    assert_eq!((once.power_avg, once.temperature_avg), (Some(100.0), Some(50.0)));
    set.adopt_hardware();
    assert_eq!(aggregate_gpu_metrics(&set), once);
}

fn points() -> Vec<PointRow> {
    let mut set = SeriesSet::default();
    for gpu in 0..2 {
        let attributes = format!(r#"{{"hw.id":"{gpu}","hw.name":"L4","hw.type":"gpu"}}"#);
        series(&mut set, "hw.gpu.utilization", "1", &attributes, &[0.0, 0.5]);
        series(&mut set, "hw.gpu.memory.usage", "By", &attributes, &[1_048_576.0, 3_145_728.0]);
        series(&mut set, "hw.power", "W", &attributes, &[60.0, 60.0]);
        series(&mut set, "hw.temperature", "Cel", &attributes, &[40.0, 44.0]);
    }
    set.into_points("r")
}

#[test]
fn a_run_is_accounted_from_hardware_metrics_and_says_so() {
    let inputs = RunInputs { run_id: "r".into(), points: points(), ..RunInputs::default() };
    let run = account_run(&inputs).run;
    assert_eq!(run.gpu_count, 2);
    assert_eq!((run.gpu_utilization_avg, run.gpu_utilization_max), (Some(25.0), Some(50.0)));
    assert_eq!((run.gpu_memory_avg_mib, run.gpu_memory_max_mib), (Some(2.0), Some(3.0)));
    assert_eq!((run.gpu_temperature_avg, run.gpu_power_avg_w), (Some(42.0), Some(60.0)));
    // Two GPUs, 60 W for one second.
    assert!((run.energy_wh.unwrap() - 120.0 / 3_600.0).abs() < 1e-12);
    assert!(run.accounting.contains("gen_ai.gpu.memory.used is read from hw.gpu.memory.usage."));
}

#[test]
fn an_energy_counter_goes_before_power() {
    let mut set = SeriesSet::default();
    series(&mut set, "hw.power", "W", GPU, &[60.0, 60.0]);
    series(&mut set, "hw.energy", "J", GPU, &[1_000.0, 1_036.0]);
    let inputs = RunInputs { run_id: "r".into(), points: set.into_points("r"), ..RunInputs::default() };
    let run = account_run(&inputs).run;
    assert!((run.energy_wh.unwrap() - 0.01).abs() < 1e-12);
}

#[test]
fn the_published_rows_have_them() {
    let mut set = SeriesSet::from_points(&points());
    set.adopt_hardware();
    let rows = flatten_metrics(&set, "r");
    assert_eq!(rows.len(), 4);
    let first = &rows[0];
    assert_eq!((first.gpu_id, first.gpu_name), (Some("0"), Some("L4")));
    assert_eq!(first.values, [None, None, Some(0.0), Some(1.0), None, Some(40.0), Some(60.0)]);
}
