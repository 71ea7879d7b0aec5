//! A sliding window over the text: enough of it in memory to hold one value.
//!
//! Must not know what the text means beyond whitespace and where a JSON error lies.

use std::fs::File;
use std::io;

use super::ReadOptions;
use crate::error::{InputError, InputErrorKind, Place};
use crate::source::{Source, bytes};

/// Bytes read at a time where lines are counted.
const BLOCK: usize = 256 << 10;

/// A text that can be read at any place.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Slice(&'a [u8]),
    #[cfg_attr(not(unix), allow(dead_code))]
    File(&'a File, u64),
}

impl Text<'_> {
    pub fn len(&self) -> u64 {
        match self {
            Text::Slice(slice) => slice.len() as u64,
            Text::File(_, len) => *len,
        }
    }

    /// Fills `buf` from `offset` on as far as there is text.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::Slice(slice) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(slice.len());
                let count = buf.len().min(slice.len() - start);
                buf[..count].copy_from_slice(&slice[start..start + count]);
                Ok(count)
            }
            #[cfg(unix)]
            Text::File(file, _) => {
                let mut filled = 0;
                while filled < buf.len() {
                    let at = offset + filled as u64;
                    match std::os::unix::fs::FileExt::read_at(*file, &mut buf[filled..], at) {
                        Ok(0) => break,
                        Ok(count) => filled += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(filled)
            }
            #[cfg(not(unix))]
            Text::File(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Where the text comes from.
pub(super) enum Input<'a> {
    /// A part of a text that can be read at any place: from the next byte to the end.
    Range {
        text: Text<'a>,
        next: u64,
        end: u64,
    },
    Stream(Source<'a>),
}

/// What a reader of the window's text says of it.
pub(super) enum Step<R> {
    /// A result, and the bytes that it took.
    Done(R, usize),
    /// The text ends before the value does.
    More,
    Wrong(Fault),
}

/// What is wrong with a text, some bytes into it.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: InputErrorKind,
    pub offset: usize,
    pub path: Option<String>,
    pub message: String,
    pub help: &'static str,
}

/// A place to come back to in an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    position: u64,
    line_column: Option<(u64, u64)>,
}

/// The window. All places are in bytes from the start of the unpacked input.
pub(super) struct Window<'a> {
    name: &'a str,
    options: ReadOptions,
    input: Input<'a>,
    buf: Vec<u8>,
    /// Next byte to read, in `buf`.
    at: usize,
    /// The place of `buf`'s first byte.
    base: u64,
    /// Bytes from here on stay in `buf` although they are read.
    anchor: Option<usize>,
    ended: bool,
    /// Lines before `base`, and the place where its line begins; of a stream, which cannot be read again.
    lines: (u64, u64),
}

impl<'a> Window<'a> {
    pub fn new(name: &'a str, options: ReadOptions, input: Input<'a>) -> Self {
        let base = match &input {
            Input::Range { next, .. } => *next,
            Input::Stream(_) => 0,
        };
        Self { name, options, input, buf: Vec::new(), at: 0, base, anchor: None, ended: false, lines: (0, 0) }
    }

    /// What the input is read under.
    pub fn options(&self) -> ReadOptions {
        self.options
    }

