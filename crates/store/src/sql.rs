//! Read-only SQL over views of the tables.
//!
//! A question sees `spans`, `points`, `events`, `results`, `runs`, `leaderboard` and `metrics`, each row
//! once and in its newest version, and no file, setting or function beyond that.

use std::{sync::Arc, time::Duration};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use datafusion::{
    error::DataFusionError,
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::{GreedyMemoryPool, TrackConsumersPool},
        runtime_env::RuntimeEnvBuilder,
    },
    functions_window::expr_fn::row_number,
    logical_expr::{Expr, ExprFunctionExt as _, SortExpr, col, lit},
    prelude::{DataFrame, SQLOptions, SessionContext},
    sql::{
        parser::{DFParserBuilder, Statement},
        sqlparser::ast::Statement as Sql,
    },
};
use futures::StreamExt as _;
use object_store::ObjectStore;

use crate::{
    error::StoreError,
    layout::TABLES,
    metrics_view::MetricsView,
    query::{self, Scanner, settings},
    table::Table,
};

/// What one question may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SqlLimits {
    /// Rows returned; what is beyond is cut off and said so.
    pub rows: usize,
    /// Bytes of memory for sorting, joining, grouping and for the answer.
    pub memory_bytes: usize,
    /// Wall clock.
    pub timeout: Duration,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { rows: 10_000, memory_bytes: 512 << 20, timeout: Duration::from_secs(60) }
    }
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlOutput {
    pub schema: SchemaRef,
    /// At least one batch, which may be empty.
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than the limit.
    pub truncated: bool,
}

/// Columns of the published leaderboard, with ours after them.
const LEADERBOARD: &[&str] = &[
    "run_id",
    "model",
    "agent_type",
    "provider",
    "timestamp",
    "submitted_by",
    "use_case",
    "team",
    "purpose",
    "suite_version",
    "hardware",
    "results_dataset",
    "traces_dataset",
    "metrics_dataset",
    "dataset_used",
    "total_tests",
    "successful_tests",
    "failed_tests",
    "success_rate",
    "avg_steps",
    "avg_duration_ms",
    "total_duration_ms",
    "total_tokens",
    "avg_tokens_per_test",
    "total_cost_usd",
    "avg_cost_per_test_usd",
    "co2_emissions_g",
    "power_cost_total_usd",
    "gpu_utilization_avg",
    "gpu_utilization_max",
    "gpu_memory_avg_mib",
    "gpu_memory_max_mib",
    "gpu_temperature_avg",
    "gpu_temperature_max",
    "gpu_power_avg_w",
    "notes",
    "energy_wh",
    "co2_source",
    "power_cost_source",
    "energy_source",
    "cost_source",
    "success_rate_ci_low",
    "success_rate_ci_high",
    "attempts",
    "pass_at_1",
    "pass_at_k",
    "pass_hat_k",
    "gpu_count",
    "wall_ms",
    "status",
    "simulated",
];

/// Answers `query`. Runs on the caller's runtime.
pub(crate) async fn answer(
    query: &str,
    limits: SqlLimits,
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    files: Arc<dyn ObjectStore>,
    threads: usize,
) -> Result<SqlOutput, StoreError> {
    let statement = parse(query)?;
    let ask = async {
        let session = session(limits, tables, scanner, files, threads).await?;
        let plan = session.state().statement_to_plan(statement).await.map_err(refused)?;
        let read_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(refused)?;
        let frame = session.execute_logical_plan(plan).await.map_err(refused)?;
        collect(frame, limits).await
    };
    match tokio::time::timeout(limits.timeout, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::QueryLimit {
            message: format!("it took longer than {} s; ask for less", limits.timeout.as_secs_f64()),
        }),
    }
}

/// The one statement that `query` is, when it only asks.
fn parse(query: &str) -> Result<Statement, StoreError> {
    let mut statements = DFParserBuilder::new(query)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(refused)?;
    let invalid = |message: String| Err(StoreError::InvalidQuery { message });
    let statement = match (statements.pop_front(), statements.len()) {
        (None, _) => return invalid("the query is empty; try `SELECT * FROM leaderboard`".into()),
        (Some(statement), 0) => statement,
        (Some(_), more) => return invalid(format!("one statement at a time; this has {}", more + 1)),
    };
    let asks = match &statement {
        Statement::Statement(sql) => matches!(
            **sql,
            Sql::Query(_)
                | Sql::Explain { .. }
                | Sql::ExplainTable { .. }
                | Sql::ShowTables { .. }
                | Sql::ShowColumns { .. }
        ),
        Statement::Explain(_) => true,
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    };
    if !asks {
        let text = statement.to_string();
        let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
        return invalid(format!(
            "`{verb}` is not allowed: the tables are read-only here; use SELECT, EXPLAIN, SHOW TABLES or DESCRIBE"
        ));
    }
    Ok(statement)
}

