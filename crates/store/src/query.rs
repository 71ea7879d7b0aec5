//! Scans of one table, and the named queries over them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use arrow::record_batch::RecordBatch;
use datafusion::{
    dataframe::DataFrame,
    error::DataFusionError,
    execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    logical_expr::{Expr, Literal, col, lit},
    prelude::{SessionConfig, SessionContext},
};
use deltalake::DeltaTable;
use futures::StreamExt as _;
use object_store::ObjectStore;
use smoltrace_model::{
    rows::{PointRow, ResultRow, RowError, RunRow, SpanRow, TableRow},
    series::SeriesSet,
};
use url::Url;

use crate::{
    diagnose,
    error::StoreError,
    table::{ROOT_URL, Table},
};

/// Everything the tables hold of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunData {
    pub run: RunRow,
    pub results: Vec<ResultRow>,
    pub spans: Vec<SpanRow>,
    pub points: Vec<PointRow>,
}

/// Columns of a span that only its detail view needs.
pub(crate) const SPAN_DETAIL: [(&str, &str); 5] =
    [("attributes", "{}"), ("events", "[]"), ("links", "[]"), ("resource", "{}"), ("scope", "{}")];

/// Makes and runs the scans of the named queries.
pub(crate) struct Scanner {
    session: SessionContext,
}

/// What to read of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    /// All must hold.
    pub(crate) filters: Vec<Expr>,
    /// All columns when empty.
    pub(crate) columns: Vec<Expr>,
    /// Only these data files.
    pub(crate) files: Option<Vec<String>>,
}

/// Values that a scan looks for one by one at most.
const MOST_VALUES: usize = 500;

impl Scan {
    /// All columns of the rows of one run.
    pub(crate) fn of_run(run_id: &str) -> Self {
        Self { filters: vec![equals("run_id", run_id)], ..Self::default() }
    }

    pub(crate) fn and(mut self, filter: Expr) -> Self {
        self.filters.push(filter);
        self
    }

    /// Rows in whose column one of the values stands. A long list is passed over, so that rows of others come along:
    /// deltalake makes a chain of it and walks that by recursion, which overflowed the stack at 20,000 values.
    pub(crate) fn among<V: Literal>(self, column: &str, values: impl ExactSizeIterator<Item = V>) -> Self {
        match values.len() {
            0..=MOST_VALUES => self.and(col(quoted(column)).in_list(values.map(lit).collect(), false)),
            _ => self,
        }
    }

    pub(crate) fn columns<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.columns = names.into_iter().map(|name| col(quoted(name))).collect();
        self
    }
}

pub(crate) fn equals(column: &str, value: &str) -> Expr {
    col(quoted(column)).eq(lit(value))
}

fn quoted(column: &str) -> String {
    format!("\"{column}\"")
}

/// The environment of a query: the tables are the only files it can reach by their own scheme.
pub(crate) fn environment(
    builder: RuntimeEnvBuilder,
    store: Arc<dyn ObjectStore>,
) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let environment = builder.build_arc()?;
    let root = Url::parse(ROOT_URL).map_err(|e| DataFusionError::External(e.into()))?;
    environment.register_object_store(&root, store);
    Ok(environment)
}

/// Settings that all queries share.
pub(crate) fn settings(threads: usize) -> SessionConfig {
    let mut config =
        SessionConfig::new().with_target_partitions(threads).with_create_default_catalog_and_schema(true);
    let parquet = &mut config.options_mut().execution.parquet;
    parquet.pushdown_filters = true;
    parquet.reorder_filters = true;
    parquet.bloom_filter_on_read = true;
    parquet.schema_force_view_types = false;
    config
}

impl Scanner {
    pub(crate) fn new(threads: usize, store: Arc<dyn ObjectStore>) -> Result<Self, DataFusionError> {
        let environment = environment(RuntimeEnvBuilder::new(), store)?;
        Ok(Self { session: SessionContext::new_with_config_rt(settings(threads), environment) })
    }

