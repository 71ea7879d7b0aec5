//! What the samples are told as.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use smoltrace_collect::power::{
    Detail, Device, DeviceKind, DeviceSample, PointForm, PowerSample, Reading, Resource, SourceKind, points,
};
use smoltrace_model::{
    factors::{ElectricityPrice, Factors, GridIntensity},
    rows::{Instrument, PointRow},
};

use crate::support::SECOND;

fn device(source: SourceKind, kind: DeviceKind, id: &str, parent: Option<&str>) -> Device {
    Device {
        source,
        kind,
        id: id.into(),
        gpu_id: (kind == DeviceKind::Gpu).then(|| "0".into()),
        name: format!("The {id}"),
        parent: parent.map(str::to_owned),
        energy_range_uj: (source == SourceKind::Rapl).then_some(1_000),
        power_limit_w: None,
        is_partitioned: kind == DeviceKind::Gpu,
    }
}

fn factors() -> Factors {
    Factors {
        pue: 1.2,
        intensity: GridIntensity { g_per_kwh: 100.0, source: "test".into(), year: Some(2023) },
        price: ElectricityPrice { usd_per_kwh: 0.25, source: "test".into() },
    }
}

fn resource() -> Resource {
    Resource { run_id: "run".into(), host: Some("box".into()), factors: Some(factors()) }
}

fn told(devices: &[Device], form: PointForm) -> Vec<PointRow> {
    points(&resource(), devices, SECOND, &samples(devices.len()), form)
}

/// Of so many devices at second 1, 2 and 3, the one at 2 of energy alone.
fn samples(devices: usize) -> Vec<Arc<PowerSample>> {
    let reading = Reading {
        energy_uj: Some(5_500_000),
        power_w: Some(50.0),
        utilization_percent: Some(25.0),
        memory_used_bytes: Some(1 << 30),
        memory_total_bytes: Some(2 << 30),
        temperature_celsius: Some(40.0),
    };
    let sample = |second: i64, detail| {
        let energy_uj = 3_600_000_000 * i128::from(second);
        let read = |device| DeviceSample { device, reading, energy_uj };
        let devices = (0..devices).map(read).collect();
        Arc::new(PowerSample { time_unix_nano: second * SECOND, detail, devices })
    };
    vec![sample(1, Detail::Full), sample(2, Detail::Energy), sample(3, Detail::Full)]
}

fn names(points: &[PointRow]) -> BTreeMap<&str, usize> {
    points.iter().fold(BTreeMap::new(), |mut names, point| {
        *names.entry(point.metric.as_str()).or_insert(0) += 1;
        names
    })
}

