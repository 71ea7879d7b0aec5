//! What is refused, and in which words.

use std::io::{Read, Write};
use std::path::Path;

use smoltrace_exchange::metrics_json::{
    ReadOptions, read_path, read_reader, read_reader_with, read_slice_with,
};
use smoltrace_exchange::{ImportLimits, InputErrorKind as Kind};

use super::read;

/// One metric around `data`.
fn metric(data: &str) -> String {
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m",{data}}}]}}]}}]}}"#)
}

#[test]
fn messages_name_place_and_fix() {
    let mut wrong = Vec::new();
    let mut check = |text: &str, kind: Kind, expected: &str| {
        let error = read(text.as_bytes()).unwrap_err();
        let message = error.to_string();
        let first = message.lines().next().unwrap();
        if (first, error.kind) != (expected, kind) || !message.contains("\n  help: ") {
            wrong.push(format!("{text}\n  gives    {message}\n  expected {expected}"));
        }
    };
    check("", Kind::Empty, "<bytes>: there is nothing in it, a JSON document with metrics was expected");
    check(" \n\t", Kind::Empty, "<bytes>: there is nothing in it, a JSON document with metrics was expected");
    check("hello", Kind::Syntax, "<bytes>:1:1: expected `{` or `[`, found `h` (byte 0)");
    check("\u{1}\u{2}", Kind::Syntax, "<bytes>:1:1: expected `{` or `[`, found byte 0x01 (byte 0)");
    check("{}\nx", Kind::Syntax, "<bytes>:2:1: expected the end, or another document, found `x` (byte 3)");
    check("{,}", Kind::Syntax, "<bytes>:1:2: expected a key or `}`, found `,` (byte 1)");
    check("{\"a\" 1}", Kind::Syntax, "<bytes>:1:6: expected `:`, found `1` (byte 5)");
    check("{\"a\":1,}", Kind::Syntax, "<bytes>:1:8: expected a key, found `}` (byte 7)");
    check("[{},]", Kind::Syntax, "<bytes>:1:5: expected an element, found `]` (byte 4)");
    check("[{} {}]", Kind::Syntax, "<bytes>:1:5: expected `,` or `]`, found `{` (byte 4)");
    check(
        "{\"resourceMetrics\": [\n{\"scopeMetrics\": [}",
        Kind::Syntax,
        "<bytes>:2:19: expected value, found `}` (at scopeMetrics[0], byte 40)",
    );
    check(
        "{\"resourceMetrics\":[{",
        Kind::Syntax,
        "<bytes>:1:22: the text ends in the middle of a value (byte 21)",
    );
    check(
        "{\"resourceMetrics\":{}}",
        Kind::WrongType,
        "<bytes>:1:20: expected a list of resource metrics, found an object (byte 19)",
    );
    check(
        "{\"resourceMetrics\":[7]}",
        Kind::WrongType,
        "<bytes>:1:21: expected an object with `scopeMetrics`, found a number (byte 20)",
    );
    check(
        "{\"resourceMetrics\":[null]}",
        Kind::WrongType,
        "<bytes>:1:21: expected an object with `scopeMetrics`, found null (byte 20)",
    );
    check(
        "{\"aggregates\":\"none\"}",
        Kind::WrongType,
        "<bytes>:1:15: expected a list of aggregates, found a text (byte 14)",
    );
    check(
        &metric(r#""gauge":[]"#),
        Kind::WrongType,
        "<bytes>:1:71: expected an object with `dataPoints`, found a list (at scopeMetrics[0].metrics[0].gauge, byte 70)",
    );
    check(
        &metric(r#""sum":{"isMonotonic":"perhaps"}"#),
        Kind::WrongType,
        "<bytes>:1:83: expected true or false, found \"perhaps\" (byte 82)",
    );
    check(
        "[{\"resource\":7,\"scopeMetrics\":[]}]",
        Kind::WrongType,
        "<bytes>:1:14: expected a resource object with `attributes`, found 7 (byte 13)",
    );
    check(
        "{\"traces\":[{\"spans\":[]}]}",
        Kind::Unrecognised,
        "<bytes>:1:1: no metrics in it: neither `resourceMetrics` nor `scopeMetrics` nor `aggregates` (byte 0)",
    );
    check(
        "[{\"test_id\":\"t\"}]",
        Kind::Unrecognised,
        "<bytes>:1:2: no metrics in it: neither `resourceMetrics` nor `scopeMetrics` nor `aggregates` (byte 1)",
    );
    check(
        "[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"\\ud800\"}]}]}]",
        Kind::Syntax,
        "<bytes>:1:46: a `\\u` escape that is no character (unexpected end of hex escape) \
         (at scopeMetrics[0].metrics[0].name, byte 45)",
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let check = |text: &[u8], expected: &str| {
        let error = read(text).unwrap_err();
        assert_eq!(error.kind, Kind::Syntax);
        assert!(error.message.starts_with(expected), "{error}");
    };
    check(b"\xff\xfe{\0}\0", "the text is UTF-16, JSON is UTF-8");
    check(b"[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a\xff\"}]}]}]", "the text is not valid UTF-8");
    check(b"[{\"x\":\"a\xc3\"}]", "the text is not valid UTF-8");
}

#[test]
fn deep_nesting_is_refused_without_deep_recursion() {
    let check = |text: String, kind: Kind| {
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    };
    let open = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(100_000);
    check(format!("{{\"x\":{open}{}}}", "]".repeat(100_000)), Kind::TooDeep);
    check(format!("[{{\"x\":{open}{}}}]", "]".repeat(100_000)), Kind::TooDeep);
    check(format!("{{\"x\":{objects}1{}}}", "}".repeat(100_000)), Kind::TooDeep);
    check(format!("{{\"aggregates\":[{open}{}]}}", "]".repeat(100_000)), Kind::TooDeep);
    check(
        format!("{{\"resourceMetrics\":[{{\"scopeMetrics\":{open}{}}}]}}", "]".repeat(100_000)),
        Kind::WrongType,
    );
    check(open.clone(), Kind::TooDeep);
    check(objects, Kind::Syntax);
}

/// A reader that counts what is taken from it.
struct Endless<'a> {
    head: &'a [u8],
    filler: u8,
    left: u64,
    taken: &'a mut u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(buf);
        }
        let count = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buf[..count].fill(self.filler);
        self.left -= count as u64;
        *self.taken += count as u64;
        Ok(count)
    }
}

