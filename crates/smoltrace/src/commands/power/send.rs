//! Samples to an OTLP/HTTP receiver. What it cannot take now is sent again; samples are kept as long as the sampler
//! keeps them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use reqwest::{Client, StatusCode, Url, header};
use smoltrace_collect::power::export_request;
use tokio::sync::watch;

use crate::{exit::UsageError, power::Measuring};

const EVERY: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Samples of one request.
const MOST_SAMPLES: usize = 1_000;
/// How often a last request is tried.
const LAST_ATTEMPTS: u32 = 5;

pub struct Sender {
    client: Client,
    url: Url,
    run_id: String,
}

enum Answer {
    Taken,
    /// To be sent again.
    Later(String),
}

impl Sender {
    pub fn new(url: &str, run_id: &str) -> Result<Self> {
        let wrong = |cause: String| UsageError(format!("--otlp {url}: {cause}"));
        let mut url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("expected http:// or https://".into()).into());
        }
        if url.path() == "/" {
            url.set_path("/v1/metrics");
        }
        let client = Client::builder().timeout(TIMEOUT).build().context("cannot make an HTTP client")?;
        Ok(Self { client, url, run_id: run_id.to_owned() })
    }

    /// Sends until told to stop, then what is left.
    pub async fn run(self, measuring: Arc<Measuring>, mut stopping: watch::Receiver<bool>) -> Result<()> {
        let mut next = 0;
        let mut trouble = None;
        let mut last_attempts = 0;
        loop {
            // Without the other side there is nothing left to wait for either.
            let is_last = tokio::time::timeout(EVERY, stopping.wait_for(|stop| *stop)).await.is_ok();
            match self.send_all(&measuring, &mut next).await? {
                Answer::Taken => {
                    if trouble.take().is_some() {
                        eprintln!("power: {} takes samples again", self.url);
                    }
                    if is_last {
                        return Ok(());
                    }
                }
                Answer::Later(cause) => {
                    if trouble.is_none() {
                        eprintln!("power: {cause}; samples are kept and sent again");
                    }
                    last_attempts += u32::from(is_last);
                    if last_attempts == LAST_ATTEMPTS {
                        anyhow::bail!("the last samples could not be sent: {cause}");
                    }
                    if is_last {
                        tokio::time::sleep(EVERY).await;
                    }
                    trouble = Some(cause);
                }
            }
        }
    }

    async fn send_all(&self, measuring: &Measuring, next: &mut u64) -> Result<Answer> {
        let sampler = &measuring.sampler;
        let (samples, after, lost) = sampler.since(*next);
        if lost.0 > 0 {
            eprintln!("power: {} samples were too old to be kept until they could be sent", lost.0);
        }
        let resource = measuring.resource(&self.run_id);
        let mut number = after - samples.len() as u64;
        for some in samples.chunks(MOST_SAMPLES) {
            let request = export_request(&resource, sampler.devices(), sampler.start_unix_nano(), some);
            if let Some(body) = request
                && let Answer::Later(cause) = self.send(body).await?
            {
                *next = number;
                return Ok(Answer::Later(cause));
            }
            number += some.len() as u64;
        }
        *next = after;
        Ok(Answer::Taken)
    }

    async fn send(&self, body: Vec<u8>) -> Result<Answer> {
        let request = self.client.post(self.url.clone());
        let request = request.header(header::CONTENT_TYPE, "application/x-protobuf").body(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Answer::Later(format!("{} cannot be reached: {error}", self.url))),
        };
        match response.status() {
            status if status.is_success() => Ok(Answer::Taken),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Ok(Answer::Later(format!("{} answers {status}", self.url))),
            status => anyhow::bail!("{} does not take the samples: {status}", self.url),
        }
    }
}
