//! How a dataset of the Hub is named: `hf://[datasets/]ORG/NAME[@REVISION][/PATH]`.

use std::fmt;

/// What every reference begins with.
pub const SCHEME: &str = "hf://";

/// Longest name of an owner, a repository or a revision, in bytes.
const LONGEST_NAME: usize = 200;

/// A dataset, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRef {
    /// `ORG/NAME`.
    pub repo: String,
    /// Branch, tag, `refs/pr/N`, or commit; the main branch when not given.
    pub revision: Option<String>,
    /// A file, a folder, a configuration or a split of it.
    pub path: Option<String>,
}

impl DatasetRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected hf://ORG/NAME[@REVISION][/PATH]";
        let rest = text.strip_prefix(SCHEME).ok_or(expected)?;
        let rest = match rest.split_once('/') {
            Some(("datasets", rest)) => rest,
            Some((kind @ ("models" | "spaces" | "buckets" | "kernels"), _)) => {
                return Err(format!("tasks come from datasets, not from {kind}"));
            }
            _ => rest,
        };
        let (org, rest) = rest.split_once('/').ok_or(expected)?;
        let (name, rest) = match rest.find(['@', '/']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        for part in [org, name] {
            check_name(part)?;
        }
        let (revision, rest) = match rest.strip_prefix('@') {
            Some(rest) => {
                let end = special_end(rest).or_else(|| rest.find('/')).unwrap_or(rest.len());
                let (revision, rest) = rest.split_at(end);
                check_revision(revision)?;
                (Some(revision.to_owned()), rest)
            }
            None => (None, rest),
        };
        let path = rest.trim_matches('/');
        if !path.is_empty() {
            check_path(path)?;
        }
        let path = (!path.is_empty()).then(|| path.to_owned());
        Ok(Self { repo: format!("{org}/{name}"), revision, path })
    }

    /// With a revision that was given beside it.
    ///
    /// # Errors
    /// When it is none, or the reference has another one.
    pub fn with_revision(self, revision: &str) -> Result<Self, String> {
        check_revision(revision)?;
        match &self.revision {
            Some(own) if own != revision => Err(format!("{self} has another revision than {revision}")),
            _ => Ok(Self { revision: Some(revision.to_owned()), ..self }),
        }
    }
}

impl fmt::Display for DatasetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.path {
            Some(path) => write!(f, "/{path}"),
            None => Ok(()),
        }
    }
}

/// Where a revision ends that has slashes by its nature: `refs/pr/N`, `refs/convert/NAME`.
fn special_end(text: &str) -> Option<usize> {
    let kind = ["refs/pr/", "refs/convert/"].into_iter().find(|kind| text.starts_with(kind))?;
    let rest = &text[kind.len()..];
    Some(kind.len() + rest.find('/').unwrap_or(rest.len()))
}

/// Names as the Hub has them; nothing that could lead a URL elsewhere.
fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain) && !is_dots(name) {
        true => Ok(()),
        false => Err(format!("{name:?} is no name of an owner or a dataset")),
    }
}

fn check_revision(revision: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_graphic() && !"\\?#%:*[^~".contains(c);
    let parts = revision.split('/').all(|part| !part.is_empty() && !is_dots(part));
    match parts && revision.len() <= LONGEST_NAME && revision.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("{revision:?} is no revision")),
    }
}

/// A path that stays within its repository, whoever reads it.
///
/// # Errors
/// What it is not.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let parts = path.split('/').all(|part| !part.is_empty() && !is_dots(part));
    match parts && path.len() <= 4096 && !path.chars().any(|c| c.is_control() || c == '\\') {
        true => Ok(()),
        false => Err(format!("{path:?} is no path within a dataset")),
    }
}

fn is_dots(part: &str) -> bool {
    matches!(part, "." | "..")
}