#[test]
fn a_gigabyte_of_garbage_is_refused_early() {
    let check = |head: &str, filler: u8, kind: Kind, most: u64| {
        let mut taken = 0;
        let reader = Endless { head: head.as_bytes(), filler, left: 1 << 30, taken: &mut taken };
        let limits = ImportLimits { max_element_bytes: 1 << 20, ..ImportLimits::default() };
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let error = read_reader_with("garbage", reader, options).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(taken <= most, "{taken} bytes read for {error}");
    };
    check("", b'x', Kind::Syntax, 1 << 20);
    check("", 0, Kind::Syntax, 1 << 20);
    check("{\"resourceMetrics\":[{\"a\":", b'N', Kind::Syntax, 1 << 20);
    check("{\"resourceMetrics\":[{\"a\":", b'[', Kind::TooLarge, 2 << 20);
    check("{\"resourceMetrics\":[\"", b'x', Kind::TooLarge, 2 << 20);
    check("", b'[', Kind::TooDeep, 1 << 20);
}

#[test]
fn a_gzip_bomb_is_refused_within_the_limits() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"resourceMetrics\":[").unwrap();
    for _ in 0..4 {
        packed.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let packed = packed.finish().unwrap();
    let check = |limits: ImportLimits, message: &str| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let error = read_slice_with(&packed, options).unwrap_err();
        assert_eq!(error.kind, Kind::TooLarge);
        assert!(error.message.contains(message), "{error}");
        let read = error.place.byte.unwrap();
        let limit = limits.max_decompressed_bytes.min(limits.ratio_free_bytes);
        assert!(read <= limit + (256 << 10), "{read} bytes unpacked");
    };
    let ratio = ImportLimits { max_ratio: 10, ratio_free_bytes: 2 << 20, ..ImportLimits::default() };
    check(ratio, " of gzip unpack to more than 2 MiB: over 10 to 1");
    check(
        ImportLimits { max_decompressed_bytes: 1 << 20, ..ImportLimits::default() },
        "larger than the limit of 1 MiB",
    );
}

#[test]
fn broken_gzip_is_named() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"resourceMetrics\":[]}").unwrap();
    let packed = packed.finish().unwrap();
    let check = |bytes: &[u8], message: &str| {
        let error = read_reader("m.json.gz", bytes).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
    };
    check(&packed[..packed.len() - 9], "m.json.gz: the gzip data end before their end mark");
    let mut wrong = packed.clone();
    let check_sum = wrong.len() - 8;
    wrong[check_sum] ^= 1;
    check(&wrong, "m.json.gz: the gzip data are broken");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |path: &Path, kind: Kind, message: &str| {
        let error = read_path(path).unwrap_err();
        assert_eq!(error.kind, kind);
        assert_eq!(error.to_string().lines().next().unwrap(), format!("{}: {message}", path.display()));
    };
    check(&folder.path().join("missing.json"), Kind::NotFound, "no such file or folder");
    check(folder.path(), Kind::Unrecognised, "this is a folder, a file was expected");
    let empty = folder.path().join("empty.json");
    std::fs::write(&empty, "").unwrap();
    check(&empty, Kind::Empty, "there is nothing in it, a JSON document with metrics was expected");
    let large = folder.path().join("large.json");
    std::fs::File::create(&large).unwrap().set_len(5 << 30).unwrap();
    check(&large, Kind::TooLarge, "5 GiB, larger than the limit of 4 GiB");
}
