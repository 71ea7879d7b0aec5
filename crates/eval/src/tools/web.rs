//! curl, visit_webpage and ping.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Map, Value};
use tokio::{net::TcpStream, time::Instant};
use url::Host;

use super::{
    arguments::{Arguments, optional, required, spec},
    net::{Network, Request},
    text::clip,
};
use crate::tool::{Tool, ToolError, ToolSpec};

pub struct Curl {
    spec: ToolSpec,
    network: Network,
}

impl Curl {
    pub fn new(network: Network) -> Self {
        let headers = "JSON string of custom headers (e.g., '{\"Accept\": \"application/json\"}')";
        let spec = spec(
            "curl",
            "Make HTTP requests to public URLs with support for GET, POST, PUT, DELETE methods. Can send custom \
             headers and request bodies. Returns response status code, headers, and body.",
            vec![
                required("url", "string", "URL to make the request to (must start with http:// or https://)"),
                optional("method", "string", "HTTP method: 'GET', 'POST', 'PUT', 'DELETE', 'HEAD'"),
                optional("headers", "string", headers),
                optional("body", "string", "Request body for POST/PUT requests"),
                optional("timeout", "integer", "Request timeout in seconds (default: 30)"),
                optional("follow_redirects", "boolean", "Follow HTTP redirects (default: True)"),
            ],
        );
        Self { spec, network }
    }
}

#[async_trait::async_trait]
impl Tool for Curl {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, mut arguments: Map<String, Value>) -> Result<Value, ToolError> {
        // Models give the headers as an object as often as in a string.
        if let Some(headers @ Value::Object(_)) = arguments.get_mut("headers") {
            *headers = headers.to_string().into();
        }
        let arguments = Arguments::new(&self.spec, arguments)?;
        let mut request = Request::get(self.network.url(&arguments.text("url")?)?);
        request.method =
            match arguments.choice("method", &["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"])? {
                "POST" => Method::POST,
                "PUT" => Method::PUT,
                "DELETE" => Method::DELETE,
                "HEAD" => Method::HEAD,
                "PATCH" => Method::PATCH,
                _ => Method::GET,
            };
        if let Some(headers) = arguments.optional_text("headers")? {
            let headers: Map<String, Value> = serde_json::from_str(&headers).map_err(|error| {
                ToolError::Arguments(format!("the headers are not a JSON object: {error}"))
            })?;
            for (name, value) in &headers {
                match value {
                    Value::String(value) => request.header(name, value)?,
                    other => request.header(name, &other.to_string())?,
                }
            }
        }
        request.body = arguments.optional_text("body")?.map(String::into_bytes);
        request.follows_redirects = arguments.boolean("follow_redirects", true)?;
        let seconds = arguments.integer("timeout", 30, 1..=300)?;
        request.time = Some(Duration::from_secs(seconds.unsigned_abs()));
        let response = self.network.fetch(request).await?;
        let mut answer = format!("Status: {}\nURL: {}\nHeaders:\n", response.status, response.url);
        for (name, value) in &response.headers {
            answer.push_str(&format!("  {name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        answer.push_str(&format!(
            "Body ({} bytes{}):\n",
            response.body.len(),
            if response.is_cut { ", cut" } else { "" }
        ));
        answer.push_str(&response.text());
        Ok(clip(answer).into())
    }
}

pub struct VisitWebpage {
    spec: ToolSpec,
    network: Network,
}

/// What is read of a page's text, in characters.
const MAX_PAGE_CHARS: usize = 40_000;
const PAGE_WIDTH: usize = 100;
/// Deeper pages are attacks; the converter's memory grows with depth.
const MAX_HTML_BYTES: usize = 2 << 20;

impl VisitWebpage {
    pub fn new(network: Network) -> Self {
        let spec = spec(
            "visit_webpage",
            "Visits a webpage at the given url and reads its content as text. Use this to browse webpages.",
            vec![required("url", "string", "The url of the webpage to visit.")],
        );
        Self { spec, network }
    }
}

#[async_trait::async_trait]
impl Tool for VisitWebpage {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let url = self.network.url(&Arguments::new(&self.spec, arguments)?.text("url")?)?;
        let response = self.network.fetch(Request::get(url)).await?;
        if !response.status.is_success() {
            return Err(ToolError::Failed(format!("{} answered {}", response.url, response.status)));
        }
        let text = match response.media_type().as_str() {
            "text/html" | "application/xhtml+xml" | "" => html_to_text(response.body).await?,
            media_type if is_text(media_type) => response.text(),
            other => return Err(ToolError::Failed(format!("{} is not text but {other}", response.url))),
        };
        let mut shown: String = text.chars().take(MAX_PAGE_CHARS).collect();
        if shown.len() < text.len() || response.is_cut {
            shown.push_str("\n[cut here]");
        }
        Ok(shown.into())
    }
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || ["json", "xml", "yaml", "javascript"].iter().any(|kind| media_type.ends_with(kind))
}

