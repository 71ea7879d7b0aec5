//! What the fuzz targets share: a body decoded with a fresh and a warm cache, and held against the
//! general decoder.

use std::sync::LazyLock;

use smoltrace_model::rows::{PointBlock, PointRow, SpanBlock, SpanRow};
use smoltrace_otlp::{
    AttributeBounds, Bounds, Encoding, Request, SeriesCache, Signal, Telemetry, decode, decode_request,
    notes::Spot,
};

/// Small enough that inputs reach them.
pub fn bounds() -> Bounds {
    Bounds {
        items: 256,
        item_bytes: 1 << 16,
        repeated_bytes: 1 << 20,
        attributes: AttributeBounds { count: 64, text_bytes: 1 << 12, depth: 16 },
    }
}

/// Used by all inputs one after the other, so that what one leaves behind meets the next.
static WARM: LazyLock<SeriesCache> = LazyLock::new(|| SeriesCache::new(1 << 20));

/// Decodes `body` as each signal.
///
/// # Panics
/// When a bound is passed, or what was decoded before makes a difference.
pub fn decode_all(encoding: Encoding, body: &[u8]) {
    let bounds = bounds();
    for signal in Signal::ALL {
        let fresh = decode_request(signal, encoding, body, &bounds, &SeriesCache::new(1 << 16));
        let warm = decode_request(signal, encoding, body, &bounds, &WARM);
        match (fresh, warm) {
            (Ok(fresh), Ok(warm)) => {
                assert!(fresh.items() <= bounds.items);
                same(&fresh, &warm);
            }
            (fresh, warm) => assert_eq!(fresh.err(), warm.err()),
        }
    }
}

fn same(one: &Request, other: &Request) {
    assert_eq!(one.spans, other.spans);
    assert_eq!(sorted(&one.points), sorted(&other.points));
    assert_eq!((one.rejected, one.dropped_non_finite), (other.rejected, other.dropped_non_finite));
}

fn sorted(points: &PointBlock) -> Vec<PointRow> {
    let mut rows = points.to_rows();
    rows.sort_by(|a, b| a.row_id.cmp(&b.row_id));
    rows
}

/// Holds the rows of a request in protobuf against what the same bytes give as a file, where they can
/// be read as one: there the general decoder reads every item.
///
/// # Panics
/// When they differ.
pub fn same_as_a_file(body: &[u8]) {
    let mut file = Telemetry::default();
    if decode(&mut file, body, &Spot::Root("file")).is_err() {
        return;
    }
    let bounds = Bounds::default();
    for signal in [Signal::Traces, Signal::Metrics] {
        let cache = SeriesCache::new(1 << 16);
        let Ok(request) = decode_request(signal, Encoding::Protobuf, body, &bounds, &cache) else { continue };
        if signal == Signal::Traces && !file.spans.is_empty() {
            let unnamed = |mut spans: Vec<SpanRow>| -> SpanBlock {
                spans.iter_mut().for_each(|span| span.run_id.clear());
                spans.into()
            };
            assert_eq!(unnamed(request.spans.to_rows()), unnamed(std::mem::take(&mut file.spans)));
        } else if signal == Signal::Metrics && !file.points.is_empty() {
            let named = |mut row: PointRow| {
                if row.run_id.is_empty() {
                    row.run_id = row.service.clone();
                }
                row.sealed()
            };
            let points: PointBlock = std::mem::take(&mut file.points).into_iter().map(named).collect();
            assert_eq!(sorted(&request.points), sorted(&points));
        }
    }
}
