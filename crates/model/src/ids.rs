//! Identifiers: canonical hex of trace and span ids, and stable content hashes.
//!
//! Must not know where an id came from; every importer and receiver funnels through here.

use xxhash_rust::xxh3::xxh3_128;

/// Why an id was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("`{0}` is not a hexadecimal id")]
    NotHex(String),
    #[error("`{id}` has {len} hex digits, at most {max} are allowed")]
    TooLong { id: String, len: usize, max: usize },
    #[error("an id of zeros is not valid")]
    Zero,
}

/// A trace id as 32 lower-case hex digits. Accepts a `0x` prefix, upper case, and the lost
/// leading zeros of Python's `hex()`.
pub fn trace_id(text: &str) -> Result<String, IdError> {
    canonical_hex(text, 32)
}

/// A span id as 16 lower-case hex digits; same leniency as [`trace_id`].
pub fn span_id(text: &str) -> Result<String, IdError> {
    canonical_hex(text, 16)
}

fn canonical_hex(text: &str, width: usize) -> Result<String, IdError> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(IdError::NotHex(text.chars().take(64).collect()));
    }
    if digits.len() > width {
        return Err(IdError::TooLong { id: text.chars().take(64).collect(), len: digits.len(), max: width });
    }
    if digits.bytes().all(|b| b == b'0') {
        return Err(IdError::Zero);
    }
    Ok(format!("{:0>width$}", digits.to_ascii_lowercase()))
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    push_hex(bytes, &mut digits);
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Adds bytes as lower-case hex digits.
pub fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        out.extend_from_slice(&hex_of_word(u32::from_be_bytes(*word)));
    }
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        out.extend_from_slice(&hex_of_word(u32::from_be_bytes(word))[..2 * rest.len()]);
    }
}

/// One byte of each eight.
const ONES: u64 = 0x0101_0101_0101_0101;
/// What is between the digit 9 and the letter a.
const TO_LETTERS: u64 = (b'a' - b'9' - 1) as u64;

/// The digits of a word, all eight at once: each byte of a larger one is one of them.
fn hex_of_word(word: u32) -> [u8; 8] {
    let mut digits = u64::from(word);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & (0x0f * ONES);
    text_of_digits(digits).to_be_bytes()
}

/// Digits, a byte each, as text.
fn text_of_digits(digits: u64) -> u64 {
    let letters = ((digits + 6 * ONES) >> 4) & ONES;
    digits + u64::from(b'0') * ONES + letters * TO_LETTERS
}

/// The word of eight lower-case digits.
fn word_of_hex(text: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(text);
    // The lower four bits of a letter count from one.
    let mut digits = (text & (0x0f * ONES)) + 9 * ((text >> 6) & ONES);
    if digits & (0xf0 * ONES) != 0 || text_of_digits(digits) != text {
        return None;
    }
    digits = (digits | digits >> 4) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits >> 8) & 0x0000_ffff_0000_ffff;
    Some((digits | digits >> 16) as u32)
}

/// A hash as 32 lower-case hex digits.
pub fn hash_hex(hash: u128) -> String {
    hex(&hash.to_be_bytes())
}

/// The hash that 32 lower-case hex digits stand for; `None` for any other text.
pub fn hash_of_hex(text: &str) -> Option<u128> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let (words, _) = digits.as_chunks::<8>();
    words.iter().try_fold(0, |hash, word| Some(hash << 32 | u128::from(word_of_hex(*word)?)))
}

/// 32 hex digits of the 128-bit XXH3 hash of `parts`, each length-prefixed so that no two
/// different lists collide by concatenation. Stable across platforms and releases.
pub fn content_id<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut bytes = Vec::with_capacity(512);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    hash_hex(xxh3_128(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_canonical() {
        let check = |input: &str, expected: Result<&str, ()>| {
            assert_eq!(span_id(input).as_deref().map_err(|_| ()), expected, "{input}");
        };
        check("0x5f35f09584901d71", Ok("5f35f09584901d71"));
        check("0xeabf0617c6596a", Ok("00eabf0617c6596a"));
        check("ABCDEF", Ok("0000000000abcdef"));
        check("", Err(()));
        check("0x", Err(()));
        check("0", Err(()));
        check("xyz", Err(()));
        check("12345678901234567", Err(()));
        check("é", Err(()));
    }

    #[test]
    fn a_hash_is_its_digits_and_nothing_else() {
        for hash in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let digits = hash_hex(hash);
            assert_eq!(digits, format!("{hash:032x}"));
            assert_eq!(hash_of_hex(&digits), Some(hash));
        }
        for other in ["", "0", &"F".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert_eq!(hash_of_hex(other), None, "{other}");
        }
        for other in (0..=u8::MAX).map(char::from) {
            let text = format!("{other}{}", "0".repeat(32 - other.len_utf8()));
            assert_eq!(hash_of_hex(&text).is_some(), matches!(other, '0'..='9' | 'a'..='f'), "{text}");
        }
        assert_eq!(hex(&[0xde, 0xad, 0xbe, 0xef, 0x01, 0x9f]), "deadbeef019f");
    }

    #[test]
    fn content_id_keeps_parts_apart() {
        assert_ne!(content_id([b"ab".as_slice(), b"c"]), content_id([b"a".as_slice(), b"bc"]));
    }
}
