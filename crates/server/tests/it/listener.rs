//! The server on a real listener.

use smoltrace_server::{AppState, ServerOptions, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::support::Server;

/// The raw answer to a request with that `Host` and those further headers.
async fn ask(address: &str, path: &str, host: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a listening server");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("a written request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_answers_to_its_own_names_only_and_stops_when_told() {
    let server = Server::empty().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address").to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let options = ServerOptions {
        check_host: false,
        allowed_hosts: vec!["bench.example".into()],
        ..ServerOptions::default()
    };
    let state = AppState::new(server.store().clone(), options);
    let serving = tokio::spawn(serve(listener, state, async {
        let _ = stopped.await;
    }));

    let check = async |host: &str, status: &str, expected: &str| {
        let answer = ask(&address, "/healthz", host, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
        assert!(answer.contains(expected), "{host}: {answer}");
    };
    check(&address, "200", "\"status\":\"ok\"").await;
    check("localhost", "200", env!("CARGO_PKG_VERSION")).await;
    check("bench.example:7860", "200", "ok").await;
    check("evil.example", "421", "`evil.example`").await;

    // Only what leaves the machine is compressed.
    let compressed = async |headers: &str| {
        let answer = ask(&address, "/api/v1/openapi.json", "localhost", headers).await;
        answer.to_ascii_lowercase().contains("content-encoding: gzip")
    };
    assert!(!compressed("Accept-Encoding: gzip\r\n").await);
    assert!(compressed("Accept-Encoding: gzip\r\nX-Forwarded-For: 192.0.2.7\r\n").await);
    assert!(compressed("Accept-Encoding: gzip\r\nVia: 1.1 proxy\r\n").await);

    stop.send(()).expect("a server to stop");
    serving.await.expect("a server that ends").expect("without an error");
    assert!(TcpStream::connect(&address).await.is_err());
}
