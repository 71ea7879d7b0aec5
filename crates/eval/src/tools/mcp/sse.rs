//! MCP over HTTP with SSE, the transport of protocol revision 2024-11-05, which the client library does not have: a
//! stream of events brings the server's messages, and its first event names the address that ours are posted to.
//!
//! That address has to be of the stream's origin, nothing is followed elsewhere, messages and waiting are bounded. No
//! error tells a URL: those may hold keys. Knows no tools.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Response,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::MAX_MESSAGE_BYTES;
use crate::{
    cause::with_causes,
    sse::{Event, Events},
};

/// The longest that a server whose stream is open may take to name its endpoint.
const ENDPOINT_TIME: Duration = Duration::from_secs(10);
/// Longer answers to a message are not read; what they say comes over the stream.
const MAX_RECEIPT_BYTES: u64 = 4 << 10;

/// Why a connection could not be made, or ended.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum SseError {
    #[error("{0}")]
    Http(String),
    #[error("the stream of events was answered with {0}")]
    Status(u16),
    #[error("what it answers is no stream of events but {0:?}")]
    NoStream(String),
    #[error("the stream of events does not begin with an endpoint but with {0:?}")]
    NoEndpoint(String),
    #[error("the stream of events names no endpoint within {0:?}")]
    Silent(Duration),
    #[error("the endpoint that it names is at {0}, another origin")]
    OtherOrigin(String),
    #[error("the endpoint that it names is no URL")]
    BadEndpoint,
    #[error("it sends a message of more than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    #[error("it sends what is no message: {0}")]
    NoMessage(String),
    #[error("the stream of events was cut off")]
    CutOff,
    #[error("a message was answered with {0}")]
    Refused(u16),
}

impl SseError {
    fn http(error: reqwest::Error) -> Self {
        Self::Http(with_causes(&error.without_url()))
    }
}

/// What ended a connection, once something did.
pub(super) type Fault = Arc<OnceLock<SseError>>;

/// One connection.
pub(super) struct SseTransport {
    client: Client,
    endpoint: Url,
    /// For one message to be taken.
    time: Duration,
    stream: Response,
    events: Events,
    fault: Fault,
}

impl SseTransport {
    /// Opens the stream at `url` and waits for its endpoint. `time` bounds each message that is sent.
    pub(super) async fn open(client: Client, url: &Url, time: Duration) -> Result<Self, SseError> {
        let request =
            client.get(url.clone()).header(ACCEPT, "text/event-stream").header(CACHE_CONTROL, "no-store");
        let stream = request.send().await.map_err(SseError::http)?;
        if !stream.status().is_success() {
            return Err(SseError::Status(stream.status().as_u16()));
        }
        let form =
            stream.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = form.split(';').next().unwrap_or_default().trim().to_lowercase();
        if form != "text/event-stream" {
            return Err(SseError::NoStream(form));
        }
        let (endpoint, events, fault) = (url.clone(), Events::default(), Fault::default());
        let mut opened = Self { client, endpoint, time, stream, events, fault };
        let patience = ENDPOINT_TIME.min(time / 2);
        let first = timeout(patience, opened.event()).await.map_err(|_| SseError::Silent(patience))??;
        opened.endpoint = endpoint_of(url, &first)?;
        Ok(opened)
    }

    /// Tells what ended the connection, also when the transport is gone.
    pub(super) fn fault(&self) -> Fault {
        Arc::clone(&self.fault)
    }

    /// The next event. Nothing is lost when the future is dropped.
    async fn event(&mut self) -> Result<Event, SseError> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(event);
            }
            if self.events.held_bytes() > MAX_MESSAGE_BYTES {
                return Err(SseError::TooLong);
            }
            match self.stream.chunk().await {
                Ok(Some(bytes)) => self.events.feed(&bytes),
                Ok(None) | Err(_) => return Err(SseError::CutOff),
            }
        }
    }

    async fn message(&mut self) -> Result<RxJsonRpcMessage<RoleClient>, SseError> {
        loop {
            let event = self.event().await?;
            if !matches!(event.name.as_str(), "" | "message") {
                continue;
            }
            let bad = |error: serde_json::Error| SseError::NoMessage(error.to_string());
            let message: Value = serde_json::from_str(&event.data).map_err(bad)?;
            // A request or notification that is not known may be left out; an answer may not, somebody waits for it.
            let is_answer = message.get("method").is_none();
            match serde_json::from_value(message) {
                Ok(message) => return Ok(message),
                Err(error) if is_answer => return Err(bad(error)),
                Err(_) => {}
            }
        }
    }
}

