//! Python objects to JSON values and back, without a text in between.
//!
//! Must not know what the values mean.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString};
use serde_json::{Map, Number, Value};

use crate::walk::{At, WalkError, Walked, characters, dict, each, is_list, utf8};

/// Nesting that is still accepted; beyond it an object most likely contains itself.
const MAX_DEPTH: usize = 128;

/// The JSON value of a Python object.
///
/// Tuples become lists, keys texts, NaN and infinity null, an integer beyond 64 bits a float.
/// What JSON has no form for (a datetime, a path) becomes its `str()`.
pub fn from_python(value: &Bound<'_, PyAny>) -> Walked<Value> {
    convert(value, 0)
}

fn convert(value: &Bound<'_, PyAny>, depth: usize) -> Walked<Value> {
    if depth > MAX_DEPTH {
        return Err(WalkError::new(format!("nested more than {MAX_DEPTH} levels deep")));
    }
    if value.is_none() {
        Ok(Value::Null)
    } else if let Ok(string) = value.cast::<PyString>() {
        Ok(Value::String(characters(string).into_owned()))
    } else if let Ok(truth) = value.cast::<PyBool>() {
        Ok(Value::Bool(truth.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        Ok(integer(value))
    } else if let Ok(float) = value.cast::<PyFloat>() {
        Ok(Number::from_f64(float.value()).map_or(Value::Null, Value::Number))
    } else if value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_ok_and(|_| !is_list(value)) {
        let mut map = Map::new();
        for (key, item) in dict(value)?.iter() {
            let key = key_text(&key)?;
            let item = convert(&item, depth + 1).at_key(&key)?;
            map.insert(key, item);
        }
        Ok(Value::Object(map))
    } else if is_list(value) {
        let mut items = Vec::new();
        each(Some(value), |_, item| {
            items.push(convert(item, depth + 1)?);
            Ok(())
        })?;
        Ok(Value::Array(items))
    } else {
        other(value, depth)
    }
}

fn integer(value: &Bound<'_, PyAny>) -> Value {
    if let Ok(number) = value.extract::<i64>() {
        number.into()
    } else if let Ok(number) = value.extract::<u64>() {
        number.into()
    } else {
        value.extract::<f64>().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
    }
}

/// The key of a JSON object, spelled as Python's own JSON writer spells it.
fn key_text(key: &Bound<'_, PyAny>) -> Walked<String> {
    if let Ok(truth) = key.cast::<PyBool>() {
        return Ok(truth.is_true().to_string());
    }
    if key.is_none() {
        return Ok("null".into());
    }
    Ok(key.str()?.to_string_lossy().into_owned())
}

/// Scalars of array libraries through their `item()`, numbers through `__float__`, else `str()`.
fn other(value: &Bound<'_, PyAny>, depth: usize) -> Walked<Value> {
    if let Ok(item) = value.call_method0("item")
        && !item.is(value)
    {
        return convert(&item, depth + 1);
    }
    if let Ok(number) = value.extract::<f64>() {
        return Ok(Number::from_f64(number).map_or(Value::Null, Value::Number));
    }
    Ok(Value::String(value.str()?.to_string_lossy().into_owned()))
}

/// The object as JSON knows it: itself, where [`from_python`] and [`to_python`] would make it again.
pub fn plain(value: Bound<'_, PyAny>) -> Walked<Bound<'_, PyAny>> {
    let stays = value.is_none()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyInt>()
        || value.cast_exact::<PyFloat>().is_ok_and(|float| float.value().is_finite())
        || value.cast_exact::<PyString>().is_ok_and(|text| utf8(text).is_some());
    if stays { Ok(value) } else { Ok(to_python(value.py(), &from_python(&value)?)?) }
}

/// The Python object of a JSON value.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                number.into_pyobject(py)?.into_any()
            } else if let Some(number) = number.as_u64() {
                number.into_pyobject(py)?.into_any()
            } else {
                let number = number.as_f64().ok_or_else(|| PyValueError::new_err("not a number"))?;
                PyFloat::new(py, number).into_any()
            }
        }
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, item) in map {
                dict.set_item(key, to_python(py, item)?)?;
            }
            dict.into_any()
        }
    })
}
