//! Whether an answer is the expected one.

use regex::Regex;
use serde_json::Value;

use crate::task::Task;

/// How an answer is held against what was expected.
#[derive(Debug, Clone)]
pub enum Match {
    /// The same text, but for white space at the ends, case and a full stop.
    Exact,
    /// The last number in the answer, or any when several stand there, within a tolerance.
    Numeric {
        /// Absolute.
        tolerance: f64,
        /// As a share of the expected number.
        relative: f64,
    },
    /// The pattern is found in the answer. It is `expected_answer`, or given with the match.
    Regex(Option<Regex>),
    /// One of `expected_keywords`, in whatever case.
    KeywordsAny,
    /// Every one of `expected_keywords`, in whatever case.
    KeywordsAll,
    /// The same JSON; numbers that are equal are the same however written. Extra keys of objects do not matter
    /// when `subset`.
    Json { subset: bool },
}

impl PartialEq for Match {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

const KINDS: &str = "expected exact, numeric, regex, keywords_any, keywords_all or json";
/// A compiled pattern of a task may take so much memory.
const REGEX_BYTES: usize = 1 << 20;

impl Match {
    /// A match from a task's `match`: its name, or an object `{"type": name, ...}` with `tolerance` and `relative`
    /// (numeric), `pattern` (regex), `subset` (json).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let kind = value
            .as_str()
            .or_else(|| ["type", "kind"].iter().find_map(|key| value.get(key)?.as_str()))
            .ok_or(KINDS)?;
        let number = |key: &str| match value.get(key) {
            None => Ok(None),
            Some(given) => match given.as_f64().filter(|number| *number >= 0.0 && number.is_finite()) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("`{key}` must be a number of 0 or more, found {given}")),
            },
        };
        match kind.trim() {
            "exact" => Ok(Self::Exact),
            "numeric" => {
                let (tolerance, relative) = (number("tolerance")?, number("relative")?);
                let default = if tolerance.is_none() && relative.is_none() { 1e-9 } else { 0.0 };
                Ok(Self::Numeric {
                    tolerance: tolerance.unwrap_or(0.0),
                    relative: relative.unwrap_or(default),
                })
            }
            "regex" => match value.get("pattern") {
                None => Ok(Self::Regex(None)),
                Some(Value::String(pattern)) => pattern_of(pattern).map(|regex| Self::Regex(Some(regex))),
                Some(other) => Err(format!("`pattern` must be text, found {other}")),
            },
            "keywords" | "keywords_any" => Ok(Self::KeywordsAny),
            "keywords_all" => Ok(Self::KeywordsAll),
            "json" => {
                Ok(Self::Json { subset: value.get("subset").and_then(Value::as_bool).unwrap_or(false) })
            }
            other => Err(format!("{KINDS}, found `{other}`")),
        }
    }

    /// Whether the task has what the match needs.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self, task: &Task) -> Result<(), String> {
        match self {
            Self::KeywordsAny | Self::KeywordsAll if task.expected_keywords.is_empty() => {
                Err("needs `expected_keywords`".into())
            }
            Self::Regex(Some(_)) | Self::KeywordsAny | Self::KeywordsAll => Ok(()),
            _ if task.expected_answer.is_none() => Err("needs `expected_answer`".into()),
            Self::Regex(None) => pattern_of(&text(task.expected_answer.as_ref())).map(|_| ()),
            Self::Numeric { .. } => match numbers(&text(task.expected_answer.as_ref())).as_slice() {
                [_] => Ok(()),
                _ => Err("numeric needs an `expected_answer` that is one number".into()),
            },
            Self::Exact | Self::Json { .. } => Ok(()),
        }
    }
}

fn pattern_of(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| format!("the pattern is not valid: {}", error.to_string().replace('\n', " ")))
}

/// Whether the answer is right, and why. Keywords count beside a match of another kind.
pub(super) fn response(task: &Task, answer: Option<&str>) -> (bool, String) {
    let wanted =
        task.matching.is_some() || task.expected_answer.is_some() || !task.expected_keywords.is_empty();
    let Some(answer) = answer else {
        return match wanted {
            true => (false, "there is no answer to look at".into()),
            false => (true, "nothing was expected of the answer".into()),
        };
    };
    let expected = task.expected_answer.as_ref();
    let matching = task.matching.clone().or_else(|| expected.map(by_type));
    let keywords = |all| keywords(&task.expected_keywords, answer, all);
    match matching {
        None if task.expected_keywords.is_empty() => (true, "nothing was expected of the answer".into()),
        None | Some(Match::KeywordsAny) => keywords(false),
        Some(Match::KeywordsAll) => keywords(true),
        Some(matching) => {
            let (right, why) = matches(&matching, expected, answer);
            if right && !task.expected_keywords.is_empty() {
                let (found, more) = keywords(false);
                return (found, format!("{why}; {more}"));
            }
            (right, why)
        }
    }
}

