//! Tools of MCP servers: programs that are started and spoken to over their standard input, or URLs (streamable HTTP,
//! or HTTP with SSE).
//!
//! A server is chosen by whoever starts the evaluation, so it may be anywhere; what it says is not trusted: names,
//! descriptions, numbers of tools and answers are bounded, and every exchange has a time limit.

mod sse;

use std::{collections::BTreeMap, fmt::Display, process::Stdio, sync::Arc, time::Duration};

use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, CallToolResult, ContentBlock, PaginatedRequestParams},
    service::{ClientInitializeError, RunningService, ServiceError, serve_client},
    transport::{
        ConfigureCommandExt, DynamicTransportError, StreamableHttpClientTransport, TokioChildProcess,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use serde_json::{Map, Value, json};
use tokio::{process::Command, time::timeout};
use url::Url;

use super::{
    secrets::{is_secret_name, is_secret_value},
    text::{MAX_ANSWER_BYTES, clip},
};
use crate::{
    cause::with_causes,
    tool::{Tool, ToolError, ToolInput, ToolSpec},
};
use sse::{Fault, SseTransport};

const MAX_TOOLS: usize = 200;
const MAX_DESCRIPTION_BYTES: usize = 8 << 10;
const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// The longest message of a server that is read, in bytes.
const MAX_MESSAGE_BYTES: usize = 8 << 20;

/// How a server at a URL is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum McpTransport {
    /// By streamable HTTP; by HTTP with SSE where that is answered with 4xx.
    #[default]
    Auto,
    StreamableHttp,
    /// HTTP with SSE, as of protocol revision 2024-11-05.
    Sse,
}

impl McpTransport {
    /// By the names of `--mcp-transport`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "streamable-http" => Some(Self::StreamableHttp),
            "sse" => Some(Self::Sse),
            _ => None,
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpAddress {
    Url(Url, McpTransport),
    /// A program and its arguments.
    Command(Vec<String>),
}

/// A server as it was named: `name=URL`, `URL`, `name=program arguments` or `program arguments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Put before the names of its tools.
    pub prefix: Option<String>,
    pub address: McpAddress,
}

