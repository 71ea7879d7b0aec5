//! AMD GPUs against a tree of files.

use smoltrace_collect::power::{DeviceKind, Places, Reading, SourceKind};
use tempfile::TempDir;

use crate::support::{descriptions, found, read, write};

fn tree(files: &[(&str, &str)]) -> (TempDir, Places) {
    let root = tempfile::tempdir().expect("a temporary folder");
    write(root.path(), files);
    let places = Places { drm: root.path().to_owned(), ..Places::default() };
    (root, places)
}

#[test]
fn a_gpu_tells_everything() {
    let (_root, places) = tree(&[
        ("card1/device/vendor", "0x1002\n"),
        ("card1/device/unique_id", "a1b2c3\n"),
        ("card1/device/product_name", "Instinct MI300X\n"),
        ("card1/device/current_compute_partition", "SPX\n"),
        ("card1/device/gpu_busy_percent", "87\n"),
        ("card1/device/mem_info_vram_used", "1073741824\n"),
        ("card1/device/mem_info_vram_total", "206141652992\n"),
        ("card1/device/hwmon/hwmon3/power1_average", "412000000\n"),
        ("card1/device/hwmon/hwmon3/power1_input", "999\n"),
        ("card1/device/hwmon/hwmon3/power1_cap", "750000000\n"),
        ("card1/device/hwmon/hwmon3/temp1_input", "61500\n"),
        ("card1/device/hwmon/hwmon3/energy1_input", "5000123\n"),
        ("card1-DP-1/device/vendor", "0x1002\n"),
        ("card0/device/vendor", "0x1a03\n"),
    ]);
    let (mut devices, notes) = found(SourceKind::Amd, &places);
    assert!(notes.is_empty());
    let [device] = descriptions(&devices)[..] else { panic!("one GPU") };
    assert_eq!((device.id.as_str(), device.name.as_str()), ("GPU-a1b2c3", "Instinct MI300X"));
    assert_eq!((device.gpu_id.as_deref(), device.kind), (Some("0"), DeviceKind::Gpu));
    assert_eq!((device.power_limit_w, device.is_partitioned), (Some(750.0), false));
    let expected = Reading {
        energy_uj: Some(5_000_123),
        power_w: Some(412.0),
        utilization_percent: Some(87.0),
        memory_used_bytes: Some(1 << 30),
        memory_total_bytes: Some(206_141_652_992),
        temperature_celsius: Some(61.5),
    };
    assert_eq!(read(&mut devices[0]), Ok(expected));
}

#[test]
fn a_gpu_tells_what_it_can() {
    let (root, places) = tree(&[
        ("card0/device/vendor", "0x1002\n"),
        ("card0/device/device", "0x744c\n"),
        ("card0/device/hwmon/hwmon0/power1_input", "30500000\n"),
        ("card0/device/hwmon/hwmon0/temp1_input", "-2500\n"),
        // Without power there is nothing to measure.
        ("card1/device/vendor", "0x1002\n"),
    ]);
    let (mut devices, _) = found(SourceKind::Amd, &places);
    assert_eq!(descriptions(&devices)[0].name, "AMD GPU 0x744c");
    assert_eq!(devices.len(), 1);
    let expected = Reading { power_w: Some(30.5), temperature_celsius: Some(-2.5), ..Reading::default() };
    assert_eq!(read(&mut devices[0]), Ok(expected));
    // The kernel answers EBUSY as an empty or unreadable file while the GPU sleeps.
    write(root.path(), &[("card0/device/hwmon/hwmon0/power1_input", "\n")]);
    assert!(read(&mut devices[0]).is_err());
}

#[test]
fn no_driver_is_no_error() {
    let (root, places) = tree(&[]);
    drop(root);
    assert!(found(SourceKind::Amd, &places).0.is_empty());
}
