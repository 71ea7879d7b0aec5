//! Agents that are not ours: a command or an HTTP endpoint that is given a task and answers.
//!
//! It is told the trace that it works in, so that what it exports by OTLP becomes part of the execution's trace.

use std::{process::Stdio, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::{Agent, Assignment, StopReason};
use crate::{cause::with_causes, python, span::Span};

/// Bytes of an answer.
const MOST_ANSWER_BYTES: usize = 16 << 20;
/// Bytes of what a command says of its troubles.
const MOST_COMPLAINT_BYTES: usize = 4 << 10;

/// Where the agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    /// A command line for `sh`. It reads the task as JSON from its standard input and writes the answer to its standard output.
    Command(String),
    /// A URL that takes the task as a JSON POST and answers JSON.
    Http(String),
}

/// An agent that is not ours.
pub struct ExternalAgent {
    kind: String,
    external: External,
    /// What it is told to export to.
    otlp_endpoint: Option<String>,
    http: reqwest::Client,
}

impl ExternalAgent {
    /// # Errors
    /// When the agent's address is none, or there can be no HTTP client.
    pub fn new(kind: &str, external: External, otlp_endpoint: Option<String>) -> Result<Self, String> {
        if let External::Http(url) = &external
            && !reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            return Err(format!("`{url}` is not the address of an agent: http://..."));
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .build()
            .map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { kind: kind.into(), external, otlp_endpoint, http })
    }

    fn task(&self, assignment: &Assignment<'_>, span: &Span) -> Value {
        json!({
            "run_id": assignment.run_id,
            "test_id": assignment.test_id,
            "test_uid": assignment.test_uid,
            "agent_type": self.kind,
            "attempt": assignment.attempt,
            "prompt": assignment.prompt,
            "max_steps": assignment.max_steps,
            "traceparent": span.traceparent(),
            "otlp_endpoint": self.otlp_endpoint,
        })
    }

    async fn command(&self, line: &str, assignment: &Assignment<'_>, span: &Span) -> Result<Vec<u8>, String> {
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .env("TRACEPARENT", span.traceparent())
            .env("SMOLTRACE_RUN_ID", assignment.run_id)
            .env("SMOLTRACE_TEST_ID", assignment.test_id)
            .env("SMOLTRACE_TEST_UID", assignment.test_uid)
            .env("SMOLTRACE_ATTEMPT", assignment.attempt.to_string())
            .env("OTEL_RESOURCE_ATTRIBUTES", format!("run.id={}", assignment.run_id));
        if let Some(endpoint) = &self.otlp_endpoint {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        }
        let mut child = command.spawn().map_err(|error| format!("the command cannot be started: {error}"))?;
        let _group = Group(child.id());
        let (mut stdin, mut stdout, mut stderr) =
            match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
                (Some(stdin), Some(stdout), Some(stderr)) => (stdin, stdout, stderr),
                _ => return Err("the command has no standard streams".into()),
            };
        let task = self.task(assignment, span).to_string();
        let write = async {
            // A command that does not read its task may have it from its environment.
            let _ = stdin.write_all(task.as_bytes()).await;
            let _ = stdin.write_all(b"\n").await;
            drop(stdin);
            Ok(())
        };
        let complain = async { Ok(last_bytes(&mut stderr).await) };
        let ((), answer, complaint) = tokio::try_join!(write, bounded(&mut stdout), complain)?;
        let status = child.wait().await.map_err(|error| format!("the command was lost: {error}"))?;
        if !status.success() {
            let complaint = String::from_utf8_lossy(&complaint);
            let said = complaint.trim();
            let said = if said.is_empty() { "it said nothing" } else { said };
            return Err(format!("the command failed ({status}): {said}"));
        }
        Ok(answer)
    }

    async fn http(&self, url: &str, assignment: &Assignment<'_>, span: &Span) -> Result<Vec<u8>, String> {
        let mut response = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("traceparent", span.traceparent())
            .body(self.task(assignment, span).to_string())
            .send()
            .await
            .map_err(|error| format!("the agent's endpoint cannot be reached: {}", with_causes(&error)))?;
        let mut answer = Vec::new();
        while let Some(bytes) =
            response.chunk().await.map_err(|error| format!("the answer broke off: {error}"))?
        {
            if answer.len() + bytes.len() > MOST_ANSWER_BYTES {
                return Err(too_large());
            }
            answer.extend_from_slice(&bytes);
        }
        if !response.status().is_success() {
            let said =
                String::from_utf8_lossy(&answer[..answer.len().min(MOST_COMPLAINT_BYTES)]).into_owned();
            return Err(format!(
                "the agent's endpoint failed ({}): {}",
                response.status().as_u16(),
                said.trim()
            ));
        }
        Ok(answer)
    }
}

fn too_large() -> String {
    format!("the answer is larger than {MOST_ANSWER_BYTES} bytes")
}