impl McpServer {
    /// Reads `name=URL` or `URL`.
    pub fn from_url(text: &str, transport: McpTransport) -> Result<Self, ToolError> {
        let (prefix, rest) = split_name(text);
        match Url::parse(rest) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                Ok(Self { prefix, address: McpAddress::Url(url, transport) })
            }
            _ => Err(ToolError::Arguments(format!(
                "{text:?} is not the address of an MCP server: name=https://..."
            ))),
        }
    }

    /// Reads `name=program arguments`; quotes keep spaces.
    pub fn from_command(text: &str) -> Result<Self, ToolError> {
        let (prefix, rest) = split_name(text);
        let words = words(rest);
        match words {
            Some(words) if !words.is_empty() => Ok(Self { prefix, address: McpAddress::Command(words) }),
            _ => Err(ToolError::Arguments(format!("{text:?} is not the command of an MCP server"))),
        }
    }

    fn name(&self) -> String {
        match &self.address {
            McpAddress::Url(url, _) => url.host_str().unwrap_or_default().to_owned(),
            McpAddress::Command(words) => words[0].clone(),
        }
    }

    /// An error in words, without the server's URL: that may hold a key.
    fn told(&self, error: &dyn Display) -> String {
        let text = error.to_string();
        let McpAddress::Url(url, _) = &self.address else { return text };
        let mut without_user = url.clone();
        let _ = without_user.set_username("").and_then(|()| without_user.set_password(None));
        let origin = url.origin().ascii_serialization();
        text.replace(url.as_str(), &origin).replace(without_user.as_str(), &origin)
    }

    fn failed(&self, error: &dyn Display) -> ToolError {
        ToolError::Failed(clip(format!("MCP server {}: {}", self.name(), self.told(error))))
    }

    /// Connects, and gives the server's tools. They keep the connection, and a program ends with the last of them.
    ///
    /// A program gets the variables of `environment` that do not look like secrets. `time` bounds the start, the
    /// listing and each call.
    pub async fn connect(
        &self,
        environment: &BTreeMap<String, String>,
        time: Duration,
    ) -> Result<Vec<Arc<dyn Tool>>, ToolError> {
        let connecting = async {
            let (service, fault) = match &self.address {
                McpAddress::Url(url, transport) => self.connect_url(url, *transport, time).await?,
                McpAddress::Command(words) => {
                    let mut command = Command::new(&words[0]);
                    command.args(&words[1..]).env_clear().kill_on_drop(true);
                    command.envs(
                        environment
                            .iter()
                            .filter(|(name, value)| !is_secret_name(name) && !is_secret_value(value)),
                    );
                    let (transport, _) = TokioChildProcess::builder(command.configure(|_| {}))
                        .stderr(Stdio::null())
                        .spawn()
                        .map_err(|error| self.failed(&error))?;
                    let service = serve_client((), transport).await;
                    let service = service.map_err(|error| self.failed(&not_begun(&error)))?;
                    (service, Fault::default())
                }
            };
            let connection = Arc::new(Connection { server: self.clone(), service, fault });
            let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
            let mut cursor = None;
            loop {
                let page = PaginatedRequestParams::default().with_cursor(cursor.take());
                let page = connection.service.list_tools(Some(page)).await;
                let page = page.map_err(|error| self.failed(&connection.told(&error)))?;
                for tool in page.tools {
                    if tools.len() >= MAX_TOOLS {
                        return Err(self.failed(&format!("it has more than {MAX_TOOLS} tools")));
                    }
                    tools.push(Arc::new(self.tool(&connection, tool, time)?));
                }
                match page.next_cursor {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            if tools.is_empty() {
                return Err(self.failed(&"it has no tools"));
            }
            Ok(tools)
        };
        timeout(time, connecting).await.map_err(|_| ToolError::TimedOut(time))?
    }

    async fn connect_url(
        &self,
        url: &Url,
        transport: McpTransport,
        time: Duration,
    ) -> Result<(RunningService<RoleClient, ()>, Fault), ToolError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(time)
            .build()
            .map_err(|error| self.failed(&error))?;
        let by_sse = async || {
            let transport =
                SseTransport::open(client.clone(), url, time).await.map_err(|error| error.to_string())?;
            let fault = transport.fault();
            match serve_client((), transport).await {
                Ok(service) => Ok((service, fault)),
                Err(error) => Err(fault.get().map_or_else(|| not_begun(&error), ToString::to_string)),
            }
        };
        if transport == McpTransport::Sse {
            return by_sse().await.map_err(|error| self.failed(&error));
        }
        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
            .max_sse_event_size(MAX_MESSAGE_BYTES)
            .max_json_response_size(MAX_MESSAGE_BYTES);
        match serve_client((), StreamableHttpClientTransport::with_client(client.clone(), config)).await {
            Ok(service) => Ok((service, Fault::default())),
            // As the protocol tells clients to do for servers that are older than streamable HTTP.
            Err(error) if transport == McpTransport::Auto && is_refused(&error) => {
                by_sse().await.map_err(|second| {
                    self.failed(&format!("{}; and by HTTP with SSE: {second}", not_begun(&error)))
                })
            }
            Err(error) => Err(self.failed(&not_begun(&error))),
        }
    }

    fn tool(
        &self,
        connection: &Arc<Connection>,
        tool: rmcp::model::Tool,
        time: Duration,
    ) -> Result<McpTool, ToolError> {
        let name = match &self.prefix {
            Some(prefix) => format!("{prefix}_{}", tool.name),
            None => tool.name.to_string(),
        };
        let mut description = tool.description.as_deref().unwrap_or_default().to_owned();
        description.truncate(description.floor_char_boundary(MAX_DESCRIPTION_BYTES));
        let schema = Value::Object(tool.input_schema.as_ref().clone());
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(self.failed(&format!("the schema of {name:?} is too large")));
        }
        let spec = ToolSpec {
            name: identifier(&name),
            description,
            inputs: inputs(&schema),
            output_type: if tool.output_schema.is_some() { "object" } else { "string" }.into(),
        };
        Ok(McpTool { spec, remote_name: tool.name.to_string(), connection: Arc::clone(connection), time })
    }
}

