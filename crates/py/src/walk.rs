//! Steps through Python objects, and says where in them something is wrong.
//!
//! Knows nothing of metrics or traces: only how dicts, lists, numbers and texts are taken,
//! and how a place in them is named (`resource_metrics[3].scopeMetrics[0].name`).

use std::borrow::Cow;
#[cfg(unix)]
use std::ffi::c_char;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use pyo3::{Borrowed, ffi};

/// One step from an object to a part of it.
enum Step {
    Key(String),
    Index(usize),
}

/// What went wrong, and the steps that led there (innermost first). Boxed, so that what is
/// passed around where nothing is wrong stays small.
pub struct WalkError(Box<Wrong>);

struct Wrong {
    steps: Vec<Step>,
    what: What,
}

enum What {
    Expected(String),
    /// An exception that the objects themselves raised.
    Raised(PyErr),
}

pub type Walked<T> = Result<T, WalkError>;

impl WalkError {
    pub fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Wrong { steps: Vec::new(), what: What::Expected(what.into()) }))
    }

    /// The text `ROOT[3].name: what is wrong`, or the exception that was raised, as it is.
    pub fn into_text(self, root: &str) -> Result<String, PyErr> {
        let what = match self.0.what {
            What::Expected(what) => what,
            What::Raised(exception) => return Err(exception),
        };
        let mut text = root.to_owned();
        for step in self.0.steps.iter().rev() {
            match step {
                Step::Key(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text.push_str(": ");
        text.push_str(&what);
        Ok(text)
    }

    /// "expected WANTED, got VALUE (TYPE)".
    pub fn expected(wanted: &str, got: &Bound<'_, PyAny>) -> Self {
        Self::new(format!("expected {wanted}, got {}", describe(got)))
    }
}

/// An exception raised while looking, such as by a `__getitem__` of the caller's own.
impl From<PyErr> for WalkError {
    fn from(error: PyErr) -> Self {
        Self(Box::new(Wrong { steps: Vec::new(), what: What::Raised(error) }))
    }
}

/// Adds the step that an error happened under.
pub trait At<T> {
    fn at_key(self, key: &str) -> Walked<T>;
    fn at_index(self, index: usize) -> Walked<T>;
}

impl<T> At<T> for Walked<T> {
    #[inline]
    fn at_key(self, key: &str) -> Walked<T> {
        self.map_err(|mut error| {
            error.0.steps.push(Step::Key(key.to_owned()));
            error
        })
    }

    #[inline]
    fn at_index(self, index: usize) -> Walked<T> {
        self.map_err(|mut error| {
            error.0.steps.push(Step::Index(index));
            error
        })
    }
}

/// A short text of a value with its type, for error messages.
pub fn describe(value: &Bound<'_, PyAny>) -> String {
    if value.is_none() {
        return "None".into();
    }
    let kind = value.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string());
    let text = value.repr().map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned());
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("{short}{dots} ({kind})")
}

/// The object as a dict; any other mapping is copied into one.
pub fn dict<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Walked<Cow<'a, Bound<'py, PyDict>>> {
    if let Ok(dict) = value.cast::<PyDict>() {
        return Ok(Cow::Borrowed(dict));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let copy = PyDict::new(value.py());
        copy.update(mapping)?;
        return Ok(Cow::Owned(copy));
    }
    Err(WalkError::expected("a dict", value))
}

/// The value under a key; absent and None are the same.
pub fn get<'py>(dict: &Bound<'py, PyDict>, key: &Bound<'py, PyString>) -> Walked<Option<Bound<'py, PyAny>>> {
    Ok(dict.get_item(key)?.filter(|value| !value.is_none()))
}

