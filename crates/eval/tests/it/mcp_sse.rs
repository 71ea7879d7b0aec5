//! MCP servers that are older than streamable HTTP: a stream of events, and an address to post to. Good ones and bad.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use smoltrace_eval::{
    tool::{ToolError, ToolSet},
    tools::{McpServer, McpTransport, ToolsError},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{
    mcp::tools_of,
    tools::{call, config},
};

/// What the server does, at which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Good,
    /// The endpoint is named by its whole URL, and events have lines of other kinds.
    Whole,
    /// Streamable HTTP is refused with this status.
    Refuses(&'static str),
    NoStream,
    Redirects,
    OtherOrigin,
    NothingFirst,
    MessageFirst,
    Hangs,
    CutsInEndpoint,
    /// Of its answers to calls.
    CutsInAnswer,
    LongAnswer,
    Nonsense,
    NoReceipt,
}

struct Server {
    address: SocketAddr,
    /// Method and path of each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let stream: Stream = Arc::default();
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (kept, stream) = (Arc::clone(&kept), Arc::clone(&stream));
                // A client that goes away is part of the tests.
                tokio::spawn(async move { serve(connection, way, address, &kept, &stream).await });
            }
        });
        Self { address, requests }
    }

    async fn tools(&self, transport: McpTransport) -> Result<ToolSet, ToolsError> {
        let url = format!("old=http://user:pa55word@{}/sse?key=s3cret", self.address);
        tools_of(vec![McpServer::from_url(&url, transport).unwrap()]).await
    }
}

/// Where events are written to.
type Stream = Arc<Mutex<Option<mpsc::UnboundedSender<String>>>>;

async fn serve(
    connection: TcpStream,
    way: Way,
    address: SocketAddr,
    requests: &Mutex<Vec<String>>,
    stream: &Stream,
) -> io::Result<()> {
    let (read, mut write) = connection.into_split();
    let mut read = BufReader::new(read);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if read.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            read.read_line(&mut line).await?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).await?;
        let asked = first.rsplit_once(' ').unwrap_or_default().0.to_owned();
        requests.lock().unwrap().push(asked.clone());
        if asked.starts_with("GET ") {
            return events(&mut write, way, address, stream).await;
        }
        let status = match way {
            _ if asked.starts_with("POST /messages") => {
                let message: Value = serde_json::from_slice(&body).unwrap();
                if way == Way::NoReceipt && message["method"] == "tools/call" {
                    "500 Internal Server Error"
                } else {
                    let events = stream.lock().unwrap();
                    for event in answers(&message, way) {
                        events.as_ref().unwrap().send(event).unwrap();
                    }
                    "202 Accepted"
                }
            }
            Way::Refuses(status) => status,
            _ => "405 Method Not Allowed",
        };
        write.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nno").as_bytes()).await?;
    }
}

/// A stream of events, until the client or the way of the server ends it.
async fn events(
    write: &mut (impl AsyncWriteExt + Unpin),
    way: Way,
    address: SocketAddr,
    stream: &Stream,
) -> io::Result<()> {
    let head = match way {
        Way::NoStream => "200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nno",
        Way::Redirects => {
            "307 Temporary Redirect\r\nlocation: http://169.254.169.254/sse\r\ncontent-length: 0\r\n\r\n"
        }
        _ => "200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n",
    };
    write.write_all(format!("HTTP/1.1 {head}").as_bytes()).await?;
    let first = match way {
        Way::NoStream | Way::Redirects | Way::NothingFirst => return Ok(()),
        Way::Hangs => return std::future::pending().await,
        Way::OtherOrigin => "event: endpoint\r\ndata: http://127.0.0.1:1/messages\r\n\r\n".into(),
        Way::MessageFirst => "event: message\ndata: {}\n\n".into(),
        Way::CutsInEndpoint => "event: endpoint\ndata: /mess".into(),
        Way::Whole => {
            format!(": hello\nretry: 5\nevent: endpoint\ndata: http://{address}/messages?session=1\n\n")
        }
        _ => "event: endpoint\r\ndata: /messages?session=1\r\n\r\n".into(),
    };
    write.write_all(first.as_bytes()).await?;
    if way == Way::CutsInEndpoint {
        return Ok(());
    }
    let (sender, mut receiver) = mpsc::unbounded_channel();
    *stream.lock().unwrap() = Some(sender);
    while let Some(event) = receiver.recv().await {
        write.write_all(event.as_bytes()).await?;
        if !event.ends_with('\n') {
            return Ok(());
        }
    }
    Ok(())
}

