//! Makes sure that there is a UI folder to embed, so that the crate builds without Node.

use std::{fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>TraceMind</title></head>
<body>
<h1>TraceMind</h1>
<p>This binary was built without the web UI. Run <code>make ui</code> and build again.
The API is at <a href=\"/api/v1/runs\">/api/v1/runs</a>.</p>
</body>
</html>
";

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(&dist).expect("create ui/dist");
        fs::write(&index, PLACEHOLDER).expect("write ui/dist/index.html");
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");
}
