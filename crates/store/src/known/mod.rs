//! Which rows a table has already, so that an append writes only new ones.
//!
//! Rows that are told apart by content are remembered as far back in time as memory allows
//! ([`recent`]), versions of a row by what they are versions of ([`versions`]). Both are brought up
//! to date with what other processes commit.

mod recent;
mod versions;
mod window;

use std::collections::VecDeque;

use arrow::{
    array::{AsArray, StringArray},
    datatypes::Int64Type,
    error::ArrowError,
    record_batch::RecordBatch,
};
use deltalake::kernel::Add;
use parquet::errors::ParquetError;
use smoltrace_model::ids;

use crate::{
    error::StoreError,
    layout::{Identity, Layout},
    parquet_file::EncodedFile,
    query::{Scan, Scanner},
    rows::Rows,
    table::Table,
    tail::{Followed, Tail},
};
use recent::Recent;
use versions::Versions;

/// Known rows of one table.
pub(crate) struct Known {
    /// The table as of which `rows` is right.
    tail: Tail,
    rows: Kind,
    /// Recent rows that are known already and not in the table yet, the append that is written first to the front.
    waiting: VecDeque<Rows>,
    identity: Identity,
    limit: usize,
}

enum Kind {
    Recent(Recent),
    Versions(Versions),
    /// Recent rows that are lent.
    Lent,
}

/// What is known of a table's recent rows.
#[derive(Debug)]
pub(crate) struct Lent {
    recent: Recent,
    /// Rows that became known since it was lent.
    fresh: Option<Rows>,
}

/// The rows of a batch that are new.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// New rows, versions filled in. `None` when there is none.
    pub(crate) rows: Option<Rows>,
    /// New rows of each input batch.
    pub(crate) written: Vec<usize>,
}

/// Whether what was read of a table is what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Well,
    /// The table changed meanwhile; all must be looked at again.
    Amiss,
}

impl Kind {
    fn new(identity: Identity, limit: usize) -> Self {
        match identity {
            Identity::Content { time } => Self::Recent(Recent::new(limit, time)),
            Identity::Versioned(_) => Self::Versions(Versions::new(limit)),
        }
    }
}

impl Known {
    /// Remembers about `limit` rows.
    pub(crate) fn new(layout: &Layout, limit: usize) -> Self {
        Self {
            tail: Tail::default(),
            rows: Kind::new(layout.identity, limit),
            waiting: VecDeque::new(),
            identity: layout.identity,
            limit,
        }
    }

    /// Brings what is known up to date with the table, and looks up what must be known to tell the
    /// new rows of `batches`. What is then [`fresh`](Self::fresh) must be committed as
    /// [`next_version`](Self::next_version). Says `false` when the table changed meanwhile and all must be
    /// looked at again. What was fresh before and not [`kept`](Self::keep) is not known any more.
    pub(crate) async fn prepare(
        &mut self,
        scanner: &Scanner,
        table: &Table,
        batches: &[Rows],
    ) -> Result<bool, StoreError> {
        self.undo();
        let followed = self.tail.follow(table).await?;
        if followed == Followed::Anew || self.tail.lost_news() {
            match &mut self.rows {
                Kind::Recent(recent) => recent.forget(),
                Kind::Versions(versions) => versions.forget(),
                Kind::Lent => unreachable!("{LENT}"),
            }
            self.tail.take_news();
        }
        let mut reader = Reader { scanner, table, tail: &mut self.tail };
        let looked = match &mut self.rows {
            Kind::Recent(recent) => recent.prepare(&mut reader, batches).await?,
            Kind::Versions(versions) => versions.prepare(&mut reader, batches).await?,
            Kind::Lent => unreachable!("{LENT}"),
        };
        Ok(looked == Looked::Well)
    }

    /// The rows that are new, over all batches in order. Call [`Self::keep`] once they are committed.
    pub(crate) fn fresh(&mut self, layout: &Layout, batches: &[Rows]) -> Result<Fresh, ArrowError> {
        match &mut self.rows {
            Kind::Recent(recent) => {
                let fresh = recent.fresh(batches)?;
                self.waiting.extend(fresh.rows.clone());
                Ok(fresh)
            }
            Kind::Versions(versions) => versions.fresh(layout, batches),
            Kind::Lent => unreachable!("{LENT}"),
        }
    }

    /// Notes that fresh rows were committed as `add`: those that were fresh first, if they are of several appends.
    pub(crate) fn keep(&mut self, add: &Add, layout: &Layout) {
        self.tail.committed(add.path.clone(), add.stats.as_deref(), layout);
        self.waiting.pop_front();
        if let Kind::Recent(recent) = &mut self.rows {
            recent.make_room();
        }
    }

