//! The published metrics dataset as a table of SQL: 13 columns, a row per timestamp and GPU.
//!
//! Made from `points` run by run with the model's own flattening, so that SQL, exports and
//! charts agree.

use std::{collections::BTreeSet, fmt, sync::Arc};

use arrow::{array::AsArray as _, datatypes::SchemaRef, record_batch::RecordBatch};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::TableType,
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use smoltrace_model::flatten::{Missing, flatten_metrics, metrics_schema, to_batch};

use crate::{
    error::StoreError,
    layout::{POINTS, TABLES},
    query::{Scan, Scanner},
    table::Table,
};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

#[derive(Clone)]
pub(crate) struct MetricsView {
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    schema: SchemaRef,
    /// Only these runs, when a filter names them.
    runs: Option<BTreeSet<String>>,
}

impl MetricsView {
    pub(crate) fn new(tables: Arc<[Table; TABLES]>, scanner: Arc<Scanner>) -> Self {
        Self { tables, scanner, schema: metrics_schema(), runs: None }
    }

    fn points(&self) -> &Table {
        &self.tables[POINTS]
    }

    /// Runs to flatten, in order.
    async fn run_ids(&self) -> Result<BTreeSet<String>, StoreError> {
        if let Some(runs) = &self.runs {
            return Ok(runs.clone());
        }
        let table = self.points();
        let scan = Scan::default().columns(["run_id"]);
        let batches = self.scanner.batches(table, &table.latest().await?, &scan).await?;
        let mut runs = BTreeSet::new();
        for batch in &batches {
            let mut last = None;
            for run in batch.column(0).as_string::<i32>().iter().flatten() {
                if last != Some(run) {
                    runs.insert(run.to_owned());
                    last = Some(run);
                }
            }
        }
        Ok(runs)
    }

    async fn rows_of(&self, run_id: String) -> Result<Vec<RecordBatch>, StoreError> {
        let set = self.scanner.series(self.points(), &Scan::of_run(&run_id), &[]).await?;
        let rows = flatten_metrics(&set, &run_id);
        Ok(rows.chunks(BATCH_ROWS).map(|rows| to_batch(rows, Missing::Null)).collect())
    }
}

impl fmt::Debug for MetricsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsView").field("runs", &self.runs).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for MetricsView {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match runs_of(filter) {
                Some(_) => TableProviderFilterPushDown::Inexact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let runs = filters.iter().filter_map(runs_of).reduce(|a, b| a.intersection(&b).cloned().collect());
        let partition: Arc<dyn PartitionStream> = Arc::new(Self { runs, ..self.clone() });
        let plan =
            StreamingTableExec::try_new(self.schema.clone(), vec![partition], projection, [], false, limit)?;
        Ok(Arc::new(plan))
    }
}

impl PartitionStream for MetricsView {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let view = self.clone();
        let failed = |error: StoreError| DataFusionError::External(Box::new(error));
        let batches = stream::once(async move {
            let runs = view.run_ids().await.map_err(failed)?;
            let batches = stream::iter(runs).then(move |run| {
                let view = view.clone();
                async move {
                    let batches = view.rows_of(run).await.map_err(failed)?;
                    Ok::<_, DataFusionError>(stream::iter(batches.into_iter().map(Ok::<_, DataFusionError>)))
                }
            });
            Ok::<_, DataFusionError>(batches.try_flatten())
        })
        .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.boxed()))
    }
}

/// The runs that a filter leaves, when it is `run_id = '...'` or `run_id IN (...)`.
fn runs_of(filter: &Expr) -> Option<BTreeSet<String>> {
    let is_run = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "run_id");
    let text = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_run(left) => {
            Some(BTreeSet::from([text(right)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_run(right) => {
            Some(BTreeSet::from([text(left)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut runs = runs_of(left)?;
            runs.extend(runs_of(right)?);
            Some(runs)
        }
        Expr::InList(list) if !list.negated && is_run(&list.expr) => list.list.iter().map(text).collect(),
        _ => None,
    }
}
