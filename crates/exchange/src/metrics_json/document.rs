//! The frame of a document: which lists and fields it has, one element in memory at a time.
//!
//! Must not know what a point is. A file may hold several documents one after the other, as
//! JSON-lines do.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bare::{self, Found};
use super::collect::{Collector, Unreadable};
use super::element::{Element, Skipped};
use super::fault::{element_fault, fault, is_cut_short};
use super::number::shown;
use super::parallel::{self, Chunk};
use super::template::{Match, Sketch, Templates};
use super::window::{Fault, Mark, Step, Window};
use crate::error::{InputError, InputErrorKind};
use crate::json::text;

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// Elements of `resourceMetrics`.
    ResourceMetrics,
    /// Elements of `resourceMetrics`, whole requests, or aggregates.
    Any,
}

/// Reads documents into a collector.
pub(super) struct Reader<'a> {
    window: Window<'a>,
    /// Once for each input: what was read ahead of a list holds for the lists after it.
    may_read_ahead: bool,
    elements: ElementReader,
    run_id: Option<String>,
    /// What other workers have read ahead, by the place where it begins.
    ahead: BTreeMap<u64, Chunk>,
    /// A document had a part that we know.
    known: bool,
    /// Where the first object without such a part begins.
    unknown: Option<Mark>,
}

/// What a reader found.
pub(super) struct Read {
    pub run_id: Option<String>,
    pub collector: Collector,
    pub aggregates: Vec<Value>,
}

impl<'a> Reader<'a> {
    pub fn new(window: Window<'a>) -> Self {
        Self {
            may_read_ahead: window.options().threads > 1,
            window,
            elements: ElementReader::default(),
            run_id: None,
            ahead: BTreeMap::new(),
            known: false,
            unknown: None,
        }
    }

    /// Reads everything.
    pub fn read(mut self) -> Result<Read, InputError> {
        self.byte_order_mark()?;
        let mut documents = 0u64;
        while let Some(byte) = self.window.peek()? {
            match byte {
                b'{' => self.object()?,
                b'[' => self.list(Elements::Any)?,
                _ if documents == 0 => return Err(self.window.unexpected("`{` or `[`")),
                _ => return Err(self.window.unexpected("the end, or another document")),
            }
            documents += 1;
        }
        if documents == 0 {
            return Err(InputError::empty(self.window.name(), "a JSON document with metrics"));
        }
        let unknown = self.unknown.or(self.elements.strange);
        if let Some(mark) = unknown.filter(|_| !self.known && !self.elements.known) {
            let message = "no metrics in it: neither `resourceMetrics` nor `scopeMetrics` nor `aggregates`";
            return Err(InputError::new(InputErrorKind::Unrecognised, self.window.name(), message)
                .at(self.window.marked(mark))
                .help("give it a metrics.json, OTLP metrics in JSON, or a list of either's elements"));
        }
        let ElementReader { collector, aggregates, .. } = self.elements;
        let run_id = self.run_id.or_else(|| collector.run_id.clone());
        Ok(Read { run_id, collector, aggregates })
    }