/// Reads the same few keys of many dicts, in one pass over each and without hashing.
///
/// Dicts that were parsed from one text share the objects of their keys, so that a key is told
/// by its address; only an address that was not seen before is compared as a text.
pub struct Fields<'py, const N: usize> {
    names: [&'static str; N],
    /// Key objects seen, with their place in `names`, or `N` when they are none of them.
    seen: Vec<(Bound<'py, PyAny>, usize)>,
}

impl<'py, const N: usize> Fields<'py, N> {
    pub fn new(names: [&'static str; N]) -> Self {
        Self { names, seen: Vec::new() }
    }

    /// The values in the order of the names; absent and None are the same.
    pub fn read(&mut self, dict: &Bound<'py, PyDict>) -> [Option<Bound<'py, PyAny>>; N] {
        let py = dict.py();
        let mut values = [const { None }; N];
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        let mut nth = 0;
        // SAFETY: the GIL is held and no Python code runs before the loop ends, so the dict does
        // not change: comparing an address or the characters of a str calls nothing, and a value
        // that is kept is counted. The key and value of an entry are valid where the call says so.
        unsafe {
            while ffi::PyDict_Next(dict.as_ptr(), &mut position, &mut key, &mut value) != 0 {
                let place = self.place(nth, Borrowed::from_ptr(py, key));
                nth += 1;
                if place < N && value != ffi::Py_None() {
                    values[place] = Some(Bound::from_borrowed_ptr(py, value));
                }
            }
        }
        values
    }

    /// As [`Self::read`], without counting the values as in use, and only so far as the names need.
    ///
    /// # Safety
    /// No Python code may run while the values are in use: it could change the dict, which would
    /// let go of them. To look at exact floats, texts, lists and dicts runs none.
    pub unsafe fn peek<'a>(
        &mut self,
        dict: Borrowed<'a, 'py, PyAny>,
    ) -> [Option<Borrowed<'a, 'py, PyAny>>; N] {
        let py = dict.py();
        let mut values = [const { None }; N];
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        let (mut nth, mut found) = (0, 0);
        // SAFETY: as in `read`, but that the caller sees to it that the values stay.
        unsafe {
            while found < N && ffi::PyDict_Next(dict.as_ptr(), &mut position, &mut key, &mut value) != 0 {
                let place = self.place(nth, Borrowed::from_ptr(py, key));
                nth += 1;
                if place < N {
                    found += 1;
                    if value != ffi::Py_None() {
                        values[place] = Some(Borrowed::from_ptr(py, value));
                    }
                }
            }
        }
        values
    }

    /// The place of the dict's `nth` key. Alike dicts have alike orders: the `nth` seen is tried first.
    #[inline]
    fn place(&mut self, nth: usize, key: Borrowed<'_, 'py, PyAny>) -> usize {
        match self.seen.get(nth) {
            Some((seen, place)) if seen.as_ptr() == key.as_ptr() => *place,
            _ => self.search(key),
        }
    }

    fn search(&mut self, key: Borrowed<'_, 'py, PyAny>) -> usize {
        /// Key objects that are remembered; the more, the longer a search among them.
        const MOST: usize = 32;
        if let Some((_, place)) = self.seen.iter().find(|(seen, _)| seen.is(key)) {
            return *place;
        }
        let place = key.cast::<PyString>().ok().and_then(|text| {
            let text = characters(&text);
            self.names.iter().position(|name| *name == text)
        });
        let place = place.unwrap_or(N);
        if self.seen.len() < MOST {
            self.seen.push((key.to_owned(), place));
        }
        place
    }
}

/// The items of an exact list, not counted as in use.
///
/// # Safety
/// As [`Fields::peek`], of the list.
pub unsafe fn peek_items<'a, 'py>(
    list: Borrowed<'a, 'py, PyAny>,
) -> impl Iterator<Item = Borrowed<'a, 'py, PyAny>> {
    // SAFETY: the caller sees to it that the object is a list, and that it stays as it is.
    let length = unsafe { ffi::PyList_Size(list.as_ptr()) };
    (0..length).map(move |index| {
        // SAFETY: the index is below the length of a list that stays as it is.
        unsafe { Borrowed::from_ptr(list.py(), ffi::PyList_GetItem(list.as_ptr(), index)) }
    })
}

/// The characters of an exact text that keeps them in UTF-8.
///
/// # Safety
/// As [`Fields::peek`], of whatever holds the text.
pub unsafe fn peek_text<'a>(value: Borrowed<'a, '_, PyAny>) -> Option<&'a str> {
    if !value.is_exact_instance_of::<PyString>() {
        return None;
    }
    // SAFETY: it is a text, and the caller sees to it that it stays.
    let text = unsafe { value.cast_unchecked::<PyString>() };
    // SAFETY: as above: the characters live as long as the text.
    utf8(&text).map(|characters| unsafe { &*std::ptr::from_ref(characters) })
}

/// Whether the object is a list or a tuple.
pub fn is_list(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>()
}

/// Calls `each` on every item of a list or tuple; None has none. A list that shrinks while it is
/// walked just ends sooner.
pub fn each<'py>(
    value: Option<&Bound<'py, PyAny>>,
    mut each: impl FnMut(usize, &Bound<'py, PyAny>) -> Walked<()>,
) -> Walked<()> {
    let Some(value) = value else { return Ok(()) };
    if let Ok(list) = value.cast::<PyList>() {
        for (index, item) in list.iter().enumerate() {
            each(index, &item).at_index(index)?;
        }
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        for (index, item) in tuple.iter().enumerate() {
            each(index, &item).at_index(index)?;
        }
    } else if !value.is_none() {
        return Err(WalkError::expected("a list", value));
    }
    Ok(())
}

/// A text; what is no text is refused.
pub fn text<'a>(value: &'a Bound<'_, PyAny>) -> Walked<Cow<'a, str>> {
    value.cast::<PyString>().map(characters).map_err(|_| WalkError::expected("a str", value))
}

/// The characters of a text; half surrogate pairs become U+FFFD.
pub fn characters<'a>(text: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    match utf8(text) {
        Some(characters) => Cow::Borrowed(characters),
        None => Cow::Owned(text.to_string_lossy().into_owned()),
    }
}