/// The address that an endpoint event names, which has to be of the stream's origin; with the stream's user name.
fn endpoint_of(stream: &Url, event: &Event) -> Result<Url, SseError> {
    if event.name != "endpoint" {
        return Err(SseError::NoEndpoint(event.name.chars().take(80).collect()));
    }
    let mut endpoint = stream.join(event.data.trim()).map_err(|_| SseError::BadEndpoint)?;
    if endpoint.origin() != stream.origin() {
        return Err(SseError::OtherOrigin(endpoint.origin().ascii_serialization()));
    }
    let kept =
        endpoint.set_username(stream.username()).and_then(|()| endpoint.set_password(stream.password()));
    kept.map_err(|()| SseError::BadEndpoint)?;
    Ok(endpoint)
}

impl Transport<RoleClient> for SseTransport {
    type Error = SseError;

    fn name() -> Cow<'static, str> {
        "HTTP with SSE".into()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), SseError>> + Send + 'static {
        let request = self.client.post(self.endpoint.clone()).timeout(self.time);
        let request = request.header(CONTENT_TYPE, "application/json");
        async move {
            let body =
                serde_json::to_vec(&message).map_err(|error| SseError::NoMessage(error.to_string()))?;
            let response = request.body(body).send().await.map_err(SseError::http)?;
            if !response.status().is_success() {
                return Err(SseError::Refused(response.status().as_u16()));
            }
            if response.content_length().is_some_and(|length| length <= MAX_RECEIPT_BYTES) {
                // Read, so that the connection can be used again.
                let _ = response.bytes().await;
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        match self.message().await {
            Ok(message) => Some(message),
            Err(error) => {
                let _ = self.fault.set(error);
                None
            }
        }
    }

    async fn close(&mut self) -> Result<(), SseError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_the_same_origin() {
        let check = |stream: &str, name: &str, data: &str, expected: Result<&str, &str>| {
            let event = Event { name: name.into(), data: data.into() };
            let got = endpoint_of(&Url::parse(stream).unwrap(), &event);
            let got = got.as_ref().map(Url::as_str).map_err(ToString::to_string);
            assert_eq!(got, expected.map_err(str::to_owned), "{stream} {data}");
        };
        let stream = "https://mcp.test/a/sse?key=1";
        check(stream, "endpoint", "/messages/?session_id=2", Ok("https://mcp.test/messages/?session_id=2"));
        check(stream, "endpoint", "messages", Ok("https://mcp.test/a/messages"));
        check(stream, "endpoint", "https://mcp.test:443/m", Ok("https://mcp.test/m"));
        check("http://u:p@mcp.test/sse", "endpoint", "http://mcp.test/m", Ok("http://u:p@mcp.test/m"));
        check("http://mcp.test/sse", "endpoint", "http://u:p@mcp.test/m", Ok("http://mcp.test/m"));
        let other = |origin: &str| format!("the endpoint that it names is at {origin}, another origin");
        for (data, origin) in [
            ("http://mcp.test/m", "http://mcp.test"),
            ("https://mcp.test:444/m", "https://mcp.test:444"),
            ("//169.254.169.254/m", "https://169.254.169.254"),
            ("https://mcp.test@evil.test/m", "https://evil.test"),
            ("file:///etc/passwd", "null"),
            ("data:text/plain,x", "null"),
        ] {
            check(stream, "endpoint", data, Err(&other(origin)));
        }
        check(stream, "endpoint", "https://", Err("the endpoint that it names is no URL"));
        check(
            stream,
            "message",
            "/m",
            Err("the stream of events does not begin with an endpoint but with \"message\""),
        );
    }
}
