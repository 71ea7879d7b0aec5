//! Python's `NaN`, `Infinity` and `-Infinity`, which JSON has no word for.
//!
//! `json.dumps` writes them bare. Must not know what the text means: it only puts them in quotes.

/// A value in which the bare words are quoted.
pub(super) struct Quoted {
    pub text: Vec<u8>,
    /// Bytes of the original.
    pub consumed: usize,
    /// Where in `text` each quoted word ends.
    ends: Vec<usize>,
}

impl Quoted {
    /// The place in the original of a place in `text`.
    pub fn original_offset(&self, offset: usize) -> usize {
        offset - 2 * self.ends.partition_point(|end| *end <= offset)
    }
}

/// What looking for bare words gave.
pub(super) enum Found {
    /// None; the text is wrong for another reason.
    Nothing,
    /// The text ends before the value does.
    Incomplete,
    Some(Quoted),
}

/// Quotes the bare words of the object or list that begins `text`.
pub(super) fn quote(text: &[u8]) -> Found {
    let mut out = Vec::new();
    let mut ends = Vec::new();
    let (mut copied, mut at, mut depth) = (0, 0, 0usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(&text[at..]) {
                Some(len) => at += len,
                None => break,
            },
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                at += 1;
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    if ends.is_empty() {
                        return Found::Nothing;
                    }
                    out.extend_from_slice(&text[copied..at]);
                    return Found::Some(Quoted { text: out, consumed: at, ends });
                }
            }
            b'N' | b'I' | b'-' => match word(&text[at..]) {
                Some(word) if !is_key(&text[at + word.len()..]) => {
                    out.extend_from_slice(&text[copied..at]);
                    out.push(b'"');
                    out.extend_from_slice(word);
                    out.push(b'"');
                    ends.push(out.len());
                    at += word.len();
                    copied = at;
                }
                _ => at += 1,
            },
            _ => at += 1,
        }
    }
    Found::Incomplete
}

/// Whether a JSON reader that stopped at `offset` stopped at a bare word.
pub(super) fn stopped_at_word(text: &[u8], offset: usize) -> bool {
    // At the word itself, or behind its sign.
    [offset, offset.saturating_sub(1)]
        .into_iter()
        .any(|at| text.get(at..).is_some_and(|text| word(text).is_some()))
}

/// Whether what comes after a word says that it stands where a key does, which is a string in Python's JSON as well.
fn is_key(after: &[u8]) -> bool {
    after.trim_ascii_start().starts_with(b":")
}

fn word(text: &[u8]) -> Option<&'static [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    WORDS.into_iter().find(|word| text.starts_with(word))
}

/// The length of the string that begins `text`, quotes included.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_are_quoted_outside_strings_only() {
        let check = |text: &str, expected: Option<(&str, usize)>| {
            let actual = match quote(text.as_bytes()) {
                Found::Some(quoted) => Some((String::from_utf8(quoted.text).unwrap(), quoted.consumed)),
                _ => None,
            };
            assert_eq!(actual, expected.map(|(text, consumed)| (text.to_owned(), consumed)), "{text}");
        };
        check(
            r#"{"a":NaN,"b":[-Infinity,Infinity,-1]},"#,
            Some((r#"{"a":"NaN","b":["-Infinity","Infinity",-1]}"#, 37)),
        );
        check(r#"{"NaN":"\"NaN","b":NaN}"#, Some((r#"{"NaN":"\"NaN","b":"NaN"}"#, 23)));
        check(r#"{"a":1}"#, None);
        check(r#"{NaN:1}"#, None);
        check("{NaN\n :NaN}", Some(("{NaN\n :\"NaN\"}", 11)));
        check(r#"{"a":NaN"#, None);
    }

    #[test]
    fn places_lead_back_to_the_original() {
        let Found::Some(quoted) = quote(br#"{"a":NaN,"b":x}"#) else { panic!("NaN is there") };
        let wrong = quoted.text.iter().position(|byte| *byte == b'x').unwrap();
        assert_eq!(quoted.original_offset(wrong), 13);
        assert_eq!(quoted.original_offset(0), 0);
    }
}