/// What a task means that gives an answer and no match.
fn by_type(expected: &Value) -> Match {
    match expected {
        Value::Number(_) => Match::Numeric { tolerance: 0.0, relative: 1e-9 },
        Value::Array(_) | Value::Object(_) => Match::Json { subset: false },
        _ => Match::Exact,
    }
}

fn matches(matching: &Match, expected: Option<&Value>, answer: &str) -> (bool, String) {
    let wanted = text(expected);
    match matching {
        Match::Exact => {
            let right = plain(answer) == plain(&wanted);
            (right, verdict(right, "the answer is", &shown(&wanted), &shown(answer)))
        }
        Match::Numeric { tolerance, relative } => {
            let Some(&wanted) = numbers(&wanted).first() else {
                return (false, "the expected answer is no number".into());
            };
            let found = numbers(answer);
            let margin = tolerance.max(relative * wanted.abs());
            let near = |number: &&f64| (**number - wanted).abs() <= margin;
            // The last number is mostly the result; what stands before it is how it came about.
            match found.last().filter(near).or_else(|| found.iter().find(near)) {
                Some(number) => (true, format!("{number} is {wanted} within {margin}")),
                None if found.is_empty() => {
                    (false, format!("expected {wanted}, found no number in {}", shown(answer)))
                }
                None => (false, format!("expected {wanted} within {margin}, found {}", list(&found))),
            }
        }
        Match::Regex(given) => {
            let pattern = match given {
                Some(pattern) => Ok(pattern.clone()),
                None => pattern_of(&wanted),
            };
            match pattern {
                Ok(pattern) => {
                    let right = pattern.is_match(answer);
                    (right, verdict(right, "matches", &format!("/{pattern}/"), &shown(answer)))
                }
                Err(problem) => (false, problem),
            }
        }
        Match::Json { subset } => {
            let Some(expected) = expected else { return (false, "nothing was expected".into()) };
            let expected = match expected {
                Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| expected.clone()),
                other => other.clone(),
            };
            match json_in(answer) {
                Some(found) => {
                    let right = same(&expected, &found, *subset);
                    (right, verdict(right, "the answer is", &shown(&expected.to_string()), &shown(answer)))
                }
                None => (false, format!("expected JSON, found {}", shown(answer))),
            }
        }
        Match::KeywordsAny | Match::KeywordsAll => (false, "keywords have no expected answer".into()),
    }
}

fn verdict(right: bool, what: &str, expected: &str, found: &str) -> String {
    match right {
        true => format!("{what} {expected}"),
        false => format!("expected {expected}, found {found}"),
    }
}

fn keywords(wanted: &[String], answer: &str, all: bool) -> (bool, String) {
    let answer = answer.to_lowercase();
    let (found, missing): (Vec<&String>, Vec<&String>) =
        wanted.iter().partition(|word| answer.contains(&word.to_lowercase()));
    let names = |words: &[&String]| words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ");
    match (all, found.is_empty(), missing.is_empty()) {
        (true, _, true) => (true, format!("all keywords are in the answer: {}", names(&found))),
        (true, _, false) => (false, format!("not in the answer: {}", names(&missing))),
        (false, true, _) => (false, format!("none of the keywords is in the answer: {}", names(&missing))),
        (false, false, _) => (true, format!("in the answer: {}", names(&found))),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn plain(text: &str) -> String {
    let text = text.trim().trim_end_matches('.').trim_matches(['"', '\'', '`']);
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Numbers in a text: `1,234.5`, `-3`, `6.02e23`, `12%` reads as 12. Digits of words and of dates' parts count, too:
/// a match is tolerant of what stands around the number.
fn numbers(text: &str) -> Vec<f64> {
    static NUMBER: std::sync::LazyLock<Regex> = std::sync::LazyLock::new(|| {
        Regex::new(r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)(?:[eE][-+]?\d+)?")
            .expect("a valid pattern")
    });
    let parse = |found: regex::Match| found.as_str().replace(',', "").parse::<f64>().ok();
    NUMBER.find_iter(text).filter_map(parse).filter(|number| number.is_finite()).collect()
}

fn list(numbers: &[f64]) -> String {
    let shown: Vec<String> = numbers.iter().rev().take(5).rev().map(f64::to_string).collect();
    shown.join(", ")
}

/// The answer as JSON: all of it, or what stands between the first bracket and the last.
fn json_in(answer: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(answer.trim()) {
        return Some(value);
    }
    let start = answer.find(['{', '['])?;
    let end = answer.rfind(['}', ']'])?;
    serde_json::from_str(answer.get(start..=end)?).ok()
}

fn same(expected: &Value, found: &Value, subset: bool) -> bool {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, subset))
        }
        (Value::Object(a), Value::Object(b)) => {
            (subset || a.len() == b.len())
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, subset)))
        }
        (a, b) => a == b,
    }
}

/// Text in quotes, cut where it is long.
fn shown(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut cut: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    format!("{cut:?}")
}
