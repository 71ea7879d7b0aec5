//! Answers in the terms of both transports: gRPC codes, HTTP status codes, `google.rpc.Status`.

use std::time::Duration;

use prost::Message;

use crate::receiver::Refusal;

/// Codes of gRPC that are answered.
pub(super) mod code {
    pub(crate) const OK: i32 = 0;
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(crate) const UNIMPLEMENTED: i32 = 12;
    pub(crate) const UNAVAILABLE: i32 = 14;
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Status {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// Tells the client to come again after `delay`. What has no such detail is not sent again.
    fn retry(mut self, delay: Duration) -> Self {
        let retry_delay =
            Some(ProtoDuration { seconds: delay.as_secs() as i64, nanos: delay.subsec_nanos() as i32 });
        self.details.push(Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: RetryInfo { retry_delay }.encode_to_vec(),
        });
        self
    }
}

/// What a client is told of a refusal.
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) http: u16,
    pub(super) retry_after: Option<Duration>,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (code, http, message, retry_after) = match refusal {
            Refusal::Malformed(message) => (code::INVALID_ARGUMENT, 400, message, None),
            Refusal::TooLarge(message) => (code::RESOURCE_EXHAUSTED, 413, message, None),
            Refusal::Unsupported(message) => (code::UNIMPLEMENTED, 415, message, None),
            Refusal::Forbidden(message) => (code::PERMISSION_DENIED, 403, message, None),
            Refusal::Slow(message) => (code::DEADLINE_EXCEEDED, 408, message, None),
            Refusal::Busy(delay, message) => (code::RESOURCE_EXHAUSTED, 429, message, Some(delay)),
            Refusal::Failed(delay, message) => (code::UNAVAILABLE, 503, message, Some(delay)),
        };
        let status = Status::new(code, message);
        let status = match retry_after {
            Some(delay) => status.retry(delay),
            None => status,
        };
        Self { status, http, retry_after }
    }
}
