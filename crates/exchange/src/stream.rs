//! JSON documents read element by element, so that a file of any length needs the memory of one
//! element. Also JSON-lines and concatenated documents, and Python's bare `NaN` and `Infinity`.
//!
//! Must not know what the elements mean.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::{InputError, InputErrorKind, Place};
use crate::json::Object;
use crate::progress::Reporter;
use crate::source::{ImportLimits, MAX_DEPTH, Source};

/// One piece of a document, in the order of the text.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// An element of a list that stands under `key` of the document's object.
    Element { key: String, index: usize, value: Value },
    /// Any other value under a key of the document's object.
    Field { key: String, value: Value },
    /// An element of a document that is a list.
    Top { index: usize, value: Value },
}

/// What takes the pieces of a file.
pub(crate) trait Sink {
    fn item(&mut self, item: Item);
    /// What came so far does not count: the file is read again in another way.
    fn restart(&mut self);
    /// Something was left out.
    fn note(&mut self, note: String);
}

/// Reads every document in a file and hands out its pieces.
///
/// # Errors
/// As [`Source::open`]; `Syntax` and `TooDeep` with line and column; `Empty`.
pub(crate) fn read_items(
    file: &Input<'_>,
    progress: &mut Reporter<'_>,
    sink: &mut dyn Sink,
) -> Result<(), InputError> {
    let mut each = |sink: &mut dyn Sink, item| {
        sink.item(item);
        progress.tick();
    };
    let failed = match documents(file, false, &mut |item| each(sink, item)) {
        Ok(documents) if documents > 0 => return Ok(()),
        Ok(_) => return Err(InputError::empty(file.name(), "a JSON document")),
        Err(failed) => failed,
    };
    if failed.error.kind != InputErrorKind::Syntax {
        return Err(failed.error);
    }
    sink.restart();
    if failed.documents > 0 {
        // Whole documents went before: one broken line must not cost the other lines.
        return lines(file, sink, &mut each);
    }
    match documents(file, true, &mut |item| each(sink, item)) {
        Ok(_) => Ok(()),
        Err(_) => Err(failed.error),
    }
}

/// One JSON document as a value.
pub(crate) fn read_value(file: &Input<'_>) -> Result<Value, InputError> {
    let parse = |mend| {
        let mut reader = file.open(mend)?;
        if reader.fill_buf().map_err(|error| io_error(&file.name(), error))?.is_empty() {
            return Err(InputError::empty(file.name(), "a JSON document"));
        }
        serde_json::from_reader(&mut reader).map_err(|error| explain(file.name(), error))
    };
    match parse(false) {
        Err(error) if error.kind == InputErrorKind::Syntax => parse(true).map_err(|_| error),
        other => other,
    }
}

/// A file to read, with the counter that tells how far it has been read.
#[derive(Debug, Clone)]
pub(crate) struct Input<'a> {
    pub path: &'a Path,
    pub limits: ImportLimits,
    /// Raw bytes read so far.
    pub done: Arc<AtomicU64>,
}

impl Input<'_> {
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The name of the file without its folders, as notes call it.
    pub(crate) fn short_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The unpacked bytes.
    pub(crate) fn source(&self) -> Result<Source<'static>, InputError> {
        let file = File::open(self.path).map_err(|error| InputError::path_io(self.path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(InputError::folder(self.name()));
        }
        self.done.store(0, Ordering::Relaxed);
        let counting = Counting { file, done: self.done.clone() };
        Source::from_reader(self.name(), counting, self.limits)
    }

    /// Counts the file as read, for a form that is not read in order.
    pub(crate) fn count_whole(&self) {
        let size = self.path.metadata().map_or(0, |metadata| metadata.len());
        self.done.store(size, Ordering::Relaxed);
    }

    fn open(&self, mend: bool) -> Result<Box<dyn BufRead>, InputError> {
        let reader = BufReader::with_capacity(1 << 16, self.source()?);
        let mut reader: Box<dyn BufRead> =
            if mend { Box::new(BufReader::new(BareNumbers::new(reader))) } else { Box::new(reader) };
        // A byte order mark is no JSON.
        let head = reader.fill_buf().map_err(|error| io_error(&self.name(), error))?;
        if head.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(reader)
    }
}

struct Counting {
    file: File,
    done: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buf)?;
        self.done.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Refuses an element that is larger than may be held in memory at once.
struct Metered<R> {
    inner: R,
    name: String,
    /// Bytes handed out since the last element began.
    since: Rc<Cell<u64>>,
    most: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        let since = self.since.get() + count as u64;
        self.since.set(since);
        if since > self.most {
            let limit = crate::source::bytes(self.most);
            let message = format!("one element of it is larger than the limit of {limit}");
            return Err(io::Error::other(
                InputError::new(InputErrorKind::TooLarge, &self.name, message)
                    .help("check what wrote the file; telemetry has many small elements"),
            ));
        }
        Ok(count)
    }
}

struct Failed {
    error: InputError,
    /// Documents that were whole before.
    documents: usize,
}

