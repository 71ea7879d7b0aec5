//! Spans of a run as accounting needs them: whole only where a test or a tree begins.
//!
//! What spans carry is mostly prompts and answers. Accounting reads those of the roots alone, and a large run fits into memory
//! without the others.

use std::collections::{HashMap, HashSet};

use arrow::record_batch::RecordBatch;
use smoltrace_model::{
    events,
    rows::{EventRow, RowError, SpanRow},
};

use crate::known::{row_id, strings};

/// Spans without details, to which those of the roots are added.
pub(crate) struct Outline {
    spans: Vec<SpanRow>,
    /// Whether each begins a test or a tree.
    begins: Vec<bool>,
    /// Places of the spans by row id.
    places: HashMap<u128, usize>,
    resources: HashSet<String>,
}

impl Outline {
    /// Columns of the batches of [`Self::add`].
    pub(crate) const COLUMNS: [&str; 4] = ["row_id", "attributes", "events", "resource"];

    /// An outline of all spans of a run, which have no details yet.
    pub(crate) fn new(spans: Vec<SpanRow>) -> Self {
        let ids: HashSet<(&str, &str)> =
            spans.iter().map(|span| (span.trace_id.as_str(), span.span_id.as_str())).collect();
        let begins = |span: &SpanRow| match span.parent_span_id.as_deref() {
            Some(parent) => span.test_uid.is_some() || !ids.contains(&(span.trace_id.as_str(), parent)),
            None => true,
        };
        let begins = spans.iter().map(begins).collect();
        let places = spans.iter().enumerate().map(|(place, span)| (row_id(&span.row_id), place)).collect();
        Self { spans, begins, places, resources: HashSet::new() }
    }

    /// Adds the details of a batch of the run's rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), RowError> {
        let [ids, attributes, events, resources] = Self::COLUMNS.map(|name| strings(batch, name));
        for row in 0..batch.num_rows() {
            let Some(place) = self.places.get(&row_id(ids.value(row))) else { continue };
            let (span, resource) = (&mut self.spans[*place], resources.value(row));
            if self.begins[*place] {
                span.attributes = attributes.value(row).to_owned();
                span.events = events.value(row).to_owned();
            }
            if !self.resources.contains(resource) {
                self.resources.insert(resource.to_owned());
                span.resource = resource.to_owned();
            }
        }
        Ok(())
    }

    /// The spans, with the events that came apart from them.
    pub(crate) fn finish(mut self, events: &[EventRow]) -> Vec<SpanRow> {
        events::attach(&mut self.spans, events);
        let spans = self.spans.into_iter().zip(self.begins);
        spans
            .map(|(span, begins)| match begins {
                true => span,
                false => SpanRow { events: "[]".into(), ..span },
            })
            .collect()
    }
}