    /// What errors call the input.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The place of the next byte.
    pub fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The text that can be read at any place, if it is one.
    pub fn text(&self) -> Option<Text<'a>> {
        match &self.input {
            Input::Range { text, .. } => Some(*text),
            Input::Stream(_) => None,
        }
    }

    /// Continues at `position` of a text that can be read at any place.
    pub fn jump(&mut self, position: u64) {
        if let Input::Range { next, .. } = &mut self.input {
            *next = position;
            self.base = position;
            self.buf.clear();
            self.at = 0;
            self.anchor = None;
            self.ended = false;
        }
    }

    /// Keeps the text from the next byte on, for [`Window::back`].
    pub fn drop_anchor(&mut self) {
        self.anchor = Some(self.at);
    }

    pub fn raise_anchor(&mut self) {
        self.anchor = None;
    }

    /// Returns to the anchor and raises it.
    pub fn back(&mut self) {
        if let Some(anchor) = self.anchor.take() {
            self.at = anchor;
        }
    }

    pub fn has_anchor(&self) -> bool {
        self.anchor.is_some()
    }

    /// The next byte that is not whitespace, not taken; none at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            let rest = &self.buf[self.at..];
            if let Some(skip) = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
                self.at += skip;
                return Ok(Some(self.buf[self.at]));
            }
            self.at = self.buf.len();
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Takes the byte that [`Window::peek`] saw.
    pub fn take(&mut self) {
        self.at += 1;
    }

    /// Hands the text from the next byte on to `read`, with more and more of it until `read` has
    /// enough. The second argument says that no text follows.
    pub fn read<R>(&mut self, mut read: impl FnMut(&[u8], bool) -> Step<R>) -> Result<R, InputError> {
        loop {
            let text = &self.buf[self.at..];
            match read(text, self.ended) {
                Step::Done(result, taken) => {
                    self.at += taken;
                    return Ok(result);
                }
                Step::Wrong(fault) => return Err(self.fault(fault)),
                Step::More if self.ended => return Err(self.cut_short()),
                Step::More => self.fill()?,
            }
        }
    }

    /// Reads on. What is taken is forgotten, except from the anchor on.
    fn fill(&mut self) -> Result<(), InputError> {
        let keep = self.anchor.unwrap_or(self.at);
        let held = self.buf.len() - keep;
        let most = self.options.limits.max_element_bytes;
        if held > most {
            let limit = bytes(most as u64);
            let message = format!("a single element is larger than the limit of {limit}");
            return Err(InputError::new(InputErrorKind::TooLarge, self.name, message)
                .at(self.place(self.base + keep as u64, None))
                .help("split the element, or raise the limit if the source is trusted"));
        }
        if matches!(self.input, Input::Stream(_)) {
            for (index, _) in self.buf[..keep].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                self.lines = (self.lines.0 + 1, self.base + index as u64 + 1);
            }
        }
        self.buf.drain(..keep);
        self.base += keep as u64;
        self.at -= keep;
        self.anchor = self.anchor.map(|_| 0);

        // Twice as much each time, so that reading an element again and again stays cheap.
        let want = self.options.block_bytes.max(held).min(most - held + 1).max(1);
        self.buf.resize(held + want, 0);
        let count = match &mut self.input {
            Input::Stream(source) => source.read_block(&mut self.buf[held..])?,
            Input::Range { text, next, end } => {
                let want = usize::try_from(*end - *next).unwrap_or(usize::MAX).min(want);
                let count = text
                    .read_at(*next, &mut self.buf[held..held + want])
                    .map_err(|error| InputError::io(self.name, &error))?;
                *next += count as u64;
                count
            }
        };
        self.buf.truncate(held + count);
        self.ended = count < want;
        Ok(())
    }

    /// The error of something wrong in the text from the next byte on.
    pub fn fault(&self, fault: Fault) -> InputError {
        let place = self.place(self.position() + fault.offset as u64, fault.path);
        InputError::new(fault.kind, self.name, fault.message).at(place).help(fault.help)
    }

    /// The error of a text that ends too soon.
    pub fn cut_short(&self) -> InputError {
        let end = self.base + self.buf.len() as u64;
        InputError::new(InputErrorKind::Syntax, self.name, "the text ends in the middle of a value")
            .at(self.place(end, None))
            .help("it is cut short: copy it again, or wait until its writer has finished")
    }

    /// The error of a wrong byte at the next place, where `expected` was expected.
    pub fn unexpected(&self, expected: &str) -> InputError {
        match self.buf.get(self.at) {
            None => self.cut_short(),
            Some(_) => self.fault(Fault {
                kind: InputErrorKind::Syntax,
                offset: 0,
                path: None,
                message: format!("expected {expected}, found {}", found(&self.buf[self.at..])),
                help: NOT_JSON,
            }),
        }
    }

    /// The next place. The lines before it are counted now only where the text cannot be read again.
    pub fn mark(&self) -> Mark {
        let position = self.position();
        match &self.input {
            Input::Stream(_) => Mark { position, line_column: self.line_column(position) },
            Input::Range { .. } => Mark { position, line_column: None },
        }
    }

    /// The place that was marked.
    pub fn marked(&self, mark: Mark) -> Place {
        let line_column = mark.line_column.or_else(|| self.line_column(mark.position));
        Place { line_column, byte: Some(mark.position), ..Place::default() }
    }

    /// A place with its line and column.
    pub fn place(&self, position: u64, path: Option<String>) -> Place {
        let line_column = self.line_column(position);
        Place { line_column, byte: Some(position), path, ..Place::default() }
    }

    fn line_column(&self, position: u64) -> Option<(u64, u64)> {
        let (mut line, mut begin) = (1, 0);
        match &self.input {
            Input::Stream(_) => {
                (line, begin) = (self.lines.0 + 1, self.lines.1);
                let before = usize::try_from(position.checked_sub(self.base)?).ok()?;
                let before = &self.buf[..before.min(self.buf.len())];
                for (index, _) in before.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                    (line, begin) = (line + 1, self.base + index as u64 + 1);
                }
            }
            Input::Range { text, .. } => {
                let mut block = vec![0; BLOCK];
                let mut at = 0;
                while at < position {
                    let want = usize::try_from(position - at).unwrap_or(BLOCK).min(BLOCK);
                    let count = text.read_at(at, &mut block[..want]).ok().filter(|count| *count > 0)?;
                    for (index, _) in block[..count].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                        (line, begin) = (line + 1, at + index as u64 + 1);
                    }
                    at += count as u64;
                }
            }
        }
        Some((line, position - begin + 1))
    }
}