    /// The batches of a scan over `state`.
    pub(crate) async fn batches(
        &self,
        table: &Table,
        state: &DeltaTable,
        scan: &Scan,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let run = async { self.frame(state, scan).await?.collect().await };
        match run.await {
            Ok(batches) => Ok(batches),
            Err(error) => Err(failed(table, state, &error).await),
        }
    }

    /// Calls `each` with the batches of a scan over the newest state, one after the other: so what of them is not kept
    /// is never in memory together.
    pub(crate) async fn each_batch(
        &self,
        table: &Table,
        scan: &Scan,
        mut each: impl FnMut(RecordBatch) -> Result<(), RowError>,
    ) -> Result<(), StoreError> {
        let state = table.latest().await?;
        let read = async {
            let mut stream = self.frame(&state, scan).await?.execute_stream().await?;
            while let Some(batch) = stream.next().await {
                each(batch?).map_err(|e| DataFusionError::External(e.into()))?;
            }
            Ok::<_, DataFusionError>(())
        };
        match read.await {
            Ok(()) => Ok(()),
            Err(error) => Err(failed(table, &state, &error).await),
        }
    }

    /// The series of a scan of points, those of `metrics` only unless it is empty, hardware metrics adopted.
    pub(crate) async fn series(
        &self,
        table: &Table,
        scan: &Scan,
        metrics: &[String],
    ) -> Result<SeriesSet, StoreError> {
        let mut parts = Vec::new();
        let add = |batch: RecordBatch| {
            let mut rows = PointRow::from_batch(&batch)?;
            rows.retain(|row| metrics.is_empty() || metrics.contains(&row.metric));
            if let Some(first) = rows.first() {
                let place = (first.metric.clone(), first.series_id.clone(), first.time_unix_nano);
                parts.push((place, SeriesSet::from_points(&rows)));
            }
            Ok(())
        };
        self.each_batch(table, scan, add).await?;
        // Whatever order the files were read in, the set is the same.
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut set = SeriesSet::default();
        parts.into_iter().for_each(|(_, part)| set.merge(part));
        set.adopt_hardware();
        Ok(set)
    }

    async fn frame(&self, state: &DeltaTable, scan: &Scan) -> Result<DataFrame, DataFusionError> {
        let mut provider = state.table_provider().with_session(Arc::new(self.session.state()));
        if let Some(files) = &scan.files {
            provider = provider.with_file_paths(files.iter().map(String::as_str));
        }
        let mut frame = self.session.read_table(provider.await?)?;
        for filter in &scan.filters {
            frame = frame.filter(filter.clone())?;
        }
        if !scan.columns.is_empty() {
            frame = frame.select(scan.columns.clone())?;
        }
        Ok(frame)
    }

    /// The rows of a scan over the newest state. A file that was removed under a slow reader by
    /// another process's upkeep is no damage: the scan is made again over the state after it.
    pub(crate) async fn rows<T: TableRow>(&self, table: &Table, scan: &Scan) -> Result<Vec<T>, StoreError> {
        let mut state = table.latest().await?;
        loop {
            let error = match self.rows_of(table, &state, scan).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            let newer = table.latest().await?;
            if !matches!(error, StoreError::Corrupt { .. }) || newer.version() == state.version() {
                return Err(error);
            }
            state = newer;
        }
    }

    /// The rows of a scan over `state`.
    pub(crate) async fn rows_of<T: TableRow>(
        &self,
        table: &Table,
        state: &DeltaTable,
        scan: &Scan,
    ) -> Result<Vec<T>, StoreError> {
        decode(table, &self.batches(table, state, scan).await?)
    }
}

/// Why a scan of a state failed, with the file that is damaged, if one is.
async fn failed(table: &Table, state: &DeltaTable, error: &DataFusionError) -> StoreError {
    diagnose::scan_error(&table.dir, state, table.foreign(error)).await
}