    fn byte_order_mark(&mut self) -> Result<(), InputError> {
        self.window.read(|text, last| match text {
            [0xef, 0xbb, 0xbf, ..] => Step::Done((), 3),
            [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Step::Wrong(Fault {
                kind: InputErrorKind::Syntax,
                offset: 0,
                path: None,
                message: "the text is UTF-16, JSON is UTF-8".to_owned(),
                help: "save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`",
            }),
            _ if text.len() < 3 && !last => Step::More,
            _ => Step::Done((), 0),
        })
    }

    /// A document that is an object, or a line that is an element.
    fn object(&mut self) -> Result<(), InputError> {
        let begin = (!self.known && self.unknown.is_none()).then(|| self.window.mark());
        self.window.drop_anchor();
        self.window.take();
        let (mut known, mut empty) = (false, true);
        let mut expect = "a key or `}`";
        loop {
            match self.window.peek()? {
                Some(b'}') if expect != "a key" => break,
                Some(b'"') if expect != "`,` or `}`" => {}
                Some(b',') if expect == "`,` or `}`" => {
                    self.window.take();
                    expect = "a key";
                    continue;
                }
                _ => return Err(self.window.unexpected(expect)),
            }
            let key = self.window.read(any::<String>)?;
            if self.window.peek()? != Some(b':') {
                return Err(self.window.unexpected("`:`"));
            }
            self.window.take();
            self.window.peek()?;
            match key.as_str() {
                "resourceMetrics" | "resource_metrics" => {
                    self.window.raise_anchor();
                    self.list(Elements::ResourceMetrics)?;
                    known = true;
                }
                "aggregates" => {
                    self.window.raise_anchor();
                    self.aggregates()?;
                    known = true;
                }
                "run_id" | "runId" => {
                    let run_id = self.value()?;
                    if self.run_id.is_none() {
                        self.run_id = text(&run_id).filter(|run_id| !run_id.is_empty());
                    }
                }
                "resource"
                | "scopeMetrics"
                | "scope_metrics"
                | "instrumentationLibraryMetrics"
                | "data_points"
                    if self.window.has_anchor() =>
                {
                    self.window.back();
                    return self.elements.read(&mut self.window, Elements::Any);
                }
                _ => {
                    self.window.read(any::<Skipped>)?;
                }
            }
            empty = false;
            expect = "`,` or `}`";
        }
        self.window.take();
        self.window.raise_anchor();
        if known || empty {
            self.known = true;
        } else {
            self.unknown = self.unknown.or(begin);
        }
        Ok(())
    }

    /// The elements of a list, or null.
    fn list(&mut self, kind: Elements) -> Result<(), InputError> {
        if !self.open_list("a list of resource metrics")? {
            return Ok(());
        }
        if !self.more(true)? {
            self.known = true;
            return Ok(());
        }
        loop {
            let position = self.window.position();
            if let Some(chunk) = self.ahead.remove(&position).filter(|chunk| chunk.kind == kind) {
                self.window.jump(chunk.end);
                self.elements.append(chunk.elements);
            } else {
                self.elements.read(&mut self.window, kind)?;
                if std::mem::take(&mut self.may_read_ahead) {
                    self.ahead = parallel::read_ahead(&self.window, &self.elements.first, kind);
                }
            }
            if !self.more(false)? {
                return Ok(());
            }
        }
    }

    fn aggregates(&mut self) -> Result<(), InputError> {
        if !self.open_list("a list of aggregates")? {
            return Ok(());
        }
        let mut first = true;
        while self.more(first)? {
            let value = self.value()?;
            self.elements.aggregates.push(value);
            first = false;
        }
        Ok(())
    }

    /// Takes the `[` of a list; false for a null, taken whole.
    fn open_list(&mut self, what: &str) -> Result<bool, InputError> {
        if self.window.peek()? == Some(b'[') {
            self.window.take();
            return Ok(true);
        }
        let position = self.window.position();
        match self.value()? {
            Value::Null => Ok(false),
            other => Err(InputError::new(
                InputErrorKind::WrongType,
                self.window.name(),
                format!("expected {what}, found {}", kind_of(&other)),
            )
            .at(self.window.place(position, None))
            .help("compare with the OTLP specification of metrics in JSON")),
        }
    }

    /// Moves on to the next element of a list; takes the `]` and says false at its end.
    fn more(&mut self, first: bool) -> Result<bool, InputError> {
        match (self.window.peek()?, first) {
            (Some(b']'), _) => {
                self.window.take();
                Ok(false)
            }
            (Some(b','), false) => {
                self.window.take();
                match self.window.peek()? {
                    Some(b']') | None => Err(self.window.unexpected("an element")),
                    Some(_) => Ok(true),
                }
            }
            (Some(_), true) => Ok(true),
            _ => Err(self.window.unexpected("`,` or `]`")),
        }
    }

    fn value(&mut self) -> Result<Value, InputError> {
        self.window.read(any::<Value>)
    }
}

/// Reads one value of any kind. `last`: no text follows.
fn any<T: DeserializeOwned>(text: &[u8], last: bool) -> Step<T> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<T>();
    let error = match values.next() {
        None => return Step::More,
        // A number may go on in the next block.
        Some(Ok(_)) if values.byte_offset() == text.len() && !last => return Step::More,
        Some(Ok(value)) => return Step::Done(value, values.byte_offset()),
        Some(Err(error)) if is_cut_short(text, &error, last) => return Step::More,
        Some(Err(error)) => error,
    };
    let wrong = fault(text, &error);
    if error.is_syntax() && bare::stopped_at_word(text, wrong.offset) {
        match bare::quote(text) {
            Found::Some(quoted) => {
                return match serde_json::from_slice(&quoted.text) {
                    Ok(value) => Step::Done(value, quoted.consumed),
                    Err(error) => {
                        let wrong = fault(&quoted.text, &error);
                        Step::Wrong(Fault { offset: quoted.original_offset(wrong.offset), ..wrong })
                    }
                };
            }
            Found::Incomplete => return Step::More,
            Found::Nothing => {}
        }
    }
    Step::Wrong(wrong)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads elements, one after the other.
#[derive(Default)]
pub(super) struct ElementReader {
    collector: Collector,
    aggregates: Vec<Value>,
    templates: Templates,
    /// How the first element begins, up to its first number.
    pub first: Vec<u8>,
    /// An element had a part that we know.
    known: bool,
    /// Where the first element without such a part begins.
    strange: Option<Mark>,
}

impl ElementReader {
    /// Bytes of the first element that are kept.
    const FIRST: usize = 256;

