//! Bytes that no client sends: nothing may panic, and nothing may grow past the bounds.

use proptest::prelude::*;
use smoltrace_otlp::{Bounds, Encoding, Signal, decode_request};

use crate::support::{metrics, recording};

fn decode_all(body: &[u8]) {
    let bounds = Bounds { items: 64, repeated_bytes: 1 << 20, ..Bounds::default() };
    for signal in Signal::ALL {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            if let Ok(decoded) = decode_request(signal, encoding, body, &bounds) {
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

proptest! {
    #[test]
    fn random_bytes(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_all(&body);
    }

    #[test]
    fn damaged_requests(edits in proptest::collection::vec(any::<(usize, u8, usize)>(), 1..12)) {
        decode_all(&mutated(metrics(&[1.0, f64::INFINITY]), &edits));
        decode_all(&mutated(recording(), &edits));
    }

    #[test]
    fn random_json(body in "(\\{\"resource(Spans|Metrics|Logs)\":\\[\\{\"scope(Spans|Metrics|Logs)\":\\[\\{\"(spans|metrics|logRecords)\":\\[)?[\\[\\]{}\",:a-z0-9.e-]{0,200}") {
        decode_all(body.as_bytes());
    }
}
