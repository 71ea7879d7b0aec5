//! Requests to the internet as a model may make them: only `http` and `https`, only to public addresses, within bounds
//! of time and size.
//!
//! A name is resolved once for each request, every address of the answer is checked, and the connection goes to those
//! addresses and no others: a name that later means something else changes nothing. Redirects are followed here, each
//! with the same checks. No proxy, cookie or credential of the environment is used.

pub mod address;
mod fetch;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use url::{Host, Url};

use crate::tool::ToolError;

pub use fetch::{Request, Response};

/// What a name means. The system's in use, a table in tests.
#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Bounds of a request, and what is allowed though it is not public.
#[derive(Debug, Clone)]
pub struct NetworkLimits {
    /// Addresses with ports that may be spoken to whatever network they are in.
    pub allow: Vec<SocketAddr>,
    /// From the first byte sent to the last received, redirects included.
    pub time: Duration,
    /// What is kept of a body, in bytes after decompression; the rest is not read.
    pub body_bytes: usize,
    pub redirects: usize,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self { allow: Vec::new(), time: Duration::from_secs(30), body_bytes: 2 << 20, redirects: 5 }
    }
}

/// Makes requests within limits. Clones share everything.
#[derive(Clone)]
pub struct Network {
    limits: Arc<NetworkLimits>,
    resolver: Arc<dyn Resolver>,
}

impl Network {
    pub fn new(limits: NetworkLimits, resolver: Arc<dyn Resolver>) -> Self {
        Self { limits: Arc::new(limits), resolver }
    }

    pub fn limits(&self) -> &NetworkLimits {
        &self.limits
    }

    /// A URL as text, if it is one that may be asked for as far as it can be seen from it.
    pub fn url(&self, text: &str) -> Result<Url, ToolError> {
        let text = text.trim();
        if text.len() > 8_192 || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(ToolError::Arguments(
                "a URL has no spaces or control characters, and 8192 bytes at most".into(),
            ));
        }
        let url = Url::parse(text)
            .map_err(|error| ToolError::Arguments(format!("{text:?} is not a URL: {error}")))?;
        check_form(&url)?;
        Ok(url)
    }

    /// The addresses that a host may be reached at.
    pub async fn addresses(&self, host: Host<&str>, port: u16) -> Result<Vec<SocketAddr>, ToolError> {
        let found = match host {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => self
                .resolver
                .resolve(name)
                .await
                .map_err(|error| ToolError::Failed(format!("{name} cannot be resolved: {error}")))?,
        };
        if found.is_empty() {
            return Err(ToolError::Failed(format!("{host} has no address")));
        }
        // One bad address among good ones is no accident.
        for &ip in &found {
            if let Some(why) = address::refusal(ip)
                && !self.limits.allow.contains(&SocketAddr::new(ip, port))
            {
                return Err(ToolError::Refused(format!("{host} is at {ip}, which is {why}")));
            }
        }
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

/// What of a URL is refused before anything is looked up.
fn check_form(url: &Url) -> Result<(), ToolError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ToolError::Refused(format!(
            "only http and https can be asked for, not {}",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ToolError::Refused("a URL with a user name or password".into()));
    }
    match url.host_str() {
        None | Some("") => Err(ToolError::Arguments(format!("{url} names no host"))),
        Some(_) => Ok(()),
    }
}
