//! The committed OpenAPI document, from which the UI's client is generated.

use std::{env, fs, path::Path};

/// Set to `1` to write the document instead of comparing it.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/openapi.json");
    let mut current = smoltrace_server::openapi().to_pretty_json().expect("the document is JSON");
    current.push('\n');
    if env::var(UPDATE).is_ok_and(|value| value == "1") {
        fs::write(&path, &current).expect("write ui/openapi.json");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "ui/openapi.json is out of date; run the tests with {UPDATE}=1 and commit it"
    );
}
