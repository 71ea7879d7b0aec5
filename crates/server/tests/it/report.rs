//! The report: what it says, and what it never holds.

use smoltrace_model::rows::{RunRow, SpanRow};
use smoltrace_server::routes::run::RunDetail;

use crate::support::{ODD_ID, RECORDING, Server, fixture, of_run, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_says_what_the_api_says_and_loads_nothing() {
    let server = Server::with_recordings().await;
    let answer = server.get(&of_run(RECORDING, "/report")).await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-disposition").contains(".report.html"));
    let page = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    for said in [
        "26,002",
        "1.84 g",
        "0.000465 USD",
        "75.0%",
        "34.4 s",
        "tool:weather_compare",
        "GPU 1",
        // Dates, names and units for people, unknown as -, and simulated where it is.
        "<dd><bdi>23 Nov 2026, 12:05:29 UTC</bdi></dd>",
        "<dt>By</dt><dd><bdi>-</bdi></dd>",
        "<b>Simulated.</b>",
        "<th scope=\"row\">Tokens</th><td>78,006</td><td>26,002</td><td>×3.00</td>",
        "<th scope=\"row\">Duration</th><td>204,101.5 ms</td><td>34,363.52 ms</td>",
        "<summary>GPU temperature, mean</summary>",
        "<b>52 °C</b>",
    ] {
        assert!(page.contains(said), "the report does not say {said}");
    }
    let detail: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    for field in &detail.fields {
        assert!(!page.contains(&field.field), "the report names a field: {}", field.field);
        assert!(page.contains(&field.name), "the report does not speak of {}", field.name);
    }
    for never in ["2026-11-23T", "By</dt><dd><bdi>unknown", " Cel<"] {
        assert!(!page.contains(never), "the report is not for people: {never}");
    }
    assert_eq!(page.matches("<svg").count(), 6, "a chart for each metric");
    for never in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(never), "the report holds {never}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_traces_alone_has_a_report_too() {
    let server = Server::with_recordings().await;
    let answer = server.get(&of_run(ODD_ID, "/report")).await;
    let page = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    assert!(page.contains("Where the time went") && !page.contains("<svg"));
    for said in ["1 unscored</span>", "nothing was scored", "unknown: nothing says it"] {
        assert!(page.contains(said), "the report does not say {said}");
    }
    assert!(!page.contains("0 of ") && !page.contains(">none<"), "unknown is not 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_stays_text() {
    const HOSTILE: &str = "</style><script>alert(1)</script><img src=x onerror=\"alert(1)\">";
    let server = Server::empty().await;
    let mut inputs = read(&fixture("smoltrace_run_two_gpus"));
    for result in &mut inputs[0].results {
        result.prompt = Some(HOSTILE.into());
        result.error = Some(HOSTILE.into());
    }
    for span in &mut inputs[0].spans {
        *span = SpanRow { name: HOSTILE.into(), ..span.clone() }.sealed();
    }
    server.append(inputs).await;
    let runs = server.store().runs().await.expect("runs");
    let run: &RunRow = runs.first().expect("a run");
    let answer = server.get(&of_run(&run.run_id, "/report")).await;
    let page = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    assert!(page.contains("&lt;img src=x onerror=&quot;"));
    assert!(!page.contains("<script") && !page.contains("<img"));
}
