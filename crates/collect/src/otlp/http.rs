//! OTLP/HTTP: `POST /v1/{traces,metrics,logs}` in protobuf or JSON.

use std::net::IpAddr;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use prost::Message as _;
use serde_json::json;
use smoltrace_otlp::{Encoding, Signal};

use super::{
    body::{self, Compression},
    grpc::partial_success,
    status::{Answer, Status, code},
};
use crate::receiver::{Accepted, Receiver, Refusal};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(super) fn router(receiver: Receiver) -> Router {
    Router::new().fallback(export).with_state(receiver)
}

async fn export(State(receiver): State<Receiver>, request: Request) -> Response {
    let encoding = encoding(request.headers());
    // An error is told in the form that was sent, so far as it is known.
    let answer_in = encoding.clone().unwrap_or(Encoding::Protobuf);
    let Some(signal) = signal(request.uri().path()) else {
        let message = "there are /v1/traces, /v1/metrics and /v1/logs";
        return problem(StatusCode::NOT_FOUND, &Status::new(code::UNIMPLEMENTED, message), answer_in);
    };
    if request.method() != Method::POST {
        let message = "send telemetry with POST";
        let status = Status::new(code::UNIMPLEMENTED, message);
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &status, answer_in);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let answer = match encoding.and_then(|encoding| no_foreign_page(request.headers()).map(|()| encoding)) {
        Ok(encoding) => receive(&receiver, signal, encoding, request).await,
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(accepted) => success(signal, answer_in, &accepted),
        Err(refusal) => refused(receiver.refuse(signal, refusal).into(), answer_in),
    }
}

async fn receive(
    receiver: &Receiver,
    signal: Signal,
    encoding: Encoding,
    request: Request,
) -> Result<Accepted, Refusal> {
    let (head, body) = request.into_parts();
    let named = head.headers.get(header::CONTENT_ENCODING);
    let named = named.map(|name| name.to_str().unwrap_or("?"));
    let compression = Compression::of(named)?;
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let limit = receiver.limits().body_bytes;
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
        return Err(body::too_large(limit));
    }
    let mut held = receiver.memory();
    let packed = body::read(receiver, body, &mut held).await?;
    receiver.counters().bytes(signal, packed.len() as u64);
    let (body, _held) = body::unpack(receiver, compression, packed, held).await?;
    receiver.receive(signal, encoding, body).await
}

/// Refuses what a web page of another machine sends: a page can reach this one under its own name, when
/// it lets that name point here. Browsers say where a page is from with every POST.
fn no_foreign_page(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let is_local = host.as_ref().and_then(Uri::host).is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    });
    if is_local { Ok(()) } else { Err(Refusal::Forbidden("web pages may not send telemetry here".into())) }
}

fn signal(path: &str) -> Option<Signal> {
    match path {
        "/v1/traces" => Some(Signal::Traces),
        "/v1/metrics" => Some(Signal::Metrics),
        "/v1/logs" => Some(Signal::Logs),
        _ => None,
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        PROTOBUF | "application/protobuf" => Ok(Encoding::Protobuf),
        JSON => Ok(Encoding::Json),
        _ => {
            let named: String = named.chars().take(64).collect();
            Err(Refusal::Unsupported(format!(
                "the content type {named:?} is not understood; send {PROTOBUF} or {JSON}"
            )))
        }
    }
}

fn success(signal: Signal, encoding: Encoding, accepted: &Accepted) -> Response {
    let body = match encoding {
        Encoding::Protobuf => partial_success(signal, accepted),
        Encoding::Json if accepted.message.is_empty() => b"{}".to_vec(),
        Encoding::Json => {
            let rejected = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
                Signal::Logs => "rejectedLogRecords",
            };
            let told = json!({ rejected: accepted.rejected.to_string(), "errorMessage": accepted.message });
            json!({ "partialSuccess": told }).to_string().into_bytes()
        }
    };
    respond(StatusCode::OK, encoding, body)
}

fn refused(answer: Answer, encoding: Encoding) -> Response {
    let http = StatusCode::from_u16(answer.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = problem(http, &answer.status, encoding);
    if let Some(delay) = answer.retry_after {
        let seconds = delay.as_secs_f64().ceil().max(1.0) as u64;
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if answer.status.code == code::UNIMPLEMENTED {
        let names = HeaderValue::from_static(Compression::NAMES);
        response.headers_mut().insert(header::ACCEPT_ENCODING, names);
    }
    response
}

fn problem(http: StatusCode, status: &Status, encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Protobuf => status.encode_to_vec(),
        Encoding::Json => json!({ "code": status.code, "message": status.message }).to_string().into_bytes(),
    };
    respond(http, encoding, body)
}

fn respond(http: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http;
    let content_type = match encoding {
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
