//! What a request gets that cannot be answered.

use axum::http::{Method, StatusCode, header};
use smoltrace_server::Problem;

use crate::support::{RECORDING, Server, of_run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_name_what_and_where() {
    let server = Server::with_recordings().await;
    let check = async |address: &str, status: u16, expected: &[&str]| {
        let answer = server.get(address).await;
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json", "{address}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        assert_eq!(answer.header(header::ETAG), "");
        let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!(
            (answer.status.as_u16(), problem.status),
            (status, status),
            "{address}: {}",
            problem.detail
        );
        assert_eq!(problem.instance.as_deref(), address.split('?').next());
        for text in expected {
            assert!(problem.detail.contains(text), "{address}: `{}` lacks `{text}`", problem.detail);
        }
    };
    check("/api/v1/runs?sort=speed", 400, &["`sort`", "`speed`", "success_rate", "co2_per_success_g"]).await;
    check("/api/v1/runs?fields=run_id,speed", 400, &["`fields`", "`speed`", "rank"]).await;
    check("/api/v1/runs?colour=red", 400, &["`colour`", "`model`", "`page_size`"]).await;
    check("/api/v1/runs?status=done", 400, &["`status`", "`done`", "completed, partial, failed, running"])
        .await;
    check("/api/v1/runs?simulated=maybe", 400, &["true, false"]).await;
    check("/api/v1/runs?page_size=10001", 400, &["`page_size`", "from 1 to 10000", "`10001`"]).await;
    check("/api/v1/runs?page=0", 400, &["`page`"]).await;
    check("/api/v1/runs?page=1&page=2", 400, &["`page`"]).await;
    check("/api/v1/runs?from=then", 400, &["`from`", "`then`"]).await;
    check("/api/v1/compare", 400, &["`runs`", "2 to 6", "not 0"]).await;
    check("/api/v1/compare?runs=a", 400, &["not 1"]).await;
    check("/api/v1/compare?runs=a,b,c,d,e,f,g", 400, &["not 7"]).await;
    check(&format!("/api/v1/compare?runs={RECORDING},missing"), 404, &["there is no run `missing`"]).await;
    check(&format!("/api/v1/compare?runs={RECORDING},{RECORDING}"), 400, &[RECORDING, "twice"]).await;
    check("/api/v1/compare?runs=a,b&pair_by=luck", 400, &["`luck`", "test, attempt, id"]).await;
    check("/api/v1/facets?page=1", 400, &["`page`"]).await;
    check("/api/v1/runs/missing", 404, &["there is no run `missing`"]).await;
    check("/api/v1/runs/a%2Fb%20c", 404, &["there is no run `a/b c`"]).await;
    check("/api/v1/runs/%FF", 400, &["path"]).await;
    for rest in [
        "/results",
        "/results/x",
        "/metrics",
        "/traces",
        "/traces/x",
        "/traces/x/spans/y",
        "/traces/x/otlp",
        "/download/results.csv",
    ] {
        check(&format!("/api/v1/runs/missing{rest}"), 404, &["there is no run `missing`"]).await;
    }
    check(&of_run(RECORDING, "/results?outcome=great"), 400, &["`great`", "passed, failed, unscored"]).await;
    check(&of_run(RECORDING, "/results?sort=colour"), 400, &["`colour`", "total_tokens"]).await;
    check(&of_run(RECORDING, "/results/tool:none"), 404, &[RECORDING, "`tool:none`"]).await;
    check(&of_run(RECORDING, "/results/tool:weather_paris?attempt=2"), 404, &["attempt 2"]).await;
    check(&of_run(RECORDING, "/results/tool:weather_paris?attempt=zero"), 400, &["`attempt`", "`zero`"])
        .await;
    check(&of_run(RECORDING, "/metrics?metric=gen_ai.typo"), 400, &["`gen_ai.typo`", "gen_ai.gpu.power"])
        .await;
    check(&of_run(RECORDING, "/metrics?max_points=1"), 400, &["`max_points`", "from 5 to 100000"]).await;
    check(&of_run(RECORDING, "/metrics?from_ms=NaN"), 400, &["`from_ms`"]).await;
    check(&of_run(RECORDING, "/metrics?from_ms=5&to_ms=1"), 400, &["`from_ms` (5)", "`to_ms` (1)"]).await;
    let absent = "00000000000000000000000000000001";
    check(&of_run(RECORDING, &format!("/traces/{absent}")), 404, &[absent]).await;
    check(&of_run(RECORDING, &format!("/traces/{absent}/otlp")), 404, &[absent]).await;
    check(&of_run(RECORDING, &format!("/traces/{absent}/spans/1")), 404, &["1"]).await;
    check(&of_run(RECORDING, "/download/results.xlsx"), 404, &["`results.xlsx`", ".parquet"]).await;
    check(&of_run(RECORDING, "/download/everything.csv"), 404, &["`everything.csv`"]).await;
    check("/api/v2/runs", 404, &["`/api/v2/runs`", "/api/v1/openapi.json"]).await;
    check("/api", 404, &["`/api`"]).await;
    check("/assets/none.js", 404, &["`/assets/none.js`"]).await;
    check(&format!("/api/v1/runs?q={}", "x".repeat(17_000)), 414, &["16384 bytes"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_reading_is_allowed() {
    let server = Server::empty().await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        for address in ["/api/v1/runs", "/", "/healthz"] {
            let answer = server.ask(method.clone(), address, &[]).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {address}");
            assert_eq!(answer.header(header::ALLOW), "GET, HEAD");
            let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
            assert!(problem.detail.contains(method.as_str()));
        }
    }
}
