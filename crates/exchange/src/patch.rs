//! What a foreign form cannot say of a row: the columns in which the row differs from the one
//! that reading the form gives. Our own exports carry it, so that they read back exactly.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::json::Object;

/// Columns that are made of the others or belong to whoever reads.
const DERIVED: &[&str] = &["run_id", "row_id", "version"];

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
pub(crate) fn apply<T: Serialize + DeserializeOwned>(row: T, patch: Option<Value>) -> Result<T, String> {
    let patch = match patch {
        None | Some(Value::Null) => return Ok(row),
        Some(Value::Object(patch)) => patch,
        Some(_) => return Err("`smoltrace` is not an object".into()),
    };
    let mut columns = columns(&row).ok_or("the row cannot be patched")?;
    columns.extend(patch.into_iter().filter(|(name, _)| !DERIVED.contains(&name.as_str())));
    serde_json::from_value(columns.into()).map_err(|error| format!("`smoltrace`: {error}"))
}
