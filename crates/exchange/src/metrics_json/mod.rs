//! Metrics in JSON to series, at the speed of reading the file.
//!
//! Accepts SMOLTRACE's `metrics.json` (an object with `run_id`, `resourceMetrics`, `aggregates`), OTLP's
//! JSON requests, a bare list of resource metrics, requests or aggregates, and any number of them one
//! after the other (JSON-lines); gzip or not. Reads what the totals need: the points of gauges and
//! sums. Histograms are counted and left to [`crate::import`].
//!
//! Must not know how a total is made. One bad point is left out and counted; a fault of the structure is an error.
//! Memory: the samples, and one element of text for each thread.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use smoltrace_model::series::SeriesSet;

use crate::error::{InputError, InputErrorKind, STDIN};
use crate::source::{ImportLimits, Source, bytes, is_gzip};

mod bare;
mod collect;
mod document;
mod element;
mod fault;
mod number;
mod parallel;
mod template;
mod window;

use document::Reader;
use window::{Input, Text, Window};

/// What errors call bytes in memory.
const BYTES: &str = "<bytes>";

/// A decoded document.
#[derive(Debug, Clone, Default)]
pub struct MetricsDocument {
    /// `run_id` of the document, else the run that the first resource to name one names.
    pub run_id: Option<String>,
    /// The points of gauges and sums, in the order of the text.
    pub series: SeriesSet,
    /// Trace aggregates as they were.
    pub aggregates: Vec<Value>,
    /// What did not make it into the series.
    pub left_out: LeftOut,
}

/// What a decoder left out, counted. NaN and infinities are counted by
/// [`SeriesSet::dropped_non_finite`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Points that cannot be read.
    pub bad_points: u64,
    /// Points without a value: null, or flagged so by their sender.
    pub without_value: u64,
    /// Histograms and summaries.
    pub distributions: u64,
    /// Why the first bad points cannot be read, with the place of the element that they are in.
    pub notes: Vec<String>,
}

impl LeftOut {
    /// Notes that are kept.
    const NOTES: usize = 20;

    fn note(&mut self, points: u64, start: u64, reason: &str) {
        self.bad_points += points;
        if self.notes.len() < Self::NOTES {
            self.notes.push(format!("in the element at byte {start}: {reason}"));
        }
    }

    fn append(&mut self, later: LeftOut) {
        self.bad_points += later.bad_points;
        self.without_value += later.without_value;
        self.distributions += later.distributions;
        let room = Self::NOTES.saturating_sub(self.notes.len());
        self.notes.extend(later.notes.into_iter().take(room));
    }
}

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    pub limits: ImportLimits,
    /// Threads for a file or bytes that are not packed.
    pub threads: usize,
    /// What is shorter is read by one thread. Default: 4 MiB.
    pub parallel_from_bytes: u64,
    /// Bytes read at a time. Default: 256 KiB, which stay in a processor's second-level cache.
    pub block_bytes: usize,
}

impl Default for ReadOptions {
    /// The default limits, and a thread for every processor up to four.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        Self {
            limits: ImportLimits::default(),
            threads,
            parallel_from_bytes: 4 << 20,
            block_bytes: 256 << 10,
        }
    }
}

/// Reads a file, or standard input when `path` is `-`.
///
/// # Errors
/// Any [`InputErrorKind`]; every one names the input, and the place where there is one.
pub fn read_path(path: &Path) -> Result<MetricsDocument, InputError> {
    read_path_with(path, ReadOptions::default())
}

/// [`read_path`] with options.
///
/// # Errors
/// As [`read_path`].
pub fn read_path_with(path: &Path, options: ReadOptions) -> Result<MetricsDocument, InputError> {
    if path.as_os_str() == "-" {
        return read_reader_with(STDIN, std::io::stdin(), options);
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| InputError::path_io(path, &error))?;
    let metadata = file.metadata().map_err(|error| InputError::path_io(path, &error))?;
    if metadata.is_dir() {
        return Err(InputError::folder(name));
    }
    let text = Text::File(&file, metadata.len());
    let mut head = [0; 2];
    let is_text = cfg!(unix) && metadata.is_file() && metadata.len() > 0;
    if is_text && text.read_at(0, &mut head).is_ok() && !is_gzip(&head) {
        read_text(&name, text, options)
    } else {
        read_source(&name, Source::from_reader(&name, &file, options.limits)?, options)
    }
}

/// Reads from a reader; `name` is what errors call it.
///
/// # Errors
/// As [`read_path`].
pub fn read_reader(name: &str, reader: impl Read + Send) -> Result<MetricsDocument, InputError> {
    read_reader_with(name, reader, ReadOptions::default())
}

/// [`read_reader`] with options.
///
/// # Errors
/// As [`read_path`].
pub fn read_reader_with(
    name: &str,
    reader: impl Read + Send,
    options: ReadOptions,
) -> Result<MetricsDocument, InputError> {
    read_source(name, Source::from_reader(name, reader, options.limits)?, options)
}

/// Reads bytes in memory.
///
/// # Errors
/// As [`read_path`].
pub fn read_slice(bytes: &[u8]) -> Result<MetricsDocument, InputError> {
    read_slice_with(bytes, ReadOptions::default())
}

/// [`read_slice`] with options.
///
/// # Errors
/// As [`read_path`].
pub fn read_slice_with(bytes: &[u8], options: ReadOptions) -> Result<MetricsDocument, InputError> {
    if is_gzip(bytes) {
        return read_source(BYTES, Source::from_slice(BYTES, bytes, options.limits)?, options);
    }
    read_text(BYTES, Text::Slice(bytes), options)
}

fn read_text(name: &str, text: Text<'_>, options: ReadOptions) -> Result<MetricsDocument, InputError> {
    let limit = options.limits.max_decompressed_bytes;
    if text.len() > limit {
        let message = format!("{}, larger than the limit of {}", bytes(text.len()), bytes(limit));
        return Err(InputError::new(InputErrorKind::TooLarge, name, message)
            .help("split it, or raise the limit if the source is trusted"));
    }
    let input = Input::Range { text, next: 0, end: text.len() };
    finish(Reader::new(Window::new(name, options, input)))
}

fn read_source(name: &str, source: Source<'_>, options: ReadOptions) -> Result<MetricsDocument, InputError> {
    finish(Reader::new(Window::new(name, options, Input::Stream(source))))
}

fn finish(reader: Reader<'_>) -> Result<MetricsDocument, InputError> {
    let document::Read { run_id, mut collector, aggregates } = reader.read()?;
    collector.set.adopt_hardware();
    Ok(MetricsDocument { run_id, series: collector.set, aggregates, left_out: collector.left_out })
}
