//! Importing: finds what a path holds and reads it into runs.
//!
//! Forms are told apart by content, not by name: SMOLTRACE run folders, OTLP in JSON, JSON-lines
//! and protobuf, Parquet datasets, each alone or in folders of folders. Must not know the store.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use smoltrace_model::inputs::RunInputs;

pub use crate::progress::{Progress, Stage};
use crate::{
    InputError, InputErrorKind,
    loose::{self, Loose},
    progress::Reporter,
    smoltrace::{self, RunFolder},
    source::ImportLimits,
};

/// How to import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportOptions {
    /// Label the runs as simulated.
    pub simulated: bool,
    /// Bytes of one input, after gzip.
    pub max_decompressed_bytes: u64,
    /// Unpacked bytes for each packed byte, beyond the first
    /// [`ImportLimits::ratio_free_bytes`].
    pub max_ratio: u64,
    /// Bytes of one element that has to be held in memory at once.
    pub max_element_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        let limits = ImportLimits::default();
        let ImportLimits { max_decompressed_bytes, max_ratio, max_element_bytes, .. } = limits;
        Self { simulated: false, max_decompressed_bytes, max_ratio, max_element_bytes }
    }
}

impl ImportOptions {
    fn limits(&self) -> ImportLimits {
        ImportLimits {
            max_decompressed_bytes: self.max_decompressed_bytes,
            max_ratio: self.max_ratio,
            max_element_bytes: self.max_element_bytes,
            ..ImportLimits::default()
        }
    }
}

/// One thing to import: a run folder, or files that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    RunFolder(RunFolder),
    /// Files of one folder, or the one file that was named.
    Files {
        files: Vec<PathBuf>,
        named: bool,
    },
}

impl Unit {
    /// The folder, or the file that was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its files as they lie on the disk.
    pub fn bytes(&self) -> u64 {
        self.files().iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len())).sum()
    }

    fn files(&self) -> Vec<&PathBuf> {
        match &self.kind {
            Kind::RunFolder(folder) => folder.files().collect(),
            Kind::Files { files, .. } => files.iter().collect(),
        }
    }
}

/// Folders beneath folders that are looked into.
const MAX_FOLDER_DEPTH: usize = 8;

/// Names of files that may hold telemetry; in a folder only these are looked at.
const EXTENSIONS: &[&str] = &["json", "jsonl", "ndjson", "pb", "binpb", "proto", "otlp", "bin"];

/// What there is to import at `path`: read each with [`read_unit`], so that one bad run folder
/// does not cost the others, and memory holds one at a time.
///
/// # Errors
/// `NotFound`, `Permission`; `Empty` for a folder with nothing to import in it.
pub fn locate(path: &Path) -> Result<Vec<Unit>, InputError> {
    let metadata = std::fs::metadata(path).map_err(|error| InputError::path_io(path, &error))?;
    if !metadata.is_dir() {
        let kind = Kind::Files { files: vec![path.to_owned()], named: true };
        return Ok(vec![Unit { path: path.to_owned(), kind }]);
    }
    let mut units = Vec::new();
    look_into(path, 0, &mut units)?;
    if units.is_empty() {
        return Err(InputError::new(
            InputErrorKind::Empty,
            path.display().to_string(),
            "there is nothing to import in this folder",
        )
        .help(
            "name a SMOLTRACE run folder (results.json, traces.json), OTLP files (.json, .jsonl, .pb) or \
             Parquet datasets, or a folder of these",
        ));
    }
    Ok(units)
}

fn look_into(folder: &Path, depth: usize, units: &mut Vec<Unit>) -> Result<(), InputError> {
    let mut datasets = BTreeMap::new();
    look_deeper(folder, depth, units, &mut datasets)?;
    for (path, mut files) in datasets {
        files.sort_unstable();
        units.push(Unit { path, kind: Kind::Files { files, named: false } });
    }
    Ok(())
}

/// The folder that holds all datasets of the runs that a Parquet file tells of: above the dataset
/// (`results/`, `smoltrace-traces-20251023_012030/`) and the Hub's `data/` within it.
fn home_of(file: &Path) -> PathBuf {
    const NAMES: [&str; 6] = ["results", "traces", "metrics", "leaderboard", "points", "spans"];
    let mut home = file.parent().unwrap_or(file);
    if matches!(home.file_name().and_then(|name| name.to_str()), Some("data" | "default" | "train")) {
        home = home.parent().unwrap_or(home);
    }
    let name = home.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if NAMES.iter().any(|dataset| name.contains(dataset)) {
        home = home.parent().unwrap_or(home);
    }
    home.to_owned()
}

