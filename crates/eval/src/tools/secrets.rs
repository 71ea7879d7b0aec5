//! What looks like a secret, by its name or by its value. Told too much is better than told too little.

use std::sync::LazyLock;

use regex::Regex;

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(token|key|secret|passw|passphrase|passfile|(^|_)pass(_|$)|(^|_)pw(_|$)|_pwd$|credential|auth|cookie|session|signature|private|cert|dsn|(^|_)sas(_|$)|connection_?string|conn_?str|database_url|webhook)",
    )
    .expect("a constant")
});

static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    let known = [
        // Keys by the prefixes that their makers give them.
        r"\b(sk|pk|rk)[-_][A-Za-z0-9_-]{16,}",
        r"\b(hf|ghp|gho|ghu|ghs|ghr|glpat|npm|pypi|xox[abprs]|shpat|dop_v1|tvly|gsk|r8)[-_][A-Za-z0-9_-]{10,}",
        r"\bgithub_pat_[A-Za-z0-9_]{10,}",
        r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bAIza[A-Za-z0-9_-]{30,}",
        // JSON web tokens, keys in PEM, passwords in URLs, authorisation headers.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
        r"://[^/\s:@]*:[^/\s@]+@",
        r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._=-]{16,}",
        r"(?i)(password|secret|accountkey|token)\s*[=:]\s*\S{4,}",
    ];
    Regex::new(&known.join("|")).expect("a constant")
});

/// Whether a variable of this name is kept back whatever its value.
pub fn is_secret_name(name: &str) -> bool {
    NAMES.is_match(name)
}

/// Whether a text holds something that looks like a key or a password.
pub fn is_secret_value(value: &str) -> bool {
    VALUES.is_match(value)
        || value.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'')).any(is_random)
}

/// Long, of letters of both cases and digits, no path, and of many different characters: made by a generator.
fn is_random(word: &str) -> bool {
    let word = word.rsplit('=').next().unwrap_or(word);
    let bytes = word.as_bytes();
    if bytes.len() < 24
        || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-'))
    {
        return false;
    }
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let (digits, upper, lower) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let is_hex = bytes.len() >= 32 && bytes.iter().all(u8::is_ascii_hexdigit);
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    is_hex
        || (digits >= 3
            && upper >= 3
            && lower >= 3
            && different >= 12
            && bytes.iter().filter(|b| **b == b'/').count() <= 2)
}
