//! What is wrong with an input: which input, where in it, and what to do about it.
//!
//! Must not know who asked: the binary, the server and Python each map the [`InputErrorKind`] to an
//! exit code, an HTTP status or an exception of their own. Every kind is bad input (exit code 3).

use std::fmt;
use std::io;
use std::path::Path;

/// The name under which standard input is reported.
pub const STDIN: &str = "<stdin>";

/// Why an input was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputErrorKind {
    /// Nothing is there.
    NotFound,
    /// The operating system does not let us read it.
    Permission,
    /// Reading failed.
    Io,
    /// It holds nothing that could be read.
    Empty,
    /// It is not well-formed in the format that it appears to have, or it is cut short.
    Syntax,
    /// It is well-formed, but a value has another type than the format asks for.
    WrongType,
    /// It is nested deeper than [`crate::source::MAX_DEPTH`].
    TooDeep,
    /// It is, or unpacks to, more than the limits allow.
    TooLarge,
    /// It is in no format that we know.
    Unrecognised,
}

/// Where in an input the fault lies; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Line and column of a text, both counted from 1; the column counts bytes.
    pub line_column: Option<(u64, u64)>,
    /// Bytes before the fault, in the unpacked input.
    pub byte: Option<u64>,
    /// Path of the value, as `resourceMetrics[3].scopeMetrics`.
    pub path: Option<String>,
    /// Row of a table, counted from 0.
    pub row: Option<u64>,
    /// Column of a table.
    pub column: Option<String>,
}

impl Place {
    /// A byte of a binary input.
    pub fn byte(byte: u64) -> Self {
        Self { byte: Some(byte), ..Self::default() }
    }

    /// A row, and a column where it is known, of a table.
    pub fn row(row: u64, column: Option<&str>) -> Self {
        Self { row: Some(row), column: column.map(str::to_owned), ..Self::default() }
    }

    /// A value of a document.
    pub fn path(path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        details.extend(self.path.as_ref().map(|path| format!("at {path}")));
        details.extend(self.row.map(|row| format!("row {row}")));
        details.extend(self.column.as_ref().map(|column| format!("column `{column}`")));
        details.extend(self.byte.map(|byte| format!("byte {byte}")));
        details
    }
}

/// Bad input: the input's name, the place, what is wrong and how to mend it.
///
/// [`Display`](fmt::Display) writes `INPUT:LINE:COLUMN: MESSAGE (PLACE)` and, on a line of its own,
/// `help: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    pub kind: InputErrorKind,
    /// Path as it was given, or `<stdin>`.
    pub input: String,
    pub place: Box<Place>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it, in one line; empty when the message says it all.
    pub help: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.input)?;
        if let Some((line, column)) = self.place.line_column {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        let details = self.place.details();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl InputError {
    /// An error with neither place nor help yet.
    pub fn new(kind: InputErrorKind, input: impl Into<String>, message: impl Into<String>) -> Self {
        let (input, message) = (input.into(), message.into());
        Self { kind, input, place: Box::default(), message, help: String::new() }
    }

    /// The same error at `place`.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Box::new(place);
        self
    }

    /// The same error with the way to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// A failure of the operating system on `input`.
    pub fn io(input: impl Into<String>, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::new(InputErrorKind::NotFound, input, "no such file or folder")
                .help("check the path; a relative path starts at the current folder"),
            io::ErrorKind::PermissionDenied => {
                Self::new(InputErrorKind::Permission, input, "permission to read was denied")
                    .help("make it readable for the current user, for example with `chmod u+r`")
            }
            io::ErrorKind::IsADirectory => Self::folder(input),
            _ => Self::new(InputErrorKind::Io, input, format!("reading failed: {error}"))
                .help("try again; if it persists, check the disk or the sender of the data"),
        }
    }

    /// [`InputError::io`] of a path.
    pub fn path_io(path: &Path, error: &io::Error) -> Self {
        Self::io(path.display().to_string(), error)
    }

    /// A folder where a file was expected.
    pub fn folder(input: impl Into<String>) -> Self {
        Self::new(InputErrorKind::Unrecognised, input, "this is a folder, a file was expected")
            .help("name a file in it, or use `smoltrace import` for whole folders")
    }

    /// Nothing to read; `what` says what was expected.
    pub fn empty(input: impl Into<String>, what: &str) -> Self {
        Self::new(InputErrorKind::Empty, input, format!("there is nothing in it, {what} was expected"))
            .help("check that whatever wrote it had finished")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_input_place_and_fix() {
        let check = |error: InputError, expected: &str| assert_eq!(error.to_string(), expected);
        let place = Place {
            line_column: Some((3, 14)),
            byte: Some(159),
            path: Some("resourceMetrics[1]".into()),
            ..Place::default()
        };
        check(
            InputError::new(InputErrorKind::Syntax, "metrics.json", "expected `,` or `]`")
                .at(place)
                .help("close the list"),
            "metrics.json:3:14: expected `,` or `]` (at resourceMetrics[1], byte 159)\n  help: close the list",
        );
        check(
            InputError::new(InputErrorKind::WrongType, "t.parquet", "expected a number")
                .at(Place::row(7, Some("total_tokens"))),
            "t.parquet: expected a number (row 7, column `total_tokens`)",
        );
        check(
            InputError::io(STDIN, &io::Error::from(io::ErrorKind::PermissionDenied)),
            "<stdin>: permission to read was denied\n  help: make it readable for the current user, \
             for example with `chmod u+r`",
        );
    }
}
