//! The embedded UI.

use axum::http::{StatusCode, header};

use crate::support::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_have_the_page() {
    let server = Server::empty().await;
    let check = async |address: &str| {
        let answer = server.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/html", "{address}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache");
        assert!(answer.body.starts_with(b"<!doctype html>"), "{address}");
    };
    check("/").await;
    check("/?sort=-co2_emissions_g").await;
    check("/runs/some-run?tab=tests").await;
    // Ids may have dots and slashes.
    check("/runs/model.v1.2/traces/abc?span=1").await;
    check("/runs/a%2Fb.c").await;
}