/// A session of its own for each question, with the newest state of all tables.
async fn session(
    limits: SqlLimits,
    tables: Arc<[Table; TABLES]>,
    scanner: Arc<Scanner>,
    files: Arc<dyn ObjectStore>,
    threads: usize,
) -> Result<SessionContext, StoreError> {
    let pool = TrackConsumersPool::new(
        GreedyMemoryPool::new(limits.memory_bytes),
        std::num::NonZeroUsize::new(3).expect("not zero"),
    );
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled));
    let environment = query::environment(environment, files).map_err(refused)?;
    let mut config = settings(threads).with_information_schema(true);
    config.options_mut().sql_parser.collect_spans = true;
    let session = SessionContext::new_with_config_rt(config, environment);
    for table in tables.iter() {
        let state = table.latest().await?;
        let frame = async {
            let provider = state.table_provider().with_session(Arc::new(session.state())).await?;
            view(table.layout.name, session.read_table(provider)?)
        };
        let frame = frame.await.map_err(refused)?;
        if table.layout.name == "runs" {
            let leaderboard = frame.clone().select_columns(LEADERBOARD).map_err(refused)?;
            session.register_table("leaderboard", leaderboard.into_view()).map_err(refused)?;
        }
        session.register_table(table.layout.name, frame.into_view()).map_err(refused)?;
    }
    let metrics = MetricsView::new(tables, scanner);
    session.register_table("metrics", Arc::new(metrics)).map_err(refused)?;
    Ok(session)
}

/// Each row of a table once, in its newest version. Points need nothing done: the same point is
/// never committed twice.
fn view(table: &str, rows: DataFrame) -> Result<DataFrame, DataFusionError> {
    let (keys, newest): (&[&str], &[&str]) = match table {
        "spans" => (&["run_id", "trace_id", "span_id"], &["end_time_unix_nano", "row_id"]),
        "results" => (&["run_id", "test_uid", "attempt"], &["version", "row_id"]),
        "runs" => (&["run_id"], &["version", "row_id"]),
        _ => return Ok(rows),
    };
    const RANK: &str = "__rank";
    let order: Vec<SortExpr> = newest.iter().map(|name| col(*name).sort(false, false)).collect();
    let keys: Vec<Expr> = keys.iter().map(|name| col(*name)).collect();
    let rank = row_number().partition_by(keys).order_by(order).build()?.alias(RANK);
    rows.window(vec![rank])?.filter(col(RANK).eq(lit(1u64)))?.drop_columns(&[RANK])
}

/// Rows up to the limit, as they come.
async fn collect(frame: DataFrame, limits: SqlLimits) -> Result<SqlOutput, StoreError> {
    let mut stream = frame.execute_stream().await.map_err(refused)?;
    let schema = stream.schema();
    let mut output = SqlOutput { schema: schema.clone(), batches: Vec::new(), truncated: false };
    let (mut rows, mut bytes) = (0, 0);
    while let Some(batch) = stream.next().await {
        let mut batch = batch.map_err(refused)?;
        if rows + batch.num_rows() > limits.rows {
            output.truncated = true;
            batch = batch.slice(0, limits.rows - rows);
        }
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
        if bytes > limits.memory_bytes {
            return Err(StoreError::QueryLimit {
                message: format!("its answer is larger than {} MiB; ask for less", limits.memory_bytes >> 20),
            });
        }
        if batch.num_rows() > 0 {
            output.batches.push(batch);
        }
        if output.truncated {
            break;
        }
    }
    if output.batches.is_empty() {
        output.batches.push(RecordBatch::new_empty(schema));
    }
    Ok(output)
}

/// The error of a question: says where in it, when that is known.
fn refused(error: DataFusionError) -> StoreError {
    if let Some(inner) = store_error(&error) {
        return inner;
    }
    if let DataFusionError::ResourcesExhausted(cause) = error.find_root() {
        let cause = cause.lines().next().unwrap_or_default();
        return StoreError::QueryLimit { message: format!("it needs too much memory: {cause}") };
    }
    let mut message = match error.diagnostic() {
        Some(diagnostic) => {
            let place = diagnostic.span.map_or_else(String::new, |span| {
                format!("line {}, column {}: ", span.start.line, span.start.column)
            });
            let helps = diagnostic.helps.iter().map(|help| help.message.as_str());
            let notes = diagnostic.notes.iter().map(|note| note.message.as_str());
            let more: Vec<&str> = helps.chain(notes).take(3).collect();
            let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join("; ")) };
            format!("{place}{}{more}", diagnostic.message)
        }
        None => error.find_root().strip_backtrace(),
    };
    for prefix in ["Error during planning: ", "SQL error: ", "ParserError(", "Schema error: "] {
        if let Some(rest) = message.strip_prefix(prefix) {
            message = rest.trim_end_matches(')').to_string();
        }
    }
    StoreError::InvalidQuery { message }
}

/// An error of our own, or of the disk, beneath a library's.
fn store_error(error: &DataFusionError) -> Option<StoreError> {
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = link {
        if let Some(found) = inner.downcast_ref::<StoreError>() {
            return Some(found.clone());
        }
        if inner.is::<object_store::Error>() || inner.is::<std::io::Error>() {
            return Some(StoreError::foreign(std::path::Path::new("tables"), inner));
        }
        link = inner.source();
    }
    None
}