fn documents(file: &Input<'_>, mend: bool, each: &mut dyn FnMut(Item)) -> Result<usize, Failed> {
    let reader = file.open(mend).map_err(|error| Failed { error, documents: 0 })?;
    let since = Rc::new(Cell::new(0));
    let most = file.limits.max_element_bytes as u64;
    let metered = Metered { inner: reader, name: file.name(), since: since.clone(), most };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 13, metered));
    let mut each = |item| {
        since.set(0);
        each(item);
    };
    let each: &mut dyn FnMut(Item) = &mut each;
    let each = RefCell::new(each);
    let mut documents = 0;
    // `end` fails when something follows: the next document, or nonsense.
    while json.end().is_err() {
        let result = Document { each: &each }.deserialize(&mut json);
        if let Err(error) = result {
            return Err(Failed { error: explain(file.name(), error), documents });
        }
        documents += 1;
    }
    Ok(documents)
}

fn lines(
    file: &Input<'_>,
    sink: &mut dyn Sink,
    each: &mut dyn FnMut(&mut dyn Sink, Item),
) -> Result<(), InputError> {
    let mut reader = file.open(true)?;
    let mut line = Vec::new();
    let mut good = 0_u64;
    let mut first_bad = None;
    for number in 1_u64.. {
        line.clear();
        let most = file.limits.max_element_bytes as u64;
        let count = reader.by_ref().take(most).read_until(b'\n', &mut line);
        if count.map_err(|error| io_error(&file.name(), error))? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let mut items = Vec::new();
        let result = {
            let collect: &mut dyn FnMut(Item) = &mut |item| items.push(item);
            let each = RefCell::new(collect);
            let mut json = serde_json::Deserializer::from_slice(&line);
            Document { each: &each }.deserialize(&mut json).and_then(|()| json.end())
        };
        match result {
            Ok(()) => {
                good += 1;
                items.into_iter().for_each(|item| each(sink, item));
            }
            Err(error) => {
                sink.note(format!("{}: line {number}: {error}; the line is left out", file.short_name()));
                first_bad.get_or_insert_with(|| {
                    let mut error = explain(file.name(), error);
                    error.place.line_column = error.place.line_column.map(|(_, column)| (number, column));
                    error
                });
            }
        }
    }
    match first_bad {
        Some(error) if good == 0 => Err(error),
        _ => Ok(()),
    }
}

fn io_error(name: &str, error: io::Error) -> InputError {
    match error.downcast::<InputError>() {
        Ok(error) => error,
        Err(error) => InputError::io(name, &error),
    }
}

/// A JSON error as an input error with its place.
pub(crate) fn explain(name: String, error: serde_json::Error) -> InputError {
    let place = Place { line_column: Some((error.line() as u64, error.column() as u64)), ..Place::default() };
    if error.is_io() {
        return io_error(&name, error.into());
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if text.starts_with("recursion limit") {
        return InputError::new(
            InputErrorKind::TooDeep,
            name,
            format!("nested deeper than {MAX_DEPTH} levels"),
        )
        .at(place)
        .help("telemetry is never this deep; check what wrote the file");
    }
    let cut = error.is_eof();
    InputError::new(InputErrorKind::Syntax, name, format!("this is not valid JSON: {text}")).at(place).help(
        if cut {
            "the file is cut short; copy it again, or wait until its writer has finished"
        } else {
            "check the file at this place; whatever wrote it did not write JSON"
        },
    )
}

type Each<'e, 'f> = &'e RefCell<&'f mut dyn FnMut(Item)>;

struct Document<'e, 'f> {
    each: Each<'e, 'f>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Under { key: Rc::from(key), each: self.each })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = list.next_element()? {
            (self.each.borrow_mut())(Item::Top { index, value });
            index += 1;
        }
        Ok(())
    }
}

/// The value under a key of the document: a list is handed out by element.
struct Under<'e, 'f> {
    key: Rc<str>,
    each: Each<'e, 'f>,
}

