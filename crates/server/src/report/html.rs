//! A growing HTML document into which recorded text can only come escaped.

use std::fmt::Write;

/// A document under construction.
#[derive(Default)]
pub struct Html(String);

impl Html {
    /// Markup of our own: never of what was recorded.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Recorded text, escaped for elements and quoted attributes. Control characters that no document may hold become
    /// the replacement character.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(c),
                c if c.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                c => self.0.push(c),
            }
        }
        self
    }

    /// At most `most` characters of recorded text, and how many were left out.
    pub fn cut(&mut self, text: &str, most: usize) -> &mut Self {
        match text.char_indices().nth(most) {
            None => self.text(text),
            Some((at, _)) => {
                let left_out = text[at..].chars().count();
                self.text(&text[..at]).text(&format!(" … ({left_out} more characters)"))
            }
        }
    }

    /// A formatted number of ours.
    pub fn number(&mut self, value: impl std::fmt::Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
        self
    }

    /// An element with text alone.
    pub fn element(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text).raw("</").raw(name).raw(">")
    }

    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_text_stays_text() {
        let check = |text: &str, expected: &str| {
            let mut html = Html::default();
            html.text(text);
            assert_eq!(html.finish(), expected);
        };
        check("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        check("\" onload=\"x & y", "&quot; onload=&quot;x &amp; y");
        check("a\u{0}b\u{1b}c\r\nd", "a\u{fffd}b\u{fffd}c\u{fffd}\nd");
        check("שלום 👋", "שלום 👋");
        let mut cut = Html::default();
        cut.cut("日本語", 2);
        assert_eq!(cut.finish(), "日本 … (1 more characters)");
    }
}
