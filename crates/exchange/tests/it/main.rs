//! Integration tests: foreign forms as they lie on a disk, through the public functions.

mod dict;
mod export;
mod fuzz;
mod import_otlp;
mod import_parquet;
mod import_smoltrace;
mod metrics_json;
mod round_trip;
mod support;
