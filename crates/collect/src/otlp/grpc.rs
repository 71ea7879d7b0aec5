//! OTLP/gRPC: the `Export` call of the three collector services.
//!
//! The calls are unary and take their message as bytes, so gRPC is here what it is on the wire: an
//! HTTP/2 request with one length-prefixed message, answered with another and a status in the
//! trailers. That way the same bounds hold as for HTTP, before a byte is unpacked or decoded.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::{Buf as _, Bytes};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
use prost::Message as _;
use smoltrace_otlp::{Encoding, Signal};

use super::{
    body::{self, Compression},
    status::{Answer, Status, code},
};
use crate::receiver::{Accepted, Receiver, Refusal};

/// Whether the message is compressed, and its length.
const PREFIX: usize = 5;

pub(super) fn router(receiver: Receiver) -> Router {
    Router::new().fallback(export).with_state(receiver)
}

async fn export(State(receiver): State<Receiver>, request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if !content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        let mut response = Response::new(Body::from("this address takes OTLP/gRPC; OTLP/HTTP has its own\n"));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let Some(signal) = signal(request.uri().path()) else {
        return ended(&Status::new(code::UNIMPLEMENTED, "there is Export of traces, metrics and logs"));
    };
    match receive(&receiver, signal, request).await {
        Ok(accepted) => answered(&partial_success(signal, &accepted)),
        Err(refusal) => ended(&Answer::from(receiver.refuse(signal, refusal)).status),
    }
}

async fn receive(receiver: &Receiver, signal: Signal, request: Request) -> Result<Accepted, Refusal> {
    let (head, body) = request.into_parts();
    let named = head.headers.get("grpc-encoding").map(|name| name.to_str().unwrap_or("?"));
    let compression = Compression::of(named)?;
    let mut held = receiver.memory();
    let mut packed = body::read(receiver, body, &mut held).await?;
    receiver.counters().bytes(signal, packed.len() as u64);
    if packed.len() < PREFIX {
        return Err(Refusal::Malformed("the call has no message".into()));
    }
    let (compressed, length) = (packed.get_u8(), packed.get_u32());
    if length as usize != packed.len() {
        return Err(Refusal::Malformed("the call has not exactly one message".into()));
    }
    let compression = match compressed {
        0 => Compression::None,
        1 => compression,
        _ => return Err(Refusal::Malformed("the message has a flag that is not in use".into())),
    };
    let (body, _held) = body::unpack(receiver, compression, packed, held).await?;
    receiver.receive(signal, Encoding::Protobuf, body).await
}

fn signal(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        _ => None,
    }
}

/// The answer to a request that was stored, in protobuf: empty when all of it was.
pub(super) fn partial_success(signal: Signal, accepted: &Accepted) -> Vec<u8> {
    if accepted.message.is_empty() {
        return Vec::new();
    }
    let rejected = i64::try_from(accepted.rejected).unwrap_or(i64::MAX);
    let error_message = accepted.message.clone();
    match signal {
        Signal::Traces => {
            let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message };
            ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        }
        Signal::Metrics => {
            let partial = ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message };
            ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        }
        Signal::Logs => {
            let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
            ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        }
    }
}

fn answered(message: &[u8]) -> Response {
    let mut framed = Vec::with_capacity(PREFIX + message.len());
    framed.push(0);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code::OK.into());
    let body = Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    head(Body::new(body))
}

/// An answer without a message: its status stands in the headers.
fn ended(status: &Status) -> Response {
    let mut response = head(Body::empty());
    let headers = response.headers_mut();
    headers.insert("grpc-status", status.code.into());
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&status.message)) {
        headers.insert("grpc-message", message);
    }
    if let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(status.encode_to_vec())) {
        headers.insert("grpc-status-details-bin", details);
    }
    response
}

fn head(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(Compression::NAMES));
    response
}

/// The message of a status as a header holds it: printable ASCII, the rest as `%XX`.
fn percent_encoded(message: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(byte.into()),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fit_a_header() {
        assert_eq!(percent_encoded("100% of\nwhat é is"), "100%25 of%0Awhat %C3%A9 is");
    }
}
