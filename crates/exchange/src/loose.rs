//! Files that are not a run folder: what each is, is told by its content.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use smoltrace_model::inputs::RunInputs;

use crate::{
    InputError, InputErrorKind, Place,
    notes::{Notes, Spot},
    otlp::{self, Telemetry},
    parquet::Datasets,
    progress::Reporter,
    runs,
    smoltrace::{self, RunFolder},
    source::Source,
    stream::{Input, Item, Sink, read_items},
};

/// What was read of files that belong together.
#[derive(Debug, Default)]
pub(crate) struct Loose {
    telemetry: Telemetry,
    datasets: Datasets,
    runs: Vec<RunInputs>,
}

/// Bytes that are looked at to tell the form.
const HEAD: usize = 4096;

enum Form {
    Json,
    Parquet,
    Protobuf,
    Unknown,
}

impl Loose {
    /// Reads one file.
    ///
    /// # Errors
    /// `Unrecognised` when it is in no form that we know or holds nothing of ours; others as
    /// reading goes.
    pub(crate) fn read(&mut self, path: &Path, progress: &mut Reporter<'_>) -> Result<(), InputError> {
        let file = progress.file(path);
        let mut head = vec![0; HEAD];
        let length = file.source()?.read_block(&mut head)?;
        if length == 0 {
            return Err(InputError::empty(file.name(), "telemetry"));
        }
        match form(&head[..length]) {
            Form::Json => self.json(&file, progress),
            Form::Protobuf => match self.protobuf(&file, progress) {
                // A text may begin with the same byte: a new line.
                Err(error) if looks_like_json(&head[..length]) => {
                    self.json(&file, progress).map_err(|_| error)
                }
                other => other,
            },
            Form::Parquet => self.datasets.read(&file, progress),
            Form::Unknown => Err(unrecognised(&file)),
        }
    }

    pub(crate) fn into_runs(self) -> Vec<RunInputs> {
        let mut runs = runs::into_runs(self.telemetry);
        runs.extend(self.datasets.into_runs());
        runs.extend(self.runs);
        crate::import::join(runs)
    }

    fn json(&mut self, file: &Input<'_>, progress: &mut Reporter<'_>) -> Result<(), InputError> {
        let mut documents = Documents {
            name: file.short_name(),
            telemetry: Telemetry::default(),
            notes: Notes::default(),
            seen: Seen::default(),
        };
        read_items(file, progress, &mut documents)?;
        let Documents { mut telemetry, notes, seen, .. } = documents;
        if seen.otlp > 0 {
            telemetry.notes.extend(notes);
            self.telemetry.append(telemetry);
            return Ok(());
        }
        let path = Some(file.path.to_owned());
        let folder = if seen.traces > 0 {
            RunFolder { traces: path, ..RunFolder::default() }
        } else if seen.results > 0 {
            RunFolder { results: path, ..RunFolder::default() }
        } else {
            return Err(unrecognised(file));
        };
        self.runs.push(smoltrace::read(&folder, progress)?);
        Ok(())
    }

    fn protobuf(&mut self, file: &Input<'_>, progress: &mut Reporter<'_>) -> Result<(), InputError> {
        let bytes = read_all(file.source()?, progress)?;
        let mut telemetry = Telemetry::default();
        otlp::decode(&mut telemetry, &bytes, &Spot::Root(&file.short_name())).map_err(|(byte, reason)| {
            InputError::new(
                InputErrorKind::Syntax,
                file.name(),
                format!("this is not an OTLP request in protobuf: {reason}"),
            )
            .at(Place::byte(byte))
            .help("expected the body of an OTLP/HTTP export of traces, metrics or logs, gzipped or not")
        })?;
        self.telemetry.append(telemetry);
        Ok(())
    }
}

/// The whole of a form that can only be decoded from memory.
fn read_all(mut source: Source<'_>, progress: &mut Reporter<'_>) -> Result<Vec<u8>, InputError> {
    const STEP: u64 = 1 << 20;
    let most = source.limits().max_element_bytes;
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        source.by_ref().take(STEP).read_to_end(&mut bytes).map_err(|error| {
            error.downcast().unwrap_or_else(|error| InputError::io(source.name(), &error))
        })?;
        progress.tick();
        if bytes.len() > most {
            return Err(InputError::new(
                InputErrorKind::TooLarge,
                source.name(),
                format!("one message may have at most {most} bytes"),
            )
            .at(Place::byte(bytes.len() as u64))
            .help("write JSON-lines, or several smaller files"));
        }
        if bytes.len() == start {
            return Ok(bytes);
        }
    }
}