/// The arguments of a schema: the required ones first.
fn inputs(schema: &Value) -> Vec<ToolInput> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object();
    let mut inputs: Vec<ToolInput> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| ToolInput {
            name: name.clone(),
            schema: if schema.is_object() { schema.clone() } else { json!({}) },
            required: required.contains(&name.as_str()),
        })
        .collect();
    inputs.sort_by_key(|input| required.iter().position(|name| *name == input.name).unwrap_or(usize::MAX));
    inputs
}

/// A name as a Python identifier.
fn identifier(name: &str) -> String {
    let mut identifier: String =
        name.chars().take(128).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if identifier.starts_with(|c: char| c.is_ascii_digit()) || identifier.is_empty() {
        identifier.insert(0, '_');
    }
    identifier
}

/// `name=rest`, where the name is of letters, digits, `_` and `-`.
fn split_name(text: &str) -> (Option<String>, &str) {
    match text.trim().split_once('=') {
        Some((name, rest))
            if name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) =>
        {
            (Some(identifier(&name.to_lowercase())), rest.trim())
        }
        _ => (None, text.trim()),
    }
}

/// Words separated by spaces; quotes of either kind keep what is in them. `None` if one does not end.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Why a server could not be spoken to.
fn not_begun(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => of_transport(error),
        error => with_causes(error),
    }
}

/// The error itself: what stands around it names types of the client library.
fn of_transport(error: &DynamicTransportError) -> String {
    match error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(error)) => with_causes(error),
        _ => with_causes(&*error.error),
    }
}

/// Whether the server answered 4xx to streamable HTTP.
fn is_refused(error: &ClientInitializeError) -> bool {
    let ClientInitializeError::TransportError { error, .. } = error else { return false };
    let error = error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>();
    matches!(error, Some(StreamableHttpError::UnexpectedServerResponse(text)) if text.starts_with("HTTP 4"))
}

/// A server that is there. Ends with the last of its tools.
struct Connection {
    server: McpServer,
    service: RunningService<RoleClient, ()>,
    fault: Fault,
}

impl Connection {
    /// An error in words: what ended the connection, if anything did.
    fn told(&self, error: &ServiceError) -> String {
        match (self.fault.get(), error) {
            (Some(fault), _) => fault.to_string(),
            (None, ServiceError::TransportSend(error)) => self.server.told(&of_transport(error)),
            (None, error) => self.server.told(error),
        }
    }
}

struct McpTool {
    spec: ToolSpec,
    remote_name: String,
    connection: Arc<Connection>,
    time: Duration,
}

#[async_trait::async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, mut arguments: Map<String, Value>) -> Result<Value, ToolError> {
        arguments.retain(|_, value| !value.is_null());
        let request = CallToolRequestParams::new(self.remote_name.clone()).with_arguments(arguments);
        match timeout(self.time, self.connection.service.call_tool(request)).await {
            Ok(Ok(result)) => answer(result),
            Ok(Err(error)) => Err(ToolError::Failed(clip(self.connection.told(&error)))),
            Err(_) => Err(ToolError::TimedOut(self.time)),
        }
    }
}

/// The text of an answer; its structured form if it has no text.
fn answer(result: CallToolResult) -> Result<Value, ToolError> {
    let blocks: Vec<String> = result
        .content
        .iter()
        .map(|block| match block {
            ContentBlock::Text(text) => text.text.clone(),
            ContentBlock::Image(image) => format!("[image, {}]", image.mime_type),
            ContentBlock::Audio(audio) => format!("[sound, {}]", audio.mime_type),
            ContentBlock::ResourceLink(link) => format!("[resource, {}]", link.uri),
            other => serde_json::to_string(other).unwrap_or_default(),
        })
        .collect();
    let text = clip(blocks.join("\n"));
    if result.is_error == Some(true) {
        return Err(ToolError::Failed(if text.is_empty() {
            "the tool says that it failed".into()
        } else {
            text
        }));
    }
    match result.structured_content {
        Some(value) if text.is_empty() && value.to_string().len() <= MAX_ANSWER_BYTES => Ok(value),
        Some(value) if text.is_empty() => Ok(clip(value.to_string()).into()),
        _ => Ok(text.into()),
    }
}