fn look_deeper(
    folder: &Path,
    depth: usize,
    units: &mut Vec<Unit>,
    datasets: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
) -> Result<(), InputError> {
    if let Some(run) = RunFolder::at(folder) {
        units.push(Unit { path: folder.to_owned(), kind: Kind::RunFolder(run) });
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| InputError::path_io(folder, &error))?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(|error| InputError::path_io(folder, &error))?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        // A link to a folder could lead back here; a link to a file is a file.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push(path),
            Ok(_) if path.is_file() && path.extension().is_some_and(|ext| ext == "parquet") => {
                datasets.entry(home_of(&path)).or_default().push(path);
            }
            Ok(_) if path.is_file() && may_hold_telemetry(&path) => files.push(path),
            _ => {}
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    if !files.is_empty() {
        units.push(Unit { path: folder.to_owned(), kind: Kind::Files { files, named: false } });
    }
    if depth < MAX_FOLDER_DEPTH {
        for folder in folders {
            look_deeper(&folder, depth + 1, units, datasets)?;
        }
    }
    Ok(())
}

fn may_hold_telemetry(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// Reads what [`locate`] found.
///
/// # Errors
/// What is structurally wrong with a file: see [`InputErrorKind`]. A single bad span, result or
/// point is no error but a note in [`smoltrace_model::inputs::Declared::notes`].
pub fn read_unit(
    unit: &Unit,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<RunInputs>, InputError> {
    let mut reporter = Reporter::new(options.limits(), progress);
    reporter.expect(unit.files());
    let mut runs = read_one(unit, &mut reporter)?;
    label(&mut runs, options);
    Ok(runs)
}

fn read_one(unit: &Unit, reporter: &mut Reporter<'_>) -> Result<Vec<RunInputs>, InputError> {
    match &unit.kind {
        Kind::RunFolder(folder) => Ok(vec![smoltrace::read(folder, reporter)?]),
        Kind::Files { files, named } => {
            let mut loose = Loose::default();
            for file in files {
                match loose.read(file, reporter) {
                    // A folder may hold files that are none of ours.
                    Err(error) if !named && error.kind == InputErrorKind::Unrecognised => {}
                    other => other?,
                }
            }
            let runs = loose.into_runs();
            if runs.is_empty() { Err(loose::nothing(&unit.path)) } else { Ok(runs) }
        }
    }
}

/// Reads everything at `path`. Runs of one id in several files become one.
///
/// # Errors
/// As [`locate`] and [`read_unit`]; the first error ends it.
pub fn read(
    path: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<RunInputs>, InputError> {
    let units = locate(path)?;
    let mut reporter = Reporter::new(options.limits(), progress);
    reporter.expect(units.iter().flat_map(Unit::files));
    let mut runs = Vec::new();
    for unit in &units {
        match read_one(unit, &mut reporter) {
            Ok(read) => runs.extend(read),
            // One of several folders may hold only files that are none of ours.
            Err(error) if units.len() > 1 && error.kind == InputErrorKind::Unrecognised => {}
            Err(error) => return Err(error),
        }
    }
    if runs.is_empty() {
        return Err(loose::nothing(path));
    }
    reporter.stage(Stage::Joining);
    let mut runs = join(runs);
    label(&mut runs, options);
    Ok(runs)
}

fn label(runs: &mut [RunInputs], options: &ImportOptions) {
    for run in runs {
        run.declared.simulated |= options.simulated;
    }
}

/// Makes runs of the same id one, in order of first appearance.
pub(crate) fn join(runs: Vec<RunInputs>) -> Vec<RunInputs> {
    let mut joined: Vec<RunInputs> = Vec::with_capacity(runs.len());
    let mut index: HashMap<String, usize> = HashMap::new();
    for run in runs {
        match index.get(&run.run_id) {
            None => {
                index.insert(run.run_id.clone(), joined.len());
                joined.push(run);
            }
            Some(slot) => {
                let into = &mut joined[*slot];
                into.spans.extend(run.spans);
                into.points.extend(run.points);
                into.results.extend(run.results);
                into.dropped_non_finite += run.dropped_non_finite;
                let declared = &mut into.declared;
                if declared.leaderboard_row.is_empty() {
                    declared.leaderboard_row = run.declared.leaderboard_row;
                }
                if declared.metadata.is_empty() {
                    declared.metadata = run.declared.metadata;
                }
                if declared.aggregates.is_empty() {
                    declared.aggregates = run.declared.aggregates;
                }
                declared.simulated |= run.declared.simulated;
                for note in run.declared.notes {
                    if !declared.notes.contains(&note) {
                        declared.notes.push(note);
                    }
                }
            }
        }
    }
    joined
}