/// Levels of a page that are read: the time that a page takes grows with the square of its depth.
const MAX_NESTING: usize = 400;

/// How deep the elements of a page are nested at most, by its tags alone: more than they are where end tags are left
/// out, but for the elements that mostly have none.
fn nesting(html: &[u8]) -> usize {
    const FLAT: [&[u8]; 22] = [
        b"area", b"base", b"br", b"col", b"dd", b"dt", b"embed", b"hr", b"img", b"input", b"li", b"link",
        b"meta", b"option", b"p", b"path", b"source", b"td", b"th", b"tr", b"track", b"wbr",
    ];
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split(|byte| *byte == b'<').skip(1) {
        let (is_end, name) = match tag.strip_prefix(b"/") {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let name = name[..length].to_ascii_lowercase();
        if name.is_empty() || FLAT.contains(&name.as_slice()) {
            continue;
        }
        depth = if is_end { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

/// A page as text, with its links numbered.
pub async fn html_to_text(mut html: Vec<u8>) -> Result<String, ToolError> {
    html.truncate(MAX_HTML_BYTES);
    if nesting(&html) > MAX_NESTING {
        return Err(ToolError::Failed(format!("the page is nested deeper than {MAX_NESTING} levels")));
    }
    let text = tokio::task::spawn_blocking(move || html2text::from_read(&html[..], PAGE_WIDTH)).await;
    match text {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(ToolError::Failed(format!("the page cannot be read: {error}"))),
        Err(error) => Err(ToolError::Failed(format!("the page cannot be read: {error}"))),
    }
}

pub struct Ping {
    spec: ToolSpec,
    network: Network,
}

impl Ping {
    pub fn new(network: Network) -> Self {
        let spec = spec(
            "ping",
            "Check network connectivity to a public host by opening TCP connections to it. Returns round-trip times \
             and the share of attempts without an answer.",
            vec![
                required("host", "string", "Hostname or IP address to ping (e.g., 'example.com', '8.8.8.8')"),
                optional("count", "integer", "Number of attempts (default: 4)"),
                optional("timeout", "integer", "Timeout in seconds for each attempt (default: 5)"),
            ],
        );
        Self { spec, network }
    }
}

/// Asked in turn, until one accepts or refuses a connection: either shows that the host is there.
const PING_PORTS: &[u16] = &[443, 80];

#[async_trait::async_trait]
impl Tool for Ping {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.spec, arguments)?;
        let name = arguments.text("host")?;
        let count = arguments.integer("count", 4, 1..=20)?;
        let patience = Duration::from_secs(arguments.integer("timeout", 5, 1..=30)?.unsigned_abs());
        // As a URL's host, so that numbers in all their forms are read as what they are.
        let (name, port) = match name.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => match port.parse() {
                Ok(port) => (host.to_owned(), Some(port)),
                Err(_) => return Err(ToolError::Arguments(format!("{name:?} is not a host"))),
            },
            _ => (name, None),
        };
        let host = if name.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{name}]") } else { name };
        let url = self.network.url(&format!("http://{host}/"))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(ToolError::Arguments(format!("{host:?} is not a host")));
        }
        let parsed: Host<&str> =
            url.host().ok_or_else(|| ToolError::Arguments(format!("{host:?} is not a host")))?;
        let ports = port.map_or(PING_PORTS.to_vec(), |port| vec![port]);
        let mut targets = Vec::new();
        for port in ports {
            targets.push(self.network.addresses(parsed.clone(), port).await?[0]);
        }
        let mut times = Vec::new();
        let mut target = None;
        for _ in 0..count {
            let candidates = target.map_or(targets.clone(), |target| vec![target]);
            for candidate in candidates {
                if let Some(time) = attempt(candidate, patience).await {
                    target = Some(candidate);
                    times.push(time.as_secs_f64() * 1_000.0);
                    break;
                }
            }
        }
        Ok(report(&host, targets[0].ip(), target, &times, count).into())
    }
}

/// How long a host took to answer. That it refuses the port is an answer.
async fn attempt(target: SocketAddr, patience: Duration) -> Option<Duration> {
    let began = Instant::now();
    match tokio::time::timeout(patience, TcpStream::connect(target)).await {
        Ok(Ok(_)) => Some(began.elapsed()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Some(began.elapsed()),
        _ => None,
    }
}

fn report(host: &str, ip: IpAddr, target: Option<SocketAddr>, times: &[f64], count: i64) -> String {
    let received = times.len();
    let lost = 100.0 * (1.0 - received as f64 / count as f64);
    let mut lines = vec![format!(
        "Ping {host} ({ip}), TCP{}",
        target.map_or(String::new(), |t| format!(" port {}", t.port()))
    )];
    lines.push(format!("Attempts: {count}, answered: {received}, lost: {lost:.0}%"));
    if received > 0 {
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        let mean = times.iter().sum::<f64>() / received as f64;
        lines.push(format!("Round trip: min {least:.1} ms, mean {mean:.1} ms, max {most:.1} ms"));
    }
    lines.join("\n")
}
