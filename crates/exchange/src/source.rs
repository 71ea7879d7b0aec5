//! Opening an input: a path, `-`, a reader or bytes, gzip or not, within limits.
//!
//! Must not know any format but gzip. Nothing here holds a whole input unless it is asked to.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{InputError, InputErrorKind, Place, STDIN};

/// Levels of nesting that a document may have.
pub const MAX_DEPTH: usize = 128;

/// How much an input may be. What goes beyond is refused, never cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// Bytes of one input, after gzip. Default: 4 GiB.
    pub max_decompressed_bytes: u64,
    /// Unpacked bytes for each packed byte, beyond [`ImportLimits::ratio_free_bytes`]. Default: 500.
    pub max_ratio: u64,
    /// Unpacked bytes for which no ratio is asked: short texts may pack very well. Default: 64 MiB.
    pub ratio_free_bytes: u64,
    /// Bytes of one element that has to be held in memory at once. Default: 256 MiB.
    pub max_element_bytes: usize,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            max_decompressed_bytes: 4 << 30,
            max_ratio: 500,
            ratio_free_bytes: 64 << 20,
            max_element_bytes: 256 << 20,
        }
    }
}

/// A byte stream with a name, unpacked and limited.
pub struct Source<'a> {
    name: String,
    limits: ImportLimits,
    input: Input<'a>,
    /// Unpacked bytes handed out so far.
    read: u64,
}

enum Input<'a> {
    Plain(Counted<'a>),
    Gzip(Box<MultiGzDecoder<Counted<'a>>>),
}

/// The raw bytes, with those already looked at put back in front, counted.
struct Counted<'a> {
    head: [u8; 2],
    head_left: u8,
    head_len: u8,
    rest: Box<dyn Read + Send + 'a>,
    taken: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = if self.head_left > 0 {
            let start = usize::from(self.head_len - self.head_left);
            let count = usize::from(self.head_left).min(buf.len());
            buf[..count].copy_from_slice(&self.head[start..start + count]);
            self.head_left -= count as u8;
            count
        } else {
            self.rest.read(buf)?
        };
        self.taken += count as u64;
        Ok(count)
    }
}

impl<'a> Source<'a> {
    /// Opens a file, or standard input when `path` is `-`.
    ///
    /// # Errors
    /// `NotFound`, `Permission`, `Io`; `Unrecognised` for a folder.
    pub fn open(path: &Path, limits: ImportLimits) -> Result<Self, InputError> {
        if path.as_os_str() == "-" {
            return Self::from_reader(STDIN, io::stdin(), limits);
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| InputError::path_io(path, &e))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(InputError::folder(name));
        }
        Self::from_reader(name, file, limits)
    }

    /// Reads from `reader`; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn from_reader(
        name: impl Into<String>,
        mut reader: impl Read + Send + 'a,
        limits: ImportLimits,
    ) -> Result<Self, InputError> {
        let name = name.into();
        let mut head = [0; 2];
        let head_len =
            read_full(&mut reader, &mut head).map_err(|error| InputError::io(name.as_str(), &error))? as u8;
        let counted = Counted { head, head_left: head_len, head_len, rest: Box::new(reader), taken: 0 };
        let input = if is_gzip(&head) {
            Input::Gzip(Box::new(MultiGzDecoder::new(counted)))
        } else {
            Input::Plain(counted)
        };
        Ok(Self { name, limits, input, read: 0 })
    }

    /// Reads from bytes in memory.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn from_slice(
        name: impl Into<String>,
        bytes: &'a [u8],
        limits: ImportLimits,
    ) -> Result<Self, InputError> {
        Self::from_reader(name, bytes, limits)
    }

    /// What errors call this input.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The limits it is read under.
    pub fn limits(&self) -> ImportLimits {
        self.limits
    }

    /// Whether the bytes are unpacked on the way.
    pub fn is_gzip(&self) -> bool {
        matches!(self.input, Input::Gzip(_))
    }

    /// Unpacked bytes handed out so far.
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Fills `buf` as far as there is input; less than its length only at the end.
    ///
    /// # Errors
    /// `TooLarge` beyond a limit, `Syntax` for broken gzip, `Io` otherwise.
    pub fn read_block(&mut self, buf: &mut [u8]) -> Result<usize, InputError> {
        let count = match &mut self.input {
            Input::Plain(plain) => read_full(plain, buf),
            Input::Gzip(gzip) => read_full(gzip.as_mut(), buf),
        };
        let count = count.map_err(|error| self.explain(&error))?;
        self.read += count as u64;
        self.check()?;
        Ok(count)
    }

    /// The whole input.
    ///
    /// # Errors
    /// As [`Source::read_block`].
    pub fn read_all(mut self) -> Result<Vec<u8>, InputError> {
        const STEP: usize = 1 << 20;
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            bytes.resize(start + STEP, 0);
            let count = self.read_block(&mut bytes[start..])?;
            bytes.truncate(start + count);
            if count < STEP {
                return Ok(bytes);
            }
        }
    }

    fn explain(&self, error: &io::Error) -> InputError {
        let broken = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        if self.is_gzip() && error.kind() == io::ErrorKind::UnexpectedEof {
            InputError::new(InputErrorKind::Syntax, &self.name, "the gzip data end before their end mark")
                .at(Place::byte(self.read))
                .help("the file is cut short; copy or download it again")
        } else if self.is_gzip() && broken {
            InputError::new(InputErrorKind::Syntax, &self.name, format!("the gzip data are broken: {error}"))
                .at(Place::byte(self.read))
                .help("copy or download the file again; `gzip -t` tells whether it is whole")
        } else {
            InputError::io(&self.name, error)
        }
    }

    fn check(&self) -> Result<(), InputError> {
        let too_large = |message: String, help: &str| {
            Err(InputError::new(InputErrorKind::TooLarge, &self.name, message)
                .at(Place::byte(self.read))
                .help(help))
        };
        if self.read > self.limits.max_decompressed_bytes {
            return too_large(
                format!("larger than the limit of {}", bytes(self.limits.max_decompressed_bytes)),
                "split it, or raise the limit if the source is trusted",
            );
        }
        if let Input::Gzip(gzip) = &self.input {
            let packed = gzip.get_ref().taken.max(1);
            let most = packed.saturating_mul(self.limits.max_ratio).max(self.limits.ratio_free_bytes);
            if self.read > most {
                return too_large(
                    format!(
                        "{} of gzip unpack to more than {}: over {} to 1, which telemetry never reaches",
                        bytes(packed),
                        bytes(most),
                        self.limits.max_ratio
                    ),
                    "unpack the file first if its source is trusted",
                );
            }
        }
        Ok(())
    }
}

impl Read for Source<'_> {
    /// As [`Source::read_block`]; the error's inner value is the [`InputError`].
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_block(buf).map_err(io::Error::other)
    }
}

/// Whether bytes begin as gzip does.
pub fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// A count of bytes for a person.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) if count.is_multiple_of(*size) => format!("{} {unit}", count / size),
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / *size as f64),
        None => format!("{count} bytes"),
    }
}

fn read_full(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match reader.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
