//! What the tests share.

use std::path::{Path, PathBuf};

use proptest::test_runner::Config as ProptestConfig;
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

/// Imports one file of that name and content.
pub fn import_bytes(name: &str, bytes: &[u8]) -> Result<Vec<RunInputs>, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    import(&path)
}

/// Cases of a property: `PROPTEST_CASES` of them, else `few`.
pub fn cases(few: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
