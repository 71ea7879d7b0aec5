//! What is past a bound is refused, or left out, with the bound named.

use smoltrace_otlp::{AttributeBounds, Bounds, Encoding, Refused, Signal};

use crate::support::{list, metrics, pair, protobuf, request, spans, text};

fn refused(body: &[u8], signal: Signal, bounds: &Bounds, part: &str) {
    match protobuf(signal, body, bounds) {
        Err(Refused::TooLarge(cause)) => assert!(cause.contains(part), "`{part}` is not in {cause}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_past_a_bound_are_refused() {
    let bounds = Bounds { items: 2, ..Bounds::default() };
    refused(&spans(vec![vec![]; 3]), Signal::Traces, &bounds, "more than 2 spans");
    // Points are counted before they are decoded, the last metric's included.
    refused(&metrics(&[1.0]), Signal::Metrics, &bounds, "more than 2 data points");
    assert!(protobuf(Signal::Metrics, &metrics(&[1.0]), &Bounds { items: 3, ..Bounds::default() }).is_ok());

    let bounds = Bounds { item_bytes: 64, ..Bounds::default() };
    let long = vec![pair("key", text(&"x".repeat(64)))];
    refused(&spans(vec![long]), Signal::Traces, &bounds, "a span of");

    // What a resource says stands in each of its rows.
    let bounds = Bounds { repeated_bytes: 100, ..Bounds::default() };
    assert!(protobuf(Signal::Traces, &spans(vec![vec![]]), &bounds).is_ok());
    refused(&spans(vec![vec![]; 9]), Signal::Traces, &bounds, "over too many spans");
}

#[test]
fn items_past_a_bound_are_left_out() {
    let attributes = AttributeBounds { count: 2, text_bytes: 8, depth: 2 };
    let bounds = Bounds { attributes, ..Bounds::default() };
    let check = |attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>, part: Option<&str>| {
        let decoded = protobuf(Signal::Traces, &spans(vec![attributes, vec![]]), &bounds).expect("a request");
        let notes = decoded.notes.into_lines().join("\n");
        match part {
            None => assert_eq!((decoded.spans.len(), decoded.rejected), (2, 0), "{notes}"),
            Some(part) => {
                assert_eq!((decoded.spans.len(), decoded.rejected), (1, 1), "{notes}");
                assert!(notes.contains(part), "`{part}` is not in {notes}");
            }
        }
    };
    let nested = |depth: usize| (1..depth).fold(list(vec![]), |inner, _| list(vec![inner]));
    check(vec![pair("a", text("12345678")), pair("b", nested(2))], None);
    check(vec![pair("a", text("123456789"))], Some("attribute a: a text of 9 bytes, the limit is 8"));
    check(vec![pair("a", list(vec![text("123456789")]))], Some("a text of 9 bytes"));
    check(vec![pair("a", nested(3))], Some("nested deeper than 2 levels"));
    check(
        vec![pair("a", text("")), pair("b", text("")), pair("c", text(""))],
        Some("3 attributes, the limit is 2"),
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let check = |encoding: Encoding, body: &[u8], part: &str| match request(
        Signal::Traces,
        encoding,
        body,
        &Bounds::default(),
    ) {
        Err(Refused::Malformed(cause)) => assert!(cause.contains(part), "`{part}` is not in {cause}"),
        other => panic!("{other:?}"),
    };
    check(Encoding::Protobuf, b"\x0a\x05", "cut off");
    check(Encoding::Protobuf, b"{}", "wire type");
    check(Encoding::Json, b"", "JSON");
    check(Encoding::Json, b"\x0a\x00", "JSON");
    check(Encoding::Json, br#"{"resourceSpans": {}}"#, "JSON");
    check(Encoding::Json, br#"{"resourceSpans": [{"scopeSpans": [{"spans": [3]}]}]}"#, "not an object");
    let deep = format!(r#"{{"resourceSpans": [{{"resource": {}}}]}}"#, "[".repeat(100_000));
    check(Encoding::Json, deep.as_bytes(), "JSON");
}
