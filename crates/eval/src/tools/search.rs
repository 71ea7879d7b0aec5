//! Web search and Wikipedia, over the checked network.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    arguments::{Arguments, required, spec},
    net::{Network, Request, Response},
    text::clip,
};
use crate::tool::{Tool, ToolError, ToolSpec};

/// Who searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchProvider {
    DuckDuckGo,
    Serper,
    Brave,
    Tavily,
}

impl SearchProvider {
    /// By the names of `--search-provider`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "duckduckgo" => Self::DuckDuckGo,
            "serper" => Self::Serper,
            "brave" => Self::Brave,
            "tavily" => Self::Tavily,
            _ => return None,
        })
    }

    /// The environment's variable that has its key; `None` if it needs none.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::DuckDuckGo => None,
            Self::Serper => Some("SERPER_API_KEY"),
            Self::Brave => Some("BRAVE_API_KEY"),
            Self::Tavily => Some("TAVILY_API_KEY"),
        }
    }

    fn endpoint(self) -> &'static str {
        match self {
            Self::DuckDuckGo => "https://lite.duckduckgo.com/lite/",
            Self::Serper => "https://google.serper.dev/search",
            Self::Brave => "https://api.search.brave.com/res/v1/web/search",
            Self::Tavily => "https://api.tavily.com/search",
        }
    }
}

/// Which provider, and with what.
#[derive(Clone)]
pub struct SearchSettings {
    pub provider: SearchProvider,
    pub key: Option<String>,
    /// In the place of the provider's own address.
    pub endpoint: Option<Url>,
}

impl std::fmt::Debug for SearchSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchSettings")
            .field("provider", &self.provider)
            .field("key", &self.key.as_ref().map(|_| "..."))
            .field("endpoint", &self.endpoint)
            .finish()
    }
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { provider: SearchProvider::DuckDuckGo, key: None, endpoint: None }
    }
}

const RESULTS: usize = 10;

pub struct WebSearch {
    spec: ToolSpec,
    network: Network,
    settings: SearchSettings,
    endpoint: Url,
}

impl WebSearch {
    /// Fails if the provider needs a key and none is there.
    pub fn new(network: Network, settings: SearchSettings) -> Result<Self, ToolError> {
        if let (Some(variable), None) = (settings.provider.key_variable(), &settings.key) {
            return Err(ToolError::Refused(format!("this search provider needs a key in {variable}")));
        }
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => network.url(settings.provider.endpoint())?,
        };
        let spec = spec(
            "web_search",
            "Performs a web search for a query and returns a string of the top search results formatted as markdown \
             with titles, links, and descriptions.",
            vec![required("query", "string", "The search query to perform.")],
        );
        Ok(Self { spec, network, settings, endpoint })
    }

    fn request(&self, query: &str) -> Result<Request, ToolError> {
        let mut request = Request::get(self.endpoint.clone());
        request.follows_redirects = false;
        let key = self.settings.key.as_deref().unwrap_or_default();
        let post = |request: &mut Request, body: Value| {
            request.method = Method::POST;
            request.body = Some(body.to_string().into_bytes());
            request.header("content-type", "application/json")
        };
        match self.settings.provider {
            SearchProvider::DuckDuckGo => {
                request.url.query_pairs_mut().append_pair("q", query);
            }
            SearchProvider::Serper => {
                post(&mut request, json!({"q": query, "num": RESULTS}))?;
                request.header("x-api-key", key)?;
            }
            SearchProvider::Brave => {
                request
                    .url
                    .query_pairs_mut()
                    .append_pair("q", query)
                    .append_pair("count", &RESULTS.to_string());
                request.header("x-subscription-token", key)?;
            }
            SearchProvider::Tavily => {
                post(&mut request, json!({"query": query, "max_results": RESULTS}))?;
                request.header("authorization", &format!("Bearer {key}"))?;
            }
        }
        Ok(request)
    }
}

#[async_trait::async_trait]
impl Tool for WebSearch {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let query = Arguments::new(&self.spec, arguments)?.text("query")?;
        let response = self.network.fetch(self.request(&query)?).await?;
        check_status(&response)?;
        let found = match self.settings.provider {
            SearchProvider::DuckDuckGo => duckduckgo(&response.text()),
            SearchProvider::Serper => listed(&response, "/organic", ["title", "link", "snippet"])?,
            SearchProvider::Brave => listed(&response, "/web/results", ["title", "url", "description"])?,
            SearchProvider::Tavily => listed(&response, "/results", ["title", "url", "content"])?,
        };
        if found.is_empty() {
            return Ok(format!("No results found for {query:?}.").into());
        }
        let shown: Vec<String> = found
            .iter()
            .take(RESULTS)
            .map(|[title, link, text]| format!("[{title}]({link})\n{text}"))
            .collect();
        Ok(clip(format!("## Search Results\n\n{}", shown.join("\n\n"))).into())
    }
}

