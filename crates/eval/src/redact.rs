//! Takes secrets out of rows before they leave.
//!
//! Two kinds: the values that are known to be secret (keys that the run was given), and what looks like a key of a well-known
//! form. Knows rows; reads no environment.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};
use smoltrace_model::rows::{ResultRow, SpanRow};

/// What stands where a secret stood.
const MASK: &str = "[redacted]";
/// Shorter values are too likely to stand somewhere by chance.
const SHORTEST: usize = 8;

/// Forms of keys: OpenAI and those like it, Hugging Face, GitHub, AWS, Google, Slack, JSON Web Tokens, private keys, and
/// whatever an Authorization header carries.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u:\b)(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}",
        r"|(?-u:\b)gsk_[A-Za-z0-9]{20,}",
        r"|(?-u:\b)hf_[A-Za-z0-9]{20,}",
        r"|(?-u:\b)gh[pousr]_[A-Za-z0-9]{20,}|(?-u:\b)github_pat_[A-Za-z0-9_]{20,}",
        r"|(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)",
        r"|(?-u:\b)AIza[A-Za-z0-9_-]{30,}",
        r"|(?-u:\b)xox[abprs]-[A-Za-z0-9-]{10,}",
        r"|(?-u:\b)eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
        r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)-----END [A-Z ]*PRIVATE KEY-----",
        r"|(?i:(?-u:\b)bearer\s+)[A-Za-z0-9._~+/=-]{12,}",
    ))
    .expect("a valid pattern")
});

/// Knows what must not be written down.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor of {} secrets", self.secrets.len())
    }
}

impl Redactor {
    /// Takes the values that are secret; short ones are left out.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .map(|secret| secret.trim().to_owned())
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        // Longest first: one may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in &self.secrets {
            for form in [secret.clone(), escaped(secret)] {
                if clean.contains(&form) {
                    clean = Cow::Owned(clean.replace(&form, MASK));
                }
            }
        }
        if FORMS.is_match(&clean) {
            // The word before the key of an Authorization header is none of it.
            let mask =
                |found: &Captures| match found[0].get(..6).filter(|word| word.eq_ignore_ascii_case("bearer"))
                {
                    Some(word) => format!("{word} {MASK}"),
                    None => MASK.to_owned(),
                };
            clean = Cow::Owned(FORMS.replace_all(&clean, mask).into_owned());
        }
        clean
    }

    fn mend(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.text(text) {
            *text = clean;
        }
    }

    fn mend_option(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.mend(text);
        }
    }

    /// Takes secrets out of whatever a model, a tool or an endpoint may have written.
    pub fn span(&self, span: &mut SpanRow) {
        for text in [&mut span.name, &mut span.attributes, &mut span.events, &mut span.resource] {
            self.mend(text);
        }
        self.mend_option(&mut span.status_message);
    }

    /// Likewise.
    pub fn result(&self, result: &mut ResultRow) {
        for text in [&mut result.prompt, &mut result.response, &mut result.error] {
            self.mend_option(text);
        }
        self.mend(&mut result.declared);
        result.tools_used.iter_mut().for_each(|tool| self.mend(tool));
    }
}

/// As it stands within JSON.
fn escaped(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_and_nothing_else() {
        let redactor = Redactor::new(["my own\"secret".to_owned(), "short".to_owned()]);
        let check = |text: &str, expected: &str| assert_eq!(redactor.text(text), expected);
        check("a short word", "a short word");
        check("x my own\"secret y", "x [redacted] y");
        check(r#"{"key":"my own\"secret"}"#, r#"{"key":"[redacted]"}"#);
        check("sk-proj-abcdefghijklmnop1234, hf_abcdefghijklmnopqrstuv", "[redacted], [redacted]");
        check("Authorization: Bearer abcdef.ghijkl-mnop", "Authorization: Bearer [redacted]");
        check("AKIAABCDEFGHIJKLMNOP", "[redacted]");
        check("risk-free-and-quite-a-long-word", "risk-free-and-quite-a-long-word");
        check("the task-force-of-1234567890 met", "the task-force-of-1234567890 met");
    }
}
