//! One request with its redirects.

use std::{io::Read, net::SocketAddr, time::Duration};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use reqwest::{
    Client, Method, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect,
};
use url::Url;

use super::{Network, check_form};
use crate::{cause::with_causes, tool::ToolError};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    pub follows_redirects: bool,
    /// Shortens the network's own limit.
    pub time: Option<Duration>,
}

impl Request {
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            follows_redirects: true,
            time: None,
        }
    }

    /// Adds a header of a model's choice. Those that frame the message or name the peer are refused.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), ToolError> {
        let wrong = || ToolError::Arguments(format!("{name:?} cannot be a header with that value"));
        let name_checked = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        // Refuses line ends, so that no second header or request can hide in a value.
        let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        const KEPT: &[&str] = &[
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "upgrade",
            "te",
            "trailer",
            "expect",
            "accept-encoding",
            "forwarded",
        ];
        if KEPT.contains(&name_checked.as_str()) || name_checked.as_str().starts_with("proxy-") {
            return Err(ToolError::Refused(format!(
                "the header {name_checked} is not for the caller to set"
            )));
        }
        self.headers.insert(name_checked, value);
        Ok(())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// Where it came from in the end.
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Decompressed, up to the limit.
    pub body: Vec<u8>,
    /// There was more of the body.
    pub is_cut: bool,
}

impl Response {
    /// The media type, in lower case, without parameters.
    pub fn media_type(&self) -> String {
        let full = self.headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        full.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Whatever the name is, these are its addresses: nothing is looked up a second time.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

impl Network {
    /// Asks and waits for the answer, whatever its status. Fails after the time limit, wherever it is then.
    pub async fn fetch(&self, request: Request) -> Result<Response, ToolError> {
        let time = request.time.map_or(self.limits.time, |time| time.min(self.limits.time));
        tokio::time::timeout(time, self.follow(request)).await.map_err(|_| ToolError::TimedOut(time))?
    }

    async fn follow(&self, mut request: Request) -> Result<Response, ToolError> {
        for _ in 0..=self.limits.redirects {
            let response = self.ask(&request).await?;
            let target = match response.headers().get(LOCATION) {
                Some(target) if request.follows_redirects && response.status().is_redirection() => target,
                _ => return self.receive(request.url, response).await,
            };
            let target = target.to_str().ok().and_then(|target| request.url.join(target).ok());
            let target = target.ok_or_else(|| ToolError::Failed("a redirect to what is not a URL".into()))?;
            // As browsers do: only 307 and 308 repeat the request as it was.
            if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
                && request.method != Method::HEAD
            {
                request.method = Method::GET;
                request.body = None;
            }
            // What was meant for one host is not shown to another.
            if target.origin() != request.url.origin() {
                request.headers.clear();
                request.body = None;
            }
            request.url = target;
        }
        Err(ToolError::Failed(format!("more than {} redirects", self.limits.redirects)))
    }

    /// One exchange without redirects, over a connection of its own.
    async fn ask(&self, request: &Request) -> Result<reqwest::Response, ToolError> {
        check_form(&request.url)?;
        let (Some(host), Some(port)) = (request.url.host(), request.url.port_or_known_default()) else {
            return Err(ToolError::Arguments(format!("{} names no host", request.url)));
        };
        let addresses: Vec<SocketAddr> = self.addresses(host, port).await?;
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .http1_only()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("smoltrace/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Pinned(addresses))
            .build()
            .map_err(|error| failed(&error))?;
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.send().await.map_err(|error| failed(&error))
    }

    async fn receive(&self, url: Url, mut response: reqwest::Response) -> Result<Response, ToolError> {
        let limit = self.limits.body_bytes;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut is_cut = false;
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            let room = limit - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                is_cut = true;
                break;
            }
        }
        let encoding =
            headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim().to_lowercase());
        match encoding.as_deref() {
            None | Some("" | "identity") => {}
            Some("gzip" | "x-gzip") => {
                (body, is_cut) = unpack(MultiGzDecoder::new(&body[..]), limit, is_cut)?
            }
            Some("deflate") => (body, is_cut) = unpack(ZlibDecoder::new(&body[..]), limit, is_cut)?,
            Some(other) => {
                return Err(ToolError::Failed(format!("the answer is compressed by {other:?}, unasked")));
            }
        }
        Ok(Response { url, status, headers, body, is_cut })
    }
}

/// Decompresses up to a limit, however much there is behind it.
fn unpack(decoder: impl Read, limit: usize, was_cut: bool) -> Result<(Vec<u8>, bool), ToolError> {
    let mut body = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut body);
    if let Err(error) = read
        && !was_cut
    {
        return Err(ToolError::Failed(format!("the answer cannot be decompressed: {error}")));
    }
    let is_cut = was_cut || body.len() > limit;
    body.truncate(limit);
    Ok((body, is_cut))
}

fn failed(error: &dyn std::error::Error) -> ToolError {
    ToolError::Failed(with_causes(error))
}
