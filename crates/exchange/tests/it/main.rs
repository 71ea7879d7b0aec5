//! Integration tests: foreign forms as they lie on a disk, through the public functions.

mod import_otlp;
mod import_smoltrace;
mod support;
