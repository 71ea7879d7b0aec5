//! Attacks through the network tools: addresses in all their forms, names that change, redirects, headers, bodies
//! without end. Listed in docs/security.md.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use smoltrace_eval::{
    tool::{ToolError, ToolSet},
    tools::{SecurityProfile, ToolsConfig, ToolsError, net::Resolver},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::tools::{Server, answer, call, config};

/// Names with the answers that they give, one after the other; the last stays.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn new(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |addresses: &&[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
        let answers = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(parse).collect()))
            .collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.into());
        let mut answers = self.answers.lock().unwrap();
        let answers = answers.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

fn network(allow: &[SocketAddr], names: &Arc<Names>) -> ToolsConfig {
    let mut config = config("curl,visit_webpage,ping");
    config.network.allow = allow.to_vec();
    config.network.time = Duration::from_secs(10);
    config.resolver = Arc::clone(names) as Arc<dyn Resolver>;
    config
}

async fn get(tools: &ToolSet, url: &str) -> Result<String, ToolError> {
    let curled = call(tools, "curl", json!({"url": url})).await;
    let visited = call(tools, "visit_webpage", json!({"url": url})).await;
    // Both go the same way.
    assert_eq!(curled.is_ok(), visited.is_ok(), "{url}: {curled:?} {visited:?}");
    if let (Err(curled), Err(visited)) = (&curled, &visited) {
        assert_eq!(curled, visited);
    }
    curled
}