    /// Reads the element at the window's place.
    pub fn read(&mut self, window: &mut Window<'_>, kind: Elements) -> Result<(), InputError> {
        let start = window.position();
        let mark = (!self.known && self.strange.is_none()).then(|| window.mark());
        window.read(|text, last| {
            match self.templates.apply(text, last, &mut self.collector) {
                Match::Hit(len) => return Step::Done((), len),
                Match::Incomplete => return Step::More,
                Match::Miss => {}
            }
            self.long_way(text, last, start, kind)
        })?;
        if !self.known {
            self.strange = self.strange.or(mark);
        }
        Ok(())
    }

    fn long_way(&mut self, text: &[u8], last: bool, start: u64, kind: Elements) -> Step<()> {
        match text.first() {
            None => return Step::More,
            Some(b'{') => {}
            Some(_) => {
                return match any::<Value>(text, last) {
                    Step::Done(value, _) => Step::Wrong(Fault {
                        kind: InputErrorKind::WrongType,
                        offset: 0,
                        path: None,
                        message: format!("expected an object with `scopeMetrics`, found {}", kind_of(&value)),
                        help: "compare with the OTLP specification of metrics in JSON",
                    }),
                    Step::More => Step::More,
                    Step::Wrong(fault) => Step::Wrong(fault),
                };
            }
        }
        let error = match self.parse(text, start, kind) {
            Ok(len) => return Step::Done((), len),
            Err(Problem::Json(error)) if is_cut_short(text, &error, last) => return Step::More,
            Err(Problem::Json(error)) => error,
            Err(Problem::Fault(fault)) => return Step::Wrong(fault),
        };
        let wrong = element_fault(text, &error);
        if !error.is_syntax() || !bare::stopped_at_word(text, wrong.offset) {
            return Step::Wrong(wrong);
        }
        let quoted = match bare::quote(text) {
            Found::Some(quoted) => quoted,
            Found::Incomplete => return Step::More,
            Found::Nothing => return Step::Wrong(wrong),
        };
        match self.parse(&quoted.text, start, kind) {
            Ok(_) => Step::Done((), quoted.consumed),
            Err(problem) => {
                let fault = match problem {
                    Problem::Json(error) => element_fault(&quoted.text, &error),
                    Problem::Fault(fault) => fault,
                };
                Step::Wrong(Fault { offset: quoted.original_offset(fault.offset), ..fault })
            }
        }
    }

    fn parse(&mut self, text: &[u8], start: u64, kind: Elements) -> Result<usize, Problem> {
        let mut elements = serde_json::Deserializer::from_slice(text).into_iter::<Element<'_>>();
        let Some(element) = elements.next() else { return Ok(0) };
        let element = element?;
        let len = elements.byte_offset();
        let mut sketch = Sketch::new(text);
        let is_metrics = element.scope_metrics.0.is_some() || element.resource_metrics.0.is_some();
        if kind == Elements::Any && !is_metrics && !element.name.is_null() {
            self.aggregates.push(serde_json::from_slice(&text[..len])?);
            self.known = true;
            return Ok(len);
        }
        self.known |= is_metrics || kind == Elements::ResourceMetrics || !element.resource.is_null();
        self.collector.add(&element, start, &mut sketch).map_err(|unreadable| unreadable.fault(text))?;
        if self.first.is_empty() {
            self.first = text[..sketch.first_hole().min(len).min(Self::FIRST)].to_vec();
        }
        self.templates.learn(sketch, len);
        Ok(len)
    }

    /// Appends what another reader read behind this one.
    fn append(&mut self, later: Self) {
        self.collector.append(later.collector);
        self.aggregates.extend(later.aggregates);
        self.known |= later.known;
        self.strange = self.strange.or(later.strange);
    }
}

/// Why an element cannot be read.
enum Problem {
    Json(serde_json::Error),
    Fault(Fault),
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl Unreadable<'_> {
    fn fault(&self, text: &[u8]) -> Problem {
        let offset = (self.raw.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        Problem::Fault(Fault {
            kind: InputErrorKind::WrongType,
            offset: if offset < text.len() { offset } else { 0 },
            path: None,
            message: format!("expected {}, found {}", self.expected, shown(self.raw.as_bytes())),
            help: "compare with the OTLP specification of metrics in JSON",
        })
    }
}
