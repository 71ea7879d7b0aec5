//! What `smoltrace demo` shows: the bundled recordings, and simulated runs so that there is something to
//! rank. Everything goes the way of an import; nothing here writes to the tables by itself.

mod profiles;
mod random;
mod rows;
mod simulate;

use std::{fs, io, path::Path};

pub use rows::varied_rows;
pub use simulate::{Scale, write_big_trace, write_simulated_runs};

/// A file of a bundled recording.
struct Bundled {
    path: &'static str,
    bytes: &'static [u8],
}

macro_rules! bundled {
    ($($path:literal),* $(,)?) => {
        &[$(Bundled { path: $path, bytes: include_bytes!(concat!("../../../../fixtures/", $path)) }),*]
    };
}

const RECORDINGS: &[Bundled] = bundled![
    "smoltrace_run_two_gpus/results.json",
    "smoltrace_run_two_gpus/traces.json",
    "smoltrace_run_two_gpus/metrics.json",
    "smoltrace_run_two_gpus/metadata.json",
    "smoltrace_run_two_gpus/leaderboard_row.json",
    "smolagents_otlp/traces.pb",
];

/// Lays the bundled recordings out under `dir` as their programs wrote them.
pub fn write_recordings(dir: &Path) -> io::Result<()> {
    for file in RECORDINGS {
        let path = dir.join(file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, file.bytes)?;
    }
    Ok(())
}
