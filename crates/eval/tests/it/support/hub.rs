//! A Hub of datasets: its API's shape over real HTTP on loopback, large files at a second address.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use smoltrace_eval::{chat::RetryPolicy, hub::HubOptions};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

pub const REPO: &str = "our-org/tasks";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const TOKEN: &str = "hf_anAccessTokenOfSomeLength";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// With the query, still encoded.
    pub path: String,
    pub authorization: Option<String>,
}

/// An answer: status, headers, body.
pub type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

pub fn refused(status: u16, code: &str, message: &str) -> Reply {
    let mut headers = vec![("x-error-message", message.to_owned())];
    if !code.is_empty() {
        headers.push(("x-error-code", code.to_owned()));
    }
    (status, headers, Vec::new())
}

pub fn answered(value: Value) -> Reply {
    (200, vec![("content-type", "application/json".into())], value.to_string().into_bytes())
}

/// A server. Ends when dropped.
pub struct Site {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: AbortHandle,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    pub async fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (kept, answer) = (asked.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, answer) = (kept.clone(), answer.clone());
                tokio::spawn(async move {
                    // Whoever asked may go away.
                    let _ = serve(stream, &kept, &*answer).await;
                });
            }
        });
        Self { address, asked, task: task.abort_handle() }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How a client in a hurry uses it.
    pub fn options(&self) -> HubOptions {
        HubOptions {
            retry: RetryPolicy {
                retries: 2,
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(10),
                ..RetryPolicy::default()
            },
            ..HubOptions::new(&self.url(), 1 << 20)
        }
    }
}

async fn serve(
    stream: TcpStream,
    kept: &Mutex<Vec<Asked>>,
    answer: &(impl Fn(&Asked, usize) -> Reply + ?Sized),
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut first = String::new();
        if read.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut asked = Asked { path, authorization: None };
        loop {
            let mut line = String::new();
            read.read_line(&mut line).await?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                asked.authorization = Some(value.trim().to_owned());
            }
        }
        let number = {
            let mut kept = kept.lock().expect("no panic");
            kept.push(asked.clone());
            kept.len() - 1
        };
        let (status, headers, body) = answer(&asked, number);
        let mut head = format!("HTTP/1.1 {status} so\r\n");
        if !headers.iter().any(|(name, _)| *name == "content-length") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        write.write_all(format!("{head}\r\n").as_bytes()).await?;
        write.write_all(&body).await?;
    }
}

/// A Hub with one dataset, whose branches `main` and `refs/pr/1` are at [`COMMIT`], and where its large files lie.
pub struct Hub {
    pub site: Site,
    pub store: Site,
}

impl Hub {
    /// With these files; those in `large` come by a redirect.
    pub async fn with(files: &[(&str, &[u8])], large: &[&str]) -> Self {
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let large: Vec<String> = large.iter().map(|path| (*path).to_owned()).collect();
        let contents = files.clone();
        let store = Site::start(move |asked, _| {
            let path = asked.path.trim_start_matches("/blobs/").split('?').next().unwrap_or_default();
            match contents.get(path) {
                Some(bytes) => (200, Vec::new(), bytes.clone()),
                None => (404, Vec::new(), Vec::new()),
            }
        })
        .await;
        let blobs = format!("{}/blobs", store.url());
        let site = Site::start(move |asked, _| answer(&files, &large, &blobs, asked)).await;
        Self { site, store }
    }
}

fn answer(files: &BTreeMap<String, Vec<u8>>, large: &[String], blobs: &str, asked: &Asked) -> Reply {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let api = format!("/api/datasets/{REPO}/");
    let resolve = format!("/datasets/{REPO}/resolve/{COMMIT}/");
    if let Some(revision) = path.strip_prefix(&format!("{api}revision/")) {
        return match revision {
            "main" | "refs%2Fpr%2F1" | COMMIT => answered(json!({"id": REPO, "sha": COMMIT})),
            _ => refused(404, "RevisionNotFound", "Invalid rev id"),
        };
    }
    if path == format!("{api}tree/{COMMIT}") {
        let entry = |(path, bytes): (&String, &Vec<u8>)| {
            let mut entry = json!({"type": "file", "path": path, "size": bytes.len(), "oid": "f00"});
            if large.contains(path) {
                let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                entry["lfs"] = json!({"oid": sha256, "size": bytes.len(), "pointerSize": 130});
            }
            entry
        };
        // Two pages.
        let entries: Vec<Value> = files.iter().map(entry).collect();
        let half = entries.len() / 2;
        if query.contains("cursor=") {
            return answered(entries[half..].into());
        }
        let mut page = entries[..half].to_vec();
        page.push(json!({"type": "directory", "path": "data", "size": 0, "oid": "d1"}));
        let next = format!("<{path}?recursive=true&cursor=abc>; rel=\"next\"");
        let (status, mut headers, body) = answered(page.into());
        headers.push(("link", next));
        return (status, headers, body);
    }
    if let Some(file) = path.strip_prefix(&resolve) {
        let file = file.replace("%20", " ");
        return match files.get(&file) {
            Some(_) if large.contains(&file) => {
                (302, vec![("location", format!("{blobs}/{file}?signature=secret"))], Vec::new())
            }
            Some(bytes) => (200, Vec::new(), bytes.clone()),
            None => refused(404, "EntryNotFound", "Entry not found"),
        };
    }
    refused(401, "RepoNotFound", "Repository not found")
}
