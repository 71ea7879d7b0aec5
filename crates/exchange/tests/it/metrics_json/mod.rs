//! Metrics in JSON: what is read, what is refused, and that every way of reading says the same.

mod agreement;
mod bad_input;
mod cases;
mod fuzz;
mod random;
mod reference;

use smoltrace_exchange::InputError;
use smoltrace_exchange::metrics_json::{MetricsDocument, ReadOptions, read_reader_with, read_slice_with};

/// One thread, and blocks far smaller than an element.
fn serial() -> ReadOptions {
    ReadOptions { threads: 1, block_bytes: 13, ..ReadOptions::default() }
}

/// Three threads for the shortest of texts.
fn parallel() -> ReadOptions {
    ReadOptions { threads: 3, parallel_from_bytes: 1, block_bytes: 64, ..ReadOptions::default() }
}

/// What every way of reading gives; fails when two of them differ.
fn read(text: &[u8]) -> Result<MetricsDocument, InputError> {
    let default = read_slice_with(text, ReadOptions::default());
    let ways = [
        ("one thread, tiny blocks", read_slice_with(text, serial())),
        ("three threads", read_slice_with(text, parallel())),
        ("a stream", read_reader_with("<bytes>", text, serial())),
    ];
    for (way, other) in &ways {
        match (&default, other) {
            (Ok(expected), Ok(actual)) => assert_same(expected, actual, way),
            (Err(expected), Err(actual)) => assert_eq!(expected, actual, "{way}"),
            _ => panic!("{way}: {default:?}, but {other:?} of {}", String::from_utf8_lossy(text)),
        }
    }
    default
}

fn assert_same(expected: &MetricsDocument, actual: &MetricsDocument, way: &str) {
    assert_eq!(expected.run_id, actual.run_id, "{way}");
    assert_eq!(expected.series.series(), actual.series.series(), "{way}");
    assert_eq!(expected.series.dropped_non_finite, actual.series.dropped_non_finite, "{way}");
    assert_eq!(expected.aggregates, actual.aggregates, "{way}");
    assert_eq!(expected.left_out, actual.left_out, "{way}");
}
