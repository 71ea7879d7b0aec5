//! Server-sent events: bytes in pieces -> events. Only what endpoints of models and MCP servers use of the form.

/// An event with data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Empty where the server names none.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Collects bytes until an event is whole. What it holds is bounded by who feeds it.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
    /// Where the next line begins, and how far ends of lines were looked for.
    start: usize,
    seen: usize,
    event: Event,
}

impl Events {
    /// Takes bytes in.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event that is whole.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while let Some(length) = self.buffer[self.seen..].iter().position(|byte| *byte == b'\n') {
            let end = self.seen + length;
            let line = &self.buffer[self.start..end];
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
            self.start = end + 1;
            self.seen = self.start;
            let value =
                |field| line.strip_prefix(field).map(|text: &str| text.strip_prefix(' ').unwrap_or(text));
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if !event.data.is_empty() {
                    return Some(event);
                }
            } else if let Some(data) = value("data:") {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(data);
            } else if let Some(name) = value("event:") {
                self.event.name = name.to_owned();
            }
        }
        self.seen = self.buffer.len();
        None
    }

    /// A last event that no empty line follows.
    pub(crate) fn rest(&mut self) -> Option<Event> {
        self.feed(b"\n\n");
        self.next()
    }

    /// Bytes held of events that are not whole yet, after [`Self::next`] gave none.
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffer.len() - self.start + self.event.data.len() + self.event.name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Events};

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        let text = ": hello\ndata: {\"a\":1}\n\nevent: x\r\ndata:two\r\ndata: lines é\r\n\r\n\ndata: [DONE]";
        let expected = [("", "{\"a\":1}"), ("x", "two\nlines é"), ("", "[DONE]")]
            .map(|(name, data)| Event { name: name.into(), data: data.into() });
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
