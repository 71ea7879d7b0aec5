//! Trees of files, the NVML stand-in, and readings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use smoltrace_collect::power::{
    Detail, Device, Places, PowerDevice, ReadError, Reading, SourceKind, discover,
};
use tempfile::TempDir;

pub const SECOND: i64 = 1_000_000_000;

/// Writes files below a folder, each with its text.
pub fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
}

/// The devices of one source at these places, with the notes.
pub fn found(source: SourceKind, places: &Places) -> (Vec<Box<dyn PowerDevice>>, Vec<String>) {
    let found = discover(&[source], places);
    (found.devices, found.notes)
}

pub fn descriptions(devices: &[Box<dyn PowerDevice>]) -> Vec<&Device> {
    devices.iter().map(|device| device.device()).collect()
}

pub fn read(device: &mut Box<dyn PowerDevice>) -> Result<Reading, ReadError> {
    device.read(0, Detail::Full)
}

/// The stand-in library, built for one test, with a control file of its own.
pub struct StandIn {
    folder: TempDir,
}

impl StandIn {
    pub fn new(control: &str) -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        this.control(control);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standin/nvml.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-DREREAD"])
            .arg(format!("-DCONTROL=\"{}\"", this.folder.path().join("control").display()))
            .arg("-o")
            .arg(this.library())
            .arg(source)
            .output()
            .expect("cc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        this
    }

    /// What the devices say from now on.
    pub fn control(&self, control: &str) {
        let path = self.folder.path().join("control");
        // At once: it is read at every call.
        fs::write(path.with_extension("new"), control).expect("a file");
        fs::rename(path.with_extension("new"), path).expect("renamed");
    }

    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libnvidia-ml.so.1")
    }

    pub fn places(&self) -> Places {
        Places { nvml: Some(self.library()), ..Places::default() }
    }
}