#[async_trait]
impl Agent for ExternalAgent {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn by_answer(&self) -> bool {
        self.kind == "code"
    }

    async fn run(&self, assignment: Assignment<'_>) {
        let mut span = assignment.span.child(format!("invoke_agent {}", self.kind));
        span.set("gen_ai.operation.name", "invoke_agent");
        span.set("gen_ai.agent.name", self.kind.as_str());
        span.set("openinference.span.kind", "AGENT");
        span.set("input.value", assignment.prompt);
        let answer = match &self.external {
            External::Command(line) => self.command(line, &assignment, &span).await,
            External::Http(url) => self.http(url, &assignment, &span).await,
        };
        let mut progress = assignment.progress.lock();
        let answer = answer.and_then(|bytes| read(&bytes));
        let answer = match answer {
            Ok(answer) => answer,
            Err(problem) => {
                span.fail("external_agent", &problem);
                progress.stop_reason = Some(StopReason::Error);
                progress.error = Some(problem);
                return;
            }
        };
        let text = answer.answer.as_ref().filter(|answer| !answer.is_null()).map(python::str_of);
        span.set("output.value", text.as_deref());
        if let Some(usage) = answer.usage {
            span.set("gen_ai.usage.input_tokens", usage.input_tokens);
            span.set("gen_ai.usage.output_tokens", usage.output_tokens);
            progress.input_tokens += usage.input_tokens.unwrap_or(0);
            progress.output_tokens += usage.output_tokens.unwrap_or(0);
        }
        progress.ran_code = answer.ran_code;
        progress.tools_used = answer.tools_used;
        progress.steps = answer.steps.unwrap_or(0);
        progress.final_answer_called = answer.final_answer_called.unwrap_or(text.is_some());
        progress.answer = text;
        progress.stop_reason = Some(match answer.stop_reason.as_deref() {
            Some("max_steps") => StopReason::MaxSteps,
            Some("timeout") => StopReason::Timeout,
            Some("error") => StopReason::Error,
            _ if answer.error.is_some() => StopReason::Error,
            _ => StopReason::FinalAnswer,
        });
        match answer.error {
            Some(error) => {
                span.fail("external_agent", &error);
                progress.error = Some(error);
            }
            None => span.ok(),
        }
    }
}

/// What an external agent may tell of its work. Only the answer is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    answer: Option<Value>,
    tools_used: Vec<String>,
    ran_code: bool,
    steps: Option<u32>,
    final_answer_called: Option<bool>,
    /// final_answer, max_steps, timeout or error.
    stop_reason: Option<String>,
    error: Option<String>,
    usage: Option<AnswerUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnswerUsage {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
}

/// The last line that is a JSON object with an answer or an error; without one, everything is the answer.
fn read(bytes: &[u8]) -> Result<Answer, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the answer is no UTF-8".to_owned())?;
    let objects = std::iter::once(text).chain(text.lines().rev());
    let mut problem = None;
    for candidate in objects.filter(|candidate| candidate.trim_start().starts_with('{')) {
        let Ok(value) = serde_json::from_str::<Value>(candidate.trim()) else { continue };
        if value.get("answer").is_none() && value.get("error").is_none() {
            continue;
        }
        match serde_json::from_value(value) {
            Ok(answer) => return Ok(answer),
            Err(error) => problem = Some(format!("the answer is not of the form that is expected: {error}")),
        }
    }
    match problem {
        Some(problem) => Err(problem),
        None => Ok(Answer { answer: Some(text.trim().into()), ..Answer::default() }),
    }
}

async fn bounded(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut limited = stream.take(MOST_ANSWER_BYTES as u64 + 1);
    limited.read_to_end(&mut bytes).await.map_err(|error| format!("the answer broke off: {error}"))?;
    if bytes.len() > MOST_ANSWER_BYTES { Err(too_large()) } else { Ok(bytes) }
}

/// The end of a stream, however long it is.
async fn last_bytes(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(MOST_COMPLAINT_BYTES);
        kept.drain(..surplus);
    }
    kept
}

/// A command and whatever it started: all of it ends with the execution.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| rustix::process::Pid::from_raw(id as i32));
        if let Some(pid) = pid {
            // Mostly it has ended by itself.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let check = |text: &str, expected: Option<&str>| {
            let found = read(text.as_bytes())
                .ok()
                .and_then(|answer| answer.answer)
                .map(|answer| python::str_of(&answer));
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("42\n", Some("42"));
        check("log line\n{\"answer\": 42, \"steps\": 2}\n", Some("42"));
        check("{\n \"answer\": \"x\"\n}", Some("x"));
        check("{\"not\": \"an answer\"}", Some("{\"not\": \"an answer\"}"));
        check("{\"answer\": 1, \"steps\": \"two\"}", None);
    }
}
