//! Blocks of spans as columns of the table.

use std::{borrow::Borrow, collections::HashMap, sync::Arc};

use ahash::RandomState;
use arrow::{
    array::{ArrayRef, BinaryViewArray, Float64Array, Int32Array, Int64Array, StringArray, make_view},
    buffer::{Buffer, NullBuffer},
    record_batch::RecordBatch,
};

use super::{Row, SpanBlock, SpanOrigin, Text};
use crate::rows::{
    SpanKind, SpanRow, SpanStatus,
    columns::{ROWS_A_TEXT, batch_of, dictionary, row_ids},
};

/// A row on its way into the columns.
#[derive(Clone, Copy)]
struct Placed<'a> {
    row: &'a Row,
    /// Place of its buffer among those of all blocks.
    buffer: u32,
    /// Place of its origin among those of all blocks.
    origin: u32,
    /// Place of its trace among those of all blocks.
    trace: u32,
}

/// Spans of one run and one trace.
struct Trace<'a> {
    run: &'a str,
    id: &'a [u8],
    rows: usize,
}

/// The rows of several blocks in order.
#[derive(Default)]
struct Sorted<'a> {
    rows: Vec<Placed<'a>>,
    traces: Vec<Trace<'a>>,
    /// Those that rows have.
    origins: Vec<&'a SpanOrigin>,
    buffers: Vec<Buffer>,
}

impl SpanBlock {
    /// The columns of the table in order of run, trace, start and span id. What repeats stands in dictionaries; other
    /// texts are binary views of the buffers of the blocks, which are not copied.
    pub fn to_sorted_batch<B: Borrow<SpanBlock>>(blocks: &[B]) -> RecordBatch {
        let sorted = Sorted::of(blocks);
        batch_of::<SpanRow>(|name| sorted.column(name))
    }
}

impl Row {
    /// Whether its trace id stands where that of another row of its block does.
    fn has_trace_of(&self, other: &Self) -> bool {
        self.buffer == other.buffer && self.span.trace_id == other.span.trace_id
    }
}

impl<'a> Sorted<'a> {
    fn of<B: Borrow<SpanBlock>>(blocks: &'a [B]) -> Self {
        let mut sorted = Self::default();
        sorted.rows.reserve(blocks.iter().map(|block| block.borrow().len()).sum());
        let mut known_origins: HashMap<&SpanOrigin, u32> = HashMap::new();
        let mut known_traces: HashMap<(&str, &[u8]), u32, RandomState> = HashMap::default();
        for block in blocks.iter().map(Borrow::borrow) {
            let first_buffer = sorted.buffers.len() as u32;
            sorted.buffers.extend(block.texts.iter().cloned());
            let mut places: Vec<Option<u32>> = vec![None; block.origins.len()];
            let mut last: Option<(&Row, u32)> = None;
            for row in &block.rows {
                let origin = &block.origins[row.origin as usize];
                let (run, id) = (origin.run_id.as_str(), block.bytes(row, row.span.trace_id));
                let origin = *places[row.origin as usize].get_or_insert_with(|| {
                    *known_origins.entry(origin).or_insert_with(|| {
                        sorted.origins.push(origin);
                        (sorted.origins.len() - 1) as u32
                    })
                });
                // Spans of a trace mostly come together.
                let same = last.filter(|(same, _)| same.origin == row.origin && same.has_trace_of(row));
                let trace = same.map(|(_, trace)| trace).unwrap_or_else(|| {
                    *known_traces.entry((run, id)).or_insert_with(|| {
                        sorted.traces.push(Trace { run, id, rows: 0 });
                        (sorted.traces.len() - 1) as u32
                    })
                });
                last = Some((row, trace));
                sorted.traces[trace as usize].rows += 1;
                sorted.rows.push(Placed { row, buffer: first_buffer + row.buffer, origin, trace });
            }
        }
        sorted.sort();
        sorted
    }

    /// Sorts the traces, and the rows within each; then the trace of each row is its place in order.
    fn sort(&mut self) {
        let Some(first) = self.rows.first().copied() else { return };
        let mut order: Vec<u32> = (0..self.traces.len() as u32).collect();
        order.sort_unstable_by_key(|place| {
            let trace = &self.traces[*place as usize];
            (trace.run, trace.id)
        });
        let mut rank = vec![0; order.len()];
        // Where the rows of each trace begin, and where its next row goes.
        let mut starts = Vec::with_capacity(order.len() + 1);
        starts.push(0);
        for (nth, place) in order.iter().enumerate() {
            rank[*place as usize] = nth as u32;
            starts.push(starts[nth] + self.traces[*place as usize].rows);
        }
        let mut next = starts.clone();
        let mut rows = vec![first; self.rows.len()];
        for row in &self.rows {
            let trace = rank[row.trace as usize];
            let place = &mut next[trace as usize];
            rows[*place] = Placed { trace, ..*row };
            *place += 1;
        }
        for ends in starts.windows(2) {
            let key =
                |row: &Placed<'a>| (row.row.span.start_time_unix_nano, self.bytes(row, row.row.span.span_id));
            rows[ends[0]..ends[1]].sort_by(|a, b| key(a).cmp(&key(b)));
        }
        let mut traces: Vec<_> = std::mem::take(&mut self.traces).into_iter().map(Some).collect();
        self.traces = order.iter().filter_map(|place| traces[*place as usize].take()).collect();
        self.rows = rows;
    }

    fn bytes(&self, placed: &Placed<'a>, text: Text) -> &[u8] {
        if text.length == 0 { &[] } else { &self.buffers[placed.buffer as usize][text.range()] }
    }

