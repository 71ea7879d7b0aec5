//! Datasets of the Hugging Face Hub, by its public HTTP API: a revision becomes a commit, and all files are read at it.
//!
//! Knows no tasks: gives the files that hold them. Reads no environment: endpoint, token and proxy are given. Nothing is
//! written down, so no name of a file leads anywhere; the token goes to the endpoint alone, never along with a redirect.

mod choose;
mod client;
mod reference;

use std::fmt;

use sha2::{Digest, Sha256};

pub use reference::{DatasetRef, SCHEME};

use self::client::{Client, Entry};
use crate::{chat::RetryPolicy, clock::Clock};

/// Where the Hub is, unless told otherwise.
pub const ENDPOINT: &str = "https://huggingface.co";

/// The revision of a dataset, unless told otherwise.
const MAIN: &str = "main";
/// The file that describes a dataset, and how much of it is read.
const CARD: &str = "README.md";
const CARD_BYTES: u64 = 1 << 20;

/// How the Hub is used.
#[derive(Clone)]
pub struct HubOptions {
    pub endpoint: String,
    pub token: Option<String>,
    /// URL of a proxy, for an endpoint that is not on this machine.
    pub proxy: Option<String>,
    /// Bytes of all files together.
    pub most_bytes: u64,
    pub retry: RetryPolicy,
    pub clock: Option<Clock>,
}

impl HubOptions {
    /// Defaults for an endpoint; `most_bytes` of all files together.
    pub fn new(endpoint: &str, most_bytes: u64) -> Self {
        let retry = RetryPolicy { retries: 3, ..RetryPolicy::default() };
        Self { endpoint: endpoint.into(), token: None, proxy: None, most_bytes, retry, clock: None }
    }
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubErrorKind {
    /// There is no such dataset, or none that may be seen.
    NoDataset,
    NoRevision,
    /// Nothing in it is what was asked for.
    NoFiles,
    /// The token is not accepted, or not enough.
    Refused,
    TooLarge,
    /// A file's name leads out of the dataset.
    UnsafeName,
    /// What came is not what the Hub's API has, or not the content that it announced.
    Nonsense,
    /// No answer, or none that is of use.
    Unreachable,
}

impl HubErrorKind {
    fn with(self, problem: impl Into<String>) -> HubError {
        HubError { kind: self, dataset: String::new(), problem: problem.into() }
    }
}

/// Why a dataset was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubError {
    pub kind: HubErrorKind,
    /// As it was asked for.
    pub dataset: String,
    pub problem: String,
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.dataset, self.problem)
    }
}

impl std::error::Error for HubError {}

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFile {
    /// Within the dataset.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// What was asked for of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its revision is the commit: the same reference gives the same bytes, always.
    pub pinned: DatasetRef,
    /// The revision that was asked for.
    pub revision: String,
    pub commit: String,
    pub files: Vec<HubFile>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The files of a dataset that hold a split, or what the reference's path names.
///
/// # Errors
/// When the dataset, its revision or its files are not there, are not to be had, or are more than is allowed.
pub async fn dataset(options: HubOptions, wanted: &DatasetRef, split: &str) -> Result<Dataset, HubError> {
    let named = |error: HubError| HubError { dataset: wanted.to_string(), ..error };
    let most_bytes = options.most_bytes;
    let client = Client::new(options).map_err(|problem| named(HubErrorKind::Unreachable.with(problem)))?;
    download(&client, wanted, split, most_bytes).await.map_err(named)
}

async fn download(
    client: &Client,
    wanted: &DatasetRef,
    split: &str,
    most_bytes: u64,
) -> Result<Dataset, HubError> {
    let repo = wanted.repo.as_str();
    let revision = wanted.revision.as_deref().unwrap_or(MAIN);
    let commit = client.commit(repo, revision).await?;
    let entries = client.files(repo, &commit).await?;
    let mut notes = Vec::new();
    let file = wanted.path.as_deref().and_then(|path| choose::exact(&entries, path));
    let chosen = match file {
        Some(file) => vec![file],
        None => {
            let card = match choose::exact(&entries, CARD).filter(|card| card.size <= CARD_BYTES) {
                Some(_) => client.content(repo, &commit, CARD, CARD_BYTES).await?,
                None => Vec::new(),
            };
            let configs = choose::configs(&String::from_utf8_lossy(&card));
            let chosen = choose::choose(&entries, &configs, wanted.path.as_deref(), split)
                .map_err(|problem| HubErrorKind::NoFiles.with(problem))?;
            notes.extend(chosen.note);
            chosen.files
        }
    };
    let announced = chosen.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    let too_large = || HubErrorKind::TooLarge.with(format!("more than {} MiB", most_bytes.div_ceil(1 << 20)));
    if announced > most_bytes {
        return Err(too_large());
    }
    let mut files = Vec::new();
    let mut left = most_bytes;
    for entry in chosen {
        let bytes = client.content(repo, &commit, &entry.path, left).await?;
        check(entry, &bytes)?;
        left = left.saturating_sub(bytes.len() as u64);
        files.push(HubFile { path: entry.path.clone(), bytes });
    }
    // What is not the default is part of what was read.
    let path = wanted.path.clone().or_else(|| (split != "train").then(|| split.to_owned()));
    let pinned = DatasetRef { repo: repo.into(), revision: Some(commit.clone()), path };
    Ok(Dataset { pinned, revision: revision.to_owned(), commit, files, notes })
}

/// Whether a content is the one that the commit has.
fn check(entry: &Entry, bytes: &[u8]) -> Result<(), HubError> {
    if bytes.len() as u64 != entry.size {
        let problem = format!("{} has {} bytes, and {} came", entry.path, entry.size, bytes.len());
        return Err(HubErrorKind::Nonsense.with(problem));
    }
    if let Some(lfs) = entry.lfs.as_ref().filter(|lfs| !lfs.oid.is_empty()) {
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if !found.eq_ignore_ascii_case(lfs.oid.trim_start_matches("sha256:")) {
            let problem = format!("the content of {} is not the one that its checksum is of", entry.path);
            return Err(HubErrorKind::Nonsense.with(problem));
        }
    }
    Ok(())
}
