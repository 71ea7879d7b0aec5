//! An append: its rows on their way to the writer, and what became of them.

use std::sync::Arc;

use smoltrace_model::{
    ids,
    rows::{Block, EventRow, PointBlock, PointRow, ResultRow, RunRow, SpanBlock, SpanRow, TableRow},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    error::StoreError,
    layout::{EVENTS, POINTS, RESULTS, SPANS, TABLES},
    rows::Rows,
};

/// Rows to append. The `row_id` of events, results and runs must be filled in (`sealed()`); versions are
/// assigned here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    pub spans: SpanBlock,
    pub points: PointBlock,
    pub events: Vec<EventRow>,
    pub results: Vec<ResultRow>,
    pub runs: Vec<RunRow>,
}

impl Batch {
    /// Rows over all tables.
    pub fn len(&self) -> usize {
        self.spans.len() + self.points.len() + self.events.len() + self.results.len() + self.runs.len()
    }

    /// Rows that do not come in blocks.
    pub(crate) fn rows_to_encode(&self) -> usize {
        self.events.len() + self.results.len() + self.runs.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of the rows of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows, now on disk.
    pub written: usize,
    /// Rows that were there already, or twice in the batch.
    pub duplicates: usize,
}

/// What an append did. When it is returned, all of it is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    pub spans: Counts,
    pub points: Counts,
    pub events: Counts,
    pub results: Counts,
    pub runs: Counts,
}

impl Receipt {
    /// New rows over all tables.
    pub fn written(&self) -> usize {
        self.tables().iter().map(|counts| counts.written).sum()
    }

    /// Rows over all tables that were there already.
    pub fn duplicates(&self) -> usize {
        self.tables().iter().map(|counts| counts.duplicates).sum()
    }

    fn tables(&self) -> [Counts; TABLES] {
        [self.spans, self.points, self.events, self.results, self.runs]
    }

    pub(crate) fn table(&mut self, table: usize) -> &mut Counts {
        match table {
            SPANS => &mut self.spans,
            POINTS => &mut self.points,
            EVENTS => &mut self.events,
            RESULTS => &mut self.results,
            _ => &mut self.runs,
        }
    }
}

/// One append on its way: a batch a table, in the order of `LAYOUTS`, empty ones left out.
pub(crate) struct Request {
    pub(crate) batches: [Option<Rows>; TABLES],
    pub(crate) reply: oneshot::Sender<Result<Receipt, StoreError>>,
    /// Its share of the queue, given back when it is answered.
    pub(crate) share: OwnedSemaphorePermit,
}

impl Request {
    /// Rows over all tables.
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().flatten().map(Rows::len).sum()
    }

    /// Bytes of the texts of its spans, which are most of what it takes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.batches.iter().flatten().map(Rows::text_bytes).sum()
    }
}

/// Columns for rows; refuses rows that could not be told apart later.
pub(crate) fn encode(batch: Batch) -> Result<[Option<Rows>; TABLES], StoreError> {
    fn table<T: TableRow>(
        rows: Vec<T>,
        ids: impl Fn(&T) -> (&str, &str),
    ) -> Result<Option<Rows>, StoreError> {
        for (row, (run_id, row_id)) in rows.iter().map(ids).enumerate() {
            let refuse = |cause: &str| StoreError::InvalidRow { table: T::TABLE, row, cause: cause.into() };
            if run_id.is_empty() {
                return Err(refuse("its run_id is empty"));
            }
            if ids::hash_of_hex(row_id).is_none() {
                return Err(refuse("its row_id is not 32 lower-case hex digits; seal the row first"));
            }
        }
        Ok((!rows.is_empty()).then(|| Rows::Columns(vec![T::to_batch(&rows)])))
    }
    fn block<T: TableRow>(block: &impl Block) -> Result<(), StoreError> {
        let (runs, places) = block.runs();
        let nameless = |(group, ..): (usize, i64, u128)| runs[places[group]].is_empty();
        match runs.contains(&"").then(|| block.times().position(nameless)).flatten() {
            Some(row) => {
                let cause = "its run_id is empty".into();
                Err(StoreError::InvalidRow { table: T::TABLE, row, cause })
            }
            None => Ok(()),
        }
    }
    block::<SpanRow>(&batch.spans)?;
    block::<PointRow>(&batch.points)?;
    Ok([
        (!batch.spans.is_empty()).then(|| Rows::Spans(vec![Arc::new(batch.spans)])),
        (!batch.points.is_empty()).then(|| Rows::Points(vec![Arc::new(batch.points)])),
        table(batch.events, |row| (&row.run_id, &row.row_id))?,
        table(batch.results, |row| (&row.run_id, &row.row_id))?,
        table(batch.runs, |row| (&row.run_id, &row.row_id))?,
    ])
}