pub(crate) fn decode<T: TableRow>(table: &Table, batches: &[RecordBatch]) -> Result<Vec<T>, StoreError> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        rows.extend(T::from_batch(batch).map_err(|e| StoreError::Corrupt {
            file: table.dir.clone(),
            cause: format!("rows are not of this table's schema: {e}"),
        })?);
    }
    Ok(rows)
}

/// Columns of a span without those of its detail view, which read as empty.
pub(crate) fn compact_columns() -> Vec<Expr> {
    SpanRow::schema()
        .fields()
        .iter()
        .map(|field| match SPAN_DETAIL.iter().find(|(name, _)| name == field.name()) {
            Some((name, empty)) => lit(*empty).alias(*name),
            None => col(quoted(field.name())),
        })
        .collect()
}

/// One row a `key`: the greatest by `rank`.
pub(crate) fn greatest<T, K, R>(rows: Vec<T>, key: impl Fn(&T) -> K, rank: impl Fn(&T) -> R) -> Vec<T>
where
    K: std::hash::Hash + Eq,
    R: Ord,
{
    let mut places: HashMap<K, usize> = HashMap::with_capacity(rows.len());
    let mut kept: Vec<T> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.entry(key(&row)) {
            Entry::Vacant(free) => {
                free.insert(kept.len());
                kept.push(row);
            }
            Entry::Occupied(place) => {
                let other = &mut kept[*place.get()];
                if rank(&row) > rank(other) {
                    *other = row;
                }
            }
        }
    }
    kept
}

/// Spans in order of start, one a span id: a span that was sent twice with different content
/// counts as it ended last.
pub(crate) fn tidy_spans(mut rows: Vec<SpanRow>) -> Vec<SpanRow> {
    fn id(span: &SpanRow) -> (&str, &str, &str) {
        (&span.run_id, &span.trace_id, &span.span_id)
    }
    fn ended(span: &SpanRow) -> (i64, &str) {
        (span.end_time_unix_nano, &span.row_id)
    }
    rows.sort_unstable_by(|a, b| id(a).cmp(&id(b)).then_with(|| ended(b).cmp(&ended(a))));
    rows.dedup_by(|later, kept| id(later) == id(kept));
    rows.sort_unstable_by(|a, b| {
        (a.start_time_unix_nano, &a.trace_id, &a.span_id).cmp(&(
            b.start_time_unix_nano,
            &b.trace_id,
            &b.span_id,
        ))
    });
    rows
}

/// Points in order of series and time, each once.
pub(crate) fn tidy_points(mut rows: Vec<PointRow>) -> Vec<PointRow> {
    rows.sort_by(|a, b| {
        (&a.metric, &a.series_id, a.time_unix_nano, &a.row_id).cmp(&(
            &b.metric,
            &b.series_id,
            b.time_unix_nano,
            &b.row_id,
        ))
    });
    rows.dedup_by(|a, b| a.row_id == b.row_id && a.run_id == b.run_id);
    rows
}

/// The newest version of each execution, in order of test and attempt.
pub(crate) fn tidy_results(rows: Vec<ResultRow>) -> Vec<ResultRow> {
    let mut rows = greatest(
        rows,
        |row| (row.run_id.clone(), row.test_uid.clone(), row.attempt),
        |row| (row.version, row.row_id.clone()),
    );
    rows.sort_by(|a, b| (&a.run_id, &a.test_uid, a.attempt).cmp(&(&b.run_id, &b.test_uid, b.attempt)));
    rows
}

/// The newest version of each run, in order of run id.
pub(crate) fn tidy_runs(rows: Vec<RunRow>) -> Vec<RunRow> {
    let mut rows = greatest(rows, |row| row.run_id.clone(), |row| (row.version, row.row_id.clone()));
    rows.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    rows
}
