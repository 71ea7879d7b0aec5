//! Requests to the Hub's API: within bounds of size, time and repetitions, the token to the Hub alone.

use std::time::Duration;

use reqwest::{StatusCode, header, header::HeaderMap};
use serde::Deserialize;
use url::Url;

use super::{HubError, HubErrorKind, HubOptions, reference::check_path};
use crate::{cause::deepest, chat::retry};

/// Redirects of one request.
const MOST_REDIRECTS: usize = 5;
/// Bytes of one answer of the API.
const ANSWER_BYTES: u64 = 16 << 20;
/// Files and folders of a dataset; pages of their list.
const MOST_ENTRIES: usize = 20_000;
const MOST_PAGES: usize = 200;
/// Connecting, and the pause between two pieces of a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "type", default)]
    kind: String,
    pub path: String,
    #[serde(default)]
    pub size: u64,
    #[serde(default)]
    pub lfs: Option<Lfs>,
}

/// What is known of a large file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Lfs {
    /// SHA-256 of the content, in hex.
    #[serde(default)]
    pub oid: String,
}

#[cfg(test)]
impl Entry {
    pub(super) fn of_path(path: &str) -> Self {
        Self { kind: "file".into(), path: path.into(), ..Self::default() }
    }
}

pub(super) struct Client {
    options: HubOptions,
    base: Url,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(options: HubOptions) -> Result<Self, String> {
        let base: Url =
            options.endpoint.parse().map_err(|error| format!("{:?} is no URL: {error}", options.endpoint))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(format!("{:?} is no http(s) URL", options.endpoint));
        }
        let local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            // Followed here: the token goes no further than the Hub.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .user_agent(concat!("smoltrace/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = options.proxy.as_deref().filter(|_| !local) {
            let proxy = reqwest::Proxy::all(proxy).map_err(|error| format!("no proxy: {error}"))?;
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { options, base, http })
    }

    /// An address below the Hub's, each part whatever it holds.
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// The commit that a revision is now.
    pub(super) async fn commit(&self, repo: &str, revision: &str) -> Result<String, HubError> {
        #[derive(Deserialize)]
        struct Info {
            sha: String,
        }
        let mut url =
            self.url(["api", "datasets"].into_iter().chain(repo.split('/')).chain(["revision", revision]));
        url.set_query(Some("expand%5B%5D=sha"));
        let (_, body) = self.get(repo, url, ANSWER_BYTES).await?;
        let info: Info = json(&body)?;
        let is_commit = info.sha.len() == 40 && info.sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        let asked = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_commit || (asked && !revision.eq_ignore_ascii_case(&info.sha)) {
            return Err(HubErrorKind::Nonsense.with(format!("revision {revision} is no commit of it")));
        }
        Ok(info.sha.to_ascii_lowercase())
    }

    /// All files at a commit.
    pub(super) async fn files(&self, repo: &str, commit: &str) -> Result<Vec<Entry>, HubError> {
        let mut url =
            self.url(["api", "datasets"].into_iter().chain(repo.split('/')).chain(["tree", commit]));
        url.set_query(Some("recursive=true"));
        let mut entries = Vec::new();
        for _ in 0..MOST_PAGES {
            let (headers, body) = self.get(repo, url.clone(), ANSWER_BYTES).await?;
            let page: Vec<Entry> = json(&body)?;
            entries.extend(page);
            if entries.len() > MOST_ENTRIES {
                break;
            }
            match next_page(&headers).and_then(|next| url.join(&next).ok()) {
                Some(next) => url = next,
                None => {
                    entries.retain(|entry| entry.kind == "file");
                    return match entries.iter().find_map(|entry| check_path(&entry.path).err()) {
                        Some(problem) => Err(HubErrorKind::UnsafeName.with(problem)),
                        None => Ok(entries),
                    };
                }
            }
        }
        Err(HubErrorKind::TooLarge.with(format!("it has more than {MOST_ENTRIES} files and folders")))
    }

    /// The content of a file, of `most_bytes` at most.
    pub(super) async fn content(
        &self,
        repo: &str,
        commit: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Vec<u8>, HubError> {
        check_path(path).map_err(|problem| HubErrorKind::UnsafeName.with(problem))?;
        let parts = ["datasets"].into_iter().chain(repo.split('/')).chain(["resolve", commit]);
        let url = self.url(parts.chain(path.split('/')));
        Ok(self.get(repo, url, most_bytes).await?.1)
    }

    /// One answer, asked for again where that may help.
    async fn get(&self, repo: &str, url: Url, most_bytes: u64) -> Result<(HeaderMap, Vec<u8>), HubError> {
        let policy = &self.options.retry;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let failure = match self.attempt(repo, url.clone(), most_bytes).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !failure.passing || attempts > policy.retries {
                return Err(failure.error);
            }
            tokio::time::sleep(policy.wait(attempts, failure.wait, 0)).await;
        }
    }

    async fn attempt(
        &self,
        repo: &str,
        mut url: Url,
        most_bytes: u64,
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        for _ in 0..=MOST_REDIRECTS {
            let host = url.host_str().unwrap_or_default().to_owned();
            let mut request = self.http.get(url.clone());
            if let Some(token) = self.options.token.as_deref().filter(|_| url.origin() == self.base.origin())
            {
                let mut value =
                    header::HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| {
                        HubErrorKind::Refused.with("the token has characters that no token can have")
                    })?;
                value.set_sensitive(true);
                request = request.header(header::AUTHORIZATION, value);
            }
            let response = request.send().await.map_err(|error| Failure::connection(&host, error))?;
            let status = response.status();
            if status.is_redirection() {
                url = self.redirected(&url, response.headers())?;
                continue;
            }
            if !status.is_success() {
                return Err(self.refusal(repo, &host, status, response.headers()));
            }
            return self.body(&host, response, most_bytes).await;
        }
        Err(HubErrorKind::Unreachable.with(format!("more than {MOST_REDIRECTS} redirects")).into())
    }

    async fn body(
        &self,
        host: &str,
        mut response: reqwest::Response,
        most_bytes: u64,
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let too_large = || {
            let mebibytes = most_bytes.div_ceil(1 << 20);
            HubErrorKind::TooLarge
                .with(format!("a file or an answer of {host} is larger than {mebibytes} MiB"))
        };
        if response.content_length().is_some_and(|length| length > most_bytes) {
            return Err(too_large().into());
        }
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::connection(host, error))? {
            if (body.len() + chunk.len()) as u64 > most_bytes {
                return Err(too_large().into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((headers, body))
    }

    /// Where a redirect leads. Signed addresses are secrets of a kind: errors name hosts alone.
    fn redirected(&self, from: &Url, headers: &HeaderMap) -> Result<Url, HubError> {
        let refused = |why: &str| {
            HubErrorKind::Unreachable.with(format!("{} redirects {why}", from.host_str().unwrap_or_default()))
        };
        let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let to = location.and_then(|to| from.join(to).ok()).ok_or_else(|| refused("to nowhere"))?;
        match (from.scheme(), to.scheme()) {
            ("https", "https") | ("http", "http" | "https") if to.host_str().is_some() => {}
            ("https", "http") => return Err(refused("from https to http")),
            _ => return Err(refused("to what is neither http nor https")),
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err(refused("to an address with a user name"));
        }
        Ok(to)
    }

    /// What an answer that is none means.
    fn refusal(&self, repo: &str, host: &str, status: StatusCode, headers: &HeaderMap) -> Failure {
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (code, message) = (said("x-error-code"), said("x-error-message"));
        let has_token = self.options.token.is_some();
        let missing = match has_token {
            true => format!("{host} has no dataset {repo}, or the token in HF_TOKEN gives no access to it"),
            false => format!("{host} has no dataset {repo}, or it is private and needs a token in HF_TOKEN"),
        };
        let error = match (status.as_u16(), code) {
            (_, "RevisionNotFound") => HubErrorKind::NoRevision.with("it has no such revision"),
            (_, "EntryNotFound") => HubErrorKind::NoFiles.with("a file of it is not there"),
            (_, "GatedRepo") => HubErrorKind::Refused.with(format!(
                "it is gated: accept its terms at {}datasets/{repo}, and put a token of that account into HF_TOKEN",
                self.url([""])
            )),
            (401, _) if has_token && code != "RepoNotFound" => {
                HubErrorKind::Refused.with(format!("{host} does not accept the token in HF_TOKEN"))
            }
            (401 | 404, _) => HubErrorKind::NoDataset.with(missing),
            (status, _) => {
                let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
                HubErrorKind::Unreachable.with(format!("{host} answered {status} {message}").trim_end().to_owned())
            }
        };
        let wait = retry::asked(headers, self.options.clock.as_ref());
        Failure { error, passing: retry::is_passing(status), wait }
    }
}

/// An attempt that failed, and whether another may not.
struct Failure {
    error: HubError,
    passing: bool,
    wait: Option<Duration>,
}

impl Failure {
    fn connection(host: &str, error: reqwest::Error) -> Self {
        // The address is left out: it may be signed.
        let error = error.without_url();
        let cause = deepest(&error);
        let error = HubErrorKind::Unreachable.with(format!("{host} cannot be reached: {cause}"));
        Self { error, passing: true, wait: None }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self { error, passing: false, wait: None }
    }
}

fn json<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, HubError> {
    serde_json::from_slice(body).map_err(|error| {
        HubErrorKind::Nonsense.with(format!("the answer is not as the Hub's API has it: {error}"))
    })
}

/// The address of the next page, by the `Link` header.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (address, parameters) = link.split_once(';')?;
        let is_next = parameters.split(';').any(|parameter| {
            matches!(parameter.trim().split_once('='), Some(("rel", relation)) if relation.trim_matches('"') == "next")
        });
        let address = address.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then(|| address.to_owned())
    })
}
