//! Questions in SQL: what they see, and what they may not do.

use std::time::Duration;

use arrow::{array::AsArray as _, datatypes::Int64Type, util::pretty::pretty_format_batches};
use smoltrace_store::{Batch, SqlLimits, Store, StoreError};

use crate::rows::{batch, open, result, run, span};

/// A run with a span sent twice, a result and a run row rewritten, and another run.
async fn store(dir: &std::path::Path) -> Store {
    let store = open(dir).await;
    store.append(batch("r1", 2)).await.unwrap();
    store.append(batch("r2", 1)).await.unwrap();
    let mut longer = span("r1", 0, 0);
    longer.end_time_unix_nano += 7;
    let rewritten = Batch {
        spans: vec![longer].into(),
        results: vec![result("r1", 0, Some(false))],
        runs: vec![run("r1", "second")],
        ..Batch::default()
    };
    store.append(rewritten).await.unwrap();
    store
}

async fn table(store: &Store, query: &str) -> String {
    let batches = store.sql(query, 100).await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(1);
    rows.map(|line| line.split_whitespace().filter(|cell| *cell != "|").collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn each_row_is_seen_once_in_its_newest_version() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let check =
        async |query: &str, expected: &str| assert_eq!(table(&store, query).await, expected, "{query}");
    check("SELECT run_id, count(*) FROM spans GROUP BY 1 ORDER BY 1", "r1 6\nr2 3").await;
    check("SELECT max(end_time_unix_nano - start_time_unix_nano) FROM spans", "507").await;
    check("SELECT count(*) FROM spans WHERE run_id = 'r1'", "6").await;
    check("SELECT run_id, version, notes FROM runs ORDER BY run_id", "r1 2 second\nr2 1 first").await;
    let results = "SELECT test_uid, version, success FROM results WHERE run_id = 'r1' ORDER BY 1";
    check(results, "tool:t0 2 false\ntool:t1 1 false").await;
    check("SELECT count(*), count(DISTINCT row_id) FROM points", "40 40").await;
    check("SELECT run_id, co2_emissions_g FROM leaderboard ORDER BY 1", "r1 1.8413\nr2 1.8413").await;
    check("WITH t AS (SELECT 1 AS a UNION ALL VALUES (2)) SELECT sum(a) FROM t;", "3").await;
    check("SELECT count(*) FROM runs r JOIN spans s USING (run_id)", "9").await;
    check("SELECT * FROM runs WHERE false", "").await;
    assert!(table(&store, "SHOW TABLES").await.contains("leaderboard"));
    assert!(table(&store, "DESCRIBE spans").await.contains("trace_id"));
    assert!(table(&store, "EXPLAIN SELECT * FROM runs").await.contains("Delta"));
}

#[tokio::test]
async fn metrics_are_the_published_thirteen_columns() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let batches = store.sql("SELECT * FROM metrics WHERE run_id = 'r1'", 100).await.unwrap();
    let expected = smoltrace_model::flatten::metrics_schema();
    assert_eq!(batches[0].schema().fields(), expected.fields());
    // Twenty ticks, each of one of two GPUs.
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 20);
    let query = "SELECT run_id, count(*), count(gpu_power_watts) FROM metrics GROUP BY 1 ORDER BY 1";
    assert_eq!(table(&store, query).await, "r1 20 10\nr2 20 10");
    let query = "SELECT count(*) FROM metrics WHERE run_id IN ('r2', 'none') AND gpu_id = '0'";
    assert_eq!(table(&store, query).await, "10");
}

