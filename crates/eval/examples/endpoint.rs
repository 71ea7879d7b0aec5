//! An OpenAI-compatible endpoint that answers everything at once with the same code: for `bench/eval`.
//!
//!     cargo run --release -p smoltrace-eval --example endpoint
//!
//! Prints its address, then a line for the first request of every connection, and answers until it is stopped.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const CONTENT: &str = r#""Thought: I multiply.\n<code>\nfinal_answer(6 * 7)\n</code>""#;
const USAGE: &str = r#"{"prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}/v1", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client may go away whenever it likes.
            let _ = serve(stream).await;
        });
    }
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let (mut line, mut body) = (String::new(), Vec::new());
    let mut told = false;
    let head = r#""id":"1","created":1,"model":"scripted""#;
    loop {
        let mut length = 0;
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
        body.resize(length, 0);
        read.read_exact(&mut body).await?;
        if !told {
            told = true;
            println!("asked");
        }
        let asked = String::from_utf8_lossy(&body);
        let streamed = asked.contains("\"stream\":true") || asked.contains("\"stream\": true");
        let (kind, answer) = match streamed {
            true => (
                "text/event-stream",
                format!(
                    "data: {{{head},\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\
                     \"content\":{CONTENT}}},\"finish_reason\":\"stop\"}}]}}\n\ndata: {{{head},\"object\":\"chat.completion.chunk\",\
                     \"choices\":[],\"usage\":{USAGE}}}\n\ndata: [DONE]\n\n"
                ),
            ),
            false => (
                "application/json",
                format!(
                    "{{{head},\"object\":\"chat.completion\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
                     \"content\":{CONTENT}}},\"finish_reason\":\"stop\"}}],\"usage\":{USAGE}}}"
                ),
            ),
        };
        let text = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        write.write_all(text.as_bytes()).await?;
    }
}
