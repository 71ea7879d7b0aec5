//! Integration tests: foreign forms as they lie on a disk, through the public functions.

mod export;
mod import_otlp;
mod import_smoltrace;
mod support;