#[tokio::test]
async fn a_question_changes_nothing_and_reaches_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let target = dir.path().join("out.csv");
    let check = async |query: &str, words: &str| match store.sql(query, 10).await {
        Err(StoreError::InvalidQuery { message }) => {
            assert!(message.contains(words), "{query}: {message}");
        }
        other => panic!("{query}: {other:?}"),
    };
    check("INSERT INTO runs SELECT * FROM runs", "INSERT").await;
    check("UPDATE runs SET notes = 'x'", "UPDATE").await;
    check("DELETE FROM runs", "DELETE").await;
    check("TRUNCATE TABLE runs", "TRUNCATE").await;
    check("CREATE TABLE t AS SELECT 1", "CREATE").await;
    check("CREATE VIEW v AS SELECT 1", "CREATE").await;
    check("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "CREATE").await;
    check("CREATE FUNCTION f(x INT) RETURNS INT RETURN x", "CREATE").await;
    check("DROP TABLE runs", "DROP").await;
    check("ALTER TABLE runs RENAME TO other", "ALTER").await;
    check(&format!("COPY runs TO '{}'", target.display()), "COPY").await;
    check(&format!("EXPLAIN ANALYZE COPY runs TO '{}'", target.display()), "COPY").await;
    check("EXPLAIN ANALYZE INSERT INTO runs SELECT * FROM runs", "Insert").await;
    check("SET datafusion.execution.batch_size = 1", "SET").await;
    check("RESET datafusion.execution.batch_size", "RESET").await;
    check("BEGIN", "BEGIN").await;
    check("PREPARE p AS SELECT 1", "PREPARE").await;
    check("EXECUTE p", "EXECUTE").await;
    check("SELECT * INTO copy FROM runs", "DDL").await;
    check("SELECT 1; SELECT 2", "one statement").await;
    check("", "empty").await;
    check("-- nothing", "empty").await;
    check("SELECT * FROM '/etc/passwd'", "not found").await;
    check(&format!("SELECT * FROM '{}/runs'", dir.path().display()), "not found").await;
    check("SELECT * FROM read_csv('/etc/passwd')", "read_csv").await;
    check("SELECT * FROM read_parquet('runs/x.parquet')", "read_parquet").await;
    assert!(!target.exists());
    assert_eq!(table(&store, "SELECT count(*) FROM runs").await, "2");
}

#[tokio::test]
async fn a_mistake_is_shown_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let check = async |query: &str, words: &[&str]| match store.sql(query, 10).await {
        Err(StoreError::InvalidQuery { message }) => {
            for word in words {
                assert!(message.contains(word), "{query}: {message}");
            }
        }
        other => panic!("{query}: {other:?}"),
    };
    check("SELECT run_id\nFROM runs WHER model = 'x'", &["Line: 2", "Column: 16"]).await;
    check("SELECT modell FROM runs", &["line 1, column 8", "modell", "model"]).await;
    check("SELECT * FROM run", &["line 1, column 15", "'run'"]).await;
    check("SELECT nosuch(1)", &["nosuch"]).await;
}

#[tokio::test]
async fn a_question_has_limits() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let all = SqlLimits::default();
    let series = "SELECT value FROM generate_series(1, 5000)";
    let output = store.sql_within(series, SqlLimits { rows: 100, ..all }).await.unwrap();
    assert!(output.truncated);
    assert_eq!(output.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 100);
    let output = store.sql_within(series, SqlLimits { rows: 5000, ..all }).await.unwrap();
    assert!(!output.truncated);
    let output = store.sql_within("SELECT count(*) FROM runs", all).await.unwrap();
    assert_eq!(output.batches[0].column(0).as_primitive::<Int64Type>().value(0), 2);

    let limited =
        async |query: &str, limits: SqlLimits, words: &str| match store.sql_within(query, limits).await {
            Err(StoreError::QueryLimit { message }) => assert!(message.contains(words), "{message}"),
            other => panic!("{other:?}"),
        };
    let sort = "SELECT value FROM generate_series(1, 3000000) ORDER BY value % 1000, value";
    limited(sort, SqlLimits { memory_bytes: 1 << 20, ..all }, "memory").await;
    limited("SELECT repeat('x', 3000000)", SqlLimits { memory_bytes: 1 << 20, ..all }, "larger").await;
    // Endless, as far as a test is concerned: it must be stopped.
    let endless =
        "SELECT sum(a.value * b.value) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b";
    limited(endless, SqlLimits { timeout: Duration::from_millis(200), ..all }, "longer").await;
    // The store goes on.
    assert_eq!(table(&store, "SELECT 1").await, "1");
}
