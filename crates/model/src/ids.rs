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
pub(crate) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    for (digits, byte) in out[start..].chunks_exact_mut(2).zip(bytes) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// A hash as 32 lower-case hex digits.
pub fn hash_hex(hash: u128) -> String {
    hex(&hash.to_be_bytes())
}

/// A hash of its 32 lower-case hex digits.
pub(crate) fn hash_of_hex(text: &str) -> Option<u128> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut hash = 0_u128;
    // Halves, since a number of 128 bits is slow to shift.
    for half in digits.chunks_exact(16) {
        let mut number = 0_u64;
        for digit in half {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            number = number << 4 | u64::from(value);
        }
        hash = hash << 64 | u128::from(number);
    }
    Some(hash)
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
    }

    #[test]
    fn content_id_keeps_parts_apart() {
        assert_ne!(content_id([b"ab".as_slice(), b"c"]), content_id([b"a".as_slice(), b"bc"]));
    }
}
