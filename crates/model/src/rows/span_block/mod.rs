//! Spans with their texts one after another in a few buffers; what all spans of one resource and scope say stands once.
//!
//! The form in which many spans travel from a decoder to the table. Knows no wire form.

mod columns;

use std::sync::Arc;

use arrow::buffer::Buffer;
use xxhash_rust::xxh3::xxh3_128;

use crate::ids;

use super::{
    Block, SpanKind, SpanRow, SpanStatus,
    seal::{Bytes, write_column},
};

/// Bytes of a buffer, unless one span alone has more: so little that hardly any of it stays empty.
const BUFFER_BYTES: usize = if cfg!(test) { 64 } else { 64 << 10 };

/// What all spans of one resource and scope of one run share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpanOrigin {
    pub run_id: String,
    /// `service.name`, or "unknown".
    pub service: String,
    /// JSON object of the resource attributes.
    pub resource: String,
    /// JSON object `{name, version, attributes?}` of the instrumentation scope.
    pub scope: String,
}

/// Where a text stands in the buffer of its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    start: u32,
    length: u32,
}

/// Texts that spans which come together often have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    TraceId,
    ParentSpanId,
    TestUid,
    Name,
    StatusMessage,
    Model,
    Provider,
    Events,
    Links,
}

/// How many of them there are.
const REPEATED: usize = Repeated::Links as usize + 1;

/// What one span says beside its origin; see [`SpanRow`] for what each part means. The texts are those that were
/// written to its block since the span before.
#[derive(Debug, Clone)]
pub struct BlockSpan {
    pub trace_id: Text,
    pub span_id: Text,
    pub parent_span_id: Option<Text>,
    pub test_uid: Option<Text>,
    pub name: Text,
    pub kind: SpanKind,
    pub start_time_unix_nano: i64,
    pub end_time_unix_nano: i64,
    pub status: SpanStatus,
    pub status_message: Option<Text>,
    pub model: Option<Text>,
    pub provider: Option<Text>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_write_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub emitted_cost_usd: Option<f64>,
    pub attributes: Text,
    pub events: Text,
    pub links: Text,
}

/// Spans of any number of runs. Cheap to make a part of: the texts are shared.
#[derive(Debug, Clone, Default)]
pub struct SpanBlock {
    origins: Arc<Vec<SpanOrigin>>,
    texts: Vec<Buffer>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    id: u128,
    origin: u32,
    buffer: u32,
    span: BlockSpan,
}

/// Makes a [`SpanBlock`].
#[derive(Debug, Default)]
pub struct SpanBlockBuilder {
    origins: Vec<SpanOrigin>,
    closed: Vec<Buffer>,
    /// Texts of the spans since the last buffer was closed; only UTF-8 is written.
    open: Vec<u8>,
    /// Where those of the next span begin.
    next: usize,
    /// Bytes of texts that are still to come, so far as that is known.
    expected: usize,
    /// Where those that may be repeated stand, of the spans since the last buffer was closed.
    last: [Option<Text>; REPEATED],
    rows: Vec<Row>,
    /// Scratch space.
    content: Vec<u8>,
}

impl SpanBlockBuilder {
    /// Says that so many bytes of texts are about to come.
    pub fn expect(&mut self, bytes: usize) {
        self.expected = bytes;
        self.open.reserve_exact(bytes.min(BUFFER_BYTES));
    }

    /// Makes room for so many more spans.
    pub fn reserve(&mut self, spans: usize) {
        self.rows.reserve(spans);
    }

    /// The place of an origin, which is the last one mostly: spans come origin by origin.
    pub fn origin(&mut self, run_id: &str, service: &str, resource: &str, scope: &str) -> u32 {
        let same = self.origins.last().is_some_and(|last| {
            last.run_id == run_id
                && last.service == service
                && last.resource == resource
                && last.scope == scope
        });
        if !same {
            let [run_id, service, resource, scope] = [run_id, service, resource, scope].map(str::to_owned);
            self.origins.push(SpanOrigin { run_id, service, resource, scope });
        }
        (self.origins.len() - 1) as u32
    }

