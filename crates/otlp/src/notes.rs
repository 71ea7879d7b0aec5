//! What an importer mended or left out, with the place, for a person to read.
//!
//! Must not know any format. Bounded: a file with a million bad spans gives a short list and a count.

use std::fmt;

/// The most notes that are kept word for word.
const MAX_NOTES: usize = 100;
/// The longest note, in characters.
const MAX_CHARS: usize = 400;

/// A bounded list of notes.
#[derive(Debug, Default, Clone)]
pub struct Notes {
    lines: Vec<String>,
    more: u64,
}

impl Notes {
    pub fn add(&mut self, note: impl fmt::Display) {
        if self.lines.len() < MAX_NOTES {
            self.lines.push(note.to_string().chars().take(MAX_CHARS).collect());
        } else {
            self.more += 1;
        }
    }

    /// Adds `what` at `place`.
    pub fn at(&mut self, place: &Spot<'_>, what: impl fmt::Display) {
        if self.lines.len() < MAX_NOTES {
            self.add(format_args!("{place}: {what}"));
        } else {
            self.more += 1;
        }
    }

    pub fn extend(&mut self, other: Notes) {
        for line in other.lines {
            self.add(line);
        }
        self.more += other.more;
    }

    pub fn into_lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("and {} more notes of this kind", self.more));
        }
        self.lines
    }
}

/// Where in a document something stands; written out only when it is needed.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'a> {
    Root(&'a str),
    Key(&'a Spot<'a>, &'a str),
    Index(&'a Spot<'a>, usize),
}

impl<'a> Spot<'a> {
    pub fn key(&'a self, key: &'a str) -> Spot<'a> {
        Spot::Key(self, key)
    }

    pub fn index(&'a self, index: usize) -> Spot<'a> {
        Spot::Index(self, index)
    }
}

impl fmt::Display for Spot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Root(name) => f.write_str(name),
            Spot::Key(Spot::Root(name), key) => write!(f, "{name}: {key}"),
            Spot::Key(parent, key) => write!(f, "{parent}.{key}"),
            Spot::Index(Spot::Root(name), index) => write!(f, "{name}: [{index}]"),
            Spot::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded_and_counted() {
        let mut notes = Notes::default();
        let root = Spot::Root("traces.json");
        let list = root.key("spans");
        for index in 0..MAX_NOTES + 7 {
            notes.at(&list.index(index), "bad");
        }
        let lines = notes.into_lines();
        assert_eq!(lines[3], "traces.json: spans[3]: bad");
        assert_eq!(lines.len(), MAX_NOTES + 1);
        assert_eq!(lines[MAX_NOTES], "and 7 more notes of this kind");
    }
}
