//! Tools of real MCP servers: one as a program, one over HTTP on loopback.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hyper_util::{rt::TokioIo, server::conn::auto, service::TowerToHyperService};
use rmcp::{
    RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        stdio,
        streamable_http_server::{StreamableHttpService, session::local::LocalSessionManager},
    },
};
use serde_json::{Value, json};
use smoltrace_eval::{
    tool::{ToolError, ToolSet},
    tools::{McpServer, McpTransport, SecurityProfile, ToolsError},
};
use tokio::net::TcpListener;

use crate::tools::{call, config};

#[derive(Clone)]
struct Numbers;

impl ServerHandler for Numbers {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &'static str, schema: Value| {
            let Value::Object(schema) = schema else { panic!("a schema is an object") };
            Tool::new(name, "Of a server", schema)
        };
        let two = json!({"type": "object", "properties": {"b": {"type": "number"}, "a": {"type": "number"}, "c": {}},
                         "required": ["a", "b"]});
        let none = json!({"type": "object"});
        Ok(ListToolsResult::with_all_items(vec![
            tool("add-two", two),
            tool("fail", none.clone()),
            tool("large", none.clone()),
            tool("variables", none.clone()),
            tool("hang", none),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        let result = match request.name.as_ref() {
            "add-two" => {
                let number = |name: &str| arguments.get(name).and_then(Value::as_f64).unwrap_or(0.0);
                text((number("a") + number("b")).to_string())
            }
            "large" => text("x".repeat(1_000_000)),
            "variables" => text(std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect()),
            "hang" => std::future::pending().await,
            _ => CallToolResult::error(vec![ContentBlock::text("it went wrong")]),
        };
        Ok(result.into())
    }
}

/// Not a test: what the program of `programs_are_servers` does.
#[tokio::test]
#[ignore = "is a server on standard input and output, which another test starts"]
async fn stdio_server() {
    let service = Numbers.serve(stdio()).await.unwrap();
    service.waiting().await.unwrap();
}

fn program(prefix: &str) -> McpServer {
    let this = std::env::current_exe().unwrap();
    let arguments = "--exact mcp::stdio_server --ignored --nocapture --test-threads=2";
    McpServer::from_command(&format!("{prefix}'{}' {arguments}", this.display())).unwrap()
}

async fn over_http() -> McpServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(|| Ok(Numbers), sessions, Default::default());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let connection = auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    McpServer::from_url(&format!("web=http://{address}/mcp"), McpTransport::Auto).unwrap()
}

pub async fn tools_of(servers: Vec<McpServer>) -> Result<ToolSet, ToolsError> {
    let mut config = config("");
    config.mcp_servers = servers;
    config.mcp_time = Duration::from_secs(10);
    config.environment = BTreeMap::from(
        [("VISIBLE", "yes"), ("API_TOKEN", "hidden"), ("HARMLESS", "sk-abcdefghijklmnopqrstuvwx")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    config.build().await
}

#[tokio::test]
async fn programs_and_urls_are_servers() {
    let tools = tools_of(vec![program("cli="), over_http().await]).await.unwrap();
    let names: Vec<&str> = tools.specs().skip(3).map(|spec| spec.name.as_str()).collect();
    assert_eq!(names[0], "cli_add_two");
    assert_eq!(names[5], "web_add_two");
    for prefix in ["cli", "web"] {
        let name = |tool: &str| format!("{prefix}_{tool}");
        let spec = tools.get(&name("add_two")).unwrap().spec();
        let inputs: Vec<(&str, bool)> =
            spec.inputs.iter().map(|input| (input.name.as_str(), input.required)).collect();
        assert_eq!(inputs, [("a", true), ("b", true), ("c", false)]);
        assert_eq!(
            call(&tools, &name("add_two"), json!({"a": 1, "b": 2.5, "c": null})).await.as_deref(),
            Ok("3.5")
        );
        assert_eq!(
            call(&tools, &name("fail"), json!({})).await,
            Err(ToolError::Failed("it went wrong".into()))
        );
        let large = call(&tools, &name("large"), json!({})).await.unwrap();
        assert!(large.ends_with("[cut: 200000 of 1000000 bytes]"));
        let Value::Object(none) = json!({}) else { unreachable!() };
        let patience = Duration::from_millis(100);
        assert_eq!(tools.call(&name("hang"), none, patience).await, Err(ToolError::TimedOut(patience)));
        // It still answers.
        assert_eq!(call(&tools, &name("add_two"), json!({"a": 1, "b": 1})).await.as_deref(), Ok("2"));
    }
    // A program gets what it is given, and no secrets of it.
    let variables = call(&tools, "cli_variables", json!({})).await.unwrap();
    assert!(variables.contains("VISIBLE=yes\n"), "{variables}");
    for absent in ["hidden", "HARMLESS", "HOME="] {
        assert!(!variables.contains(absent), "{variables}");
    }
}

#[tokio::test]
async fn servers_that_cannot_be_used_are_named() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let absent = format!("gone=http://{}/mcp", silent.local_addr().unwrap());
    let absent = McpServer::from_url(&absent, McpTransport::Auto).unwrap();
    drop(silent);
    let cases = [
        (vec![program(""), program("")], "two tools are named \"add_two\""),
        (vec![absent], "the MCP server gone: MCP server 127.0.0.1"),
        (
            vec![McpServer::from_command("x=/no/such/program").unwrap()],
            "the MCP server x: MCP server /no/such/program",
        ),
        (vec![McpServer::from_command("y=true").unwrap()], "the MCP server y: MCP server true"),
    ];
    for (servers, expected) in cases {
        let error = tools_of(servers).await.err().unwrap().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let mut closed = config("");
    closed.profile = SecurityProfile::Closed;
    closed.mcp_servers = vec![program("cli=")];
    assert!(matches!(closed.build().await.err(), Some(ToolsError::Closed(_))));
}