    /// Adds a text of the next span.
    pub fn text(&mut self, text: &str) -> Text {
        self.write(|out| out.extend_from_slice(text.as_bytes()))
    }

    /// Adds bytes as lower-case hex digits, a text of the next span.
    pub fn hex(&mut self, bytes: &[u8]) -> Text {
        self.write(|out| ids::push_hex(bytes, out))
    }

    /// As [`Self::write`], of a text that the span before may have too: then it stands once.
    pub fn repeat(&mut self, what: Repeated, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let text = self.write(write);
        let last = &mut self.last[what as usize];
        match last {
            Some(last) if self.open[last.range()] == self.open[text.range()] => {
                self.open.truncate(text.start as usize);
                *last
            }
            _ => *last.insert(text),
        }
    }

    /// [`Self::repeat`] of a text.
    pub fn repeat_text(&mut self, what: Repeated, text: &str) -> Text {
        self.repeat(what, |out| out.extend_from_slice(text.as_bytes()))
    }

    /// [`Self::repeat`] of bytes as lower-case hex digits.
    pub fn repeat_hex(&mut self, what: Repeated, bytes: &[u8]) -> Text {
        self.repeat(what, |out| ids::push_hex(bytes, out))
    }

    /// Adds what is written, a text of the next span. It must be UTF-8.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let start = self.open.len();
        write(&mut self.open);
        debug_assert!(str::from_utf8(&self.open[start..]).is_ok(), "a text is UTF-8");
        let place = |bytes: usize| u32::try_from(bytes).expect("the texts of a span are shorter than 3 GiB");
        Text { start: place(start), length: place(self.open.len() - start) }
    }

    /// Adds a span of the origin at a place, whose texts were written since the span before.
    pub fn push(&mut self, origin: u32, span: BlockSpan) {
        let id = self.row_id(origin, &span);
        self.rows.push(Row { id, origin, buffer: self.closed.len() as u32, span });
        let length = self.open.len() - self.next;
        // Unless there is room for one more like this.
        if self.open.len() + length > BUFFER_BYTES {
            self.expected = self.expected.saturating_sub(self.open.len());
            self.close();
            self.open.reserve_exact(self.expected.min(BUFFER_BYTES));
        }
        self.next = self.open.len();
    }

    /// Adds a row; its `row_id` is made anew.
    pub fn push_row(&mut self, row: SpanRow) {
        let origin = self.origin(&row.run_id, &row.service, &row.resource, &row.scope);
        let mut repeat = |what, text: &str| self.repeat_text(what, text);
        let span = BlockSpan {
            trace_id: repeat(Repeated::TraceId, &row.trace_id),
            parent_span_id: row.parent_span_id.map(|id| repeat(Repeated::ParentSpanId, &id)),
            test_uid: row.test_uid.map(|uid| repeat(Repeated::TestUid, &uid)),
            name: repeat(Repeated::Name, &row.name),
            status_message: row.status_message.map(|message| repeat(Repeated::StatusMessage, &message)),
            model: row.model.map(|model| repeat(Repeated::Model, &model)),
            provider: row.provider.map(|provider| repeat(Repeated::Provider, &provider)),
            events: repeat(Repeated::Events, &row.events),
            links: repeat(Repeated::Links, &row.links),
            span_id: self.text(&row.span_id),
            kind: row.kind,
            start_time_unix_nano: row.start_time_unix_nano,
            end_time_unix_nano: row.end_time_unix_nano,
            status: row.status,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            total_tokens: row.total_tokens,
            cache_read_tokens: row.cache_read_tokens,
            cache_write_tokens: row.cache_write_tokens,
            reasoning_tokens: row.reasoning_tokens,
            emitted_cost_usd: row.emitted_cost_usd,
            attributes: self.text(&row.attributes),
        };
        self.push(origin, span);
    }

    pub fn finish(mut self) -> SpanBlock {
        self.close();
        SpanBlock { origins: Arc::new(self.origins), texts: self.closed, rows: self.rows }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.closed.push(Buffer::from_vec(std::mem::take(&mut self.open)));
            self.last = [None; REPEATED];
        }
    }

    /// The hash that [`SpanRow::sealed`] makes of the same row.
    fn row_id(&mut self, origin: u32, span: &BlockSpan) -> u128 {
        let Self { origins, open, content: out, .. } = self;
        let origin = &origins[origin as usize];
        let text = |place: Text| Bytes(&open[place.range()]);
        out.clear();
        // In the order of the table's columns.
        write_column("run_id", &Bytes(origin.run_id.as_bytes()), out);
        write_column("trace_id", &text(span.trace_id), out);
        write_column("span_id", &text(span.span_id), out);
        write_column("parent_span_id", &span.parent_span_id.map(text), out);
        write_column("test_uid", &span.test_uid.map(text), out);
        write_column("name", &text(span.name), out);
        write_column("kind", &span.kind, out);
        write_column("start_time_unix_nano", &span.start_time_unix_nano, out);
        write_column("end_time_unix_nano", &span.end_time_unix_nano, out);
        write_column("status", &span.status, out);
        write_column("status_message", &span.status_message.map(text), out);
        write_column("service", &Bytes(origin.service.as_bytes()), out);
        write_column("model", &span.model.map(text), out);
        write_column("provider", &span.provider.map(text), out);
        write_column("input_tokens", &span.input_tokens, out);
        write_column("output_tokens", &span.output_tokens, out);
        write_column("total_tokens", &span.total_tokens, out);
        write_column("cache_read_tokens", &span.cache_read_tokens, out);
        write_column("cache_write_tokens", &span.cache_write_tokens, out);
        write_column("reasoning_tokens", &span.reasoning_tokens, out);
        write_column("emitted_cost_usd", &span.emitted_cost_usd, out);
        write_column("attributes", &text(span.attributes), out);
        write_column("events", &text(span.events), out);
        write_column("links", &text(span.links), out);
        write_column("resource", &Bytes(origin.resource.as_bytes()), out);
        write_column("scope", &Bytes(origin.scope.as_bytes()), out);
        xxh3_128(out)
    }
}

