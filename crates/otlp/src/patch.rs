//! What a foreign form cannot say of a row: the columns in which the row differs from the one
//! that reading the form gives. Our own exports carry it, so that they read back exactly.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::json::Object;

/// Key under which our own exports keep it.
pub const OURS: &str = "smoltrace";

/// Columns that are made of the others or belong to whoever reads.
const DERIVED: &[&str] = &["run_id", "row_id", "version"];

/// The columns of `row` that `read_back` has otherwise, without those that are `made`; null when
/// there are none.
pub fn difference<T: Serialize>(row: &T, read_back: Option<&T>, made: &[&str]) -> Value {
    let mut difference = columns(row).unwrap_or_default();
    difference.retain(|name, _| !DERIVED.contains(&name.as_str()) && !made.contains(&name.as_str()));
    if let Some(read_back) = read_back.and_then(columns) {
        difference.retain(|name, value| read_back.get(name) != Some(value));
    }
    if difference.is_empty() { Value::Null } else { Value::Object(difference) }
}

fn columns<T: Serialize>(row: &T) -> Option<Object> {
    match serde_json::to_value(row) {
        Ok(Value::Object(columns)) => Some(columns),
        _ => None,
    }
}

/// `row` with the columns that `patch` names replaced.
///
/// # Errors
/// A patch that is no object, or a value of a wrong type.
pub fn apply<T: Serialize + DeserializeOwned>(row: T, patch: Option<Value>) -> Result<T, String> {
    let patch = match patch {
        None | Some(Value::Null) => return Ok(row),
        Some(Value::Object(patch)) => patch,
        // A column holds it as text.
        Some(Value::String(text)) => {
            serde_json::from_str(&text).map_err(|error| format!("`smoltrace`: {error}"))?
        }
        Some(_) => return Err("`smoltrace` is not an object".into()),
    };
    let mut columns = columns(&row).ok_or("the row cannot be patched")?;
    columns.extend(patch.into_iter().filter(|(name, _)| !DERIVED.contains(&name.as_str())));
    serde_json::from_value(columns.into()).map_err(|error| format!("`smoltrace`: {error}"))
}