    fn column(&self, name: &str) -> ArrayRef {
        match name {
            "run_id" => self.of_origin(|origin| &origin.run_id),
            "trace_id" => {
                let ids =
                    self.traces.iter().map(|trace| str::from_utf8(trace.id).expect("only UTF-8 is written"));
                let keys = self.rows.iter().map(|row| row.trace as i32);
                dictionary(Int32Array::from_iter_values(keys), StringArray::from_iter_values(ids))
            }
            "span_id" => self.texts(|row| row.span.span_id),
            "parent_span_id" => self.repeated(|row| row.span.parent_span_id),
            "test_uid" => self.repeated(|row| row.span.test_uid),
            "name" => self.repeated(|row| Some(row.span.name)),
            "kind" => {
                let keys = self.rows.iter().map(|row| row.row.span.kind as i32);
                let kinds = SpanKind::ALL.iter().map(|kind| kind.as_str());
                dictionary(Int32Array::from_iter_values(keys), StringArray::from_iter_values(kinds))
            }
            "start_time_unix_nano" => self.numbers(|row| row.span.start_time_unix_nano),
            "end_time_unix_nano" => self.numbers(|row| row.span.end_time_unix_nano),
            "status" => {
                let keys = self.rows.iter().map(|row| row.row.span.status as i32);
                let statuses = SpanStatus::ALL.iter().map(|status| status.as_str());
                dictionary(Int32Array::from_iter_values(keys), StringArray::from_iter_values(statuses))
            }
            "status_message" => self.repeated(|row| row.span.status_message),
            "service" => self.of_origin(|origin| &origin.service),
            "model" => self.repeated(|row| row.span.model),
            "provider" => self.repeated(|row| row.span.provider),
            "input_tokens" => self.counts(|row| row.span.input_tokens),
            "output_tokens" => self.counts(|row| row.span.output_tokens),
            "total_tokens" => self.counts(|row| row.span.total_tokens),
            "cache_read_tokens" => self.counts(|row| row.span.cache_read_tokens),
            "cache_write_tokens" => self.counts(|row| row.span.cache_write_tokens),
            "reasoning_tokens" => self.counts(|row| row.span.reasoning_tokens),
            "emitted_cost_usd" => {
                Arc::new(Float64Array::from_iter(self.rows.iter().map(|row| row.row.span.emitted_cost_usd)))
            }
            "attributes" => self.texts(|row| row.span.attributes),
            "events" => self.repeated(|row| Some(row.span.events)),
            "links" => self.repeated(|row| Some(row.span.links)),
            "resource" => self.of_origin(|origin| &origin.resource),
            "scope" => self.of_origin(|origin| &origin.scope),
            "row_id" => row_ids(self.rows.iter().map(|row| row.row.id)),
            other => unreachable!("a column {other} that spans do not have"),
        }
    }

    fn of_origin(&self, of: fn(&SpanOrigin) -> &str) -> ArrayRef {
        let keys = self.rows.iter().map(|row| row.origin as i32);
        let texts = self.origins.iter().map(|origin| of(origin));
        dictionary(Int32Array::from_iter_values(keys), StringArray::from_iter_values(texts))
    }

    fn numbers(&self, of: fn(&Row) -> i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(self.rows.iter().map(|row| of(row.row))))
    }

    fn counts(&self, of: fn(&Row) -> Option<i64>) -> ArrayRef {
        Arc::new(Int64Array::from_iter(self.rows.iter().map(|row| of(row.row))))
    }

    fn texts(&self, of: fn(&Row) -> Text) -> ArrayRef {
        let views: Vec<u128> = self.rows.iter().map(|row| self.view(row, of(row.row))).collect();
        self.views(views, None)
    }

    /// A dictionary, unless there are too many different texts.
    fn repeated(&self, of: fn(&Row) -> Option<Text>) -> ArrayRef {
        let most = self.rows.len() / ROWS_A_TEXT + 1;
        let mut texts: Vec<&str> = Vec::new();
        let mut places: HashMap<&[u8], i32, RandomState> = HashMap::default();
        let mut keys: Vec<Option<i32>> = Vec::with_capacity(self.rows.len());
        let mut last: Option<(u32, Text, i32)> = None;
        for row in &self.rows {
            let Some(text) = of(row.row) else {
                keys.push(None);
                continue;
            };
            let key = match last {
                // What rows have in common mostly stands once.
                Some((buffer, same, key)) if same == text && buffer == row.buffer => key,
                _ => *places.entry(self.bytes(row, text)).or_insert_with_key(|bytes| {
                    texts.push(str::from_utf8(bytes).expect("only UTF-8 is written"));
                    (texts.len() - 1) as i32
                }),
            };
            if texts.len() > most {
                return self.optional(of);
            }
            last = Some((row.buffer, text, key));
            keys.push(Some(key));
        }
        dictionary(keys.into(), StringArray::from_iter_values(texts))
    }

    fn optional(&self, of: fn(&Row) -> Option<Text>) -> ArrayRef {
        let view = |row: &Placed<'a>| of(row.row).map_or(0, |text| self.view(row, text));
        let views: Vec<u128> = self.rows.iter().map(view).collect();
        self.views(views, Some(self.rows.iter().map(|row| of(row.row).is_some()).collect()))
    }

    fn view(&self, row: &Placed<'a>, text: Text) -> u128 {
        make_view(self.bytes(row, text), row.buffer, text.start)
    }

    fn views(&self, views: Vec<u128>, valid: Option<NullBuffer>) -> ArrayRef {
        let views = BinaryViewArray::try_new(views.into(), self.buffers.clone(), valid);
        Arc::new(views.expect("every view is of a text in the buffers"))
    }
}
