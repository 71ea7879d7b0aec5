//! Appends that are committed together, and what has become of each so far. Knows no table.

use std::time::Instant;

use crate::{
    append::{Counts, Receipt, Request},
    error::StoreError,
    options::Commit,
    rows::Rows,
};

/// Appends that are committed together.
pub(crate) struct Group {
    requests: Vec<Request>,
    outcomes: Vec<Result<Receipt, StoreError>>,
    start: Instant,
}

/// The rows that a group has for one table.
pub(crate) struct Part {
    /// Which appends they are of.
    takers: Vec<usize>,
    /// One for each of them.
    pub(crate) batches: Vec<Rows>,
}

impl Group {
    pub(crate) fn of(requests: Vec<Request>) -> Self {
        let outcomes = vec![Ok(Receipt::default()); requests.len()];
        Self { requests, outcomes, start: Instant::now() }
    }

    /// Takes out the rows for a table of the appends that have not failed.
    pub(crate) fn take(&mut self, table: usize) -> Option<Part> {
        let requests = self.requests.iter_mut().zip(&self.outcomes).enumerate();
        let rows = requests
            .filter(|(_, (_, outcome))| outcome.is_ok())
            .filter_map(|(index, (request, _))| Some((index, request.batches[table].take()?)));
        let (takers, batches): (Vec<usize>, Vec<Rows>) = rows.unzip();
        (!takers.is_empty()).then_some(Part { takers, batches })
    }

    /// Whether it has rows for a table that were not taken out.
    pub(crate) fn has_rows_for(&self, table: usize) -> bool {
        self.requests.iter().any(|request| request.batches[table].is_some())
    }

    /// Puts back what was taken out.
    pub(crate) fn put_back(&mut self, table: usize, part: Part) {
        for (index, rows) in part.takers.into_iter().zip(part.batches) {
            self.requests[index].batches[table] = Some(rows);
        }
    }

    /// Notes what became of a part: how many rows of each batch were new.
    pub(crate) fn note(&mut self, table: usize, part: &Part, result: Result<&[usize], StoreError>) {
        for (place, index) in part.takers.iter().enumerate() {
            match (&result, &mut self.outcomes[*index]) {
                (Ok(written), Ok(receipt)) => {
                    let written = written[place];
                    let duplicates = part.batches[place].len() - written;
                    *receipt.table(table) = Counts { written, duplicates };
                }
                (Ok(_), Err(_)) => {}
                (Err(error), outcome) => *outcome = Err(error.clone()),
            }
        }
    }

    /// Notes that all of it failed.
    pub(crate) fn fail(&mut self, error: &StoreError) {
        self.outcomes.fill(Err(error.clone()));
    }

    /// What to tell an observer.
    pub(crate) fn summary(&self) -> Commit {
        let receipts = self.outcomes.iter().flatten();
        Commit {
            appends: self.outcomes.len(),
            failed: self.outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            written: receipts.clone().map(Receipt::written).sum(),
            duplicates: receipts.map(Receipt::duplicates).sum(),
            took: self.start.elapsed(),
        }
    }

    /// Tells every caller what became of its append.
    pub(crate) fn answer(self) {
        for (request, outcome) in self.requests.into_iter().zip(self.outcomes) {
            let Request { reply, share, .. } = request;
            // First, so that a caller that has its answer finds room in the queue.
            drop(share);
            // A caller that no longer waits is no error: its rows are on disk.
            let _ = reply.send(outcome);
        }
    }
}
