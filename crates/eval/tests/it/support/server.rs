//! A scripted OpenAI-compatible endpoint: real HTTP on loopback, and every way to behave badly.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use smoltrace_eval::chat::{
    ChatReply, RetryPolicy,
    openai::{OpenAi, Options},
    provider::Provider,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What is answered to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// As an endpoint should: a stream, usage at its end.
    Stream(ChatReply),
    /// In one piece, as some endpoints do although a stream was asked for.
    Whole(ChatReply),
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// A stream that ends in the middle of an answer.
    Half(ChatReply),
    /// 200 with this body, as an event stream.
    Nonsense(&'static str),
    /// An event stream of so many bytes.
    Huge(usize),
    /// Nothing, and the connection stays open.
    Hang,
    /// The connection is closed at once.
    Close,
}

/// An endpoint. Ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Value>>>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request as `script` says of its body and its number, from 0.
    pub async fn start(script: impl Fn(&Value, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (kept, script) = (requests.clone(), Arc::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, script) = (kept.clone(), script.clone());
                tokio::spawn(async move {
                    // A client that goes away is part of the tests.
                    let _ = serve(stream, kept, script).await;
                });
            }
        });
        Self { address, requests, task: task.abort_handle() }
    }

    /// Gives the answers one after the other, and the last one again and again.
    pub async fn in_order(answers: Vec<Answer>) -> Self {
        Self::start(move |_, number| answers[number.min(answers.len() - 1)].clone()).await
    }

    /// The bodies of what was asked.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().expect("no panic").clone()
    }

    /// A client of it, in a hurry.
    pub fn client(&self, change: impl FnOnce(&mut Options)) -> OpenAi {
        let provider = Provider::find("custom").expect("there is one");
        let mut options = Options::new("custom/model", "model", provider);
        options.base_url = Some(format!("http://{}/v1", self.address));
        options.request_timeout = Duration::from_secs(10);
        options.retry = RetryPolicy {
            retries: 2,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(20),
            retries_after_timeout: 1,
        };
        change(&mut options);
        OpenAi::new(options).expect("a client")
    }
}

async fn serve(
    stream: TcpStream,
    requests: Arc<Mutex<Vec<Value>>>,
    script: Arc<impl Fn(&Value, usize) -> Answer>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if read.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let number = {
            let mut requests = requests.lock().expect("no panic");
            requests.push(body.clone());
            requests.len() - 1
        };
        const STREAM: &str =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        match script(&body, number) {
            Answer::Stream(reply) => {
                write.write_all(STREAM.as_bytes()).await?;
                write.write_all(events(&reply).as_bytes()).await?;
                write.write_all(b"data: [DONE]\n\n").await?;
                return write.shutdown().await;
            }
            Answer::Half(reply) => {
                write.write_all(STREAM.as_bytes()).await?;
                let text = events(&reply);
                write.write_all(&text.as_bytes()[..text.len() / 3]).await?;
                return write.shutdown().await;
            }
            Answer::Whole(reply) => {
                let text = whole(&reply).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    text.len()
                );
                write.write_all(head.as_bytes()).await?;
                write.write_all(text.as_bytes()).await?;
            }
            Answer::Status(status, headers, text) => {
                let mut head = format!("HTTP/1.1 {status} No\r\ncontent-length: {}\r\n", text.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                write.write_all(head.as_bytes()).await?;
                write.write_all(text.as_bytes()).await?;
            }
            Answer::Nonsense(text) => {
                write.write_all(STREAM.as_bytes()).await?;
                write.write_all(text.as_bytes()).await?;
                return write.shutdown().await;
            }
            Answer::Huge(bytes) => {
                write.write_all(STREAM.as_bytes()).await?;
                let delta = json!({"choices": [{"delta": {"content": "x".repeat(60_000)}}]});
                let event = format!("data: {delta}\n\n");
                let mut written = 0;
                while written < bytes {
                    write.write_all(event.as_bytes()).await?;
                    written += event.len();
                }
                return write.shutdown().await;
            }
            Answer::Hang => std::future::pending().await,
            Answer::Close => return Ok(()),
        }
    }
}

fn usage(reply: &ChatReply) -> Value {
    json!({"prompt_tokens": reply.usage.input_tokens, "completion_tokens": reply.usage.output_tokens})
}

fn calls(reply: &ChatReply) -> Vec<Value> {
    let call = |(index, call): (usize, &smoltrace_eval::chat::ToolCall)| {
        json!({"index": index, "id": call.id, "type": "function",
               "function": {"name": call.name, "arguments": call.arguments}})
    };
    reply.tool_calls.iter().enumerate().map(call).collect()
}

fn whole(reply: &ChatReply) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.content});
    if !reply.tool_calls.is_empty() {
        message["tool_calls"] = calls(reply).into();
    }
    json!({"id": "x", "model": "model-1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage(reply)})
}

/// The answer in small pieces: text by the word, arguments of calls by the half.
fn events(reply: &ChatReply) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    for word in reply.content.as_deref().unwrap_or_default().split_inclusive(' ') {
        deltas.push(json!({"content": word}));
    }
    for mut call in calls(reply) {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        let middle = (0..=arguments.len() / 2).rev().find(|at| arguments.is_char_boundary(*at)).unwrap_or(0);
        call["function"]["arguments"] = arguments[..middle].into();
        deltas.push(json!({"tool_calls": [call]}));
        deltas.push(json!({"tool_calls": [{"index": call["index"], "function": {"arguments": &arguments[middle..]}}]}));
    }
    let chunk = |delta: Value, reason: Value| json!({"id": "x", "model": "model-1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    let mut text = String::new();
    for delta in deltas {
        text.push_str(&format!("data: {}\n\n", chunk(delta, Value::Null)));
    }
    text.push_str(&format!("data: {}\n\n", chunk(json!({}), "stop".into())));
    text.push_str(&format!("data: {}\n\n", json!({"choices": [], "usage": usage(reply)})));
    text
}
