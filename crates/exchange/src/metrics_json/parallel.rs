//! Reading ahead: several workers read the elements of a long list, from places that look like the
//! beginning of an element.
//!
//! Nothing here decides what the text means. A chunk counts only when the reader, coming from the
//! front, arrives exactly at the place where the chunk began, between two elements of the list; what a
//! worker read from there on is then what the reader would have read. A chunk with anything wrong in it
//! is thrown away, so that every error comes from the reader.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::document::{ElementReader, Elements};
use super::window::{Input, Text, Window};

/// Chunks for each worker, so that one that is slow does not hold up the others.
const CHUNKS: u64 = 8;
/// A shorter beginning stands in too many places.
const TELLING: usize = 16;
/// How far to look for the beginning of an element.
const SEARCH: usize = 1 << 20;

/// The elements of a part of a list.
pub(super) struct Chunk {
    /// Just behind the last element.
    pub end: u64,
    pub kind: Elements,
    pub elements: ElementReader,
}

/// Reads what follows the window's place, just behind the first element of a list, which began with
/// the text `first`. Gives nothing where it is not worth it or not possible.
pub(super) fn read_ahead(window: &Window<'_>, first: &[u8], kind: Elements) -> BTreeMap<u64, Chunk> {
    let (name, options, begin) = (window.name(), window.options(), window.position());
    let (threads, shortest) = (options.threads.max(1), options.parallel_from_bytes.max(1));
    let long = |text: &Text<'_>| text.len().saturating_sub(begin) >= shortest && first.len() >= TELLING;
    let Some(text) = window.text().filter(long) else { return BTreeMap::new() };
    let parts = CHUNKS * threads as u64;
    let size = ((text.len() - begin) / parts).max(shortest / CHUNKS).max(1);
    let mut begins: Vec<u64> = (0..parts).filter_map(|part| find(text, begin + part * size, first)).collect();
    begins.dedup();
    let ends: Vec<u64> = begins.iter().skip(1).copied().chain([text.len()]).collect();

    let next = AtomicUsize::new(0);
    let chunks = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            let (Some(begin), Some(end)) = (begins.get(part), ends.get(part)) else { break };
            let input = Input::Range { text, next: *begin, end: *end };
            let Some(chunk) = read_chunk(Window::new(name, options, input), kind) else { continue };
            if let Ok(mut chunks) = chunks.lock() {
                chunks.insert(*begin, chunk);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(begins.len()) {
            scope.spawn(work);
        }
        work();
    });
    chunks.into_inner().unwrap_or_default()
}

/// The first place from `from` on where the text goes on like `first`.
fn find(text: Text<'_>, from: u64, first: &[u8]) -> Option<u64> {
    let mut block = vec![0; SEARCH];
    let count = text.read_at(from, &mut block).ok()?;
    let place = block[..count].windows(first.len()).position(|part| part == first)?;
    Some(from + place as u64)
}

/// The elements from the window's place to its end or to the end of the list.
fn read_chunk(mut window: Window<'_>, kind: Elements) -> Option<Chunk> {
    let mut elements = ElementReader::default();
    loop {
        elements.read(&mut window, kind).ok()?;
        let end = window.position();
        let more = match window.peek().ok()? {
            Some(b',') => {
                window.take();
                window.peek().ok()?.is_some()
            }
            Some(b']') => false,
            _ => return None,
        };
        if !more {
            return Some(Chunk { end, kind, elements });
        }
    }
}
