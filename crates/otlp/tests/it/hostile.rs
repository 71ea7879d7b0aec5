//! Bytes that no client sends: nothing may panic, and nothing may grow past the bounds.

use proptest::prelude::*;
use smoltrace_model::rows::{PointBlock, PointRow, SpanBlock, SpanRow};
use smoltrace_otlp::{Bounds, Encoding, Signal, Telemetry, decode, notes::Spot};

use crate::support::{metrics, recording, request, sorted};

fn decode_all(body: &[u8]) {
    let bounds = Bounds { items: 64, repeated_bytes: 1 << 20, ..Bounds::default() };
    for signal in Signal::ALL {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            if let Ok(decoded) = request(signal, encoding, body, &bounds) {
                assert!(decoded.items() <= bounds.items);
            }
        }
    }
}

/// Overwrites, cuts and repeats parts of a body.
fn mutated(mut body: Vec<u8>, edits: &[(usize, u8, usize)]) -> Vec<u8> {
    for (at, byte, length) in edits {
        let at = at % body.len().max(1);
        match byte % 4 {
            0 => body.truncate(at.max(1)),
            1 => {
                let end = (at + length % 64).min(body.len());
                let part = body[at..end].to_vec();
                body.splice(at..at, part);
            }
            _ => body[at] = *byte,
        }
    }
    body
}

/// What a file of the same bytes gives, where it can be read as one: there every item is decoded by
/// the general decoder.
fn same_as_a_file(body: &[u8]) {
    let mut file = Telemetry::default();
    let whole = decode(&mut file, body, &Spot::Root("file")).is_ok();
    for signal in [Signal::Traces, Signal::Metrics] {
        let Ok(decoded) = request(signal, Encoding::Protobuf, body, &Bounds::default()) else { continue };
        if whole && signal == Signal::Traces && !file.spans.is_empty() {
            let unnamed = |mut spans: Vec<SpanRow>| -> SpanBlock {
                spans.iter_mut().for_each(|span| span.run_id.clear());
                spans.into()
            };
            assert_eq!(unnamed(decoded.spans.to_rows()), unnamed(std::mem::take(&mut file.spans)));
        } else if whole && signal == Signal::Metrics && !file.points.is_empty() {
            let named = |mut row: PointRow| {
                if row.run_id.is_empty() {
                    row.run_id = row.service.clone();
                }
                row.sealed()
            };
            let points: PointBlock = std::mem::take(&mut file.points).into_iter().map(named).collect();
            assert_eq!(sorted(&decoded.points), sorted(&points));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_all(&body);
    }

    #[test]
    fn damaged_requests(edits in proptest::collection::vec(any::<(usize, u8, usize)>(), 1..12)) {
        decode_all(&mutated(metrics(&[1.0, f64::INFINITY]), &edits));
        decode_all(&mutated(recording(), &edits));
        same_as_a_file(&mutated(metrics(&[1.0, f64::INFINITY, 2.5]), &edits));
        same_as_a_file(&mutated(recording(), &edits));
    }

    #[test]
    fn random_json(body in "(\\{\"resource(Spans|Metrics|Logs)\":\\[\\{\"scope(Spans|Metrics|Logs)\":\\[\\{\"(spans|metrics|logRecords)\":\\[)?[\\[\\]{}\",:a-z0-9.e-]{0,200}") {
        decode_all(body.as_bytes());
    }
}