fn refused(url: &str, got: Result<String, ToolError>, words: &str) {
    match got {
        Err(ToolError::Refused(why)) if why.contains(words) => {}
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn addresses_that_are_not_public_in_all_their_forms() {
    let names = Names::new(&[
        ("metadata.google.internal", &[&["169.254.169.254"]]),
        ("localhost", &[&["127.0.0.1", "::1"]]),
        ("localhost.", &[&["127.0.0.1"]]),
        ("printer.lan", &[&["192.168.1.9"]]),
        ("mixed.test", &[&["8.8.8.8", "10.0.0.1"]]),
        ("six.test", &[&["::ffff:169.254.169.254"]]),
    ]);
    let tools = network(&[], &names).build().await.unwrap();
    for (url, why) in [
        ("http://127.0.0.1/", "loopback"),
        ("http://127.0.0.1:8080/a?b", "loopback"),
        ("https://127.1/", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://0x7f000001/", "loopback"),
        ("http://0x7f.0.0.1/", "loopback"),
        ("http://0177.0.0.1/", "loopback"),
        ("http://017700000001/", "loopback"),
        ("http://127.0.0.1./", "loopback"),
        ("http://%31%32%37.0.0.1/", "loopback"),
        ("http://①②⑦.⓪.⓪.①/", "loopback"),
        ("http://127。0。0。1/", "loopback"),
        ("http://example.com@127.0.0.1/", "user name"),
        ("http://0/", "this network"),
        ("http://0.0.0.0/", "this network"),
        ("http://10.1.2.3/", "private"),
        ("http://172.20.0.1/", "private"),
        ("http://192.168.0.1/", "private"),
        ("http://100.64.0.1/", "CGNAT"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://2852039166/latest/", "metadata"),
        ("http://0xa9fea9fe/", "metadata"),
        ("http://100.100.100.200/", "metadata"),
        ("http://168.63.129.16/", "metadata"),
        ("http://169.254.1.1/", "link-local"),
        ("http://224.0.0.1/", "multicast"),
        ("http://255.255.255.255/", "reserved"),
        ("http://[::1]/", "loopback"),
        ("http://[0:0:0:0:0:0:0:1]/", "loopback"),
        ("http://[::]/", "not public"),
        ("http://[::ffff:127.0.0.1]/", "loopback"),
        ("http://[::ffff:7f00:1]/", "loopback"),
        ("http://[::ffff:a9fe:a9fe]/", "metadata"),
        ("http://[::127.0.0.1]/", "not public"),
        ("http://[64:ff9b::169.254.169.254]/", "not public"),
        ("http://[2002:7f00:1::]/", "6to4"),
        ("http://[2001::7f00:1]/", "tunnel"),
        ("http://[fd00:ec2::254]/", "private"),
        ("http://[fe80::1]/", "link-local"),
        ("http://[ff02::1]/", "multicast"),
        ("http://metadata.google.internal/computeMetadata/v1/", "metadata"),
        ("http://METADATA.google.internal/", "metadata"),
        ("http://localhost/", "loopback"),
        ("http://localhost./", "loopback"),
        ("http://printer.lan/", "private"),
        ("http://mixed.test/", "private"),
        ("http://six.test/", "metadata"),
    ] {
        refused(url, get(&tools, url).await, why);
    }
    for (host, why) in [
        ("127.0.0.1", "loopback"),
        ("2130706433", "loopback"),
        ("::1", "loopback"),
        ("localhost", "loopback"),
        ("169.254.169.254:80", "metadata"),
        ("mixed.test", "private"),
    ] {
        refused(host, call(&tools, "ping", json!({"host": host})).await, why);
    }
    for host in ["a/b", "a?b", "a#b", "user@8.8.8.8", "8.8.8.8\r\nx", "", "-c 1 8.8.8.8", "8.8.8.8; id"] {
        assert!(call(&tools, "ping", json!({"host": host})).await.is_err(), "{host}");
    }
}

#[tokio::test]
async fn schemes_and_forms_of_urls() {
    let tools = network(&[], &Names::new(&[])).build().await.unwrap();
    for url in [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://x/",
        "data:text/html,x",
        "unix:/run/x",
        "javascript:1",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://:p@example.com/",
    ] {
        refused(url, get(&tools, url).await, "");
    }
    for url in [
        "",
        "example.com",
        "http://",
        "//example.com",
        "/etc/passwd",
        "http://a b/",
        "http://exa\nmple.com/",
        "http://example.com/\r\nHost: x",
        "http://example.com/\u{7f}",
        "http://[::1",
        "http://example.com:99999/",
        "-o /tmp/x",
    ] {
        assert!(matches!(get(&tools, url).await, Err(ToolError::Arguments(_))), "{url}");
    }
    assert!(matches!(
        get(&tools, &format!("http://a/{}", "x".repeat(10_000))).await,
        Err(ToolError::Arguments(_))
    ));
}

#[tokio::test]
async fn redirects_to_what_would_be_refused() {
    let victim = Server::start(|_| answer("200 OK", &[], b"the secret")).await;
    let to_victim = victim.url("/");
    let server = Server::start(move |request| {
        let target = match request.split(' ').nth(1).unwrap() {
            "/metadata" => "http://169.254.169.254/latest/meta-data/",
            "/decimal" => "http://2852039166/",
            "/port" => to_victim.as_str(),
            "/name" => "http://metadata.google.internal/",
            "/file" => "file:///etc/passwd",
            "/user" => "http://a:b@8.8.8.8/",
            "/two" => "/metadata",
            "/loop" => "/loop",
            "/none" => "http://",
            _ => return answer("200 OK", &[], b"end"),
        };
        answer("302 Found", &[("location", target)], b"")
    })
    .await;
    let names = Names::new(&[("metadata.google.internal", &[&["169.254.169.254"]])]);
    let tools = network(&[server.address], &names).build().await.unwrap();
    for (path, why) in [
        ("/metadata", "metadata"),
        ("/decimal", "metadata"),
        ("/port", "loopback"),
        ("/name", "metadata"),
        ("/file", "only http and https"),
        ("/user", "user name"),
        ("/two", "metadata"),
    ] {
        refused(path, get(&tools, &server.url(path)).await, why);
    }
    assert_eq!(
        get(&tools, &server.url("/loop")).await,
        Err(ToolError::Failed("more than 5 redirects".into()))
    );
    assert!(get(&tools, &server.url("/none")).await.is_err());
    assert_eq!(victim.count(), 0);
}

#[tokio::test]
async fn headers_for_one_host_are_not_shown_to_another() {
    let other = Server::start(|_| answer("200 OK", &[], b"end")).await;
    let target = other.url("/");
    let first = Server::start(move |_| answer("307 Temporary Redirect", &[("location", &target)], b"")).await;
    let tools = network(&[first.address, other.address], &Names::new(&[])).build().await.unwrap();
    let request = json!({"url": first.url("/"), "method": "POST", "headers": {"Authorization": "Bearer hidden", "Cookie": "c=hidden"},
                         "body": "hidden"});
    call(&tools, "curl", request).await.unwrap();
    assert!(first.requests.lock().unwrap()[0].contains("hidden"));
    assert!(!other.requests.lock().unwrap()[0].contains("hidden"));
}

/// The name means a public server when it is checked, and one within when the connection is made.
#[tokio::test]
async fn names_that_change_their_meaning() {
    // Two addresses of loopback stand for outside and inside: only the first is allowed.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outside = listener.local_addr().unwrap();
    let inside = TcpListener::bind(("127.0.0.2", outside.port())).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(&answer("200 OK", &[], b"outside")).await;
        }
    });
    let names = Names::new(&[("rebind.test", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let tools = network(&[outside], &names).build().await.unwrap();
    let url = format!("http://rebind.test:{}/", outside.port());
    // Asked for once, checked, and connected to what was checked.
    let text = call(&tools, "curl", json!({"url": url})).await.unwrap();
    assert!(text.ends_with("outside"), "{text}");
    assert_eq!(*names.asked.lock().unwrap(), ["rebind.test"]);
    // Asked again, the new meaning is seen, and refused.
    refused(&url, call(&tools, "curl", json!({"url": url})).await, "127.0.0.2, which is loopback");
    let untouched = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
    assert!(untouched.is_err(), "the server within was spoken to");
}

#[tokio::test]
async fn line_ends_and_frames_in_headers() {
    let server = Server::start(|_| answer("200 OK", &[], b"end")).await;
    let tools = network(&[server.address], &Names::new(&[])).build().await.unwrap();
    let with = |name: &str, value: &str| json!({"url": server.url("/"), "headers": {name: value}});
    for (name, value) in [
        ("X-A", "b\r\nX-Injected: 1"),
        ("X-A", "b\nX-Injected: 1"),
        ("X-A", "b\rX-Injected: 1"),
        ("X-A\r\nX-Injected", "1"),
        ("X-A: b\r\n\r\nGET /second HTTP/1.1\r\nX", "1"),
        ("X A", "1"),
        ("X-A", "a\0b"),
        ("", "1"),
        ("Host", "metadata.google.internal"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"),
        ("Upgrade", "h2c"),
    ] {
        let got = call(&tools, "curl", with(name, value)).await;
        assert!(
            matches!(got, Err(ToolError::Arguments(_) | ToolError::Refused(_))),
            "{name:?}: {value:?}: {got:?}"
        );
    }
    for arguments in [
        json!({"url": server.url("/"), "method": "GET / HTTP/1.1\r\nX-Injected: 1"}),
        json!({"url": server.url("/"), "headers": "X-Injected: 1"}),
        json!({"url": server.url("/"), "headers": "[1]"}),
    ] {
        assert!(matches!(call(&tools, "curl", arguments).await, Err(ToolError::Arguments(_))));
    }
    assert_eq!(server.count(), 0);
    call(&tools, "curl", with("X-A", "fine")).await.unwrap();
    assert_eq!(server.count(), 1);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_that_unpack_without_end() {
    let bomb = gzip(&vec![b'0'; 24 << 20]);
    assert!(bomb.len() < 100_000);
    let server = Server::start(move |request| {
        let encoding = request.split(['/', ' ']).nth(2).unwrap();
        let body = if encoding == "gzip" { &bomb[..] } else { &b"junk"[..] };
        answer("200 OK", &[("content-encoding", encoding), ("content-type", "text/plain")], body)
    })
    .await;
    let tools = network(&[server.address], &Names::new(&[])).build().await.unwrap();
    let text = get(&tools, &server.url("/gzip")).await.unwrap();
    assert!(text.contains("Body (2097152 bytes, cut)") && text.len() < 300_000);
    for encoding in ["br", "zstd", "deflate", "gzip,gzip"] {
        assert!(get(&tools, &server.url(&format!("/{encoding}"))).await.is_err(), "{encoding}");
    }
    // Nothing compressed is asked for.
    assert!(!server.requests.lock().unwrap()[0].to_lowercase().contains("accept-encoding"));
}

/// A server that does with each connection what it likes, after the request's head.
async fn wild(act: fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                act(stream).await;
            });
        }
    });
    address
}

async fn flood(mut stream: TcpStream, head: &str, part: &str) {
    let _ = stream.write_all(head.as_bytes()).await;
    while stream.write_all(part.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn answers_without_end() {
    let body = wild(|stream| {
        Box::pin(async move { flood(stream, "HTTP/1.1 200 OK\r\n\r\n", &"x".repeat(10_000)).await })
    })
    .await;
    let chunks = wild(|stream| {
        Box::pin(async move {
            flood(
                stream,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                &format!("3e8\r\n{}\r\n", "x".repeat(1_000)),
            )
            .await
        })
    })
    .await;
    let headers = wild(|stream| {
        Box::pin(async move { flood(stream, "HTTP/1.1 200 OK\r\n", "x-header: value\r\n").await })
    })
    .await;
    let line = wild(|stream| {
        Box::pin(async move { flood(stream, "HTTP/1.1 200 OK\r\nx: ", &"x".repeat(10_000)).await })
    })
    .await;
    let tools = network(&[body, chunks, headers, line], &Names::new(&[])).build().await.unwrap();
    for address in [body, chunks] {
        let text = call(&tools, "curl", json!({"url": format!("http://{address}/")})).await.unwrap();
        assert!(text.contains("Body (2097152 bytes, cut)"));
    }
    for address in [headers, line] {
        let error = call(&tools, "curl", json!({"url": format!("http://{address}/")})).await.unwrap_err();
        assert!(matches!(error, ToolError::Failed(_)), "{error}");
    }
}

#[tokio::test]
async fn answers_that_never_come() {
    let silent = wild(|stream| {
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(stream)
        })
    })
    .await;
    let drips = wild(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    })
    .await;
    let mut config = network(&[silent, drips], &Names::new(&[]));
    config.network.time = Duration::from_millis(300);
    let tools = config.build().await.unwrap();
    for address in [silent, drips] {
        let got = get(&tools, &format!("http://{address}/")).await;
        assert_eq!(got, Err(ToolError::TimedOut(Duration::from_millis(300))));
    }
}