/// The events that a message of the client brings about.
fn answers(message: &Value, way: Way) -> Vec<String> {
    let result = match message["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2024-11-05", "capabilities": {"tools": {}},
            "serverInfo": {"name": "old", "version": "1"},
        }),
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {
            "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
        }}]}),
        "tools/call" => {
            json!({"content": [{"type": "text", "text": message["params"]["arguments"]["text"]}]})
        }
        _ => return Vec::new(),
    };
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    let event = |data: &str| format!("event: message\r\ndata: {data}\r\n\r\n");
    match way {
        _ if message["method"] != "tools/call" => vec![event(&answer)],
        Way::CutsInAnswer => vec![format!("event: message\ndata: {}", &answer[..answer.len() / 2])],
        Way::LongAnswer => vec!["data: \n".into(), format!("data: {}", "x".repeat(9 << 20))],
        Way::Nonsense => vec![event("{\"jsonrpc\": \"2.0\", \"id\"")],
        Way::Whole => {
            // What is not understood, and is no answer, is left out.
            let unknown = json!({"jsonrpc": "2.0", "method": "notifications/unknown", "params": 5});
            vec![
                ": ping\n\n".into(),
                "event: other\ndata: x\n\n".into(),
                event(&unknown.to_string()),
                format!("id: 7\ndata: {answer}\n\n"),
            ]
        }
        _ => vec![event(&answer)],
    }
}

#[tokio::test]
async fn a_server_that_refuses_streamable_http_is_spoken_to_by_sse() {
    for (way, transport, first) in [
        (Way::Good, McpTransport::Auto, "POST /sse?key=s3cret"),
        (Way::Whole, McpTransport::Auto, "POST /sse?key=s3cret"),
        (Way::Refuses("404 Not Found"), McpTransport::Auto, "POST /sse?key=s3cret"),
        (Way::Good, McpTransport::Sse, "GET /sse?key=s3cret"),
        (Way::Whole, McpTransport::Sse, "GET /sse?key=s3cret"),
    ] {
        let server = Server::start(way).await;
        let tools = server.tools(transport).await.unwrap();
        assert_eq!(server.requests.lock().unwrap()[0], first);
        let spec = tools.get("old_echo").unwrap().spec();
        assert_eq!((spec.inputs[0].name.as_str(), spec.inputs[0].required), ("text", true));
        for text in ["one", "two\n\n\"three\" é"] {
            assert_eq!(call(&tools, "old_echo", json!({"text": text})).await.as_deref(), Ok(text), "{way:?}");
        }
    }
}

#[tokio::test]
async fn servers_that_cannot_be_used_are_explained() {
    let auto = "HTTP 405 Method Not Allowed: no";
    for (way, transport, expected) in [
        (Way::Good, McpTransport::StreamableHttp, auto),
        (Way::Refuses("503 Service Unavailable"), McpTransport::Auto, "HTTP 503"),
        (Way::NoStream, McpTransport::Auto, auto),
        (Way::NoStream, McpTransport::Sse, "what it answers is no stream of events but \"text/html\""),
        (Way::Redirects, McpTransport::Sse, "the stream of events was answered with 307"),
        (
            Way::OtherOrigin,
            McpTransport::Sse,
            "the endpoint that it names is at http://127.0.0.1:1, another origin",
        ),
        (Way::MessageFirst, McpTransport::Sse, "does not begin with an endpoint but with \"message\""),
        (Way::NothingFirst, McpTransport::Sse, "the stream of events was cut off"),
        (Way::CutsInEndpoint, McpTransport::Sse, "the stream of events was cut off"),
    ] {
        let server = Server::start(way).await;
        let error = server.tools(transport).await.err().unwrap().to_string();
        assert!(error.starts_with("the MCP server old: MCP server 127.0.0.1: "), "{error}");
        assert!(error.contains(expected), "{way:?}: {error}");
        let is_asked = |asked: &String| asked.starts_with("GET ");
        let tried_sse = server.requests.lock().unwrap().iter().any(is_asked);
        assert_eq!(tried_sse, transport == McpTransport::Sse || way == Way::NoStream, "{way:?}");
        for secret in ["s3cret", "pa55word"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_names_no_endpoint_is_not_waited_for() {
    let server = Server::start(Way::Hangs).await;
    let mut config = config("");
    config.mcp_time = Duration::from_millis(500);
    let url = format!("http://{}/sse", server.address);
    config.mcp_servers = vec![McpServer::from_url(&url, McpTransport::Sse).unwrap()];
    let error = config.build().await.err().unwrap().to_string();
    assert!(error.contains("the stream of events names no endpoint within 250ms"), "{error}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_explained() {
    for (way, expected) in [
        (Way::CutsInAnswer, "the stream of events was cut off"),
        (Way::LongAnswer, "it sends a message of more than 8388608 bytes"),
        (Way::Nonsense, "it sends what is no message: EOF while parsing"),
        (Way::NoReceipt, "a message was answered with 500"),
    ] {
        let server = Server::start(way).await;
        let tools = server.tools(McpTransport::Auto).await.unwrap();
        for _ in 0..2 {
            let Err(ToolError::Failed(error)) = call(&tools, "old_echo", json!({"text": "x"})).await else {
                panic!("{way:?} gives no answer");
            };
            assert!(error.contains(expected), "{way:?}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