#[test]
fn a_gpu_under_the_published_names() {
    let gpu = device(SourceKind::Simulated, DeviceKind::Gpu, "gpu", None);
    let points = told(std::slice::from_ref(&gpu), PointForm::Once);
    let expected = [
        ("gen_ai.co2.emissions", 2),
        ("gen_ai.gpu.memory.total", 2),
        ("gen_ai.gpu.memory.used", 2),
        ("gen_ai.gpu.power", 2),
        ("gen_ai.gpu.temperature", 2),
        ("gen_ai.gpu.utilization", 2),
        ("gen_ai.power.cost", 2),
        ("hw.energy", 3),
        ("hw.power", 3),
    ];
    assert_eq!(names(&points), BTreeMap::from(expected));
    let check = |metric: &str, value: f64, start: Option<i64>, instrument: Instrument| {
        let last = points.iter().rfind(|point| point.metric == metric).expect("it is there");
        assert_eq!(
            (last.value, last.start_time_unix_nano, last.instrument),
            (value, start, instrument),
            "{metric}"
        );
        assert_eq!((last.run_id.as_str(), last.gpu_id.as_deref()), ("run", Some("0")));
        assert!(!last.row_id.is_empty());
    };
    // 3 Wh x 1.2 x 100 g/kWh, and at $0.25.
    check("gen_ai.co2.emissions", 0.36, Some(SECOND), Instrument::Sum);
    check("gen_ai.power.cost", 0.0009, Some(SECOND), Instrument::Sum);
    check("hw.energy", 5.5, None, Instrument::Sum);
    check("gen_ai.gpu.memory.used", 1024.0, None, Instrument::Gauge);
    // A recording's counters begin with it, and all else is the same.
    for (recorded, once) in told(std::slice::from_ref(&gpu), PointForm::Recorded).iter().zip(&points) {
        let start = if once.metric == "hw.energy" { Some(SECOND) } else { once.start_time_unix_nano };
        let row_id = recorded.row_id.clone();
        assert_eq!(*recorded, PointRow { start_time_unix_nano: start, row_id, ..once.clone() });
    }
    let attributes: Value = serde_json::from_str(&points[0].attributes).expect("JSON");
    let expected = json!({
        "gpu_id": "0", "gpu_name": "The gpu", "gpu_uuid": "gpu", "hw.id": "gpu", "hw.name": "The gpu",
        "hw.type": "gpu", "smoltrace.gpu.partitioned": true,
    });
    assert_eq!(attributes, expected);
    let resource: serde_json::Map<String, Value> = serde_json::from_str(&points[0].resource).expect("JSON");
    assert_eq!(resource["smoltrace.power.source"], "simulated");
    assert_eq!(resource["smoltrace.simulated"], true);
    assert_eq!(Factors::from_attributes(&resource), Some(factors()));

    let both = told(&[gpu], PointForm::Both);
    assert!(names(&both).contains_key("hw.gpu.memory.usage") && names(&both).contains_key("hw.temperature"));
}

/// What is exported is received as the same rows.
#[test]
fn an_export_comes_in_as_the_same_rows() {
    use smoltrace_collect::power::export_request;
    use smoltrace_otlp::{Bounds, Encoding, SeriesCache, Signal, decode_request};
    let devices = [
        device(SourceKind::Simulated, DeviceKind::Gpu, "gpu", None),
        device(SourceKind::Rapl, DeviceKind::Cpu, "rapl:0", None),
    ];
    let (resource, samples) = (resource(), samples(devices.len()));
    let body = export_request(&resource, &devices, SECOND, &samples).expect("something to tell");
    let bounds = Bounds::default();
    let telemetry = decode_request(Signal::Metrics, Encoding::Protobuf, &body, &bounds, &SeriesCache::new(0))
        .expect("it is OTLP");
    let mut received: Vec<PointRow> = telemetry.points.to_rows();
    let mut own = points(&resource, &devices, SECOND, &samples, PointForm::Both);
    received.sort_by(|a, b| a.row_id.cmp(&b.row_id));
    own.sort_by(|a, b| a.row_id.cmp(&b.row_id));
    assert_eq!(received, own);
    assert_eq!(export_request(&resource, &devices, SECOND, &[]), None);
}

#[test]
fn a_part_has_energy_but_no_co2_of_its_own() {
    let package = device(SourceKind::Rapl, DeviceKind::Cpu, "rapl:0", Some("rapl:1"));
    let core = device(SourceKind::Rapl, DeviceKind::CpuPart, "rapl:0:0", Some("rapl:0"));
    let points = told(&[package, core], PointForm::Once);
    let ids = |metric: &str| -> Vec<&str> {
        let of = points.iter().filter(|point| point.metric == metric);
        let mut ids: Vec<&str> =
            of.map(|point| if point.attributes.contains("rapl:0:0") { "core" } else { "package" }).collect();
        ids.dedup();
        ids.sort_unstable();
        ids
    };
    // The platform that the package names is not read here.
    assert_eq!(ids("gen_ai.co2.emissions"), ["package"]);
    assert_eq!(ids("hw.energy"), ["core", "package"]);
    assert!(points.iter().all(|point| point.gpu_id.is_none() && !point.metric.starts_with("gen_ai.gpu")));
}