/// Pages that would overflow a stack or take minutes to lay out.
#[tokio::test]
async fn pages_that_are_nested_without_end() {
    let server = Server::start(|request| {
        let page = match request.split(' ').nth(1).unwrap() {
            "/div" => "<div>".repeat(400_000),
            "/b" => "<b>".repeat(500_000),
            "/table" => "<table><tr><td>".repeat(50_000),
            "/ul" => "<ul><li>".repeat(100_000),
            "/quote" => "<blockquote>".repeat(100_000),
            _ => "<a href='x'>".repeat(100_000),
        };
        answer("200 OK", &[("content-type", "text/html")], page.as_bytes())
    })
    .await;
    let mut config = network(&[server.address], &Names::new(&[]));
    config.network.time = Duration::from_secs(20);
    let tools = config.build().await.unwrap();
    for path in ["/div", "/b", "/table", "/ul", "/quote", "/a"] {
        // Text or a refusal: the process goes on either way.
        let _ = call(&tools, "visit_webpage", json!({"url": server.url(path)})).await;
    }
    assert_eq!(server.count(), 6);
}

#[tokio::test]
async fn the_closed_profile_has_no_way_out() {
    for tool in [
        "google_search",
        "duckduckgo_search",
        "visit_webpage",
        "wikipedia_search",
        "curl",
        "ping",
        "ps",
        "kill",
        "env",
        "which",
        "web",
        "network",
        "system",
    ] {
        let mut config = config(tool);
        config.profile = SecurityProfile::Closed;
        assert!(matches!(config.build().await.err(), Some(ToolsError::Closed(_))), "{tool}");
    }
    assert_eq!(SecurityProfile::default(), SecurityProfile::Closed);
    assert_eq!(SecurityProfile::from_name("bfsi-closed"), Some(SecurityProfile::Closed));
}
