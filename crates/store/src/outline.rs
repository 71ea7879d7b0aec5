//! Spans of a run as accounting needs them: whole only where an execution may begin.
//!
//! What spans carry is mostly prompts and answers. Accounting reads those of the roots alone, and a large run fits into
//! memory without the others.

use std::collections::{HashMap, HashSet};

use arrow::record_batch::RecordBatch;
use smoltrace_model::{
    account, events,
    rows::{EventRow, RowError, SpanRow},
};

use crate::known::{row_id, strings};

/// Spans without details, to which those of the roots are added.
pub(crate) struct Outline {
    spans: Vec<SpanRow>,
    /// Whether each may be the root of an execution.
    roots: Vec<bool>,
    /// Places of the spans by row id.
    places: HashMap<u128, usize>,
    resources: HashSet<String>,
}

impl Outline {
    /// Columns of the batches of [`Self::add`].
    pub(crate) const COLUMNS: [&str; 4] = ["row_id", "attributes", "events", "resource"];

    /// An outline of all spans of a run, which have no details yet.
    pub(crate) fn new(spans: Vec<SpanRow>) -> Self {
        let roots = account::roots(&spans);
        let places = spans.iter().enumerate().map(|(place, span)| (row_id(&span.row_id), place)).collect();
        Self { spans, roots, places, resources: HashSet::new() }
    }

    /// Adds the details of a batch of the run's rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), RowError> {
        let [ids, attributes, events, resources] = Self::COLUMNS.map(|name| strings(batch, name));
        for row in 0..batch.num_rows() {
            let Some(place) = self.places.get(&row_id(ids.value(row))) else { continue };
            let (span, resource) = (&mut self.spans[*place], resources.value(row));
            if self.roots[*place] {
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
        let spans = self.spans.into_iter().zip(self.roots);
        spans
            .map(|(span, is_root)| match is_root {
                true => span,
                false => SpanRow { events: "[]".into(), ..span },
            })
            .collect()
    }
}
