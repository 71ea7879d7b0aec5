//! What serde says of a wrong JSON text, said to a person.

use serde_json::error::Category;

use super::element::{Element, TOO_DEEP};
use super::window::{Fault, NOT_JSON, found};
use crate::error::InputErrorKind;
use crate::source::MAX_DEPTH;

/// What is wrong with `text`. The error must not be that the text ends too soon.
pub(super) fn fault(text: &[u8], error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let offset = offset(text, error.line(), error.column());
    let (kind, message, help) = if message == TOO_DEEP {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        (InputErrorKind::TooDeep, message, "no telemetry is nested so deep; check what wrote it")
    } else if error.classify() == Category::Data {
        (
            InputErrorKind::WrongType,
            wrong_type(message),
            "compare with the OTLP specification of metrics in JSON",
        )
    } else {
        let message = match message {
            "invalid unicode code point" => "the text is not valid UTF-8".to_owned(),
            message if message.contains("surrogate") || message.contains("hex escape") => {
                format!("a `\\u` escape that is no character ({message})")
            }
            message if message.contains("control character") => {
                "a control character in a text, which has to be escaped".to_owned()
            }
            message => format!("{message}, found {}", found(text.get(offset..).unwrap_or_default())),
        };
        (InputErrorKind::Syntax, message, NOT_JSON)
    };
    Fault { kind, offset, path: None, message, help }
}

/// Whether an error may be owed to nothing but the end of `text`. `last`: no text follows.
pub(super) fn is_cut_short(text: &[u8], error: &serde_json::Error, last: bool) -> bool {
    /// No token that serde looks at as a whole, strings apart, is longer.
    const TOKEN: usize = 8;
    let to_end = || text.len() - offset(text, error.line(), error.column());
    // serde calls `1.` and `-` wrong numbers even where the text ends behind them.
    let number = || error.to_string().starts_with("invalid number") && to_end() <= 1;
    error.is_eof() || !last && to_end() <= TOKEN || number()
}

/// The same with the path of the value in the element that begins `text`.
pub(super) fn element_fault(text: &[u8], error: &serde_json::Error) -> Fault {
    let mut json = serde_json::Deserializer::from_slice(text);
    let path = serde_path_to_error::deserialize::<_, Element<'_>>(&mut json).err();
    let path = path.map(|error| error.path().to_string()).filter(|path| path != "." && !path.contains('?'));
    Fault { path, ..fault(text, error) }
}

/// `invalid type: null, expected a list` as `expected a list, found null`.
fn wrong_type(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let found = found.strip_prefix("invalid type: ").unwrap_or(found);
    let found = match found {
        "map" => "an object",
        "sequence" => "a list",
        found => found,
    };
    format!("expected {expected}, found {found}")
}

/// The byte that a line and a column, both counted from 1, stand for.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let begin = match line.checked_sub(2) {
        None => 0,
        Some(nth) => {
            let mut newlines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            newlines.nth(nth).map_or(0, |(index, _)| index + 1)
        }
    };
    (begin + column.saturating_sub(1)).min(text.len())
}