    /// Notes the versions in `rows` that were just kept.
    pub(crate) fn keep_versions(&mut self, layout: &Layout, rows: &Rows) {
        if let Kind::Versions(versions) = &mut self.rows {
            versions.keep(layout, rows);
        }
    }

    /// Forgets what is fresh and not kept.
    pub(crate) fn undo(&mut self) {
        if let Kind::Recent(recent) = &mut self.rows {
            self.waiting.drain(..).for_each(|rows| recent.remove(&rows));
        }
    }

    /// Lends what is known of recent rows, so that one append can be looked through while the one before is being
    /// committed. Until it is [taken back](Self::take_back), nothing else is known here.
    ///
    /// # Panics
    /// When rows are told apart otherwise, or it is lent already.
    pub(crate) fn lend(&mut self) -> Lent {
        match std::mem::replace(&mut self.rows, Kind::Lent) {
            Kind::Recent(recent) => Lent { recent, fresh: None },
            _ => unreachable!("only what is known of recent rows is lent, and once"),
        }
    }

    /// Takes back what was lent.
    pub(crate) fn take_back(&mut self, Lent { mut recent, fresh }: Lent) {
        recent.make_room();
        self.rows = Kind::Recent(recent);
        self.waiting.extend(fresh);
    }

    /// Goes on without what was lent, if anything was.
    pub(crate) fn give_up(&mut self) {
        if let Kind::Lent = self.rows {
            self.rows = Kind::new(self.identity, self.limit);
            self.waiting.clear();
        }
    }

    /// The version that the next commit must have, as far as the table was looked at.
    pub(crate) fn next_version(&self) -> u64 {
        self.tail.next_version()
    }

    /// Goes past commits that only moved rows from file to file. Says whether there were any, and none with news.
    pub(crate) async fn pass_moves(&mut self, table: &Table) -> Result<bool, StoreError> {
        self.tail.pass_moves(table).await
    }
}

impl Lent {
    /// Whether the new rows of the batches can be told without a look at the table.
    pub(crate) fn knows_enough(&mut self, batches: &[Rows]) -> bool {
        self.recent.knows_enough(batches)
    }

    /// How many rows of each batch are new, and a file of them all if there are any. They count as fresh.
    pub(crate) fn encode_fresh(
        &mut self,
        layout: &Layout,
        batches: &[Rows],
    ) -> Result<(Vec<usize>, Option<EncodedFile>), ParquetError> {
        let Fresh { rows, written } = self.recent.fresh(batches)?;
        let Some(rows) = rows else { return Ok((written, None)) };
        match rows.encode(layout) {
            Ok(file) => {
                self.fresh = Some(rows);
                Ok((written, Some(file)))
            }
            Err(error) => {
                self.recent.remove(&rows);
                Err(error)
            }
        }
    }
}

const LENT: &str = "nobody asks for what is lent";

/// Reads a table as of the version that its tail was followed to.
struct Reader<'a> {
    scanner: &'a Scanner,
    table: &'a Table,
    tail: &'a mut Tail,
}

impl Reader<'_> {
    fn layout(&self) -> &Layout {
        &self.table.layout
    }

    /// `None`, and all must be looked at again, when one of the files of the scan was merged into
    /// another since.
    async fn scan(&mut self, scan: &Scan) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        let state = self.table.latest().await?;
        match self.scanner.batches(self.table, &state, scan).await {
            Ok(batches) => Ok(Some(batches)),
            Err(error) => {
                let moved = state.version().map(|version| version + 1) != Some(self.tail.next_version());
                *self.tail = Tail::default();
                if moved { Ok(None) } else { Err(error) }
            }
        }
    }
}

pub(crate) fn strings<'a>(batch: &'a RecordBatch, column: &str) -> &'a StringArray {
    batch
        .column_by_name(column)
        .and_then(|values| values.as_string_opt::<i32>())
        .unwrap_or_else(|| panic!("every table of this kind has a column {column} of strings"))
}

fn numbers<'a>(batch: &'a RecordBatch, column: &str) -> &'a [i64] {
    batch
        .column_by_name(column)
        .and_then(|values| values.as_primitive_opt::<Int64Type>())
        .unwrap_or_else(|| panic!("every table of this kind has a column {column} of integers"))
        .values()
}

/// A row id as a number: 32 lower-case hex digits, which [`crate::Store::append`] makes sure of. 0 for the text of a stranger.
pub(crate) fn row_id(text: &str) -> u128 {
    ids::hash_of_hex(text).unwrap_or_default()
}