impl Text {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

impl SpanBlock {
    /// How many spans.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of the texts that it holds, those that it shares with other parts of the same block among them.
    pub fn text_bytes(&self) -> usize {
        self.texts.iter().map(Buffer::len).sum()
    }

    /// Run id, start and end of every span, Unix ns.
    pub fn lasting(&self) -> impl Iterator<Item = (&str, i64, i64)> {
        self.rows.iter().map(|row| {
            let run = self.origins[row.origin as usize].run_id.as_str();
            (run, row.span.start_time_unix_nano, row.span.end_time_unix_nano)
        })
    }

    /// The spans of which `keep` says true, in order.
    #[must_use]
    pub fn part(&self, keep: &[bool]) -> Self {
        let rows = self.rows.iter().zip(keep).filter(|(_, keep)| **keep).map(|(row, _)| row.clone());
        Self { origins: self.origins.clone(), texts: self.texts.clone(), rows: rows.collect() }
    }

    /// The spans as rows, in order.
    pub fn to_rows(&self) -> Vec<SpanRow> {
        self.rows.iter().map(|row| self.to_row(row)).collect()
    }

    fn to_row(&self, row: &Row) -> SpanRow {
        let (origin, span) = (&self.origins[row.origin as usize], &row.span);
        let text =
            |place: Text| str::from_utf8(self.bytes(row, place)).expect("only UTF-8 is written").to_owned();
        SpanRow {
            run_id: origin.run_id.clone(),
            trace_id: text(span.trace_id),
            span_id: text(span.span_id),
            parent_span_id: span.parent_span_id.map(text),
            test_uid: span.test_uid.map(text),
            name: text(span.name),
            kind: span.kind,
            start_time_unix_nano: span.start_time_unix_nano,
            end_time_unix_nano: span.end_time_unix_nano,
            status: span.status,
            status_message: span.status_message.map(text),
            service: origin.service.clone(),
            model: span.model.map(text),
            provider: span.provider.map(text),
            input_tokens: span.input_tokens,
            output_tokens: span.output_tokens,
            total_tokens: span.total_tokens,
            cache_read_tokens: span.cache_read_tokens,
            cache_write_tokens: span.cache_write_tokens,
            reasoning_tokens: span.reasoning_tokens,
            emitted_cost_usd: span.emitted_cost_usd,
            attributes: text(span.attributes),
            events: text(span.events),
            links: text(span.links),
            resource: origin.resource.clone(),
            scope: origin.scope.clone(),
            row_id: ids::hash_hex(row.id),
        }
    }