fn form(head: &[u8]) -> Form {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match text.first() {
        Some(b'{' | b'[') => Form::Json,
        _ if head.starts_with(b"PAR1") => Form::Parquet,
        // Field 1 of a request, or the first byte of a message's length.
        Some(0x0a | 0x00) => Form::Protobuf,
        _ if looks_like_json(text) => Form::Json,
        _ => Form::Unknown,
    }
}

fn looks_like_json(head: &[u8]) -> bool {
    matches!(head.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

fn unrecognised(file: &Input<'_>) -> InputError {
    InputError::new(InputErrorKind::Unrecognised, file.name(), "this is in no form that can be imported")
        .help(FORMS)
}

/// The error of inputs without a span, a point or a result.
pub(crate) fn nothing(path: &Path) -> InputError {
    let message = "it holds no span, no metric point and no result";
    InputError::new(InputErrorKind::Unrecognised, path.display().to_string(), message).help(FORMS)
}

const FORMS: &str = "expected a SMOLTRACE run folder, OTLP as JSON, JSON-lines or protobuf (gzipped or not), \
                     or Parquet datasets of results, traces, metrics or leaderboard";

/// How many pieces of each kind a file held.
#[derive(Debug, Default)]
struct Seen {
    otlp: u64,
    traces: u64,
    results: u64,
}

/// Takes OTLP out of JSON documents and counts what else there is.
struct Documents {
    name: String,
    telemetry: Telemetry,
    notes: Notes,
    seen: Seen,
}

type Adder = fn(&mut Telemetry, Value, &Spot<'_>);

/// Lists of OTLP's requests.
const LISTS: &[(&str, Adder)] = &[
    ("resourceSpans", otlp::resource_spans),
    ("resource_spans", otlp::resource_spans),
    ("resourceMetrics", otlp::resource_metrics),
    ("resource_metrics", otlp::resource_metrics),
    ("resourceLogs", otlp::resource_logs),
    ("resource_logs", otlp::resource_logs),
];

/// Lists within an element of the former.
const SCOPES: &[(&str, Adder)] = &[
    ("scopeSpans", otlp::resource_spans),
    ("scope_spans", otlp::resource_spans),
    ("scopeMetrics", otlp::resource_metrics),
    ("scope_metrics", otlp::resource_metrics),
    ("scopeLogs", otlp::resource_logs),
    ("scope_logs", otlp::resource_logs),
];

impl Sink for Documents {
    fn item(&mut self, item: Item) {
        let root = Spot::Root(&self.name);
        match item {
            Item::Element { key, index, value } => {
                if let Some((_, add)) = LISTS.iter().find(|(name, _)| *name == key) {
                    self.seen.otlp += 1;
                    add(&mut self.telemetry, value, &root.key(&key).index(index));
                } else if key == "tool" || key == "code" || key == "results" {
                    self.seen.results += u64::from(is_result(&value));
                } else if key == "traces" {
                    self.seen.traces += u64::from(is_trace(&value));
                }
            }
            Item::Top { index, value } => self.top(index, value),
            Item::Field { .. } => {}
        }
    }

    fn restart(&mut self) {
        self.telemetry = Telemetry::default();
        self.seen = Seen::default();
    }

    fn note(&mut self, note: String) {
        self.notes.add(note);
    }
}

impl Documents {
    /// An element of a list: a request, an element of one, or a piece of a run folder's file.
    fn top(&mut self, index: usize, mut value: Value) {
        let root = Spot::Root(&self.name);
        let place = root.index(index);
        if let Some((_, add)) = SCOPES.iter().find(|(name, _)| value.get(name).is_some()) {
            self.seen.otlp += 1;
            add(&mut self.telemetry, value, &place);
            return;
        }
        for (name, add) in LISTS {
            if let Some(Value::Array(list)) = value.get_mut(name).map(Value::take) {
                self.seen.otlp += 1;
                let place = place.key(name);
                for (index, element) in list.into_iter().enumerate() {
                    add(&mut self.telemetry, element, &place.index(index));
                }
            }
        }
        self.seen.traces += u64::from(is_trace(&value));
        self.seen.results += u64::from(is_result(&value));
    }
}

fn is_trace(value: &Value) -> bool {
    value.get("spans").is_some() || (value.get("span_id").is_some() && value.get("name").is_some())
}

fn is_result(value: &Value) -> bool {
    let named = ["test_case_uid", "test_id", "task_id"].iter().any(|name| value.get(name).is_some());
    named && (value.get("success").is_some() || value.get("agent_type").is_some())
}
