//! NVIDIA GPUs: eight of them, MIG, what they cannot tell, what fails, and a driver that comes back.

use smoltrace_collect::power::{Engine, Places, Reading, SamplerOptions, SourceKind, discover};

use crate::support::{SECOND, StandIn, descriptions, found, read};

#[test]
fn eight_gpus_tell_everything() {
    let gpu = |index: u32| {
        format!(
            "gpu {index} energy {index}000 power 70500 util 42 temperature 55 used 1048576 limit 350000 mig 0\n"
        )
    };
    let lines: String = (0..8).map(gpu).collect();
    let nvml = StandIn::new(&format!("count 8\n{lines}"));
    let (mut devices, notes) = found(SourceKind::Nvml, &nvml.places());
    assert_eq!((devices.len(), notes), (8, Vec::<String>::new()));
    let last = descriptions(&devices)[7];
    assert_eq!(last.id, "GPU-00000000-0000-0000-0000-000000000007");
    assert_eq!((last.gpu_id.as_deref(), last.name.as_str()), (Some("7"), "Simulated NVML stand-in"));
    assert_eq!((last.power_limit_w, last.is_partitioned), (Some(350.0), false));
    let expected = Reading {
        energy_uj: Some(7_000_000),
        power_w: Some(70.5),
        utilization_percent: Some(42.0),
        memory_used_bytes: Some(1 << 20),
        memory_total_bytes: Some(80 << 30),
        temperature_celsius: Some(55.0),
    };
    assert_eq!(read(&mut devices[7]), Ok(expected));
}

#[test]
fn an_older_gpu_tells_less() {
    let nvml = StandIn::new("count 1\ngpu 0 power 70500\n");
    let (mut devices, _) = found(SourceKind::Nvml, &nvml.places());
    assert_eq!(read(&mut devices[0]), Ok(Reading { power_w: Some(70.5), ..Reading::default() }));
    nvml.control("count 1\n");
    assert!(read(&mut devices[0]).is_err_and(|error| error.to_string().contains("not available")));
}

#[test]
fn mig_is_said() {
    let nvml = StandIn::new("count 2\ngpu 0 power 1 mig 1\ngpu 1 power 1 mig 0\n");
    let (devices, notes) = found(SourceKind::Nvml, &nvml.places());
    let partitioned: Vec<bool> = descriptions(&devices).iter().map(|device| device.is_partitioned).collect();
    assert_eq!(partitioned, [true, false]);
    assert!(notes.len() == 1 && notes[0].contains("MIG") && notes[0].contains("GPU 0"), "{notes:?}");
}

#[test]
fn what_is_not_there_is_no_error() {
    let nowhere = Places { nvml: Some("/nowhere/libnvidia-ml.so.1".into()), ..Places::default() };
    let found = discover(&[SourceKind::Nvml], &nowhere);
    assert!(found.devices.is_empty() && found.notes.is_empty());
    assert!(found.missing.iter().any(|why| why.contains("NVML")), "{:?}", found.missing);
}

#[test]
fn what_is_there_and_fails_is_said() {
    // 9: the driver is not loaded; 15: the GPU is lost.
    let check = |control: &str, gpus: usize, said: &str| {
        let nvml = StandIn::new(control);
        let (devices, notes) = found(SourceKind::Nvml, &nvml.places());
        assert_eq!(devices.len(), gpus, "{control}");
        assert!(notes.iter().any(|note| note.contains(said)), "{control}: {notes:?}");
    };
    check("init 9\n", 0, "driver is not loaded");
    check("count 2\ngpu 0 handle -15\ngpu 1 power 1\n", 1, "GPU 0 is left out");
}

#[test]
fn a_gpu_that_is_lost_and_comes_back_leaves_a_gap() {
    let nvml = StandIn::new("count 1\ngpu 0 energy 5000 power 100000\n");
    let (devices, _) = found(SourceKind::Nvml, &nvml.places());
    let mut engine = Engine::new(devices, &SamplerOptions::default());
    let mut at = |second: i64, control: &str| {
        nvml.control(control);
        let sample = engine.tick(second * SECOND, smoltrace_collect::power::Detail::Energy);
        let total = engine.totals().remove(0);
        let joules = total.meter.energy_uj() / 1_000_000;
        (sample.devices.len(), joules, total.meter.uncovered_ns() / SECOND, total.failing.is_some())
    };
    assert_eq!(at(0, "count 1\ngpu 0 energy 5000 power 100000\n"), (1, 0, 0, false));
    assert_eq!(at(10, "count 1\ngpu 0 energy 1005000 power 100000\n"), (1, 1000, 0, false));
    assert_eq!(at(20, "count 1\ngpu 0 energy -15 power -15\n"), (0, 1000, 0, true));
    assert_eq!(at(30, "count 0\ninit 9\n"), (0, 1000, 0, true));
    // The driver was loaded again, and its counter began again: what was used meanwhile nobody knows.
    assert_eq!(at(40, "count 1\ngpu 0 energy 200 power 100000\n"), (1, 1000, 30, false));
    assert_eq!(at(50, "count 1\ngpu 0 energy 500200 power 50000\n"), (1, 1500, 30, false));
}