    fn bytes(&self, row: &Row, text: Text) -> &[u8] {
        // A text of no bytes may be of a buffer of no bytes, which there is none of.
        if text.length == 0 { &[] } else { &self.texts[row.buffer as usize][text.range()] }
    }
}

/// Blocks are equal when they hold the same spans in the same order.
impl PartialEq for SpanBlock {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.to_rows() == other.to_rows()
    }
}

/// Its groups are its origins; rows are remembered by their start.
impl Block for SpanBlock {
    fn run_ids(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(|origin| origin.run_id.as_str())
    }

    fn times(&self) -> impl Iterator<Item = (usize, i64, u128)> {
        self.rows.iter().map(|row| (row.origin as usize, row.span.start_time_unix_nano, row.id))
    }
}

impl FromIterator<SpanRow> for SpanBlock {
    fn from_iter<I: IntoIterator<Item = SpanRow>>(rows: I) -> Self {
        let mut builder = SpanBlockBuilder::default();
        rows.into_iter().for_each(|row| builder.push_row(row));
        builder.finish()
    }
}

impl From<Vec<SpanRow>> for SpanBlock {
    fn from(rows: Vec<SpanRow>) -> Self {
        rows.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::TableRow;

    #[test]
    fn texts_of_several_buffers_are_told_apart() {
        let row = |n: usize| SpanRow {
            trace_id: format!("{n:032x}"),
            name: "a name that is longer than what a view holds".into(),
            attributes: format!(r#"{{"number":{n},"more":"that is too long as well"}}"#),
            ..SpanRow::from_batch(&SpanBlock::to_sorted_batch(&[empty()])).unwrap()[0].clone()
        };
        let rows: Vec<SpanRow> = (0..9).map(|n| row(n).sealed()).collect();
        let block: SpanBlock = rows.clone().into();
        assert!(block.texts.len() > 4, "{}", block.texts.len());
        assert_eq!(block.to_rows(), rows);
        assert_eq!(SpanRow::from_batch(&SpanBlock::to_sorted_batch(&[block])).unwrap(), rows);
    }

    /// One span that says nothing at all.
    fn empty() -> SpanBlock {
        let mut spans = SpanBlockBuilder::default();
        let origin = spans.origin("", "", "", "");
        let nothing = spans.text("");
        spans.push(
            origin,
            BlockSpan {
                trace_id: nothing,
                span_id: nothing,
                parent_span_id: None,
                test_uid: None,
                name: nothing,
                kind: SpanKind::Other,
                start_time_unix_nano: 0,
                end_time_unix_nano: 0,
                status: SpanStatus::Unset,
                status_message: None,
                model: None,
                provider: None,
                input_tokens: None,
                output_tokens: None,
                total_tokens: None,
                cache_read_tokens: None,
                cache_write_tokens: None,
                reasoning_tokens: None,
                emitted_cost_usd: None,
                attributes: nothing,
                events: nothing,
                links: nothing,
            },
        );
        spans.finish()
    }
}