#[cfg(unix)]
unsafe extern "C" {
    /// In the stable ABI since Python 3.10, and exported by every CPython 3 on Unix before.
    /// What the stable ABI of 3.9 offers instead makes a copy of every text.
    fn PyUnicode_AsUTF8AndSize(text: *mut ffi::PyObject, size: *mut ffi::Py_ssize_t) -> *const c_char;
}

/// The UTF-8 form that the text keeps of itself; none when it has half surrogate pairs.
#[cfg(unix)]
pub fn utf8<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a str> {
    let mut size = 0;
    // SAFETY: `text` is a str and the GIL is held. What is returned lives as long as the str
    // (text strings never change) and holds `size` bytes of valid UTF-8.
    unsafe {
        let start = PyUnicode_AsUTF8AndSize(text.as_ptr(), &mut size);
        if start.is_null() {
            PyErr::take(text.py());
            return None;
        }
        let bytes = std::slice::from_raw_parts(start.cast::<u8>(), size as usize);
        Some(std::str::from_utf8_unchecked(bytes))
    }
}

#[cfg(not(unix))]
pub fn utf8<'a>(_text: &'a Bound<'_, PyString>) -> Option<&'a str> {
    None
}

/// A number: float, int, anything with `__float__`, or a text of one ("NaN" included).
pub fn number(value: &Bound<'_, PyAny>) -> Walked<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    if let Ok(string) = value.cast::<PyString>() {
        return characters(string).trim().parse().map_err(|_| WalkError::expected("a number", value));
    }
    value.extract::<f64>().map_err(|_| WalkError::expected("a number", value))
}

/// Unix nanoseconds: an int, a float or a text of an integer, from 0 to 2^63 - 1.
pub fn unix_nano(value: &Bound<'_, PyAny>) -> Walked<i64> {
    let refuse = || WalkError::expected("Unix nanoseconds (0 to 2^63 - 1)", value);
    let nanos = if let Ok(string) = value.cast::<PyString>() {
        return nanos(&characters(string)).ok_or_else(refuse);
    } else if value.is_instance_of::<PyInt>() {
        value.extract().map_err(|_| refuse())?
    } else {
        let float: f64 = value.extract().map_err(|_| refuse())?;
        if !(0.0..9.2e18).contains(&float) {
            return Err(refuse());
        }
        float as i64
    };
    if nanos < 0 { Err(refuse()) } else { Ok(nanos) }
}

/// Unix nanoseconds as a text.
pub fn nanos(text: &str) -> Option<i64> {
    digits(text).or_else(|| text.trim().parse().ok()).filter(|nanos| *nanos >= 0)
}

/// A number of at most 18 digits and nothing else, or of 19 that begin with 1: what times of this
/// era are, read without a test for overflow at every digit.
fn digits(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let fits = (1..19).contains(&bytes.len()) || (bytes.len() == 19 && bytes[0] == b'1');
    let mut value: u64 = 0;
    let mut wrong = !fits;
    for byte in bytes.iter().take(19) {
        let digit = byte.wrapping_sub(b'0');
        wrong |= digit > 9;
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    (!wrong).then_some(value as i64)
}
