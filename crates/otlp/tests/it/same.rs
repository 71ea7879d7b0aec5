//! A request gives the rows that the same bytes give as a file.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use proptest::{collection::vec, prelude::*, sample::Index};
use smoltrace_model::rows::{PointBlock, PointRow};
use smoltrace_otlp::{Bounds, Encoding, Signal, Telemetry, decode, notes::Spot};

use crate::support::{metrics, pair, protobuf, recording, request, sorted, spans, text};

fn check(signal: Signal, body: &[u8]) {
    let mut file = Telemetry::default();
    decode(&mut file, body, &Spot::Root("file")).expect("a file");
    assert!(file.items() > 0);
    let request = protobuf(signal, body, &Bounds::default()).expect("a request");
    assert_eq!(request.spans, file.spans.into());
    let points: PointBlock = file.points.into_iter().map(PointRow::sealed).collect();
    assert_eq!(sorted(&request.points), sorted(&points));
    let non_finite: u64 = file.dropped_non_finite.values().sum();
    assert_eq!((request.rejected, request.dropped_non_finite), (file.rejected, non_finite));
}

#[test]
fn protobuf_as_a_request_and_as_a_file() {
    check(Signal::Traces, &recording());
    check(Signal::Traces, &spans(vec![vec![pair("key", text("value"))], vec![]]));
    check(Signal::Metrics, &metrics(&[1.0, 2.5, f64::NAN]));
}

proptest! {
    /// Spans of a few kinds follow each other in any order; names may come twice, and be those that other fields become.
    #[test]
    fn spans_of_any_attributes_as_a_request_and_as_a_file(
        kinds in vec(vec(("[a-c\"]{0,2}|gen_ai\\.request\\.model|gen_ai\\.usage\\.input_tokens|w3c\\.tracestate", "[a-z0-9]{0,3}"), 0..8), 1..5),
        order in vec(any::<Index>(), 1..30),
    ) {
        let kinds: Vec<Vec<KeyValue>> = kinds
            .iter()
            .map(|kind| kind.iter().map(|(name, value)| pair(name, text(value))).collect())
            .collect();
        let spans = spans(order.iter().map(|kind| kind.get(&kinds).clone()).collect());
        check(Signal::Traces, &spans);
    }
}

/// Two messages one after the other are one in which the repeated fields of both stand.
#[test]
fn a_resource_and_a_scope_may_come_in_pieces() {
    let field = |number: u8, bytes: &[u8]| {
        let mut field = vec![number << 3 | 2];
        prost::encode_length_delimiter(bytes.len(), &mut field).expect("a length");
        [&field, bytes].concat()
    };
    let attribute = |key: &str, value: &str| {
        let value = field(1, value.as_bytes());
        field(1, &[field(1, key.as_bytes()), field(2, &value)].concat())
    };
    let point =
        [&[0x19_u8][..], &1_795_000_000_000_000_000_u64.to_le_bytes(), &[0x21], &2.5_f64.to_le_bytes()];
    let metric = [field(1, b"gen_ai.gpu.power"), field(5, &field(1, &point.concat()))].concat();
    let scope = [field(1, &field(1, b"scope")), field(2, &metric), field(1, &field(2, b"7"))].concat();
    let group = [
        field(1, &attribute("run.id", "run")),
        field(2, &scope),
        field(1, &attribute("service.name", "service")),
    ];
    let body = field(1, &group.concat());
    check(Signal::Metrics, &body);
    let request = protobuf(Signal::Metrics, &body, &Bounds::default()).expect("a request");
    let [row] = &request.points.to_rows()[..] else { panic!("{request:?}") };
    assert_eq!(
        (&*row.run_id, &*row.service, &*row.scope),
        ("run", "service", r#"{"name":"scope","version":"7"}"#)
    );
}

#[test]
fn json_and_protobuf_give_the_same_rows() {
    let span = r#"{"traceId": "01010101010101010101010101010101", "spanId": "0101010101010101", "name": "span",
        "startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": "1795000001000000000",
        "attributes": [{"key": "key", "value": {"stringValue": "value"}}]}"#;
    let resource = r#"{"attributes": [{"key": "run.id", "value": {"stringValue": "run"}}]}"#;
    let scope = r#"{"name": "scope", "version": "1"}"#;
    let json = |order: &str| {
        let scopes = format!(r#"[{{"spans": [{span}], "scope": {scope}}}]"#);
        let group = order.replace("RESOURCE", resource).replace("SCOPES", &scopes);
        format!(r#"{{"resourceSpans": [{group}]}}"#)
    };
    let expected =
        protobuf(Signal::Traces, &spans(vec![vec![pair("key", text("value"))]]), &Bounds::default());
    let expected = expected.expect("a request").spans;
    for order in [
        r#"{"resource": RESOURCE, "scopeSpans": SCOPES}"#,
        r#"{"scopeSpans": SCOPES, "resource": RESOURCE, "schemaUrl": ""}"#,
        r#"{"scope_spans": SCOPES, "resource": RESOURCE}"#,
    ] {
        let json = json(order);
        let decoded = request(Signal::Traces, Encoding::Json, json.as_bytes(), &Bounds::default());
        assert_eq!(decoded.expect(order).spans, expected, "{order}");
    }
}

#[test]
fn a_request_of_another_signal_holds_nothing() {
    let json = br#"{"resourceSpans": []}"#;
    let decoded = request(Signal::Metrics, Encoding::Json, json, &Bounds::default()).expect("a request");
    assert_eq!(decoded.items(), 0);
}
