//! One table of columns per row type: what is published of a row, under which name, and how it
//! sorts. The response type, projection (`fields=`) and sorting (`sort=`) all read it, so they
//! cannot disagree. Knows no route.

use std::cmp::Ordering;

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Value, value::RawValue};
use smoltrace_model::rows::{RunStatus, Source, SpanKind, SpanStatus};

use crate::error::ApiError;

/// A published value, borrowed from its row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Unix ns; written as a string, because JavaScript numbers cannot hold it.
    Nanos(i64),
    Float(f64),
    Text(&'a str),
    List(&'a [String]),
    /// JSON text, written as it is.
    Json(&'a str),
    /// JSON list of a span's events, their times written as [`Cell::Nanos`].
    Events(&'a str),
}

impl Cell<'_> {
    /// Numeric order of numbers, case-blind order of text; nulls are the caller's business.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
            (Cell::Int(a) | Cell::Nanos(a), Cell::Int(b) | Cell::Nanos(b)) => a.cmp(b),
            (Cell::Float(a), Cell::Float(b)) => a.total_cmp(b),
            (Cell::Text(a), Cell::Text(b)) => compare_text(a, b),
            (Cell::List(a), Cell::List(b)) => a.cmp(b),
            (Cell::Json(a) | Cell::Events(a), Cell::Json(b) | Cell::Events(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    /// Order with nulls last, whichever the direction.
    pub fn compare_nulls_last(&self, other: &Self, descending: bool) -> Ordering {
        match (self, other) {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => Ordering::Greater,
            (_, Cell::Null) => Ordering::Less,
            _ if descending => other.compare(self),
            _ => self.compare(other),
        }
    }
}

/// Case-blind, equal texts of different case in a fixed order.
fn compare_text(a: &str, b: &str) -> Ordering {
    fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().flat_map(char::to_lowercase)
    }
    if a == b {
        return Ordering::Equal;
    }
    let blind = if a.is_ascii() && b.is_ascii() {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        a.bytes().map(lower).cmp(b.bytes().map(lower))
    } else {
        folded(a).cmp(folded(b))
    };
    blind.then_with(|| a.cmp(b))
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Cell::Null => serializer.serialize_none(),
            Cell::Bool(value) => serializer.serialize_bool(value),
            Cell::Int(value) => serializer.serialize_i64(value),
            Cell::Nanos(value) => serializer.collect_str(&value),
            Cell::Float(value) => serializer.serialize_f64(value),
            Cell::Text(value) => serializer.serialize_str(value),
            Cell::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Cell::Json(text) => json_text(text).serialize(serializer),
            Cell::Events(text) => events(text).serialize(serializer),
        }
    }
}

/// JSON text as a JSON value; text that is not JSON becomes a JSON string, so that a bad cell
/// never spoils a response.
pub fn json_text(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned())
        .or_else(|_| serde_json::value::to_raw_value(text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn events(text: &str) -> Value {
    let mut events: Value = serde_json::from_str(text).unwrap_or_default();
    for event in events.as_array_mut().into_iter().flatten() {
        if let Some(time) = event.get_mut("time_unix_nano").filter(|time| time.is_number()) {
            *time = Value::String(time.to_string());
        }
    }
    events
}

macro_rules! cell_from {
    ($($type:ty => |$value:ident| $cell:expr;)*) => {
        $(impl<'a> From<$type> for Cell<'a> {
            fn from($value: $type) -> Self {
                $cell
            }
        })*
    };
}
cell_from! {
    &'a String => |value| Cell::Text(value);
    &'a Option<String> => |value| value.as_deref().map_or(Cell::Null, Cell::Text);
    &'a Vec<String> => |value| Cell::List(value);
    &'a bool => |value| Cell::Bool(*value);
    &'a Option<bool> => |value| value.map_or(Cell::Null, Cell::Bool);
    &'a i64 => |value| Cell::Int(*value);
    &'a Option<i64> => |value| value.map_or(Cell::Null, Cell::Int);
    &'a f64 => |value| Cell::Float(*value);
    &'a Option<f64> => |value| (*value).into();
    Option<f64> => |value| value.filter(|value| value.is_finite()).map_or(Cell::Null, Cell::Float);
    &'a Source => |value| Cell::Text(value.as_str());
    &'a RunStatus => |value| Cell::Text(value.as_str());
    &'a SpanKind => |value| Cell::Text(value.as_str());
    &'a SpanStatus => |value| Cell::Text(value.as_str());
}

/// A time in Unix ns as a cell.
pub fn nanos<'a>(value: Option<i64>) -> Cell<'a> {
    value.map_or(Cell::Null, Cell::Nanos)
}

/// A published column of rows of type `R`.
pub struct Column<R: 'static> {
    pub name: &'static str,
    pub get: for<'a> fn(&'a R) -> Cell<'a>,
}

/// Declares a response type together with the columns that make it. A field without an
/// expression is the row's field of that name; those under `beside` are filled in elsewhere.
macro_rules! columns {
    (
        $(#[$meta:meta])*
        pub struct $name:ident of $row:ident: $row_type:ty as $columns:ident {
            $( $(#[$fmeta:meta])* $field:ident : $type:ty $(= $value:expr)?, )*
            $( ; beside { $( $(#[$bmeta:meta])* $beside:ident : $btype:ty, )* } )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $type, )*
            $( $( $(#[$bmeta])* pub $beside: $btype, )* )?
        }

        /// The columns of the response type, in its order.
        pub static $columns: &[$crate::columns::Column<$row_type>] = &[
            $( $crate::columns::Column {
                name: stringify!($field),
                get: |$row| $crate::columns::columns!(@get $row $field $($value)?),
            }, )*
        ];
    };
    (@get $row:ident $field:ident) => { $crate::columns::Cell::from(&$row.$field) };
    (@get $row:ident $field:ident $value:expr) => { $crate::columns::Cell::from($value) };
}
pub(crate) use columns;

/// The columns that `fields` names, in the order of the response type; all when it names none.
pub fn select<R>(
    columns: &'static [Column<R>],
    beside: &[&str],
    fields: &[&str],
) -> Result<Vec<&'static Column<R>>, ApiError> {
    let known = |name: &str| columns.iter().any(|column| column.name == name) || beside.contains(&name);
    if let Some(unknown) = fields.iter().find(|name| !known(name)) {
        return Err(ApiError::invalid(format!(
            "`fields` does not know `{unknown}`; it takes {}",
            names(columns, beside)
        )));
    }
    Ok(columns.iter().filter(|column| fields.is_empty() || fields.contains(&column.name)).collect())
}

/// Names of columns, for an error message.
pub fn names<R>(columns: &[Column<R>], beside: &[&str]) -> String {
    let all: Vec<&str> = columns.iter().map(|column| column.name).chain(beside.iter().copied()).collect();
    all.join(", ")
}

/// One term of a sort order.
pub struct SortTerm<R: 'static> {
    pub column: &'static Column<R>,
    pub descending: bool,
}

impl<R> SortTerm<R> {
    /// Parses `name` or `-name`.
    pub fn parse(columns: &'static [Column<R>], beside: &[&str], term: &str) -> Result<Self, ApiError> {
        let (descending, name) = match term.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, term),
        };
        columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| Self { column, descending })
            .ok_or_else(|| {
                ApiError::invalid(format!(
                    "`sort` does not know `{name}`; it takes {}, each with `-` in front for descending",
                    names(columns, beside)
                ))
            })
    }

    /// Compares two rows by this term, nulls last.
    pub fn compare(&self, a: &R, b: &R) -> Ordering {
        (self.column.get)(a).compare_nulls_last(&(self.column.get)(b), self.descending)
    }
}

/// A row written as an object of chosen columns, with extra cells at its end.
pub struct Projected<'a, R: 'static> {
    pub row: &'a R,
    pub columns: &'a [&'static Column<R>],
    pub beside: Option<(&'static str, Cell<'a>)>,
}

impl<R> Serialize for Projected<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.columns.iter().map(|column| (column.name, (column.get)(self.row)));
        serializer.collect_map(columns.chain(self.beside))
    }
}
