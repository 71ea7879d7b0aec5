//! What the tests share.

use std::path::{Path, PathBuf};

use smoltrace_exchange::{InputError, import};
use smoltrace_model::inputs::RunInputs;

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

pub fn import(path: &Path) -> Result<Vec<RunInputs>, InputError> {
    import::read(path, &import::ImportOptions::default(), &mut |_| ())
}

pub fn vectors(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixture("vectors").join(name)).unwrap()).unwrap()
}