fn check_status(response: &Response) -> Result<(), ToolError> {
    if response.status.is_success() {
        Ok(())
    } else {
        Err(ToolError::Failed(format!(
            "{} answered {}",
            response.url.host_str().unwrap_or_default(),
            response.status
        )))
    }
}

fn parsed(response: &Response) -> Result<Value, ToolError> {
    serde_json::from_slice(&response.body)
        .map_err(|error| ToolError::Failed(format!("the answer of the search is not JSON: {error}")))
}

/// Title, link and text of each result of a JSON answer.
fn listed(response: &Response, pointer: &str, fields: [&str; 3]) -> Result<Vec<[String; 3]>, ToolError> {
    let answer = parsed(response)?;
    let results = answer.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(results
        .iter()
        .map(|result| fields.map(|field| result[field].as_str().unwrap_or_default().to_owned()))
        .collect())
}

static RESULT_LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)<a\s([^>]*class=['"]result-link['"][^>]*)>(.*?)</a>"#).expect("a constant")
});
static RESULT_TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)class=['"]result-snippet['"][^>]*>(.*?)</td>"#).expect("a constant"));
static HREF: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"href=['"]([^'"]*)['"]"#).expect("a constant"));
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new("<[^>]*>").expect("a constant"));

/// The results of DuckDuckGo's page for simple browsers: a link, then a text, each in a row of a table.
fn duckduckgo(page: &str) -> Vec<[String; 3]> {
    let links: Vec<_> = RESULT_LINK.captures_iter(page).collect();
    links
        .iter()
        .enumerate()
        .map(|(index, link)| {
            let end = link.get(0).map_or(0, |all| all.end());
            let next =
                links.get(index + 1).and_then(|next| next.get(0)).map_or(page.len(), |all| all.start());
            let text = RESULT_TEXT.captures(&page[end..next]).map_or(String::new(), |text| plain(&text[1]));
            let href = HREF.captures(&link[1]).map_or(String::new(), |href| target(&plain(&href[1])));
            [plain(&link[2]), href, text]
        })
        .collect()
}

/// Links go over a page of the provider that has the true one as an argument.
fn target(href: &str) -> String {
    let href = if href.starts_with("//") { format!("https:{href}") } else { href.to_owned() };
    let url = Url::parse(&href).ok();
    let inner = url.and_then(|url| {
        url.query_pairs().find(|(key, _)| key == "uddg").map(|(_, value)| value.into_owned())
    });
    inner.unwrap_or(href)
}

fn plain(html: &str) -> String {
    let text = TAG.replace_all(html, "");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub struct Wikipedia {
    spec: ToolSpec,
    network: Network,
    endpoint: Url,
}

impl Wikipedia {
    /// `endpoint`: the `api.php` of a MediaWiki other than the English Wikipedia's.
    pub fn new(network: Network, endpoint: Option<Url>) -> Result<Self, ToolError> {
        let endpoint = match endpoint {
            Some(endpoint) => endpoint,
            None => network.url("https://en.wikipedia.org/w/api.php")?,
        };
        let spec = spec(
            "wikipedia_search",
            "Searches Wikipedia and returns a summary of the given topic, along with the page URL.",
            vec![required("query", "string", "The topic to search on Wikipedia.")],
        );
        Ok(Self { spec, network, endpoint })
    }
}

#[async_trait::async_trait]
impl Tool for Wikipedia {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let query = Arguments::new(&self.spec, arguments)?.text("query")?;
        let mut request = Request::get(self.endpoint.clone());
        request.url.query_pairs_mut().extend_pairs([
            ("action", "query"),
            ("format", "json"),
            ("formatversion", "2"),
            ("generator", "search"),
            ("gsrsearch", &query),
            ("gsrlimit", "1"),
            ("prop", "extracts|info"),
            ("exintro", "1"),
            ("explaintext", "1"),
            ("inprop", "url"),
        ]);
        let response = self.network.fetch(request).await?;
        check_status(&response)?;
        let answer = parsed(&response)?;
        let page = &answer["query"]["pages"][0];
        let (Some(title), Some(extract)) = (page["title"].as_str(), page["extract"].as_str()) else {
            return Ok(format!("No Wikipedia page found for {query:?}.").into());
        };
        let url = page["fullurl"].as_str().unwrap_or_default();
        Ok(clip(format!("Wikipedia page: {title}\n\n{extract}\n\nRead more: {url}")).into())
    }
}