/// What to do about a text that is not JSON.
pub(super) const NOT_JSON: &str =
    "from here on the text is not JSON; `python3 -m json.tool` on the file points at the same place";

/// The byte that begins `text`, for a message.
pub(super) fn found(text: &[u8]) -> String {
    match text.first() {
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
        Some(byte) => format!("byte 0x{byte:02x}"),
        None => "the end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_alike_in_streams_and_ranges() {
        let text: Vec<u8> = (0..BLOCK)
            .flat_map(|line| if line % 7 == 0 { &b"ab\n"[..] } else { b"cde\n" }.to_vec())
            .collect();
        let stop = text.len() - 2;
        let options = ReadOptions::default();
        let whole = Text::Slice(&text);
        let range = Window::new("x", options, Input::Range { text: whole, next: 0, end: whole.len() });
        let mut stream =
            Window::new("x", options, Input::Stream(Source::from_slice("x", &text, options.limits).unwrap()));
        while stream.position() < stop as u64 {
            let left = stop - stream.position() as usize;
            let step = |text: &[u8], _| match text.len().min(left) {
                0 => Step::More,
                taken => Step::Done((), taken),
            };
            stream.read(step).unwrap();
        }
        assert_eq!(stream.position(), stop as u64);
        assert_eq!(stream.line_column(stop as u64), range.line_column(stop as u64));
        assert_eq!(range.line_column(stop as u64), Some((BLOCK as u64, 2)));
    }

    #[test]
    fn wrong_characters_are_named() {
        let check = |text: &[u8], expected: &str| assert_eq!(found(text), expected);
        check(b"x", "`x`");
        check("é".as_bytes(), "byte 0xc3");
        check(b"\xff\xfe", "byte 0xff");
        check(b"\x00", "byte 0x00");
        check(b"", "the end");
    }
}
