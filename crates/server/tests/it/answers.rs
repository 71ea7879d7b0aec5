//! Every answer for the two-GPU recording, as it is.

use smoltrace_server::{
    Facets,
    chart::Chart,
    routes::{
        compare::RunsCompared, health::Health, live::LiveRuns, performance::Performance,
        result::ResultDetail, results::ResultsPage, run::RunDetail, runs::RunsPage, span::Span,
        spans::SpansPage, trace::TraceDetail, traces::TraceList,
    },
};

use crate::support::{ODD_ID, RECORDING, Server, encode, of_run};

/// What is none of the server's making, or changes with each release.
const STAND_INS: &[(&str, &str)] = &[
    ("/accounting/chains", "[steps behind each total]"),
    ("/accounting/notes", "[notes on the account]"),
    ("/version", "[version]"),
];

/// Compares an answer with its snapshot, and its fields with those of the described type.
async fn check<T: serde::de::DeserializeOwned>(server: &Server, name: &str, address: &str) {
    let _: T = server.get_as(address).await;
    let mut answer = server.json(address).await;
    for (place, stand_in) in STAND_INS {
        if let Some(value) = answer.pointer_mut(place) {
            *value = (*stand_in).into();
        }
    }
    insta::with_settings!({ sort_maps => true, description => address, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, answer);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_recorded() {
    let server = Server::with_recordings().await;
    let traces: TraceList = server.get_as(&of_run(RECORDING, "/traces")).await;
    let trace_id = &traces.items[0].trace_id;
    let trace: TraceDetail = server.get_as(&of_run(RECORDING, &format!("/traces/{trace_id}"))).await;
    let llm = trace.spans.counted.iter().position(|counted| *counted).expect("a span whose tokens count");
    let result = format!("/results/{}", encode("tool:weather_paris"));

    check::<Health>(&server, "health", "/healthz").await;
    check::<RunsPage>(&server, "runs", "/api/v1/runs").await;
    let pair = format!("/api/v1/compare?runs={RECORDING}&runs={}", encode(ODD_ID));
    check::<RunsCompared>(&server, "compare", &pair).await;
    check::<LiveRuns>(&server, "live_none", "/api/v1/live").await;
    check::<Facets>(&server, "facets", "/api/v1/facets").await;
    check::<RunDetail>(&server, "run", &of_run(RECORDING, "")).await;
    check::<ResultsPage>(&server, "results", &of_run(RECORDING, "/results")).await;
    check::<ResultDetail>(&server, "result", &of_run(RECORDING, &result)).await;
    check::<Chart>(&server, "metrics", &of_run(RECORDING, "/metrics?max_points=8")).await;
    check::<Performance>(&server, "performance", &of_run(RECORDING, "/performance")).await;
    check::<TraceList>(&server, "traces", &of_run(RECORDING, "/traces")).await;
    check::<TraceDetail>(&server, "trace", &of_run(RECORDING, &format!("/traces/{trace_id}"))).await;
    let spans = format!("/traces/{trace_id}/spans?kind=TOOL&page_size=1");
    check::<SpansPage>(&server, "spans", &of_run(RECORDING, &spans)).await;
    let span = format!("/traces/{trace_id}/spans/{}", trace.spans.span_id[llm]);
    check::<Span>(&server, "span", &of_run(RECORDING, &span)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_hold_what_was_asked_for() {
    let server = Server::with_recordings().await;
    let check = async |address: &str, expected: serde_json::Value| {
        assert_eq!(server.json(address).await["items"], expected, "{address}");
    };
    check(
        "/api/v1/runs?model=openai/gpt-4.1-nano&fields=run_id,total_tokens&fields=rank&page_size=1",
        serde_json::json!([{ "run_id": RECORDING, "total_tokens": 26002, "rank": 1 }]),
    )
    .await;
    check("/api/v1/runs?page=7", serde_json::json!([])).await;
    check(
        &of_run(
            RECORDING,
            "/results?q=paris%20france&outcome=passed&sort=-total_tokens&fields=test_uid&page_size=1",
        ),
        serde_json::json!([{ "test_uid": "tool:weather_compare" }]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_store_answers() {
    let server = Server::empty().await;
    let runs: RunsPage = server.get_as("/api/v1/runs").await;
    assert_eq!((runs.total, runs.items.len(), runs.summary.runs), (0, 0, 0));
    assert_eq!((runs.summary.total_tokens, runs.summary.success_rate), (None, None));
    let facets: Facets = server.get_as("/api/v1/facets").await;
    assert!(facets.model.is_empty());
}
