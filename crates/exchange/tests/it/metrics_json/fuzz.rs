//! Texts mutated at random from a kept corpus: no panic, no two ways of reading that differ, nothing
//! accepted that is not JSON. `PROPTEST_CASES` makes it run longer.

use std::path::PathBuf;

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::random::Dice;
use super::read;

/// Pieces that decoders stumble over.
const PIECES: [&[u8]; 28] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"null",
    b"true",
    b"NaN",
    b"-Infinity",
    b"\"asInt\"",
    b"\"asDouble\"",
    b"1e999",
    b"-0",
    b"00",
    b"\\ud800",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\"gauge\":",
    b"\"dataPoints\":[",
    b"{\"scopeMetrics\":[",
    b"{\"name\":\"a\"}",
    b"\n",
    b"18446744073709551616",
    b"\"timeUnixNano\":\"",
    b"[[[[[[[[",
];

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/metrics_json");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn mutated(text: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..1 + dice.roll(4) {
        let at = dice.roll(text.len() + 1);
        let to = at + dice.roll((text.len() - at).min(40) + 1);
        match dice.roll(7) {
            0 => drop(text.drain(at..to)),
            1 => text.truncate(at),
            2 => drop(text.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied())),
            3 => drop(text.splice(at..to, PIECES[dice.roll(PIECES.len())].iter().copied())),
            4 if at < text.len() => text[at] ^= 1 << dice.roll(8),
            5 => {
                let piece = text[at..to].to_vec();
                let place = dice.roll(text.len() + 1);
                drop(text.splice(place..place, piece));
            }
            _ => {
                let from = dice.roll(other.len() + 1);
                let piece = &other[from..from + dice.roll((other.len() - from).min(400) + 1)];
                drop(text.splice(at..at, piece.iter().copied()));
            }
        }
    }
    text
}

/// Whether a text is JSON, or several of them, allowing for Python's bare words.
fn is_json(text: &[u8]) -> bool {
    let mut text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut plain = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    while let [byte, rest @ ..] = text {
        let word = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find(|word| text.starts_with(word));
        if let Some(word) = word.filter(|_| !quoted) {
            plain.extend_from_slice(b"null");
            text = &text[word.len()..];
            continue;
        }
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        plain.push(*byte);
        text = rest;
    }
    serde_json::Deserializer::from_slice(&plain).into_iter::<IgnoredAny>().all(|value| value.is_ok())
}

fn check(text: &[u8]) {
    match read(text) {
        Ok(document) => {
            assert!(is_json(text), "accepted, but not JSON: {}", String::from_utf8_lossy(text));
            for series in document.series.series() {
                assert!(series.samples.iter().all(|sample| sample.value.is_finite()));
            }
        }
        Err(error) => {
            assert!(!error.help.is_empty(), "{error}");
            assert!(error.place.byte.is_none_or(|byte| byte <= text.len() as u64), "{error}");
        }
    }
}

#[test]
fn the_corpus_is_read_or_refused() {
    let corpus = corpus();
    assert!(corpus.len() >= 12);
    for (path, text) in corpus {
        let accepted = path.file_name().unwrap().to_string_lossy().starts_with("valid");
        assert_eq!(read(&text).is_ok(), accepted, "{}", path.display());
        check(&text);
    }
}

proptest! {
    #[test]
    fn mutations_neither_panic_nor_differ(seed: u64) {
        let corpus = corpus();
        let mut dice = Dice::new(seed);
        let text = &corpus[dice.roll(corpus.len())].1;
        let other = &corpus[dice.roll(corpus.len())].1;
        check(&mutated(text, other, &mut dice));
    }
}
