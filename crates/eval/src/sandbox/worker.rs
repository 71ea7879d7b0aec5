//! The worker's side: interprets code for its parent until its input ends.
//!
//! Knows no tools: every call of a function goes to the parent. Of the operating system's functions that Python has,
//! only the time is answered, by the parent's clock; files and the environment are refused.

use std::{
    borrow::Cow,
    io::{self, BufReader, Stdin, Stdout},
    process::ExitCode,
    thread,
};

use monty::{MontyRepl, ReplProgress, ReplStartError};
use monty_types::{
    CompileOptions, ExcType, MontyException, MontyObject, OsFunctionCall, PrintWriter, PrintWriterCallback,
    ResourceLimits, ResourceTracker,
};
use ruff_python_ast::{Expr, Stmt};

use super::{
    FINAL_ANSWER, MODULES, SandboxError, SandboxErrorKind, SandboxLimits,
    confine::{MemoryWatch, give_up_rights},
    convert::{from_json, time_value, to_json, to_text},
    wire::{self, Answer, Done, FromWorker, ToWorker},
};

/// The interpreter is written with loops where it can be; what recursion is left has this much room.
const STACK_BYTES: usize = 64 << 20;
/// Printed text is passed on when this much has come together, and before every call.
const PRINT_CHUNK_BYTES: usize = 4 << 10;
/// Texts of values that are longer are cut.
const TEXT_BYTES: usize = 1 << 20;

/// What a process does that was started as a sandbox worker: interprets what comes on its input, until that ends.
///
/// Uses nothing of its process but standard input and output. To be called first thing in `main`, before threads,
/// files or signal handlers.
pub fn serve_worker() -> ExitCode {
    let watch = MemoryWatch::start();
    let interpreter = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve(&watch));
    give_up_rights();
    match interpreter.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

struct Pipe {
    input: BufReader<Stdin>,
    output: Stdout,
}

impl Pipe {
    fn send(&mut self, message: &FromWorker) -> io::Result<()> {
        wire::write(&mut self.output, message)
    }

    fn receive(&mut self) -> io::Result<Option<ToWorker>> {
        wire::read(&mut self.input)
    }