impl Under<'_, '_> {
    fn field<E>(self, value: Value) -> Result<(), E> {
        (self.each.borrow_mut())(Item::Field { key: self.key.to_string(), value });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Under<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Under<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.field(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.field(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.field(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.field(crate::json::double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.field(value.into())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.field(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let object = Object::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        self.field(object.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = list.next_element()? {
            let key = self.key.to_string();
            (self.each.borrow_mut())(Item::Element { key, index, value });
            index += 1;
        }
        Ok(())
    }
}

/// Quotes the bare `NaN`, `Infinity` and `-Infinity` that Python's `json` writes.
struct BareNumbers<R> {
    inner: R,
    in_string: bool,
    escaped: bool,
    /// Bytes to hand out before the next ones are read.
    ready: Vec<u8>,
    taken: usize,
}

impl<R: BufRead> BareNumbers<R> {
    fn new(inner: R) -> Self {
        Self { inner, in_string: false, escaped: false, ready: Vec::new(), taken: 0 }
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.inner.read(&mut byte)? == 1).then_some(byte[0]))
    }

    /// Reads on until something is ready; nothing is ready at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.taken = 0;
        while self.ready.len() < 4096 {
            let Some(byte) = self.next()? else { return Ok(()) };
            if self.in_string {
                self.ready.push(byte);
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
            } else if byte.is_ascii_alphabetic() || byte == b'-' {
                self.word(byte)?;
            } else {
                self.in_string = byte == b'"';
                self.ready.push(byte);
            }
        }
        Ok(())
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.inner.fill_buf()?.first().copied())
    }

    /// Takes the next bytes while they are such as are asked for, up to a length.
    fn take(&mut self, mut bytes: Vec<u8>, most: usize, wanted: fn(&u8) -> bool) -> io::Result<Vec<u8>> {
        while bytes.len() < most
            && let Some(byte) = self.peek()?.filter(wanted)
        {
            bytes.push(byte);
            self.inner.consume(1);
        }
        Ok(bytes)
    }

    fn word(&mut self, first: u8) -> io::Result<()> {
        const LONGEST: usize = 16;
        const LONGEST_GAP: usize = 1024;
        let word = self.take(vec![first], LONGEST, u8::is_ascii_alphabetic)?;
        if !matches!(word.as_slice(), b"NaN" | b"Infinity" | b"-Infinity") {
            self.ready.extend(word);
            return Ok(());
        }
        let gap = self.take(Vec::new(), LONGEST_GAP, u8::is_ascii_whitespace)?;
        // A key is a string in Python's JSON as well.
        let quote: &[u8] = if self.peek()? == Some(b':') { b"" } else { b"\"" };
        self.ready.extend([quote, &word, quote, &gap].concat());
        Ok(())
    }
}

impl<R: BufRead> Read for BareNumbers<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.refill()?;
        }
        let left = &self.ready[self.taken..];
        let count = left.len().min(buf.len());
        buf[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Kept(Vec<Item>, Vec<String>);

    impl Sink for Kept {
        fn item(&mut self, item: Item) {
            self.0.push(item);
        }
        fn restart(&mut self) {
            self.0.clear();
        }
        fn note(&mut self, note: String) {
            self.1.push(note);
        }
    }

    fn items(text: &str) -> Result<(Vec<Item>, Vec<String>), InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        std::fs::write(&path, text).unwrap();
        let mut ignore = |_| ();
        let mut reporter = Reporter::new(ImportLimits::default(), &mut ignore);
        let mut kept = Kept::default();
        read_items(&reporter.file(&path), &mut reporter, &mut kept)?;
        Ok((kept.0, kept.1))
    }

    fn top(index: usize, value: Value) -> Item {
        Item::Top { index, value }
    }

    fn field(key: &str, value: Value) -> Item {
        Item::Field { key: key.into(), value }
    }

    fn element(key: &str, index: usize, value: Value) -> Item {
        Item::Element { key: key.into(), index, value }
    }

    #[test]
    fn documents_come_in_pieces() {
        let check = |text: &str, expected: Vec<Item>| assert_eq!(items(text).unwrap().0, expected, "{text}");
        check("[1, {\"a\": 2}]", vec![top(0, json!(1)), top(1, json!({"a": 2}))]);
        check(
            "\u{feff}{\"a\": [1, 2], \"b\": null}",
            vec![element("a", 0, json!(1)), element("a", 1, json!(2)), field("b", json!(null))],
        );
        check(
            "{\"a\": {\"b\": [1]}}\n{\"c\": 1}\n",
            vec![field("a", json!({"b": [1]})), field("c", json!(1))],
        );
        check(
            "[NaN, -Infinity, \"NaN, \\\" Infinity\", -1.5, true]",
            vec![
                top(0, json!("NaN")),
                top(1, json!("-Infinity")),
                top(2, json!("NaN, \" Infinity")),
                top(3, json!(-1.5)),
                top(4, json!(true)),
            ],
        );
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        let (items, notes) = items("{\"a\": 1}\n{\"b\": \n{\"c\": NaN}\n{\"d\"").unwrap();
        assert_eq!(items, vec![field("a", json!(1)), field("c", json!("NaN"))]);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("x.json: line 2: "), "{notes:?}");
    }

    #[test]
    fn errors_name_the_place() {
        let check = |text: &str, kind: InputErrorKind, line_column: Option<(u64, u64)>| {
            let error = items(text).unwrap_err();
            assert_eq!((error.kind, error.place.line_column), (kind, line_column), "{error}");
            assert!(!error.help.is_empty());
        };
        check("", InputErrorKind::Empty, None);
        check("{\"a\": 1", InputErrorKind::Syntax, Some((1, 7)));
        check("[1,\n2,\n}", InputErrorKind::Syntax, Some((3, 1)));
        check("17", InputErrorKind::Syntax, Some((1, 2)));
        check("{NaN: 1}", InputErrorKind::Syntax, Some((1, 2)));
        check("{\"a\": 1, Infinity \n: 1}", InputErrorKind::Syntax, Some((1, 10)));
        check(&"[".repeat(100_000), InputErrorKind::TooDeep, Some((1, 128)));
    }
}
