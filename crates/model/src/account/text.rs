//! What the source declared, as the text and numbers of the run row. Nothing is inferred.

use serde_json::Value;

use crate::{
    inputs::Declared,
    normalize::{count, text},
};

impl Declared {
    /// The value under the first of `keys` that the source's leaderboard row, else its metadata,
    /// fills with text or a number.
    pub fn text(&self, keys: &[&str]) -> Option<String> {
        self.find(keys, text)
    }

    /// Likewise a count of 0 or more.
    pub fn count(&self, keys: &[&str]) -> Option<i64> {
        self.find(keys, count)
    }

    /// Whether the first of them that is a boolean is true.
    pub fn flag(&self, keys: &[&str]) -> bool {
        self.find(keys, Value::as_bool).unwrap_or(false)
    }

    fn find<T>(&self, keys: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        [&self.leaderboard_row, &self.metadata]
            .into_iter()
            .find_map(|said| keys.iter().find_map(|key| said.get(*key).and_then(&read)))
    }
}

/// Lower case, every run of other characters than letters and digits one hyphen; `None` when
/// nothing is left. As SMOLTRACE groups runs, but letters of every script stay.
pub(super) fn kebab(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let kebab = words.collect::<Vec<_>>().join("-");
    (!kebab.is_empty()).then_some(kebab)
}

/// One of the purposes that SMOLTRACE knows, lower case.
pub(super) fn purpose(text: &str) -> Option<String> {
    let purpose = text.trim().to_lowercase();
    ["selection", "regression", "monitoring"].contains(&purpose.as_str()).then_some(purpose)
}

/// The time of a folder name (`20261123_120529`) as ISO 8601; anything else as it is.
pub(super) fn timestamp(text: &str) -> String {
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('_') {
        Some((day, time)) if digits(day, 8) && digits(time, 6) => format!(
            "{}-{}-{}T{}:{}:{}",
            &day[..4],
            &day[4..6],
            &day[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        ),
        _ => text.to_owned(),
    }
}

/// `value` rounded to `digits` decimals, half to even on its exact value: as Python's `round`.
pub(super) fn round(value: f64, digits: usize) -> f64 {
    format!("{value:.digits$}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_kebab_case() {
        let check = |input: &str, expected: Option<&str>| {
            assert_eq!(kebab(input).as_deref(), expected, "{input}");
        };
        check("Customer Support", Some("customer-support"));
        check("  v1.2__Final ", Some("v1-2-final"));
        check("already-kebab", Some("already-kebab"));
        check("Größe", Some("größe"));
        check(" -- ", None);
        check("", None);
    }

    #[test]
    fn a_purpose_is_one_of_three() {
        let check = |input: &str, expected: Option<&str>| {
            assert_eq!(purpose(input).as_deref(), expected, "{input}");
        };
        check(" Selection ", Some("selection"));
        check("regression", Some("regression"));
        check("MONITORING", Some("monitoring"));
        check("fun", None);
        check("", None);
    }

    #[test]
    fn folder_times_become_iso() {
        let check = |input: &str, expected: &str| assert_eq!(timestamp(input), expected);
        check("20261123_120529", "2026-11-23T12:05:29");
        check("2026-11-23T12:05:29.4", "2026-11-23T12:05:29.4");
        check("2026_11", "2026_11");
    }

    #[test]
    fn rounding_is_pythons() {
        let check = |value: f64, digits: usize, expected: f64| assert_eq!(round(value, digits), expected);
        check(47.875, 2, 47.88);
        check(2.675, 2, 2.67);
        check(0.125, 2, 0.12);
        check(34363.5196, 2, 34363.52);
        check(0.00046516606822176774, 6, 0.000465);
        check(1e300, 2, 1e300);
    }
}
