//! Processor packages and memory against a tree of files.

use std::{fs, os::unix::fs::PermissionsExt};

use smoltrace_collect::power::{Detail, DeviceKind, Engine, Places, SamplerOptions, SourceKind};
use tempfile::TempDir;

use crate::support::{SECOND, descriptions, found, read, write};

fn tree(zones: &[(&str, &str, &str)]) -> (TempDir, Places) {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (zone, name, energy) in zones {
        write(
            root.path(),
            &[
                (&format!("{zone}/name"), name),
                (&format!("{zone}/energy_uj"), energy),
                (&format!("{zone}/max_energy_range_uj"), "262143328850\n"),
            ],
        );
    }
    let places = Places { powercap: root.path().to_owned(), ..Places::default() };
    (root, places)
}

#[test]
fn each_domain_names_the_one_that_it_is_in() {
    let check = |zones: &[(&str, &str, &str)], expected: &[(&str, DeviceKind, Option<&str>)]| {
        let (_root, places) = tree(zones);
        let (devices, notes) = found(SourceKind::Rapl, &places);
        assert!(notes.is_empty(), "{notes:?}");
        let got: Vec<_> = descriptions(&devices)
            .iter()
            .map(|device| (device.id.as_str(), device.kind, device.parent.as_deref()))
            .collect();
        assert_eq!(got, expected);
    };
    use DeviceKind::{Cpu, CpuPart, Memory, Platform};
    let package = ("intel-rapl:0", "package-0\n", "1\n");
    let core = ("intel-rapl:0:0", "core\n", "1\n");
    let dram = ("intel-rapl:0:1", "dram\n", "1\n");
    let psys = ("intel-rapl:1", "psys\n", "1\n");
    let mmio = ("intel-rapl-mmio:0", "package-0\n", "1\n");
    check(&[package], &[("rapl:0", Cpu, None)]);
    check(
        &[package, core, dram, mmio],
        &[("rapl:0", Cpu, None), ("rapl:0:0", CpuPart, Some("rapl:0")), ("rapl:0:1", Memory, None)],
    );
    check(
        &[package, core, dram, psys],
        &[
            ("rapl:0", Cpu, Some("rapl:1")),
            ("rapl:1", Platform, None),
            ("rapl:0:0", CpuPart, Some("rapl:0")),
            ("rapl:0:1", Memory, Some("rapl:1")),
        ],
    );
    // Nested, as under /sys/devices.
    check(
        &[package, ("intel-rapl:0/intel-rapl:0:0", "core\n", "1\n")],
        &[("rapl:0", Cpu, None), ("rapl:0:0", CpuPart, Some("rapl:0"))],
    );
    check(&[], &[]);
}

#[test]
fn a_wrap_is_counted_through() {
    let (root, places) = tree(&[("intel-rapl:0", "package-0\n", "262000000000\n")]);
    let (mut devices, _) = found(SourceKind::Rapl, &places);
    assert_eq!(read(&mut devices[0]).map(|reading| reading.energy_uj), Ok(Some(262_000_000_000)));
    let mut engine = Engine::new(devices, &SamplerOptions::default());
    engine.tick(0, Detail::Energy);
    write(root.path(), &[("intel-rapl:0/energy_uj", "143328850\n")]);
    engine.tick(SECOND, Detail::Energy);
    let meter = engine.totals().remove(0).meter;
    assert_eq!((meter.energy_uj(), meter.uncovered_ns()), (286_657_700, 0));
}

#[test]
fn no_permission_comes_with_what_to_do() {
    let (root, places) = tree(&[("intel-rapl:0", "package-0\n", "1\n")]);
    let file = root.path().join("intel-rapl:0/energy_uj");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::read(&file).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let (devices, notes) = found(SourceKind::Rapl, &places);
    assert!(devices.is_empty());
    assert!(notes[0].contains("package-0") && notes[0].contains("sudo chmod a+r"), "{notes:?}");
}
