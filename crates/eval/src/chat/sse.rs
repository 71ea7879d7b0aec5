//! Server-sent events: bytes in pieces -> the data of each event. Only what chat completions use of the form.

/// Collects bytes until an event is whole. What it holds is bounded by who feeds it.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: Vec<u8>,
    /// Where the next line begins, and how far ends of lines were looked for.
    start: usize,
    seen: usize,
    data: String,
}

impl Events {
    /// Takes bytes in.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The data of the next event that is whole.
    pub(super) fn next(&mut self) -> Option<String> {
        while let Some(length) = self.buffer[self.seen..].iter().position(|byte| *byte == b'\n') {
            let end = self.seen + length;
            let line = &self.buffer[self.start..end];
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
            self.start = end + 1;
            self.seen = self.start;
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Some(std::mem::take(&mut self.data));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        self.seen = self.buffer.len();
        None
    }

    /// The data of a last event that no empty line follows.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.feed(b"\n\n");
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        let text = ": hello\ndata: {\"a\":1}\n\nevent: x\r\ndata:two\r\ndata: lines é\r\n\r\n\ndata: [DONE]";
        let expected = ["{\"a\":1}", "two\nlines é", "[DONE]"];
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                events.feed(piece);
                found.extend(std::iter::from_fn(|| events.next()));
            }
            found.extend(events.rest());
            assert_eq!(found, expected, "pieces of {size}");
        }
    }
}
