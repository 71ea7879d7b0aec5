//! Whatever is done to an input, reading it ends, with rows or with an error: never a panic.

use std::path::{Path, PathBuf};

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{cases, import, import_bytes};

/// Small inputs of every form, and what once broke a reader.
fn corpus(form: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(form);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// One thing done to the bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// A piece is said again elsewhere.
    Copy(Index, Index, usize),
}

/// Pieces that mean something to a decoder.
const PIECES: &[&[u8]] = &[
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"NaN",
    b"\"\\ud800\"",
    b"{",
    b"[",
    b"}",
    b"]",
    b",",
    b"\"",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x00",
    b"\x0a\x7f",
    b"\xf0\x9f",
];

fn change() -> impl Strategy<Value = Change> {
    let piece =
        prop_oneof![proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec), vec(any::<u8>(), 1..4),];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, with)| Change::Flip(at, with)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), 1_usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), any::<Index>(), 1_usize..80).prop_map(|(from, to, n)| Change::Copy(from, to, n)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match change {
            Change::Flip(at, with) => bytes[at.index(len)] ^= with,
            Change::Cut(at) => bytes.truncate(at.index(len)),
            Change::Remove(at, count) => {
                let at = at.index(len);
                bytes.drain(at..(at + count).min(len));
            }
            Change::Insert(at, piece) => {
                let at = at.index(len);
                bytes.splice(at..at, piece.iter().copied());
            }
            Change::Copy(from, to, count) => {
                let from = from.index(len);
                let piece = bytes[from..(from + count).min(len)].to_vec();
                let to = to.index(len);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// An error says where and what to do.
fn sound(error: &smoltrace_exchange::InputError) {
    assert!(!error.input.is_empty() && !error.message.is_empty() && !error.help.is_empty(), "{error}");
}

fn check_file(name: &str, bytes: &[u8]) {
    match import_bytes(name, bytes) {
        Ok(runs) => runs.iter().for_each(|run| drop(smoltrace_model::account::account_run(run))),
        Err(error) => sound(&error),
    }
}

#[test]
fn the_corpus_is_read_as_it_is() {
    for form in ["otlp_json", "otlp_protobuf", "parquet"] {
        for (path, bytes) in corpus(form) {
            check_file(path.file_name().unwrap().to_str().unwrap(), &bytes);
        }
    }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn json_of_any_shape_ends(pick in any::<Index>(), changes in vec(change(), 1..6)) {
        let corpus = corpus("otlp_json");
        let (_, bytes) = &corpus[pick.index(corpus.len())];
        check_file("x.json", &changed(bytes.clone(), &changes));
    }

    #[test]
    fn protobuf_of_any_shape_ends(pick in any::<Index>(), changes in vec(change(), 1..6)) {
        let corpus = corpus("otlp_protobuf");
        let (_, bytes) = &corpus[pick.index(corpus.len())];
        check_file("x.pb", &changed(bytes.clone(), &changes));
    }

    #[test]
    fn parquet_of_any_shape_ends(pick in any::<Index>(), changes in vec(change(), 1..4)) {
        let corpus = corpus("parquet");
        let (_, bytes) = &corpus[pick.index(corpus.len())];
        check_file("x.parquet", &changed(bytes.clone(), &changes));
    }

    #[test]
    fn run_folders_of_any_shape_end(
        pick in any::<Index>(),
        changes in vec(change(), 1..6),
    ) {
        let corpus = corpus("run_folder");
        let broken = pick.index(corpus.len());
        let folder = tempfile::tempdir().unwrap();
        for (index, (path, bytes)) in corpus.iter().enumerate() {
            let bytes = if index == broken { changed(bytes.clone(), &changes) } else { bytes.clone() };
            std::fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        match import(folder.path()) {
            Ok(runs) => runs.iter().for_each(|run| drop(smoltrace_model::account::account_run(run))),
            Err(error) => sound(&error),
        }
    }
}