    /// Asks the parent. That it has gone is an error.
    fn ask(&mut self, question: &FromWorker) -> io::Result<ToWorker> {
        self.send(question)?;
        self.receive()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn serve(watch: &MemoryWatch) -> io::Result<()> {
    let mut pipe = Pipe { input: BufReader::new(io::stdin()), output: io::stdout() };
    let fresh_bytes = watch.data_bytes();
    let mut session: Option<(MontyRepl, SandboxLimits)> = None;
    while let Some(message) = pipe.receive()? {
        match message {
            ToWorker::Open { limits } => {
                drop(session.take());
                watch.begin_session(limits.memory_bytes);
                let tracker = ResourceTracker::new(
                    ResourceLimits::default()
                        .max_memory(limits.memory_bytes)
                        .max_recursion_depth(limits.recursion),
                );
                session = Some((MontyRepl::new("step.py", tracker, CompileOptions::default()), limits));
                pipe.send(&FromWorker::Opened)?;
            }
            ToWorker::Run { code, functions } => {
                let Some((repl, limits)) = session.take() else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                watch.set_running(true);
                let (repl, mut done) = run(repl, &limits, &code, functions, &mut pipe)?;
                watch.set_running(false);
                session = Some((repl, limits));
                done.grown_bytes = watch.data_bytes().saturating_sub(fresh_bytes);
                send_done(&mut pipe, done)?;
            }
            ToWorker::Answer(_) | ToWorker::Stop => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

fn send_done(pipe: &mut Pipe, done: Done) -> io::Result<()> {
    let grown_bytes = done.grown_bytes;
    match pipe.send(&FromWorker::Done(done)) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let error = SandboxError::new(
                SandboxErrorKind::MemoryLimit,
                "MemoryError: the output value is too large",
            );
            pipe.send(&FromWorker::Done(Done { error: Some(error), grown_bytes, ..Done::default() }))
        }
        sent => sent,
    }
}

/// Runs code to its end, to an error or until it is stopped.
fn run(
    mut repl: MontyRepl,
    limits: &SandboxLimits,
    code: &str,
    functions: Vec<String>,
    pipe: &mut Pipe,
) -> io::Result<(MontyRepl, Done)> {
    repl.tracker_mut().set_max_duration(limits.time);
    let source = with_value_of_last_assignment(code);
    let inputs = functions
        .into_iter()
        .map(|name| (name.clone(), MontyObject::Function { name, docstring: None }))
        .collect();
    let mut printed = Printed::default();
    let mut progress = repl.feed_start(&source, inputs, PrintWriter::Callback(&mut printed.on(pipe)));
    loop {
        printed.flush(pipe)?;
        progress = match progress {
            Err(failed) => {
                let ReplStartError { repl, error } = *failed;
                return Ok((repl, Done { error: Some(described(&error, code)), ..Done::default() }));
            }
            Ok(ReplProgress::Complete { repl, value }) => return Ok((repl, done_with(&value))),
            Ok(ReplProgress::FunctionCall(call)) => {
                let question = FromWorker::Call {
                    name: call.function_name.clone(),
                    arguments: call.args.iter().map(to_json).collect(),
                    named: call.kwargs.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect(),
                    texts: match call.function_name == FINAL_ANSWER {
                        true => call
                            .args
                            .iter()
                            .chain(call.kwargs.iter().map(|(_, value)| value))
                            .map(text_of)
                            .collect(),
                        false => Vec::new(),
                    },
                };
                let answer = match wire::encode(&question) {
                    Ok(_) => pipe.ask(&question)?,
                    Err(_) => ToWorker::Answer(Answer::Raise {
                        class: "ValueError".into(),
                        message: format!("the arguments of {} are too large", call.function_name),
                    }),
                };
                let writer = &mut printed.on(pipe);
                match answer {
                    ToWorker::Answer(Answer::Value(value)) => {
                        call.resume(from_json(value), PrintWriter::Callback(writer))
                    }
                    ToWorker::Answer(Answer::Raise { class, message }) => {
                        call.resume(exception(&class, message), PrintWriter::Callback(writer))
                    }
                    ToWorker::Stop => return Ok((call.into_repl(), Done::default())),
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            Ok(ReplProgress::OsCall(call)) => {
                let answer = match &call.function_call {
                    OsFunctionCall::DateToday | OsFunctionCall::DateTimeNow(_) => {
                        match pipe.ask(&FromWorker::Now)? {
                            ToWorker::Answer(Answer::TimeUnixNano(time_unix_nano)) => Some(time_unix_nano),
                            _ => return Err(io::ErrorKind::InvalidData.into()),
                        }
                    }
                    _ => None,
                };
                let writer = PrintWriter::Callback(&mut printed.on(pipe));
                call.resume_with(writer, |function| match time_value(&function, answer) {
                    Some(value) => value.into(),
                    None => refused(&function).into(),
                })
            }
            Ok(ReplProgress::NameLookup(lookup)) => {
                lookup.resume(None.into(), PrintWriter::Callback(&mut printed.on(pipe)))
            }
            Ok(ReplProgress::ResolveFutures(waiting)) => {
                let error = MontyException::new(ExcType::RuntimeError, Some("nothing to wait for".into()));
                waiting.abort(error, PrintWriter::Callback(&mut printed.on(pipe)))
            }
        };
    }
}

/// The value of the last statement counts, as in an interactive session; that of an assignment too.
fn with_value_of_last_assignment(code: &str) -> Cow<'_, str> {
    let Ok(parsed) = ruff_python_parser::parse_module(code) else { return Cow::Borrowed(code) };
    let target = match parsed.syntax().body.last() {
        Some(Stmt::Assign(assign)) => assign.targets.last(),
        Some(Stmt::AnnAssign(assign)) if assign.value.is_some() => Some(&*assign.target),
        Some(Stmt::AugAssign(assign)) => Some(&*assign.target),
        _ => None,
    };
    match target {
        Some(Expr::Name(name)) => Cow::Owned(format!("{code}\n{}", name.id)),
        _ => Cow::Borrowed(code),
    }
}

fn done_with(value: &MontyObject) -> Done {
    match value {
        MontyObject::None => Done::default(),
        value => Done { output: Some(to_json(value)), output_text: Some(text_of(value)), ..Done::default() },
    }
}

/// What `str` makes of a value.
fn text_of(value: &MontyObject) -> String {
    let mut text = to_text(value);
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push_str("...");
    }
    text
}

fn exception(class: &str, message: String) -> MontyException {
    MontyException::new(class.parse().unwrap_or(ExcType::RuntimeError), Some(message))
}

fn refused(function: &OsFunctionCall) -> MontyException {
    let message = match function.fs_primary_path() {
        Some(path) => {
            format!("files cannot be opened from code: {path:?}; use the tools for files, if you have them")
        }
        None => format!("{} is not to be had in the sandbox", function.name()),
    };
    MontyException::new(ExcType::PermissionError, Some(message))
}

/// An exception in words for the model: kind, message, line.
fn described(error: &MontyException, code: &str) -> SandboxError {
    let class = error.exc_type();
    let message = error.message().unwrap_or_default();
    let kind = match class {
        ExcType::SyntaxError | ExcType::NotImplementedError if error.traceback().len() <= 1 => {
            SandboxErrorKind::Syntax
        }
        ExcType::ImportError | ExcType::ModuleNotFoundError => SandboxErrorKind::Import,
        ExcType::TimeoutError if message.starts_with("time limit exceeded") => SandboxErrorKind::TimeLimit,
        ExcType::MemoryError if message.starts_with("memory limit exceeded") => SandboxErrorKind::MemoryLimit,
        _ => SandboxErrorKind::Exception,
    };
    let mut summary = error.summary();
    match class {
        ExcType::ModuleNotFoundError => {
            summary.push_str(&format!(". Modules that can be imported: {}", MODULES.join(", ")));
        }
        ExcType::ImportError => summary = summary.replace(" (unknown location)", ", as it is in the sandbox"),
        _ => {
            summary =
                summary.replace("The monty syntax parser does not yet support", "this Python does not know")
        }
    }
    let mut described = SandboxError::new(kind, summary);
    // The innermost frame of this step's code: frames of earlier steps name lines of other texts.
    let mut here = error
        .traceback()
        .iter()
        .filter(|frame| Some(&frame.filename) == error.traceback().first().map(|f| &f.filename));
    if let Some(frame) = here.next_back() {
        described.line = Some(frame.start.line);
        let line = usize::try_from(frame.start.line).unwrap_or(0).saturating_sub(1);
        described.source_line = code.lines().nth(line).map(|text| {
            let text = text.trim();
            text[..text.floor_char_boundary(200)].to_owned()
        });
    }
    described
}

/// Printed text on its way to the parent.
#[derive(Default)]
struct Printed {
    text: String,
}

impl Printed {
    fn on<'a>(&'a mut self, pipe: &'a mut Pipe) -> PrintedOn<'a> {
        PrintedOn { printed: self, pipe }
    }

    fn flush(&mut self, pipe: &mut Pipe) -> io::Result<()> {
        if !self.text.is_empty() {
            pipe.send(&FromWorker::Print(std::mem::take(&mut self.text)))?;
        }
        Ok(())
    }
}

struct PrintedOn<'a> {
    printed: &'a mut Printed,
    pipe: &'a mut Pipe,
}

impl PrintedOn<'_> {
    fn flush_when_full(&mut self) -> Result<(), MontyException> {
        if self.printed.text.len() < PRINT_CHUNK_BYTES {
            return Ok(());
        }
        self.printed.flush(self.pipe).map_err(MontyException::runtime_error)
    }
}

impl PrintWriterCallback for PrintedOn<'_> {
    fn stdout_write(&mut self, output: Cow<'_, str>) -> Result<(), MontyException> {
        // One argument may be as large as the memory: it goes in parts that fit a message.
        for part in parts(&output) {
            self.printed.text.push_str(part);
            self.flush_when_full()?;
        }
        Ok(())
    }

    fn stdout_push(&mut self, end: char) -> Result<(), MontyException> {
        self.printed.text.push(end);
        self.flush_when_full()
    }
}

fn parts(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (part, rest) = text.split_at(text.floor_char_boundary(PRINT_CHUNK_BYTES));
        text = rest;
        Some(part)
    })
}
