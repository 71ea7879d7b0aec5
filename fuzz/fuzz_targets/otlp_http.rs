#![no_main]
//! Connections to both receivers over loopback: what is sent is the input, either as it is or as the
//! body of a request. Every input must leave receivers that answer the next request.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use prometheus_client::registry::Registry;
use smoltrace_collect::{Counters, Limits, Listeners, Received, Receiver, Sink, SinkError, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    time::timeout,
};

/// Longer than any answer takes; an input that has none by then is reported.
const PATIENCE: Duration = Duration::from_secs(20);

const CONTENT_TYPES: [&str; 3] = ["application/x-protobuf", "application/json", "text/plain"];
const ENCODINGS: [&str; 4] = ["identity", "gzip", "zstd", "br"];
const PATHS: [&str; 4] = ["/v1/traces", "/v1/metrics", "/v1/logs", "/v1/other"];

/// Takes everything and keeps nothing.
struct Discard;

#[async_trait]
impl Sink for Discard {
    async fn store(&self, received: Received) -> Result<(), SinkError> {
        assert!(!received.is_empty());
        Ok(())
    }
}

struct Server {
    runtime: Runtime,
    grpc: SocketAddr,
    http: SocketAddr,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let (listeners, grpc, http) = runtime.block_on(async {
        let grpc = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let http = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addresses = (grpc.local_addr().expect("bound"), http.local_addr().expect("bound"));
        (Listeners { grpc: Some(grpc), http: Some(http) }, addresses.0, addresses.1)
    });
    let limits = Limits {
        body_bytes: 1 << 16,
        decoded_bytes: 1 << 20,
        bounds: smoltrace_fuzz::bounds(),
        // Many inputs are the beginning of a request, and nothing comes after them.
        read_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let receiver = Receiver::new(Arc::new(Discard), limits, Counters::new(&mut Registry::default()));
    runtime.spawn(serve(listeners, receiver, std::future::pending()));
    Server { runtime, grpc, http }
});

/// Sends bytes, `ends` sending or keeps on listening, and reads until the other side ends.
async fn exchange(address: SocketAddr, bytes: &[u8], ends: bool) -> Vec<u8> {
    let mut answer = Vec::new();
    let talk = async {
        let mut stream = TcpStream::connect(address).await.expect("the receiver listens");
        // The receiver may hang up before it has read everything.
        let _ = stream.write_all(bytes).await;
        if ends {
            let _ = stream.shutdown().await;
        }
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(PATIENCE, talk).await.expect("the receiver ends a connection that is of no use");
    answer
}

fn post(choice: u8, body: &[u8]) -> Vec<u8> {
    let choice = usize::from(choice);
    let mut request = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Encoding: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        PATHS[choice % 4],
        CONTENT_TYPES[choice / 4 % 3],
        ENCODINGS[choice / 12 % 4],
        body.len(),
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn status(answer: &[u8]) -> Option<&str> {
    std::str::from_utf8(answer.get(9..12)?).ok()
}

fuzz_target!(|input: &[u8]| {
    let Some((&way, rest)) = input.split_first() else { return };
    let server = &*SERVER;
    server.runtime.block_on(async {
        match way % 4 {
            0 => drop(exchange(server.http, rest, true).await),
            1 => drop(exchange(server.grpc, rest, true).await),
            // After the preface of HTTP/2 come frames.
            2 => drop(
                exchange(server.grpc, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), rest].concat(), true).await,
            ),
            _ => {
                let Some((&choice, body)) = rest.split_first() else { return };
                let answer = exchange(server.http, &post(choice, body), false).await;
                let status = status(&answer).expect("a whole request has an answer");
                assert!(["200", "400", "404", "413", "415"].contains(&status), "answered {status}");
            }
        }
        let answer = exchange(server.http, &post(0, b""), false).await;
        assert_eq!(status(&answer), Some("200"), "an empty request is taken after every input");
    });
});
